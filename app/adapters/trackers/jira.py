"""Jira as a tracker, in the cloud and in a data center; with the files beside it, all that we know of Jira."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

import httpx2

from app.adapters.trackers.jira_client import JiraClient, JiraRefused
from app.adapters.trackers.jira_fields import DUE_FIELD, LINES, CreateMeta, CreateMetas, new_issue, placed
from app.adapters.trackers.jira_issue import Endings, account_of, status_of
from app.adapters.trackers.jira_reading import JiraReading
from app.adapters.trackers.jira_text import comment, contains, label_of, link_back, marker_in, summary_of, updated
from app.adapters.trackers.jira_transitions import choose, step
from app.domain.organisation.model import Provider, Route
from app.domain.tracking.errors import (
    NotThisTracker,
    TicketGone,
    TrackerOutcomeUnknown,
    TrackerRefused,
    TrackerUnavailable,
)
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketStatus,
    TicketUpdate,
)

CLOCK_SKEW = timedelta(minutes=5)
PROJECT = re.compile(r"[A-Z][A-Z0-9_]*")
KEY = re.compile(r"[A-Z][A-Z0-9_]*-[0-9]{1,9}")
PAGE = re.compile(
    r"(?P<site>https?://.+?)/(?:browse/|.*[?&]selectedIssue=)(?P<key>[A-Z][A-Z0-9_]*-[0-9]{1,9})(?:[/?#&].*)?"
)


class JiraIssues:
    """The port `Tracker` over REST v3 of a cloud site, or v2 of a data center."""

    def __init__(
        self, client: httpx2.AsyncClient, *, base_url: str, token: str, email: str | None = None,
        data_center: bool = False, endings: Endings | None = None, sprint_field: str | None = None,
    ) -> None:  # fmt: skip
        self._jira = JiraClient(client, base_url=base_url, token=token, email=email, data_center=data_center)
        self._plain = data_center
        self._endings = endings or Endings.named()
        self._metas = CreateMetas(self._jira)
        self._reading = JiraReading(self._jira, self._metas, self._endings, sprint_field)

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        """What fails before the issue exists is said as it is; after that only a look-up may come to it again."""
        meta = await self._metas.of(_project(route), route.issue_type)
        try:
            created, dropped = await self._posted(draft, route, meta)
        except JiraRefused as refusal:
            self._metas.forget(route.project, route.issue_type)
            refused = refusal.fields & meta.optional(route)
            if not refused:
                raise
            created, dropped = await self._posted(draft, route, meta.without(refused))
        path, about = f"/issue/{created['id']}", f"the new issue {created['key']}"
        try:
            dropped += await self._linked(path, about, draft.url)
            issue = await self._reading.issue(path, about, route)
        except (TrackerUnavailable, TicketGone) as error:
            raise _unfinished(created, error) from error
        return await self._reading.remote(issue, route, dropped)

    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None:  # noqa: ARG002
        """By label, or by text where a project has no labels; the oldest, if there are several."""
        label = label_of(marker)
        jql = f'labels = "{label}" OR description ~ "\\"{label}\\"" ORDER BY created ASC'
        async for found in self._jira.search(jql, ("labels", "description"), about="issues with our label"):
            fields = found.get("fields") or {}
            if marker_in(fields.get("labels") or (), fields.get("description")) == marker:
                return await self._found(str(found["id"]), fields, route)
        return None

    async def read(self, ticket: Ticket) -> RemoteTicket:
        return await self._reading.remote(await self._reading.issue(*_issue(ticket), ticket.route), ticket.route)

    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        """Each part is applied only where it is not so already: a second try repeats nothing."""
        (path, about), route, dropped = _issue(ticket), ticket.route, list[str]()
        issue = await self._reading.issue(path, about, route)
        if update.comment is not None:
            await self._comment(path, about, update.comment, marker)
        if update.link_back is not None:
            dropped += await self._linked(path, about, update.link_back)
        dropped += await self._edit(path, about, issue, update, route)
        dropped += await self._assign(path, about, issue, update.assignee)
        if update.status is not None:
            await self._move(path, about, issue, update.status)
        return await self._reading.remote(await self._reading.issue(path, about, route), route, dropped)

    async def resolve(self, reference: str) -> RemoteTicket:
        key = reference
        if (page := PAGE.fullmatch(reference)) is not None:
            if not await self._is_ours(page["site"]):
                raise NotThisTracker
            key = page["key"]
        elif not KEY.fullmatch(reference):
            raise NotThisTracker
        route = Route(Provider.JIRA, key.rpartition("-")[0])
        issue = await self._reading.issue(f"/issue/{key}", f"the issue {key}", route, known=False)
        return await self._reading.remote(issue, route)

    async def changed_since(self, route: Route, since: datetime) -> Sequence[RemoteTicket]:
        """By an age in minutes: instants in JQL are read in the time zone of the token's account."""
        project = _project(route)
        start = since - CLOCK_SKEW
        minutes = max(ceil((datetime.now(UTC) - start) / timedelta(minutes=1)), 1)
        jql = f'project = "{project}" AND updated >= "-{minutes}m" ORDER BY updated ASC'
        listed = self._reading.search(jql, route, about=f"the project {project}")
        return [remote async for remote in listed if remote.updated_at >= start]

    async def find_user(self, route: Route, email: str) -> str | None:
        """The one person who may get tickets of the project and has this address; Jira may hide addresses."""
        query = {"project": _project(route), "username" if self._plain else "query": email}
        about = f"the people of the project {route.project}"
        users = await self._jira.call("GET", "/user/assignable/search", about=about, params=query)
        active = [user for user in users if user.get("active", True)]
        exact = [user for user in active if (user.get("emailAddress") or "").casefold() == email.casefold()]
        hidden = [user for user in active if not user.get("emailAddress")]
        candidates = exact or hidden
        return account_of(candidates[0]) if len(candidates) == 1 else None

    async def _posted(self, draft: TicketDraft, route: Route, meta: CreateMeta) -> tuple[Mapping[str, Any], list[str]]:
        fields, dropped = new_issue(draft, route, meta, plain=self._plain)
        about = f"the project {route.project}"
        return await self._jira.call("POST", "/issue", about=about, json={"fields": fields}), dropped

    async def _found(self, id: str, fields: Mapping[str, Any], route: Route) -> RemoteTicket:
        """Read anew, because the index is late; the link back may be what the first attempt did not come to."""
        path, about, url = f"/issue/{id}", f"the issue {id}", link_back(fields.get("description"))
        dropped = []
        if url is not None:
            try:
                dropped = await self._linked(path, about, url)
            except TrackerUnavailable:
                dropped.append("link back")
        return await self._reading.remote(await self._reading.issue(path, about, route), route, dropped)

    async def _linked(self, path: str, about: str, url: str) -> list[str]:
        """One link for each action item, however often it is written. Refused, it is left out."""
        link = {
            "globalId": f"appId=norepeat&id={url.rpartition('/')[2]}",
            "application": {"type": "norepeat", "name": "norepeat"},
            "relationship": "is tracked by",
            "object": {"url": url, "title": "Action item in norepeat"},
        }
        try:
            await self._jira.call("POST", f"{path}/remotelink", about=about, safe=True, json=link)
        except TicketGone:
            raise
        except TrackerRefused:
            return ["link back"]
        return []

    async def _comment(self, path: str, about: str, text: str, marker: UUID) -> None:
        listed: AsyncIterator[Any] = self._jira.pages(f"{path}/comment", "comments", about=about, known=True)
        async for there in listed:
            if contains(there.get("body"), f"norepeat:{marker}"):
                return
        body = {"body": comment(text, marker, plain=self._plain)}
        await self._jira.call("POST", f"{path}/comment", about=about, known=True, json=body)

    async def _edit(
        self, path: str, about: str, issue: Mapping[str, Any], update: TicketUpdate, route: Route
    ) -> list[str]:
        """Title, due date and priority; what has no field there changes its line in the description."""
        fields: dict[str, Any] = {}
        missing: dict[str, str] = {}
        # Of the project where the issue is now.
        meta = await self._metas.known(issue["fields"]["project"]["key"], issue["fields"]["issuetype"]["name"])
        if update.due_on is not None or update.priority is not None:
            fields, missing = placed(update, meta, route)
        fields |= {} if update.title is None else {"summary": summary_of(update.title)}
        try:
            await self._put(path, about, fields | _rewritten(issue, missing, update))
        except JiraRefused as refusal:
            refused = refusal.fields & meta.optional(route) & fields.keys()
            if not refused:
                raise
            due_field = meta.due_field(route)
            missing |= {DUE_FIELD if name == due_field else name: str(fields.pop(name)) for name in refused}
            await self._put(path, about, fields | _rewritten(issue, missing, update))
        return [name for name in missing if name in LINES]

    async def _put(self, path: str, about: str, fields: Mapping[str, Any]) -> None:
        if fields:
            await self._jira.call("PUT", path, about=about, known=True, json={"fields": fields})

    async def _assign(self, path: str, about: str, issue: Mapping[str, Any], handle: str | None) -> list[str]:
        """Somebody who may not have tickets there is left out, and that is said."""
        if handle is None or account_of(issue["fields"].get("assignee")) == handle:
            return []
        body = {"name": handle} if self._plain else {"accountId": handle}
        try:
            await self._jira.call("PUT", f"{path}/assignee", about=about, known=True, json=body)
        except JiraRefused:
            return [f"assignee:{handle}"]
        return []

    async def _move(self, path: str, about: str, issue: Mapping[str, Any], target: TicketStatus) -> None:
        """By a transition of the target's category, if need be through the work that leads to it."""
        if status_of(issue["fields"], self._endings) is target:
            return
        for _ in range(2):
            query = {"expand": "transitions.fields"}
            answer = await self._jira.call("GET", f"{path}/transitions", about=about, known=True, params=query)
            offered = answer.get("transitions") or []
            chosen = choose(offered, target, self._endings)
            body = chosen or step(offered)
            if body is None:
                break
            await self._jira.call("POST", f"{path}/transitions", about=about, known=True, json=body)
            if chosen is not None:
                return
        raise TrackerRefused(
            f"Jira offers no transition that makes {about} {target}. Allow one in the project's workflow, "
            "for the account behind the token."
        )

    async def _is_ours(self, site: str) -> bool:
        return site.rstrip("/") in (self._jira.base, await self._jira.site())


