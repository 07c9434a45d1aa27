"""GitHub Issues as a tracker; with its client, texts and webhooks beside it, all that we know of GitHub."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2

from app.adapters.trackers.github_client import GitHubClient
from app.adapters.trackers.github_fields import GitHubFields, Placed, labels_of, relabelled
from app.adapters.trackers.github_text import STATES, body_of, marker_text, to_remote, updated_body
from app.domain.organisation.model import Route
from app.domain.tracking.errors import NotThisTracker, TrackerRefused
from app.domain.tracking.model import (
    RemoteTicket,
    Ticket,
    TicketDraft,
    TicketUpdate,
)

PUBLIC_API = "https://api.github.com"
CLOCK_SKEW = timedelta(minutes=5)
NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
KEY = re.compile(rf"({NAME})/({NAME})#([0-9]{{1,9}})")
PROJECT = re.compile(rf"{NAME}/{NAME}")


class GitHubIssues:
    """The port `Tracker` over the REST API of github.com or of a server (`https://HOST/api/v3`)."""

    def __init__(self, client: httpx2.AsyncClient, *, token: str, base_url: str = PUBLIC_API) -> None:
        self._github = GitHubClient(client, token, base_url)
        self._places = GitHubFields(self._github)
        host = urlsplit(base_url).netloc
        self._page = re.compile(
            rf"https://{re.escape(host.removeprefix('api.'))}/({NAME})/({NAME})/issues/([0-9]{{1,9}})/?(?:[?#].*)?"
        )

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        path, about = _issues(route.project), f"the repository {route.project}"
        due = await self._places.due(route, draft.due_on)
        labels = relabelled(list(draft.labels), draft.priority, route)
        body = body_of(draft, due=not due.fields, priority=route.called_there(draft.priority) is None)
        fields: dict[str, object] = {"title": draft.title, "body": body, **due.fields}
        fields |= {"labels": labels} if labels else {}
        fields |= {"assignees": [draft.assignee]} if draft.assignee else {}
        issue = await self._github.call("POST", path, about=about, json=fields)
        return to_remote(issue, route, asked=fields, dropped=due.dropped)

    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None:
        """By the list, which is up to date, not by the search; by no label, which may have been dropped."""
        query = {"state": "all", "since": _since(since), "sort": "created", "direction": "desc"}
        text = marker_text(marker)
        about = f"the repository {route.project}"
        async for issue in self._github.pages(_issues(route.project), about=about, params=query):
            if "pull_request" not in issue and text in (issue.get("body") or ""):
                return to_remote(issue, route)
        return None

    async def read(self, ticket: Ticket) -> RemoteTicket:
        path, about = _issue(ticket)
        return to_remote(await self._github.call("GET", path, about=about, known=True), ticket.route)

    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        """The comment first: it moves the issue's time, and the answer must carry the last one."""
        path, about = _issue(ticket)
        said = update.comment if update.link_back is None else f"Tracked by norepeat: {update.link_back}"
        if said is not None:
            await self._comment(path, about, said, marker)
        due = await self._places.due(_there(ticket), update.due_on)
        fields = {**await self._fields(path, about, update, ticket.route, due), **due.fields}
        method, body = ("PATCH", {"json": fields}) if fields else ("GET", {})
        issue = await self._github.call(method, path, about=about, known=True, **body)
        return to_remote(issue, ticket.route, asked=fields, dropped=due.dropped)

    async def resolve(self, reference: str) -> RemoteTicket:
        found = KEY.fullmatch(reference) or self._page.fullmatch(reference)
        if found is None:
            raise NotThisTracker
        owner, repository, number = found.groups()
        about = f"the issue {owner}/{repository}#{number}"
        issue = await self._github.call("GET", f"{_issues(f'{owner}/{repository}')}/{number}", about=about)
        if "pull_request" in issue:
            raise TrackerRefused(f"{reference} is a pull request; name an issue.")
        return to_remote(issue)

    async def changed_since(self, route: Route, since: datetime) -> Sequence[RemoteTicket]:
        query = {"state": "all", "since": _since(since), "sort": "updated", "direction": "asc"}
        about = f"the repository {route.project}"
        listed = self._github.pages(_issues(route.project), about=about, params=query)
        return [to_remote(issue, route) async for issue in listed if "pull_request" not in issue]

    async def find_user(self, route: Route, email: str) -> str | None:  # noqa: ARG002
        """GitHub tells nobody's login by an e-mail address."""
        return None

    async def _comment(self, path: str, about: str, text: str, marker: UUID) -> None:
        mark = marker_text(marker)
        async for comment in self._github.pages(f"{path}/comments", about=about, params={}, known=True):
            if mark in (comment.get("body") or ""):
                return
        body = {"body": f"{text}\n\n{mark}"}
        await self._github.call("POST", f"{path}/comments", about=about, known=True, json=body)

    async def _fields(
        self, path: str, about: str, update: TicketUpdate, route: Route, due: Placed
    ) -> Mapping[str, Any]:
        """What is changed in the issue itself; lines of the text and labels only by who knows the others."""
        fields: dict[str, Any] = {}
        if update.title is not None:
            fields["title"] = update.title
        if update.status is not None:
            fields |= STATES.get(update.status, {})
        if update.assignee is not None:
            fields["assignees"] = [update.assignee]
        lines = replace(update, due_on=None) if due.fields else update
        if lines.due_on is None and lines.priority is None:
            return fields
        issue = await self._github.call("GET", path, about=about, known=True)
        body = issue.get("body") or ""
        if update.priority is not None and route.priorities:
            fields["labels"] = relabelled(labels_of(issue), update.priority, route)
        if (changed := updated_body(body, lines)) != body:
            fields["body"] = changed
        return fields


def _there(ticket: Ticket) -> Route:
    """Its route, but in the repository where it is now: milestones are a repository's own."""
    return replace(ticket.route, project=(ticket.key or "").partition("#")[0])


def _since(at: datetime) -> str:
    return (at - CLOCK_SKEW).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _issues(project: str) -> str:
    if not PROJECT.fullmatch(project):
        raise TrackerRefused(f"{project!r} is not a GitHub project; name it as owner/repository.")
    return f"/repos/{project}/issues"


def _issue(ticket: Ticket) -> tuple[str, str]:
    """The path of a known issue, and how to name it."""
    found = KEY.fullmatch(ticket.key or "")
    if found is None:
        raise TrackerRefused(f"{ticket.key!r} is not a GitHub issue; adopt the ticket again by its URL.")
    return f"{_issues(f'{found[1]}/{found[2]}')}/{found[3]}", f"the issue {ticket.key}"
