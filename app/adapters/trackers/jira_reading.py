"""Reading Jira issues by their route: which fields are asked for, and which of them is the due date."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.adapters.trackers.jira_client import JiraClient
from app.adapters.trackers.jira_fields import DUE_FIELD, CreateMetas
from app.adapters.trackers.jira_issue import FIELDS, Endings, to_remote
from app.domain.organisation.model import Route
from app.domain.tracking.model import RemoteTicket


@dataclass(frozen=True, slots=True)
class JiraReading:
    """Issues as remote tickets. `sprint_field` is the sprint's field where no create screen tells it."""

    jira: JiraClient
    metas: CreateMetas
    endings: Endings
    sprint_field: str | None = None

    async def issue(self, path: str, about: str, route: Route, *, known: bool = True) -> Any:
        asked = {"fields": ",".join(await self._fields(route))}
        return await self.jira.call("GET", path, about=about, known=known, params=asked)

    async def search(self, jql: str, route: Route, *, about: str) -> AsyncIterator[RemoteTicket]:
        async for issue in self.jira.search(jql, await self._fields(route), about=about):
            yield await self.remote(issue, route)

    async def remote(self, issue: Any, route: Route, dropped: Sequence[str] = ()) -> RemoteTicket:
        due_field = await self._due_field(route)
        return to_remote(
            issue, self.endings, await self.jira.site(), tuple(dropped), route=route, due_field=due_field
        )  # fmt: skip

    async def _fields(self, route: Route) -> tuple[str, ...]:
        meta = await self.metas.known(route.project, route.issue_type)
        sprint = self.sprint_field or meta.sprint
        more = {await self._due_field(route), *((sprint,) if sprint else ())} - {*FIELDS}
        return (*FIELDS, *sorted(more))

    async def _due_field(self, route: Route) -> str:
        """Its id, or the usual one, which a route leads to that names a field nobody has."""
        if route.due_field is None:
            return DUE_FIELD
        meta = await self.metas.known(route.project, route.issue_type)
        return meta.field_id(route.due_field) or DUE_FIELD
