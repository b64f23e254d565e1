"""What a desk raised, on its way to a child process, and raised there again."""

from __future__ import annotations

import builtins

from jobtrail.core import errors, jsonguard
from jobtrail.runners.wire import Refused


def refusal(id: int, error: Exception) -> Refused:
    """What a desk raised, on its way to the child."""
    fields = error.fields if isinstance(error, errors.JobtrailError) else {}
    message = error.message if isinstance(error, errors.JobtrailError) else str(error)
    return Refused(id=id, kind=type(error).__name__, message=jsonguard.clean_text(message), fields=fields)


def raised(said: Refused) -> Exception:
    """The same error in the child: one of ours or of Python's own; anything else is told in words."""
    ours = getattr(errors, said.kind, None)
    if isinstance(ours, type) and issubclass(ours, errors.JobtrailError):
        return ours(said.message, fields=said.fields)
    pythons = getattr(builtins, said.kind, None)
    if isinstance(pythons, type) and issubclass(pythons, Exception):
        try:
            return pythons(said.message)
        except TypeError:  # one that wants more than a message
            pass
    return errors.JobtrailError(f"{said.kind}: {said.message}")
