"""Which fields a Jira project takes when an issue is created, and what is put into them or, failing that, into text."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.adapters.trackers.jira_client import JiraClient
from app.adapters.trackers.jira_issue import PRIORITIES
from app.adapters.trackers.jira_text import DUE, PRIORITY, description, label_of, summary_of
from app.domain.tracking.model import TicketDraft, TicketUpdate, TrackerRefused

KEPT_SECONDS = 3600.0
LINES = {"priority": PRIORITY, "duedate": DUE}
"""What is said in the description where a field is missing."""
OPTIONAL = frozenset({"priority", "duedate", "assignee"})
"""What a ticket can do without."""


@dataclass(frozen=True, slots=True)
class CreateMeta:
    """An issue type of a project: its id, its fields, and its priorities' ids by name."""

    type_id: str
    fields: frozenset[str]
    priorities: Mapping[str, str]

    def without(self, fields: frozenset[str]) -> "CreateMeta":
        """The same, after Jira has refused these fields whatever it said before."""
        return replace(self, fields=self.fields - fields)

    def priority_id(self, priority: str) -> str | None:
        if "priority" not in self.fields:
            return None
        return next((self.priorities[name] for name in PRIORITIES.get(priority, ()) if name in self.priorities), None)


class CreateMetas:
    """Asked once for each project and issue type, and again after an hour."""

    def __init__(self, jira: JiraClient) -> None:
        self._jira = jira
        self._known: dict[tuple[str, str], tuple[float, CreateMeta]] = {}

    async def of(self, project: str, type_name: str | None) -> CreateMeta:
        """Raises TrackerRefused if the project has no such type."""
        key = (project, type_name or "")
        until, known = self._known.get(key, (0.0, None))
        if known is None or until < time.monotonic():
            known = await self._read(project, await self._type_id(project, type_name))
            self._known[key] = (time.monotonic() + KEPT_SECONDS, known)
        return known

    def forget(self, project: str, type_name: str | None) -> None:
        """Ask again next time: somebody has changed the project."""
        self._known.pop((project, type_name or ""), None)

    async def _type_id(self, project: str, name: str | None) -> str:
        about = f"the project {project}"
        listed = self._jira.pages(f"/issue/createmeta/{project}/issuetypes", "issueTypes", about=about)
        types = {str(one["name"]): str(one["id"]) async for one in listed if not one.get("subtask")}
        wanted = [found for found in types if found.casefold() == (name or "task").casefold()]
        if wanted or (types and name is None):
            return types[(wanted or list(types))[0]]
        names = ", ".join(types) or "none that the token may create"
        raise TrackerRefused(
            f"The Jira project {project} has no issue type {name or 'at all'}; it has {names}. "
            "Change issue_type in the tracker route."
        )

    async def _read(self, project: str, type_id: str) -> CreateMeta:
        path = f"/issue/createmeta/{project}/issuetypes/{type_id}"
        listed = self._jira.pages(path, "fields", about=f"the project {project}")
        fields = {str(field["fieldId"]): field async for field in listed}
        allowed: Iterable[Mapping[str, Any]] = fields.get("priority", {}).get("allowedValues") or ()
        priorities = {str(one["name"]).casefold(): str(one["id"]) for one in allowed}
        return CreateMeta(type_id, frozenset(fields), priorities)


def new_issue(draft: TicketDraft, project: str, meta: CreateMeta, *, plain: bool) -> tuple[dict[str, Any], list[str]]:
    """The fields of a new issue, and what of the draft has no field there: it is said in the description instead."""
    fields, missing = placed(TicketUpdate(assignee=draft.assignee, due_on=draft.due_on, priority=draft.priority), meta)
    lines = [f"{LINES[name]} {value}" for name, value in missing.items() if name in LINES]
    dropped = [f"{name}:{value}" for name, value in missing.items()]
    if draft.assignee is not None and "assignee" in meta.fields:
        fields["assignee"] = person(draft.assignee, plain=plain)
    if "labels" in meta.fields:
        fields["labels"] = [label_of(draft.marker), *("-".join(label.split()) for label in draft.labels)]
    else:  # Without a label the look-up goes by the text.
        lines.append(label_of(draft.marker))
        dropped += [f"label:{label}" for label in draft.labels]
    fields |= {
        "project": {"key": project},
        "issuetype": {"id": meta.type_id},
        "summary": summary_of(draft.title),
        "description": description(draft.body, lines, draft.url, plain=plain),
    }
    return fields, dropped


def placed(update: TicketUpdate, meta: CreateMeta) -> tuple[dict[str, Any], dict[str, str]]:
    """Priority and due date as fields, and those of the update that have no field there."""
    fields: dict[str, Any] = {}
    missing: dict[str, str] = {}
    if update.priority is not None:
        if (id := meta.priority_id(update.priority)) is not None:
            fields["priority"] = {"id": id}
        else:
            missing["priority"] = update.priority
    if update.due_on is not None:
        (fields if "duedate" in meta.fields else missing)["duedate"] = update.due_on.isoformat()
    if update.assignee is not None and "assignee" not in meta.fields:
        missing["assignee"] = update.assignee
    return fields, missing


def person(handle: str, *, plain: bool) -> dict[str, str]:
    """Somebody as a field's value: by account id in the cloud, by name in a data center."""
    return {"name": handle} if plain else {"id": handle}