def _rewritten(issue: Mapping[str, Any], missing: Mapping[str, str], update: TicketUpdate) -> dict[str, Any]:
    """The description, if a line of ours in it changes."""
    lines = TicketUpdate(
        due_on=update.due_on if "duedate" in missing else None,
        priority=update.priority if "priority" in missing else None,
    )
    old = issue["fields"].get("description")
    new = updated(old, lines)
    return {} if new == old else {"description": new}


def _unfinished(created: Mapping[str, Any], error: Exception) -> TrackerRefused | TrackerOutcomeUnknown:
    """It was created, but not all of it is done: a look-up comes to it again, unless it may not even see it."""
    if isinstance(error, TicketGone):
        return TrackerRefused(
            f"Jira created {created['key']}, but the token may not see it. Let it browse the project, "
            f"then link {created['key']} to the action item."
        )
    return TrackerOutcomeUnknown(f"Jira created {created['key']} and then failed: {error}")


def _project(route: Route) -> str:
    if not PROJECT.fullmatch(route.project):
        raise TrackerRefused(f"{route.project!r} is not the key of a Jira project, such as SHOP.")
    return route.project


def _issue(ticket: Ticket) -> tuple[str, str]:
    """The path of a known issue, by the number that it keeps when it is moved, and how to name it."""
    return f"/issue/{ticket.external_id}", f"the issue {ticket.key}"
