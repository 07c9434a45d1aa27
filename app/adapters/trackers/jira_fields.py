"""Which fields a Jira project takes when an issue is created, and what is put into them or, failing that, into text."""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.adapters.trackers.jira_client import JiraClient
from app.adapters.trackers.jira_issue import PRIORITIES
from app.adapters.trackers.jira_sprint import CUSTOM_TYPE
from app.adapters.trackers.jira_text import DUE, PRIORITY, description, label_of, summary_of
from app.domain.organisation.model import Route
from app.domain.tracking.errors import TrackerRefused
from app.domain.tracking.model import TicketDraft, TicketUpdate

KEPT_SECONDS, UNKNOWN_SECONDS = 3600.0, 300.0
DUE_FIELD = "duedate"
CUSTOM_FIELD = re.compile(r"customfield_[0-9]+")
LINES = {"priority": PRIORITY, DUE_FIELD: DUE}
"""What is said in the description where a field is missing."""
OPTIONAL = frozenset({"priority", DUE_FIELD, "assignee"})
"""What a ticket can do without."""


@dataclass(frozen=True, slots=True)
class CreateMeta:
    """An issue type of a project: its id, its fields, their ids by name, and its priorities' ids by name."""

    type_id: str
    fields: frozenset[str]
    priorities: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    sprint: str | None = None

    def without(self, fields: frozenset[str]) -> "CreateMeta":
        """The same, after Jira has refused these fields whatever it said before."""
        return replace(self, fields=self.fields - fields)

    def priority_id(self, priority: str, route: Route) -> str | None:
        if "priority" not in self.fields:
            return None
        given = route.called_there(priority)
        wanted = PRIORITIES.get(priority, ()) if given is None else (given.casefold(),)
        by_id = {id: id for id in self.priorities.values()} | dict(self.priorities)
        return next((by_id[name] for name in wanted if name in by_id), None)

    def field_id(self, id_or_name: str) -> str | None:
        """A custom field may be named by its id where no create screen tells of it."""
        if id_or_name in self.fields or CUSTOM_FIELD.fullmatch(id_or_name):
            return id_or_name
        return self.names.get(id_or_name.casefold())

    def due_field(self, route: Route) -> str | None:
        """Where the due date is written; None where the project has no such field."""
        id = self.field_id(route.due_field or DUE_FIELD)
        return id if id in self.fields or not self.type_id else None

    def optional(self, route: Route) -> frozenset[str]:
        """The fields that a ticket can do without."""
        return OPTIONAL | {self.due_field(route) or DUE_FIELD}


NOTHING = CreateMeta("", frozenset({DUE_FIELD, "assignee"}), {})
"""What is taken for granted of a project that the token may not create issues in."""


class CreateMetas:
    """Asked once for each project and issue type, and again after an hour."""

    def __init__(self, jira: JiraClient) -> None:
        self._jira = jira
        self._known: dict[tuple[str, str], tuple[float, CreateMeta]] = {}

    async def of(self, project: str, type_name: str | None) -> CreateMeta:
        """Raises TrackerRefused if the project has no such type."""
        key = (project, type_name or "")
        until, known = self._known.get(key, (0.0, None))
        if known is None or known is NOTHING or until < time.monotonic():
            known = await self._read(project, await self._type_id(project, type_name))
            self._known[key] = (time.monotonic() + KEPT_SECONDS, known)
        return known

    async def known(self, project: str, type_name: str | None) -> CreateMeta:
        """The same, for reading: who may not create there may still read."""
        until, known = self._known.get((project, type_name or ""), (0.0, None))
        if known is NOTHING and until > time.monotonic():
            return NOTHING
        try:
            return await self.of(project, type_name)
        except TrackerRefused:
            self._known[project, type_name or ""] = (time.monotonic() + UNKNOWN_SECONDS, NOTHING)
            return NOTHING

    def forget(self, project: str, type_name: str | None) -> None:
        """Ask again next time: somebody has changed the project."""
        self._known.pop((project, type_name or ""), None)

    async def _type_id(self, project: str, name: str | None) -> str:
        about = f"the project {project}"
        listed = self._jira.pages(f"/issue/createmeta/{project}/issuetypes", "issueTypes", about=about)
        try:
            types = {str(one["name"]): str(one["id"]) async for one in listed if not one.get("subtask")}
        except TrackerRefused as refusal:
            raise await self._archived(project) or refusal from None
        wanted = [found for found in types if found.casefold() == (name or "task").casefold()]
        if wanted or (types and name is None):
            return types[(wanted or list(types))[0]]
        names = ", ".join(types) or "none that the token may create"
        raise TrackerRefused(
            f"The Jira project {project} has no issue type {name or 'at all'}; it has {names}. "
            "Change issue_type in the tracker route."
        )

    async def _archived(self, project: str) -> TrackerRefused | None:
        """Jira does not say so by itself."""
        try:
            found = await self._jira.call("GET", f"/project/{project}", about=f"the project {project}")
        except TrackerRefused:
            return None
        if not isinstance(found, dict) or not found.get("archived"):
            return None
        return TrackerRefused(
            f"The Jira project {project} is archived. Restore it, or change the project of the tracker route."
        )

    async def _read(self, project: str, type_id: str) -> CreateMeta:
        path = f"/issue/createmeta/{project}/issuetypes/{type_id}"
        listed = self._jira.pages(path, "fields", about=f"the project {project}")
        fields = {str(field["fieldId"]): field async for field in listed}
        allowed: Iterable[Mapping[str, Any]] = fields.get("priority", {}).get("allowedValues") or ()
        priorities = {str(one["name"]).casefold(): str(one["id"]) for one in allowed}
        names = {str(field.get("name")).casefold(): id for id, field in fields.items()}
        sprint = next((id for id, field in fields.items() if _is_sprint(field)), None)
        return CreateMeta(type_id, frozenset(fields), priorities, names, sprint)


def _is_sprint(field: Mapping[str, Any]) -> bool:
    return (field.get("schema") or {}).get("custom") == CUSTOM_TYPE


def new_issue(draft: TicketDraft, route: Route, meta: CreateMeta, *, plain: bool) -> tuple[dict[str, Any], list[str]]:
    """The fields of a new issue, and what of the draft has no field there: it is said in the description instead."""
    update = TicketUpdate(assignee=draft.assignee, due_on=draft.due_on, priority=draft.priority)
    fields, missing = placed(update, meta, route)
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
        "project": {"key": route.project},
        "issuetype": {"id": meta.type_id},
        "summary": summary_of(draft.title),
        "description": description(draft.body, lines, draft.url, plain=plain),
    }
    return fields, dropped


def placed(update: TicketUpdate, meta: CreateMeta, route: Route) -> tuple[dict[str, Any], dict[str, str]]:
    """Priority and due date as fields, and those of the update that have no field there."""
    fields: dict[str, Any] = {}
    missing: dict[str, str] = {}
    if update.priority is not None:
        if (id := meta.priority_id(update.priority, route)) is not None:
            fields["priority"] = {"id": id}
        else:
            missing["priority"] = update.priority
    if update.due_on is not None:
        due_field = meta.due_field(route)
        (fields if due_field else missing)[due_field or DUE_FIELD] = update.due_on.isoformat()
    if update.assignee is not None and "assignee" not in meta.fields:
        missing["assignee"] = update.assignee
    return fields, missing


def person(handle: str, *, plain: bool) -> dict[str, str]:
    """Somebody as a field's value: by account id in the cloud, by name in a data center."""
    return {"name": handle} if plain else {"id": handle}
