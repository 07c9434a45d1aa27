"""A Linear that keeps issues in memory, checks and executes every document by the official schema, fails on demand.

simulator = LinearSimulator()
tracker = LinearIssues(simulator.client(), token="lin_api_t")
simulator.faults.plan(Fault.APPLIED_502, "issueCreate")
headers, body = simulator.webhook("update", id)   # the signed webhook that Linear would send
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx2

from app.adapters.trackers.linear_webhooks import sign
from tests.contract.faults import Faults
from tests.contract.linear_schema import run

TEAM, LABEL = str(UUID(int=1)), str(UUID(int=2))
TYPES = ("triage", "backlog", "unstarted", "started", "completed", "canceled", "duplicate")
NOTHING = {"hasNextPage": False, "endCursor": None}


def utc_now() -> datetime:
    return datetime.now(UTC)


class UserError(Exception):
    """An error that Linear blames on the caller."""

    def __init__(self, message: str, kind: str = "invalid input", code: str = "INPUT_ERROR") -> None:
        super().__init__(message)
        self.extensions = {"type": kind, "code": code, "userError": True, "userPresentableMessage": message}


@dataclass
class LinearSimulator:
    """Also a transport's handler: `httpx2.MockTransport(simulator)`. Its methods in camel case are the root fields."""

    now: Callable[[], datetime] = utc_now
    secret: str = "linear-secret"
    types: tuple[str, ...] = TYPES
    page_size: int | None = None
    refuses_attachments: bool = False
    refused_titles: tuple[str, ...] = ()
    archived: bool = False
    people: dict[str, str] = field(default_factory=lambda: {"ada-id": "ada@example.org"})
    faults: Faults = field(default_factory=Faults)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        said = json.loads(request.content)
        name = str(said["query"]).partition("{")[2].partition("(")[0].strip()
        self.requests.append(name)
        self.tokens.add(request.headers["authorization"])

        async def answer() -> httpx2.Response:
            result = run(said["query"], self, said["variables"])
            return httpx2.Response(200, json=result.formatted)

        return await self.faults.around(request, f"{name}(", answer, problem)

    def add(self, **fields: Any) -> dict[str, Any]:
        """An issue as if somebody had created it."""
        id, number = fields.pop("id", None) or str(uuid4()), len(self.kept) + 1
        given = {
            "cycle": None, "title": "", "description": None, "priority": 0.0, "dueDate": None, "assignee": None,
            "labelIds": [],
            "archivedAt": None, "autoArchivedAt": None, "trashed": None, "state": self.state("unstarted"),
            "team": {"id": TEAM, "key": "ENG"}, "identifier": f"ENG-{number}", "updatedAt": self._at(),
            "url": f"https://linear.app/acme/issue/ENG-{number}/a-title",
        }  # fmt: skip
        self.kept[id] = {"id": id, **given, **fields}
        self.notes[id] = []
        return self.kept[id]

    def touch(self, id: str, **fields: Any) -> dict[str, Any]:
        """Change an issue, as somebody does on its page."""
        self.kept[id] |= {**fields, "updatedAt": self._at()}
        return self.kept[id]

    def cycle(
        self, number: int, *, ends_at: str = "2099-01-01T00:00:00.000Z", name: str | None = None
    ) -> dict[str, Any]:
        """One that is planned; in the past it has ended by itself."""
        return {"id": str(UUID(int=100 + number)), "number": float(number), "name": name, "endsAt": ends_at,
                "completedAt": None}  # fmt: skip

    def state(self, type: str) -> dict[str, Any]:
        position = float(TYPES.index(type)) if type in TYPES else 9.0
        return {"id": f"state-{type}", "name": type.capitalize(), "type": type, "position": position}

    def _at(self) -> str:
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def webhook(self, action: str, id: str, *, by: str = "ada-id", type: str = "Issue") -> tuple[dict[str, str], bytes]:
        """A signed delivery about an issue as it is now."""
        issue = self.kept[id]
        data = {
            **issue,
            "cycleId": (issue["cycle"] or {}).get("id"),
            "assigneeId": (issue["assignee"] or {}).get("id"),
            "stateId": issue["state"]["id"],
        }
        said = {
            "action": action, "type": type, "data": data, "url": issue["url"], "createdAt": self._at(),
            "actor": {"id": by, "type": "user", "name": by, "email": f"{by}@acme.test"}, "organizationId": str(uuid4()),
            "webhookId": str(uuid4()), "webhookTimestamp": int(self.now().timestamp() * 1000),
        }  # fmt: skip
        body = json.dumps(said).encode()
        return self.signed(body), body

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers of a delivery, in lower case as ASGI servers pass them on."""
        return {"linear-signature": sign(body, self.secret), "linear-delivery": str(uuid4()), "linear-event": "Issue"}

    def _found(self, id: str) -> dict[str, Any]:
        for issue in self.kept.values():
            if id in (issue["id"], issue["identifier"]):
                return issue
        raise UserError("Entity not found: Issue - Could not find referenced Issue.")

    # ── Queries ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def teams(self, info: Any, first: int, filter: Mapping[str, Any]) -> Any:
        asked = filter.get("id") or filter.get("key")
        assert asked is not None
        states = [self.state(type) for type in reversed(self.types)]
        archived_at = "2026-06-15T12:00:00.000Z" if self.archived else None
        team = {"id": TEAM, "key": "ENG", "archivedAt": archived_at, "states": lambda info, first: {"nodes": states}}
        return {"nodes": [team] if asked["eq"] in (TEAM, "ENG") else []}

    def issueLabels(self, info: Any, first: int, filter: Mapping[str, Any]) -> Any:
        ours = {"id": LABEL, "name": "Postmortem", "team": None}
        other = {"id": str(UUID(int=3)), "name": "secret", "team": {"id": str(UUID(int=4))}}
        asked = {one["name"]["eqIgnoreCase"].casefold() for one in filter["or"]}
        return {"nodes": [label for label in (ours, other) if label["name"].casefold() in asked]}

    def users(self, info: Any, first: int, filter: Mapping[str, Any]) -> Any:
        asked = filter["email"]["eqIgnoreCase"].casefold()
        return {"nodes": [{"id": id} for id, email in self.people.items() if email == asked]}

    def issue(self, info: Any, id: str) -> Any:
        found = self._found(id)

        def comments(info: Any, first: int, filter: Mapping[str, Any]) -> Any:
            return {"nodes": [note for note in self.notes[found["id"]] if note["id"] == filter["id"]["eq"]]}

        return {**found, "comments": comments}

    def issues(self, info: Any, first: int, filter: Mapping[str, Any], after: str | None = None, **order: Any) -> Any:
        since = datetime.fromisoformat(filter["updatedAt"]["gte"])
        rows = [issue for issue in self.kept.values() if datetime.fromisoformat(issue["updatedAt"]) >= since]
        start, size = int(after or 0), self.page_size or first
        more = start + size < len(rows)
        info = {"hasNextPage": True, "endCursor": str(start + size)} if more else NOTHING
        return {"nodes": rows[start : start + size], "pageInfo": info}

    # ── Mutations ───────────────────────────────────────────────────────────────────────────────────────────────────

    def issueCreate(self, info: Any, input: Mapping[str, Any]) -> Any:
        fields = dict(input)
        if fields["id"] in self.kept:
            raise UserError("Entity already exists: Issue - An issue with this id exists already.")
        if fields.pop("teamId") != TEAM:
            raise UserError("Entity not found: Team")
        issue = self.add(**self._stored(fields))
        return {"success": True, "issue": issue}

    def issueUpdate(self, info: Any, id: str, input: Mapping[str, Any]) -> Any:
        self.touch(self._found(id)["id"], **self._stored(dict(input)))
        return {"success": True}

    def _stored(self, fields: dict[str, Any]) -> dict[str, Any]:
        if fields.get("title") in self.refused_titles:
            raise UserError("Argument Validation Error - title is not allowed.")
        if "assigneeId" in fields:
            handle = fields.pop("assigneeId")
            if handle not in self.people:
                raise UserError("Entity not found: User - Could not find referenced User.")
            fields["assignee"] = {"id": handle}
        if "stateId" in fields:
            fields["state"] = self.state(fields.pop("stateId").removeprefix("state-"))
        return fields

    def attachmentCreate(self, info: Any, input: Mapping[str, Any]) -> Any:
        if self.refuses_attachments:
            raise UserError("You may not do this.", "forbidden", "FORBIDDEN")
        self.links[f"{self._found(input['issueId'])['id']} {input['url']}"] = dict(input)
        return {"success": True}

    def commentCreate(self, info: Any, input: Mapping[str, Any]) -> Any:
        self.notes[input["issueId"]].append(dict(input))
        self.touch(input["issueId"])
        return {"success": True}


def problem(status: int, message: str, headers: Mapping[str, str]) -> httpx2.Response:
    """Errors in Linear's shape: an exhausted limit comes as 400, with the instant of its reset."""
    codes = {429: "RATELIMITED", 401: "AUTHENTICATION_ERROR", 403: "FORBIDDEN"}
    error = {"message": message, "extensions": {"code": codes[status], "userPresentableMessage": message}}
    if status != 429:
        return httpx2.Response(status, json={"errors": [error]})
    reset = int((time.time() + float(headers["retry-after"])) * 1000)
    limits = {"x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": str(reset)}
    return httpx2.Response(400, json={"errors": [error]}, headers=limits)
