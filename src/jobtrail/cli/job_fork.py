"""`jobtrail job fork`: a new job that goes on at a step of another one."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from jobtrail.cli import apps, exits, job_follow, place, refs, show, values, words
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Ref, Whole
from jobtrail.cli.telling import Usage, notice
from jobtrail.core.ids import short


def fork(
    job: Ref,
    /,
    *pairs: Pair,
    from_step: Annotated[str | None, Parameter(name="--from")] = None,
    after_step: Annotated[str | None, Parameter(name="--after")] = None,
    input: Whole = None,
    watch: Annotated[bool, Parameter(alias="-w", negative=())] = False,
    flags: Flags = NO_FLAGS,
) -> int:
    """A new job like this one that begins at one of its steps: what completed before it does not run again.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    pairs
        What of its input is to be different: name=value or name:=JSON.
    from_step
        The step that is to run again, by its name or as #n by its place.
    after_step
        The last step that is not to run again.
    input
        A whole new input: @FILE, - for stdin, or JSON.
    watch
        Follow the new job to its end, and exit with its outcome.
    """
    if (from_step is None) == (after_step is None):
        raise Usage("where is it to begin? Say --from STEP or --after STEP; `jobtrail job get` lists the steps")
    config = place.configured(flags)
    with place.reached(config, flags) as client:
        old = client.get(refs.job_id(client, job))
        new = values.read(pairs, input, apps.schema_of(apps.project(config).runner(old.type)))
        if pairs and input is None and isinstance(old.input, dict):
            new = {**old.input, **new}
        given = new if pairs or input is not None else None
        done = client.fork(old.id, from_step=from_step, after_step=after_step, input=given)
        notice(f"it took over {words.counted(done.steps, 'step')} of {short(old.id)}")
        if watch:
            return job_follow.to_the_end(client, done.id, flags)
    said = {"id": done.id, "fork_of": old.id, "steps": done.steps}
    show.thing(said, lambda: [("id", done.id), ("fork of", old.id)], flags)
    notice(f"follow it: jobtrail job watch {short(done.id)}")
    return exits.OK
