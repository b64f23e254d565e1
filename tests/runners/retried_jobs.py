"""Jobs that fail in processes of their own: one whose module has its policy, and one that was given it elsewhere."""

from __future__ import annotations

import jobtrail as jt

app = jt.App()


class Busy(Exception):  # noqa: N818
    """The tests' own error."""


class VeryBusy(Busy):
    """One that is derived from it."""


@app.job("derived", isolation="process", retry=jt.Retry(on={Busy: jt.Retry(delays=["44s"])}))
def derived() -> None:
    raise VeryBusy


def plain() -> None:
    raise ConnectionError("no")
