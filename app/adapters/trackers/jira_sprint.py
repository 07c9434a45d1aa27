"""The sprint that a Jira issue is in: a custom field whose number differs by site, known by the shape of its value."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain.tracking.model import Planned

CUSTOM_TYPE = "com.pyxis.greenhopper.jira:gh-sprint"
TOLD = re.compile(r"com\.atlassian\.greenhopper\.service\.sprint\.Sprint@\w*\[(.*)\]$", re.DOTALL)
PART = re.compile(r"(?:^|,)(id|state|name|endDate|completeDate)=(.*?)(?=,\w+=|$)", re.DOTALL)
OPEN = ("active", "future")


def sprint_of(fields: Mapping[str, Any]) -> Planned | None:
    """The sprint it is in, or will be; else the last one that it was in. The field keeps every sprint of the past."""
    sprints = [
        sprint for value in fields.values() if isinstance(value, list) for sprint in map(_sprint, value) if sprint
    ]
    current = [sprint for sprint in sprints if _state(sprint) in OPEN]
    chosen = min(current, key=lambda one: OPEN.index(_state(one)), default=None) or max(
        sprints, key=_order, default=None
    )
    if chosen is None:
        return None
    return Planned(str(chosen["id"]), str(chosen["name"]), None if chosen in current else _end(chosen))


def _sprint(value: Any) -> Mapping[str, Any] | None:
    """An object in the cloud, a Java object's text in a data center."""
    if isinstance(value, str) and (told := TOLD.search(value)) is not None:
        value = dict(PART.findall(told[1]))
    if isinstance(value, dict) and {"id", "name", "state"} <= value.keys() and _state(value) in (*OPEN, "closed"):
        return value
    return None


def _state(sprint: Mapping[str, Any]) -> str:
    return str(sprint["state"]).casefold()


def _order(sprint: Mapping[str, Any]) -> int:
    return int(sprint["id"]) if str(sprint["id"]).isdigit() else 0


def _end(sprint: Mapping[str, Any]) -> datetime:
    """When it was closed; a closed sprint that does not say so has ended long ago."""
    for name in ("completeDate", "endDate"):
        try:
            return datetime.fromisoformat(str(sprint.get(name))).astimezone(UTC)
        except ValueError:
            continue
    return datetime.fromtimestamp(0, UTC)
