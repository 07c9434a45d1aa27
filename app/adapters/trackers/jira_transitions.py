"""Which of the offered transitions brings a Jira issue to a state of ours, and with which resolution."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.adapters.trackers.jira_issue import Endings, category_of
from app.domain.tracking.model import TicketStatus

TARGETS = {
    TicketStatus.TODO: "new",
    TicketStatus.IN_PROGRESS: "indeterminate",
    TicketStatus.DONE: "done",
    TicketStatus.CANCELLED: "done",
    TicketStatus.DUPLICATE: "done",
}
ENDED = (TicketStatus.DONE, TicketStatus.CANCELLED, TicketStatus.DUPLICATE)


def choose(offered: Sequence[Mapping[str, Any]], target: TicketStatus, endings: Endings) -> Mapping[str, Any] | None:
    """The body of the request, or None if no transition leads there."""
    there = [
        one for one in offered if category_of(one["to"]) == TARGETS[target] and one.get("isAvailable") is not False
    ]
    if not there:
        return None
    if target not in ENDED:
        return _body(there[0], None)
    for one in there:
        if (resolution := _resolution(one, target, endings)) is not None:
            return _body(one, resolution)
    fitting = [one for one in there if endings.ending(one["to"].get("name")) is target]
    return _body((fitting or there)[0], None)


def step(offered: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """A transition into work, for workflows that let nothing end which has not begun."""
    begun = [one for one in offered if category_of(one["to"]) == TARGETS[TicketStatus.IN_PROGRESS]]
    return _body(begun[0], None) if begun else None


def _resolution(transition: Mapping[str, Any], target: TicketStatus, endings: Endings) -> Mapping[str, str] | None:
    """The first allowed resolution that means the target, if the transition asks for one."""
    field = (transition.get("fields") or {}).get("resolution") or {}
    for value in field.get("allowedValues") or ():
        if endings.ending(value.get("name"), transition["to"].get("name")) is target:
            return {"id": str(value["id"])}
    return None


def _body(transition: Mapping[str, Any], resolution: Mapping[str, str] | None) -> Mapping[str, Any]:
    body: dict[str, Any] = {"transition": {"id": str(transition["id"])}}
    if resolution is not None:
        body["fields"] = {"resolution": resolution}
    return body
