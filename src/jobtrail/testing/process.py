"""A worker process of a test, which may have to kill itself: `python -m jobtrail.testing.process`, orders on stdin."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from jobtrail.app import App, Call
from jobtrail.client import Client
from jobtrail.core.errors import Misconfigured
from jobtrail.runners.functions import imported
from jobtrail.store.pool import Database, Dial
from jobtrail.testing.drain import Drain
from jobtrail.testing.mortal import Death, MortalRunner, kill_this_process


def main() -> None:
    """Drains; dies at the place that the orders name, else tells which places were passed."""
    orders: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    sys.path[:] = orders["path"]
    app = _app(orders["module"], orders["qualname"])
    death = Death(UUID(orders["job_id"]), orders["place"], kill_this_process)
    with (
        Client(orders["url"], workspace=app.workspace) as client,
        Database(Dial(url=orders["url"], name="jobtrail-house")) as house,
    ):
        app.connect(client)
        drain = Drain(
            url=orders["url"],
            house=house,
            clients=[client],
            runners={type: MortalRunner(runner, death) for type, runner in app.runners.items()},
            folder=Path(orders["folder"]),
        )
        drain.run(orders["queues"], time_passes=False)
    Path(orders["told"]).write_text(json.dumps(death.passed))


def _app(module: str, qualname: str) -> App:
    thing: Any = imported(module, None)
    for name in qualname.split("."):
        thing = getattr(thing, name, None)
    if not isinstance(thing, Call):
        raise Misconfigured(
            f"{module}.{qualname} is no type of job in another process: to be killed for real, it must be defined at "
            "the top of a module, and keep its name"
        )
    return thing.app


if __name__ == "__main__":
    main()
