"""How the installation stands: what `jobtrail doctor` would say, and the figures behind it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from jobtrail.service.health import Level
from jobtrail.web.api.system import SystemView, look
from jobtrail.web.pages.page import page
from jobtrail.web.runtime import Call

_SIGNS: Final = {Level.OK: ("✓", "ok"), Level.WARN: ("!", "warn"), Level.BAD: ("✗", "bad")}
_SECONDS: Final = 4.0


async def show_system(call: Call) -> Response:
    """Findings, the worst first, and figures."""
    found = await call.runtime.shared.get(("system", call.workspace), _SECONDS, lambda: look(call))
    order = [Level.BAD, Level.WARN, Level.OK]
    findings = sorted(found.findings, key=lambda one: order.index(one.level))
    rooms = sum(one.sessions for one in found.system.sessions)
    return await page(call, "system.html", "System", view=found, system=found.system, findings=findings, signs=_SIGNS,
                      sessions=rooms, report=_report(found))  # fmt: skip


def _report(found: SystemView) -> str:
    """All of it as text, to hand on."""
    lines = [f"Jobtrail, {found.at.isoformat(timespec='seconds')}"]
    lines += [
        f"{one.level} {one.about}: {one.says}" + (f" (fix: {one.fix})" if one.fix else "") for one in found.findings
    ]
    lines += [
        f"table {one.table_name}: {one.size_bytes} bytes, about {one.about_rows} rows"
        for one in found.system.tables[:8]
    ]
    lines += [f"sessions {one.name}: {one.sessions}, {one.idle_in_transaction} idle in a transaction"
              for one in found.system.sessions]  # fmt: skip
    return "\n".join(lines)
