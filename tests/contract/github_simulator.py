"""A GitHub that keeps issues in memory, checks every request against the official contract, and fails on demand.

simulator = GitHubSimulator()
tracker = GitHubIssues(simulator.client(), token="t")
simulator.fail(Fault.APPLIED_502)
headers, body = simulator.close("acme/shop#1", by="ada")   # the signed webhook that GitHub would send
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from typing import Any
from uuid import uuid4

import httpx2

from app.adapters.trackers.github_webhooks import sign
from tests.contract.github_contract import BASE_URL, GitHubContract, contract_file
from tests.contract.github_planning import Planning

ISSUES = re.compile(r"/repos/([^/]+/[^/]+)/issues(?:/(\d+)(/comments)?)?")
BOT = "norepeat-bot"


class Fault(Enum):
    """What goes wrong with one request."""

    REFUSED_CONNECTION = "the connection is refused"
    BEFORE_500 = "nothing is done, then 500"
    APPLIED_502 = "it is done, then 502"
    APPLIED_TIMEOUT = "it is done, then no answer"
    RATE_LIMITED = "429 with Retry-After"
    SECONDARY_LIMIT = "403 with a message about the secondary rate limit"
    UNAUTHORIZED = "401"
    NOT_FOUND = "404"
    FORBIDDEN = "403"
    ARCHIVED = "403 about a repository that is read-only"


@dataclass
class Planned:
    """A fault for the next requests of a method."""

    fault: Fault
    method: str
    times: int
    retry_after: int = 2


def utc_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class GitHubSimulator:
    """Also a transport's handler: `httpx2.MockTransport(simulator)`."""

    now: Callable[[], datetime] = utc_second
    secret: str = "whsec-one"
    drops_labels: bool = False
    drops_assignees: bool = False
    page_size: int | None = None
    contract: GitHubContract = field(default_factory=GitHubContract.load)
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    repositories: dict[str, dict[str, Any]] = field(default_factory=dict)
    planning: Planning = field(default_factory=Planning)
    gone: set[str] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)
    _planned: list[Planned] = field(default_factory=list)
    _ids: int = 1000

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self)

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=self.transport())

    def fail(self, fault: Fault, *, method: str = "POST", times: int = 1, retry_after: int = 2) -> None:
        """The next `times` requests of this method fail so."""
        self._planned.append(Planned(fault, method, times, retry_after))

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.contract.check(request)
        self.requests.append(f"{request.method} {request.url.path}")
        planned = self._next_fault(request.method)
        if planned is not None and (answer := _before(planned, request)) is not None:
            return answer
        answer = self._answer(request)
        if planned is not None and planned.fault is Fault.APPLIED_TIMEOUT:
            raise httpx2.ReadTimeout("The simulator hangs.", request=request)
        return httpx2.Response(502) if planned is not None else answer

    def _next_fault(self, method: str) -> Planned | None:
        for planned in self._planned:
            if planned.method == method and planned.times:
                planned.times -= 1
                return planned
        return None

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path == "/user":
            return httpx2.Response(200, json={"login": BOT}, headers={"date": format_datetime(self.now(), usegmt=True)})
        if (planned := self.planning.answer(request)) is not None:
            return planned
        found = ISSUES.fullmatch(request.url.path)
        if found is None:
            repository = self.repositories.get(request.url.path.removeprefix("/repos/"))
            return _problem(404, "Not Found") if repository is None else httpx2.Response(200, json=repository)
        repository, number, comments = found.groups()
        body = json.loads(request.content) if request.content else {}
        if number is None:
            return self._created(repository, body) if request.method == "POST" else self._page(request, repository)
        key = f"{repository}#{number}"
        if key in self.moved:
            owner, _, there = self.moved[key].rpartition("#")
            target = f"{BASE_URL}/repos/{owner}/issues/{there}{comments or ''}"
            return httpx2.Response(301, headers={"location": target}, json={"message": "Moved Permanently"})
        if key in self.gone or key not in self.issues:
            return _problem(410, "This issue was deleted") if key in self.gone else _problem(404, "Not Found")
        if comments:
            return self._commented(key, body) if request.method == "POST" else self._page(request, key)
        return httpx2.Response(200, json=self._changed(key, body) if body else self.issues[key])

    def _created(self, repository: str, body: Mapping[str, Any]) -> httpx2.Response:
        issue = self.add(repository, **body)
        return httpx2.Response(201, json=issue, headers={"location": issue["url"]})

    def add(self, repository: str, **fields: Any) -> dict[str, Any]:
        """An issue as if somebody had created it."""
        number = 1 + sum(key.rpartition("#")[0] == repository for key in {*self.issues, *self.moved, *self.gone})
        self._ids += 1
        at, api = self._at(), f"{BASE_URL}/repos/{repository}"
        labels, people = fields.pop("labels", []), fields.pop("assignees", [])
        example = {k: v for k, v in self.contract.examples["issue"].items() if k != "pull_request"}
        issue = {
            **example, "id": self._ids, "number": number, "url": f"{api}/issues/{number}", "repository_url": api,
            "html_url": f"https://github.com/{repository}/issues/{number}", "state": "open", "state_reason": None,
            "labels": [] if self.drops_labels else [{"name": name} for name in labels],
            "assignees": [] if self.drops_assignees else [{"login": name} for name in people],
            "created_at": at, "updated_at": at, "body": None, "milestone": None, "issue_field_values": [],
        }  # fmt: skip
        issue |= self.planning.stored(repository, fields)
        key = f"{repository}#{number}"
        self.issues[key], self.comments[key] = issue, []
        return issue

    def _changed(self, key: str, body: Mapping[str, Any]) -> dict[str, Any]:
        issue, change = self.issues[key], dict(body)
        if "assignees" in change:
            names = change.pop("assignees")
            issue["assignees"] = [] if self.drops_assignees else [{"login": name} for name in names]
        change = self.planning.stored(key.rpartition("#")[0], change)
        if "labels" in change:
            change["labels"] = issue["labels"] if self.drops_labels else [{"name": name} for name in change["labels"]]
        if change.get("state") == "open":
            change["state_reason"] = "reopened" if issue["state"] == "closed" else issue["state_reason"]
        issue |= {**change, "updated_at": self._at()}
        return issue

    def _commented(self, key: str, body: Mapping[str, Any]) -> httpx2.Response:
        self._ids += 1
        example = self.contract.examples["issue-comment"]
        comment = {**example, "id": self._ids, "body": body["body"], "created_at": self._at()}
        self.comments[key].append(comment)
        self.issues[key]["updated_at"] = self._at()
        return httpx2.Response(201, json=comment)

    def _page(self, request: httpx2.Request, of: str) -> httpx2.Response:
        query = request.url.params
        rows = self.comments[of] if of in self.comments else self._listed(of, query)
        size, page = self.page_size or int(query.get("per_page", "30")), int(query.get("page", "1"))
        headers = {}
        if len(rows) > size * page:
            following = request.url.copy_set_param("page", page + 1)
            headers["link"] = f'<{following}>; rel="next"'
        return httpx2.Response(200, json=rows[size * (page - 1) : size * page], headers=headers)

    def _listed(self, repository: str, query: httpx2.QueryParams) -> list[dict[str, Any]]:
        mine = [issue for key, issue in self.issues.items() if key.rpartition("#")[0] == repository]
        state, since = query.get("state", "open"), query.get("since", "")
        shown = [i for i in mine if state in ("all", i["state"]) and i["updated_at"] >= since]
        return sorted(shown, key=lambda issue: -issue["id"])

    def _at(self) -> str:
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    # ── What people do there; each returns the webhook that GitHub sends about it ──────────────────────────────────

    def close(self, key: str, reason: str = "completed", *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        self._changed(key, {"state": "closed", "state_reason": reason})
        return self.webhook("closed", key, by=by)

    def reopen(self, key: str, *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        self._changed(key, {"state": "open"})
        return self.webhook("reopened", key, by=by)

    def assign(self, key: str, login: str, *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        self.issues[key] |= {"assignees": [{"login": login}], "updated_at": self._at()}
        return self.webhook("assigned", key, by=by, assignee={"login": login})

    def label(self, key: str, *labels: str, by: str = "ada") -> tuple[dict[str, str], bytes]:
        self.issues[key] |= {"labels": [{"name": name} for name in labels], "updated_at": self._at()}
        return self.webhook("labeled", key, by=by)

    def plan(self, key: str, title: str, due_on: str | None = None, *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        milestone = self.planning.add(key.rpartition("#")[0], title, due_on)
        self.issues[key] |= {"milestone": milestone, "updated_at": self._at()}
        return self.webhook("milestoned", key, by=by, milestone=milestone)

    def delete(self, key: str, *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        sent = self.webhook("deleted", key, by=by)
        del self.issues[key]
        self.gone.add(key)
        return sent

    def transfer(self, key: str, repository: str, *, by: str = "ada") -> tuple[dict[str, str], bytes]:
        old = self.issues.pop(key)
        kept = {name: old[name] for name in ("title", "body", "state", "state_reason")}
        new = self.add(repository, **kept)
        self.moved[key] = f"{repository}#{new['number']}"
        self.issues[key] = old
        sent = self.webhook("transferred", key, by=by, changes={"new_issue": new})
        del self.issues[key]
        return sent

    def webhook(self, action: str, key: str, *, by: str = "ada", **more: Any) -> tuple[dict[str, str], bytes]:
        """A signed delivery about an issue as it is now, made from the official example of this event."""
        names = {"closed": "issues.closed.derived", "deleted": "issues.deleted", "transferred": "issues.transferred"}
        example = json.loads(contract_file(f"webhooks/github/{names.get(action, f'issues.{action}')}.json").read_text())
        sender = {**example["sender"], "login": by}
        content = {**example, "action": action, "issue": self.issues[key], "sender": sender, **more}
        body = json.dumps(content).encode()
        return self.signed("issues", body), body

    def signed(self, event: str, body: bytes) -> dict[str, str]:
        """The headers of a delivery, in lower case as ASGI servers pass them on."""
        return {
            "x-github-event": event,
            "x-github-delivery": str(uuid4()),
            "x-hub-signature-256": sign(body, self.secret),
            "content-type": "application/json",
        }


def _before(planned: Planned, request: httpx2.Request) -> httpx2.Response | None:
    """The answer to a request that is not carried out; None if it is."""
    match planned.fault:
        case Fault.REFUSED_CONNECTION:
            raise httpx2.ConnectError("The simulator refuses.", request=request)
        case Fault.BEFORE_500:
            return httpx2.Response(500)
        case Fault.RATE_LIMITED:
            return _problem(429, "API rate limit exceeded", {"retry-after": str(planned.retry_after)})
        case Fault.SECONDARY_LIMIT:
            return _problem(403, "You have exceeded a secondary rate limit.")
        case Fault.UNAUTHORIZED:
            return _problem(401, "Bad credentials")
        case Fault.NOT_FOUND:
            return _problem(404, "Not Found")
        case Fault.FORBIDDEN:
            return _problem(403, "Resource not accessible by personal access token")
        case Fault.ARCHIVED:
            return _problem(403, "Repository was archived so is read-only.")
        case _:
            return None


def _problem(status: int, message: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    return httpx2.Response(status, json={"message": message}, headers=headers)
