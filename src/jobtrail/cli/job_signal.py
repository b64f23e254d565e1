"""`jobtrail job signal`: says something to a job under a name."""

from __future__ import annotations

from jobtrail.cli import exits, place, refs, show, values
from jobtrail.cli.flags import NO_FLAGS, Flags, Pair, Ref, Whole
from jobtrail.cli.telling import notice
from jobtrail.core.ids import short


def signal(job: Ref, name: str, /, *pairs: Pair, input: Whole = None, flags: Flags = NO_FLAGS) -> int:
    """Say something to a job under a name: one that waits for it goes on; otherwise it is kept until the job asks.

    Parameters
    ----------
    job
        An id, four or more digits of its start or end, @last or @failed.
    name
        The name for which the job waits: `jobtrail job why` tells it.
    pairs
        What to say: name=value for text and numbers, name:=JSON for JSON.
    input
        What to say as a JSON object, @file, or - to read it from stdin.
    """
    payload = values.read(pairs, input, None) if pairs or input is not None else None
    with place.client(flags) as client:
        job_id = refs.job_id(client, job)
        is_new = client.signal(job_id, name, payload)
        found = client.get(job_id)
    show.thing({"job_id": job_id, "name": name, "is_new": is_new, "status": found.status},
               lambda: [("job", job_id), ("signal", name), ("status", found.status)], flags)  # fmt: skip
    first = "told" if is_new else "was told before under this name; the first one counts"
    notice(f"job {short(job_id)}: {first}")
    return exits.OK
