"""The command line. It puts the parts together and holds no rule of its own; what a command does is imported when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cyclopts.exceptions import CycloptsError

from jobtrail.cli import exits, flags, telling, tree


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line; answers the exit code."""
    words = tree.global_last(list(sys.argv[1:] if argv is None else argv))
    said = flags.said(words)
    if wrong := tree.unknown(words):
        return telling.tell_usage(wrong, tree.nearest(words), output=said["output"])
    try:
        answer = tree.tree(words)(words)
        sys.stdout.flush()
    except CycloptsError as error:
        return telling.tell_usage(str(error), tree.nearest(words), output=said["output"])
    except BrokenPipeError as error:
        _forget_stdout()
        return exits.of_error(error)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else exits.UNEXPECTED
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  the edge: people get a sentence, not a traceback
        return telling.tell(error, output=said["output"], debug=said["debug"])
    return answer if isinstance(answer, int) else exits.OK


def _forget_stdout() -> None:
    """Whoever read our output is gone: what is left in the buffer must not make Python complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
