"""A render node without After Effects: it speaks the worker's side of the protocol to a server, real or imitated."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STATES = ("render:setup", "render:predownload", "render:download", "render:postdownload", "render:prerender",
          "render:script", "render:dorender", "render:postrender", "render:cleanup")  # fmt: skip
MP4 = b"\x00\x00\x00\x20ftypisom" + b"frames " * 200


@dataclass
class FakeWorker:
    """The node. What it does is called step by step, so that a test can stop anywhere between."""

    url: str
    secret: str = ""
    job: dict[str, Any] = field(default_factory=dict)

    def pick_up(self) -> bool:
        """Takes the next render, as `picked` and then `started`; False: there is none."""
        found = self._ask("GET", "/jobs/pickup")
        if not found:
            return False
        self.job = found
        self.put(state="started", startedAt=_iso())
        return True

    def reach(self, state: str, progress: float | None = None) -> None:
        """Goes on to a state, through all that come before it."""
        timings = self.job.setdefault("timings", {})
        reached = next((i for i, each in enumerate(STATES) if each not in timings), len(STATES))
        for each in STATES[reached : STATES.index(state) + 1]:
            timings[each] = int(time.time() * 1000)
            self.put(state=each, timings=timings)
        if progress is not None:
            self.put(state=state, renderProgress=progress, timings=timings)

    def finish(self, output: Path | None = None, content: bytes = MP4) -> None:
        """Writes the output as the last action would, and says that it has finished."""
        self.reach("render:cleanup")
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(content)
        self.put(state="finished", renderProgress=100, finishedAt=_iso())

    def fail(self, *errors: str) -> None:
        """Ends in error."""
        self.put(state="error", error=list(errors), errorAt=_iso())

    def put(self, **part: Any) -> None:
        """Tells the server. What the node knows itself goes along, as a real one does it."""
        self.job.update(part)
        self._ask("PUT", f"/jobs/{self.job['uid']}", {"uid": self.job["uid"], **part})

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v1{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"content-type": "application/json", **({"nexrender-secret": self.secret} if self.secret else {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                said = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from error
        return json.loads(said) if said.strip() else {}


def _iso() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
