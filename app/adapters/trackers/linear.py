"""Linear as a tracker; with its client, documents and webhooks beside it, all that we know of Linear."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx2

from app.adapters.trackers import linear_documents as documents
from app.adapters.trackers.linear_client import PUBLIC_API, LinearClient, LinearInvalid, LinearNotFound
from app.adapters.trackers.linear_issue import (
    TYPES,
    is_gone,
    link_back,
    priority_number,
    status_of,
    text_of,
    to_remote,
)
from app.domain.organisation.model import Route
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

KEPT_SECONDS = 3600.0
KEY = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{1,9}")
PAGE = re.compile(r"https://linear\.app/[^/\s]+/issue/([A-Z][A-Z0-9]*-[0-9]{1,9})(?:[/?#].*)?")


@dataclass(frozen=True, slots=True)
class Team:
    """A team, and its workflow states by type, the first of each."""

    id: str
    states: Mapping[str, str]


class LinearIssues:
    """The port `Tracker` over Linear's GraphQL API. The marker is the issue's own id, so nothing is created twice."""

    def __init__(self, client: httpx2.AsyncClient, *, token: str, url: str = PUBLIC_API) -> None:
        self._linear = LinearClient(client, token, url)
        self._teams: dict[str, tuple[float, Team]] = {}

    async def create(self, route: Route, draft: TicketDraft) -> RemoteTicket:
        team = await self._team(route.project)
        label_ids, dropped = await self._labels(team, draft.labels)
        fields: dict[str, Any] = {
            "id": str(draft.marker), "teamId": team.id, "title": draft.title, "description": text_of(draft),
            "priority": priority_number(draft.priority, route),
        }  # fmt: skip
        fields |= {"labelIds": label_ids} if label_ids else {}
        fields |= {"dueDate": draft.due_on.isoformat()} if draft.due_on else {}
        dropped += await self._created(fields, draft)
        try:
            dropped += await self._attach(str(draft.marker), draft.url)
            issue = await self._issue(str(draft.marker), f"the new issue of {route.project}")
        except TrackerUnavailable as error:
            raise TrackerOutcomeUnknown(f"Linear created the issue and then failed: {error}") from error
        return to_remote(issue, tuple(dropped), route)

    async def find_by_marker(self, route: Route, marker: UUID, since: datetime) -> RemoteTicket | None:  # noqa: ARG002
        """A direct read; the link back may be what the first attempt did not come to."""
        about = f"the issue {marker}"
        try:
            issue = await self._issue(str(marker), about)
        except LinearNotFound:
            return None
        _require_there(issue, about)
        url, dropped = link_back(issue.get("description")), ["link back"]
        if url is not None:
            try:
                dropped = await self._attach(str(marker), url)
            except (TrackerUnavailable, TrackerOutcomeUnknown):
                dropped = ["link back"]
        return to_remote(issue, tuple(dropped), route)

    async def read(self, ticket: Ticket) -> RemoteTicket:
        return to_remote(await self._known(ticket), route=ticket.route)

    async def update(self, ticket: Ticket, update: TicketUpdate, marker: UUID) -> RemoteTicket:
        issue = await self._known(ticket)
        about = f"the issue {ticket.key}"
        if update.comment is not None:
            await self._comment(str(issue["id"]), about, update.comment, marker)
        dropped = await self._attach(str(issue["id"]), update.link_back) if update.link_back is not None else []
        fields = await self._changes(issue, update, ticket.route)
        if fields:
            dropped += await self._write(str(issue["id"]), about, fields)
        changed = fields or update.comment is not None or update.link_back is not None
        return to_remote(await self._known(ticket) if changed else issue, tuple(dropped), ticket.route)

    async def resolve(self, reference: str) -> RemoteTicket:
        page = PAGE.fullmatch(reference)
        if page is None and not KEY.fullmatch(reference):
            raise NotThisTracker
        key = page[1] if page else reference
        try:
            return to_remote(_require_there(await self._issue(key, f"the issue {key}"), f"the issue {key}"))
        except LinearNotFound as error:
            raise TrackerRefused(f"Linear does not know the issue {key}, or the token may not see it.") from error

    async def changed_since(self, route: Route, since: datetime) -> Sequence[RemoteTicket]:
        team = await self._team(route.project)
        at = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        variables: dict[str, Any] = {"filter": {"team": {"id": {"eq": team.id}}, "updatedAt": {"gte": at}}}
        found: list[RemoteTicket] = []
        while True:
            page = (await self._run(documents.CHANGED, variables, f"the team {route.project}"))["issues"]
            found += [to_remote(issue, route=route) for issue in page["nodes"]]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            variables["after"] = page["pageInfo"]["endCursor"]

    async def find_user(self, route: Route, email: str) -> str | None:  # noqa: ARG002
        found = (await self._run(documents.USER, {"email": email}, "the people"))["users"]["nodes"]
        return str(found[0]["id"]) if len(found) == 1 else None

    async def _created(self, fields: Mapping[str, Any], draft: TicketDraft) -> list[str]:
        """Create it with its assignee, else without; a refusal because it is there already is none."""
        about = "the new issue"
        with_assignee = {**fields, "assigneeId": draft.assignee} if draft.assignee else fields
        try:
            await self._mutate(documents.CREATE, {"input": with_assignee}, "issueCreate", about)
        except LinearInvalid:
            if await self._is_there(str(draft.marker), about):
                return []
            if not draft.assignee:
                raise
            await self._mutate(documents.CREATE, {"input": fields}, "issueCreate", about)
            return [f"assignee:{draft.assignee}"]
        return []

    async def _is_there(self, id: str, about: str) -> bool:
        try:
            _require_there(await self._issue(id, about), about)
        except LinearNotFound:
            return False
        return True

    async def _attach(self, issue_id: str, url: str) -> list[str]:
        """The link back; Linear updates the one with the same address. Refused, it is left out."""
        link = {"issueId": issue_id, "url": url, "title": "Action item", "subtitle": "norepeat"}
        try:
            await self._mutate(documents.ATTACH, {"input": link}, "attachmentCreate", "the link back")
        except TrackerRefused:
            return ["link back"]
        return []

    async def _comment(self, issue_id: str, about: str, text: str, marker: UUID) -> None:
        """The marker is the comment's own id, so that it is there once."""
        where = {"id": issue_id, "filter": {"id": {"eq": str(marker)}}}
        if (await self._run(documents.COMMENTS, where, about))["issue"]["comments"]["nodes"]:
            return
        said = {"id": str(marker), "issueId": issue_id, "body": text}
        await self._mutate(documents.COMMENT, {"input": said}, "commentCreate", about)

    async def _changes(self, issue: Mapping[str, Any], update: TicketUpdate, route: Route) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        if update.title is not None:
            fields["title"] = update.title
        if update.due_on is not None:
            fields["dueDate"] = update.due_on.isoformat()
        if update.priority is not None:
            fields["priority"] = priority_number(update.priority, route)
        if update.assignee is not None:
            fields["assigneeId"] = update.assignee
        if update.status is not None and status_of(issue["state"]) is not update.status:
            fields["stateId"] = await self._state_id(str(issue["team"]["id"]), update.status)
        return fields

    async def _write(self, issue_id: str, about: str, fields: dict[str, Any]) -> list[str]:
        """Somebody whom Linear does not take as assignee is left out, and that is said."""
        try:
            await self._mutate(documents.UPDATE, {"id": issue_id, "input": fields}, "issueUpdate", about)
        except LinearInvalid:
            assignee = fields.pop("assigneeId", None)
            if assignee is None:
                raise
            if fields:
                await self._mutate(documents.UPDATE, {"id": issue_id, "input": fields}, "issueUpdate", about)
            return [f"assignee:{assignee}"]
        return []

    async def _state_id(self, team_id: str, status: TicketStatus) -> str:
        states = (await self._team(team_id)).states
        types = TYPES.get(status, ())
        for type in types:
            if type in states:
                return states[type]
        raise TrackerRefused(f"The Linear team has no workflow state of the type {' or '.join(types)}. Add one there.")

    async def _team(self, project: str) -> Team:
        """By id or by key, with its states; asked again after an hour."""
        until, team = self._teams.get(project, (0.0, None))
        if team is None or until < time.monotonic():
            by = {"id": {"eq": project}} if _is_id(project) else {"key": {"eq": project.upper()}}
            found = (await self._run(documents.TEAM, {"filter": by}, f"the team {project}"))["teams"]["nodes"]
            if not found:
                raise TrackerRefused(
                    f"Linear has no team {project}, or the token may not see it. "
                    "Set the project of the tracker route to the team's key, such as ENG, or its id."
                )
            if found[0].get("archivedAt"):
                raise TrackerRefused(
                    f"The Linear team {project} is archived. Restore it, or change the project of the tracker route."
                )
            team = _to_team(found[0])
            self._teams[project] = (time.monotonic() + KEPT_SECONDS, team)
        return team

    async def _labels(self, team: Team, names: Sequence[str]) -> tuple[list[str], list[str]]:
        """The ids of labels of the team or of all teams, and the labels that there are not."""
        if not names:
            return [], []
        any_of = [{"name": {"eqIgnoreCase": name}} for name in names]
        found = (await self._run(documents.LABELS, {"filter": {"or": any_of}}, "the labels"))["issueLabels"]["nodes"]
        ours = [one for one in found if one["team"] is None or one["team"]["id"] == team.id]
        ids = {one["name"].casefold(): str(one["id"]) for one in ours}
        wanted = {name: ids.get(name.casefold()) for name in names}
        return [id for id in wanted.values() if id], [f"label:{name}" for name, id in wanted.items() if not id]

    async def _known(self, ticket: Ticket) -> Mapping[str, Any]:
        about = f"the issue {ticket.key}"
        try:
            return _require_there(await self._issue(str(ticket.external_id), about), about)
        except LinearNotFound as error:
            raise TicketGone(f"Linear does not have {about} any more.") from error

    async def _issue(self, id: str, about: str) -> Mapping[str, Any]:
        issue = (await self._run(documents.ISSUE, {"id": id}, about))["issue"]
        if not isinstance(issue, dict):
            raise TrackerOutcomeUnknown(f"Linear's answer about {about} is not an issue.")
        return issue

    async def _run(self, document: str, variables: Mapping[str, Any], about: str) -> Any:
        return await self._linear.run(document, variables, about=about)

    async def _mutate(self, document: str, variables: Mapping[str, Any], name: str, about: str) -> None:
        if not (await self._run(document, variables, about))[name]["success"]:
            raise TrackerOutcomeUnknown(f"Linear does not say that {about} was written.")


def _to_team(node: Mapping[str, Any]) -> Team:
    states: dict[str, str] = {}
    for state in sorted(node["states"]["nodes"], key=lambda state: float(state["position"])):
        states.setdefault(str(state["type"]), str(state["id"]))
    return Team(str(node["id"]), states)


def _is_id(project: str) -> bool:
    try:
        UUID(project)
    except ValueError:
        return False
    return True


def _require_there(issue: Mapping[str, Any], about: str) -> Mapping[str, Any]:
    if is_gone(issue):
        raise TicketGone(f"{about[0].upper()}{about[1:]} is in Linear's bin or archive.")
    return issue
