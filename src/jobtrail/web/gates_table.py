"""The routes of gates, links to them and groups, as lines of the table."""

from __future__ import annotations

from typing import Final

from jobtrail.core.scopes import ApiScope as Needs
from jobtrail.web.api import attempt_waits, gate_links, gates, groups
from jobtrail.web.routing import Route

_DECIDED: Final = "It was decided before, or the caller has said that already."
_GATE: Final = "/api/v1/jobs/{job_id}/gates/{gate_id}"
_LINKS: Final = "/api/v1/gates/{gate_id}/links"
_STALE: Final = "The attempt is no longer open, or is to stop: end it as cancelled, or stop its processes."
GATES: Final = (
    Route("GET", "/api/v1/gates", gates.list_gates, Needs.GATES_READ),
    Route("GET", "/api/v1/gates/{gate_id}/decisions", gates.list_decisions, Needs.GATES_READ),
    Route("POST", f"{_GATE}/approve", gates.approve_gate, Needs.GATES_DECIDE, also={409: _DECIDED}),
    Route("POST", f"{_GATE}/reject", gates.reject_gate, Needs.GATES_DECIDE, also={409: _DECIDED}),
    Route("POST", f"{_GATE}/withdraw", gates.withdraw_decision, Needs.GATES_DECIDE,
          also={409: "It was decided, or the caller has said nothing."}),
    Route("POST", _LINKS, gate_links.make_gate_link, Needs.GATES_DECIDE, 201,
          {409: "It was decided before."}, makes="/link/id"),
    Route("GET", _LINKS, gate_links.list_gate_links, Needs.GATES_READ),
    Route("DELETE", f"{_LINKS}/{{link_id}}", gate_links.revoke_gate_link, Needs.GATES_DECIDE),
)  # fmt: skip

_GROUP: Final = "/api/v1/groups/{group}"
GROUPS: Final = (
    Route("POST", "/api/v1/groups", groups.create_group, Needs.MEMBERS_WRITE, 201,
          {409: "There is one of this name."}, makes="/name"),
    Route("GET", "/api/v1/groups", groups.list_groups, Needs.MEMBERS_READ),
    Route("GET", _GROUP, groups.get_group, Needs.MEMBERS_READ),
    Route("DELETE", _GROUP, groups.remove_group, Needs.MEMBERS_WRITE, 204),
    Route("POST", f"{_GROUP}/members", groups.add_group_member, Needs.MEMBERS_WRITE,
          also={409: "The group is full."}),
    Route("DELETE", f"{_GROUP}/members/{{member}}", groups.remove_group_member, Needs.MEMBERS_WRITE),
)  # fmt: skip

WAITS: Final = (
    Route("POST", "/api/v1/attempts/{attempt_id}/waits", attempt_waits.wait_in_step, Needs.WORKERS_RUN,
          also={202: "The attempt is over: the job waits.", 409: _STALE}),
)  # fmt: skip
