"""`jobtrail top`: jobs, queues, workers, gates and errors on the whole terminal. Its screens are in `tui`, an extra."""

from __future__ import annotations

import os
import sys

from jobtrail.cli import exits, place
from jobtrail.cli.flags import NO_FLAGS, Flags
from jobtrail.cli.telling import Usage, with_fix
from jobtrail.core.errors import Misconfigured
from jobtrail.core.filter_language import parse


def top(*search: str, flags: Flags = NO_FLAGS) -> int:
    """Jobs, queues, workers, gates and errors on the whole terminal, as they are now; `?` there says which keys there are.

    Parameters
    ----------
    search
        Which jobs to show first: conditions such as 'status:failed type:render', as `jobtrail job list` takes them.
    """
    wanted = str(parse(" ".join(search)))
    try:
        from jobtrail.cli.tui.app import Top
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise with_fix(
            Misconfigured("top needs Textual, which is not installed"), 'pip install "jobtrail[top]"'
        ) from None
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # it draws on stderr
        raise with_fix(Usage("top needs a terminal"), "jobtrail job list --watch")
    config = place.configured(flags)
    if config.color == "never":
        os.environ["NO_COLOR"] = "1"  # this is how Textual is told
    with place.reached(config, flags) as client:
        app = Top(client, place.server_of(config, flags) or config.workspace, wanted)
        app.run()
        if app.fault is not None:
            raise app.fault
    return exits.OK
