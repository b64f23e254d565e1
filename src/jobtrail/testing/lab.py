"""Lab: what a test gets. Assertions about what was enqueued, crashes, and the story of a failed test, on a bench."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent
from typing import Any

import msgspec

from jobtrail.app import Call
from jobtrail.core import jsonguard
from jobtrail.core.errors import Invalid, UnknownType
from jobtrail.core.model import Job
from jobtrail.core.why import sentence
from jobtrail.runners import registry
from jobtrail.runners.context import of_model
from jobtrail.service.jobs import NewJob, Options
from jobtrail.store.identity import new_id
from jobtrail.testing.bench import Bench
from jobtrail.testing.crash import CrashReport, Trial

Type = Call[Any, Any] | str

_SHOWN = 20


class Lab(Bench):
    """A database of the test's own. Apps that are bound to it enqueue there; `drain` runs their jobs."""

    def enqueue(self, type: str, /, **input: Any) -> Job:
        """Enqueues a job of a runner that `add` brought, or that is installed. Raises Invalid for input that its
        `validate` refuses, UnknownType for a type that nobody brought."""
        runner = self.runners.get(type) or registry.load((type,)).get(type)
        if runner is None:
            raise UnknownType(f"no runner for type {type!r} is here; bring it with jobtrail.add(YourRunner())")
        raw = jsonguard.encode({name: _plain(value) for name, value in input.items()}, at="input")
        validate = getattr(runner, "validate", None)
        wrong: dict[str, str] = dict(validate(msgspec.json.decode(raw))) if callable(validate) else {}
        if wrong:
            said = "; ".join(f"{field}: {what}" for field, what in wrong.items())
            raise Invalid(f"the input does not fit {type}: {said}", fields=wrong)
        options = Options(type=type, checked=registry.has_check(runner))
        return self.job(self.client.enqueue_all([NewJob(new_id(), raw, options)]).ids[0])

    def assert_enqueued(self, type: Type, /, **input: Any) -> Job:
        """The newest job of the type whose input has these values, whatever became of it. Raises AssertionError."""
        __tracebackhide__ = True
        found = self._matching(type, input)
        if not found:
            others = "\n".join(
                f"  {job.type} {msgspec.json.encode(job.input).decode()}" for job in self.jobs()[-_SHOWN:]
            )
            raise AssertionError(
                f"no job {_name(type)} was enqueued with {input or 'any input'}; "
                + (f"there are:\n{others}" if others else "none at all was enqueued here")
            )
        return found[-1]

    def refute_enqueued(self, type: Type, /, **input: Any) -> None:
        """Raises AssertionError when a job of the type was enqueued with these values in its input."""
        __tracebackhide__ = True
        found = self._matching(type, input)
        if found:
            raise AssertionError(
                f"{len(found)} jobs {_name(type)} were enqueued with {input or 'any input'}: {found[-1].input}"
            )

    def crash_everywhere(
        self,
        function: Call[Any, Any],
        /,
        *,
        real: bool = False,
        approve: bool = True,
        before: Callable[[], object] | None = None,
        same: Callable[[Any], Any] = lambda result: result,
        **input: Any,
    ) -> CrashReport:
        """Runs a job to its end, then again for each place where its worker can die, killed there once.

        Each time another worker takes over, and the job must end as it did without the kill: same outcome, same
        result (as `same` sees it), same steps, and none that had finished run again. Time passes by itself, and gates
        are approved, or rejected. `before` is called before each run, to set the world back. With `real` the workers
        are processes, ended by SIGKILL. Raises AssertionError that names each place where the end differed.
        """
        __tracebackhide__ = True
        self.use(function.app)
        trial = Trial(self, function, input, real=real, approve=approve, before=before, same=same)
        return trial.everywhere()

    def story(self) -> str:
        """What became of the jobs, for people: shown with a test that failed."""
        lines = []
        for client in self.clients:
            for job in client.list_jobs(limit=_SHOWN):
                lines.append(f"{job.type} {job.id}: {job.status}. {sentence(client.facts(job.id))}")
                lines += [
                    f"  attempt {attempt.number} {attempt.status}\n{indent(attempt.stack_trace.strip(), '    ')}"
                    for attempt in client.attempts(job.id)
                    if attempt.stack_trace
                ]
        return "\n".join(lines) or "none was enqueued"

    def _matching(self, type: Type, input: dict[str, Any]) -> list[Job]:
        wanted = msgspec.json.decode(jsonguard.encode({name: _plain(value) for name, value in input.items()}))
        if isinstance(type, Call):
            known = type.runner.inputs.__struct_fields__
            if strange := set(input) - set(known):
                raise Invalid(
                    f"{type.runner.type} has no input {', '.join(sorted(strange))}; it has {', '.join(known)}"
                )
        found = [(job, _whole(type, job.input)) for job in self.jobs(_name(type))]
        return [job for job, has in found if all(name in has and has[name] == wanted[name] for name in wanted)]


def _name(type: Type) -> str:
    return type if isinstance(type, str) else type.runner.type


def _whole(type: Type, input: Any) -> dict[str, Any]:
    """An input with the defaults of the function, as JSON."""
    if isinstance(type, str):
        return input if isinstance(input, dict) else {}
    try:
        read = msgspec.convert(input, type.runner.inputs, dec_hook=of_model)
    except msgspec.ValidationError:
        return input if isinstance(input, dict) else {}
    whole = {name: _plain(getattr(read, name)) for name in read.__struct_fields__}
    decoded: dict[str, Any] = msgspec.json.decode(jsonguard.encode(whole))
    return decoded


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value
