"""A Jira that keeps issues in memory, checks every request against the official contract, and fails on demand.

simulator = JiraSimulator()
tracker = JiraIssues(simulator.client(), base_url=simulator.base_url, token="t", email="bot@acme.test")
simulator.faults.plan(Fault.APPLIED_502, "POST /issue")
headers, body = simulator.webhook("jira:issue_updated", "10001")   # the signed webhook that Jira would send
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx2

from app.adapters.trackers.jira_webhooks import sign
from tests.contract.faults import Faults
from tests.contract.jira_answers import Refused, problem, require_text
from tests.contract.jira_workflow import STATUSES, Workflow
from tests.contract.openapi_contract import OpenApiContract, contract_file

BASE_URL = "https://acme.atlassian.net"
BOT = "bot-account"
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
CREATABLE = ("summary", "description", "issuetype", "project", "priority", "duedate", "assignee", "labels")


def utc_now() -> datetime:
    return datetime.now(UTC)


def contract() -> OpenApiContract:
    return OpenApiContract.load("jira-cloud-v3.openapi.json", BASE_URL, headers=("authorization", "accept"))


@dataclass
class JiraSimulator:
    """Also a transport's handler: `httpx2.MockTransport(simulator)`. A data center has no contract to check here."""

    now: Callable[[], datetime] = utc_now
    secret: str = "jira-secret"
    data_center: bool = False
    base_url: str = BASE_URL
    creatable: tuple[str, ...] = CREATABLE
    silently_refused: tuple[str, ...] = ()
    """Fields that are announced as creatable and then refused."""
    types: tuple[str, ...] = ("Story", "Task", "Bug")
    page_size: int | None = None
    hides_emails: bool = False
    index_lags: bool = False
    archived: bool = False
    custom: dict[str, str] = field(default_factory=dict)
    """Custom fields that may be set, by id, with their names."""
    sprint_field: str | None = "customfield_10020"
    priorities: tuple[str, ...] = PRIORITIES
    unreadable: bool = False
    users: dict[str, str] = field(default_factory=lambda: {"ada-account": "ada@example.org"})
    workflow: Workflow = field(default_factory=Workflow)
    faults: Faults = field(default_factory=Faults)
    issues: dict[str, dict[str, Any]] = field(default_factory=dict)
    comments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    _ids: int = 10000

    def client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self))

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        version = "/rest/api/2" if self.data_center else "/rest/api/3"
        if not self.data_center:
            contract().check(request)
        name = f"{request.method} {request.url.path.partition(version)[2]}"
        self.requests.append(name)

        async def answer() -> httpx2.Response:
            return self._answer(request, name)

        return await self.faults.around(request, name, answer, problem)

    def _answer(self, request: httpx2.Request, name: str) -> httpx2.Response:
        body = json.loads(request.content) if request.content else {}
        for pattern, act in ROUTES.items():
            if (found := re.fullmatch(pattern, name)) is not None:
                try:
                    status, said = act(self, *found.groups(), body=body, query=request.url.params)
                except Refused as refused:
                    return problem(refused.status, refused.message, {}, refused.errors)
                return httpx2.Response(status) if said is None else httpx2.Response(status, json=said)
        return problem(404, f"There is no {name}.", {})

    def of(self, id_or_key: str) -> dict[str, Any]:
        """The issue with this number or key."""
        for issue in self.issues.values():
            if id_or_key in (issue["id"], issue["key"]):
                return issue
        raise Refused(404, "Issue does not exist or you do not have permission to see it.")

    def add(self, project: str = "SHOP", **fields: Any) -> dict[str, Any]:
        """An issue as if somebody had created it."""
        self._ids += 1
        number = 1 + sum(issue["key"].startswith(f"{project}-") for issue in self.issues.values())
        id, at = str(self._ids), self._at()
        given = {
            "summary": "", "description": None, "labels": [], "assignee": None, "duedate": None, "resolution": None,
            "priority": {"name": "Medium"}, "issuetype": {"id": "3", "name": "Task"}, "status": STATUSES["To Do"],
            "project": {"key": project}, "created": at, "updated": at,
        }  # fmt: skip
        issue = {"id": id, "key": f"{project}-{number}", "self": f"{self.base_url}/rest/api/2/issue/{id}"}
        self.issues[id] = {**issue, "fields": given | fields}
        self.comments[id] = []
        return self.issues[id]

    def touch(self, id: str, **fields: Any) -> dict[str, Any]:
        """Change an issue, as somebody does on its page."""
        issue = self.of(id)
        issue["fields"] |= {**fields, "updated": self._at()}
        return issue

    def sprint(self, id: str, *sprints: tuple[int, str]) -> dict[str, Any]:
        """Put it into these sprints, by number and state, the way the site tells of them."""
        told: list[Any] = [
            {"id": n, "name": f"Sprint {n}", "state": state, "boardId": 1, "goal": ""}
            | ({"completeDate": "2026-06-01T10:00:00.000Z"} if state == "closed" else {})
            for n, state in sprints
        ]
        if self.data_center:
            java = (
                "com.atlassian.greenhopper.service.sprint.Sprint@1f[id={},rapidViewId=1,state={},name=Sprint {},"
                "startDate=<null>,endDate=<null>,completeDate={},sequence=1]"
            )
            dates = {"closed": "2026-06-01T10:00:00.000Z"}
            told = [java.format(n, state.upper(), n, dates.get(state, "<null>")) for n, state in sprints]
        assert self.sprint_field
        return self.touch(id, **{self.sprint_field: told})

    def move(self, id: str, project: str) -> dict[str, Any]:
        """Its key changes, its number stays."""
        issue = self.touch(id, project={"key": project})
        issue["key"] = f"{project}-7"
        return issue

    def _at(self) -> str:
        return self.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    def user(self, handle: str) -> dict[str, Any]:
        if handle not in self.users:
            raise Refused(400, assignee=f"User '{handle}' cannot be assigned issues.")
        name = {"name": handle} if self.data_center else {"accountId": handle}
        return {**name, "active": True, "emailAddress": None if self.hides_emails else self.users[handle]}

    def webhook(self, event: str, id: str, *, by: str = "ada-account") -> tuple[dict[str, str], bytes]:
        """A signed delivery about an issue as it is now, made from a recorded one."""
        recorded = json.loads(contract_file("webhooks/jira/issue-updated-resolved.json").read_text())
        user = {**recorded["user"], "accountId": by, "name": by, "emailAddress": f"{by}@acme.test"}
        issue = {**recorded["issue"], **self.of(id)}
        body = json.dumps({**recorded, "webhookEvent": event, "user": user, "issue": issue}).encode()
        return self.signed(body), body

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers of a delivery, in lower case as ASGI servers pass them on."""
        return {
            "x-hub-signature": sign(body, self.secret),
            "x-atlassian-webhook-identifier": str(uuid4()),
            "content-type": "application/json",
        }

    # ── Operations ──────────────────────────────────────────────────────────────────────────────────────────────────

    def create(self, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        fields = dict(body["fields"])
        self._require_settable(fields, self.creatable)
        project = fields.pop("project")["key"]
        type_name = self.types[int(fields["issuetype"]["id"]) - 2]
        issue = self.add(project, **self._stored(fields) | {"issuetype": {**fields["issuetype"], "name": type_name}})
        return 201, {name: issue[name] for name in ("id", "key", "self")}

    def edit(self, id: str, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        self.of(id)
        self._require_settable(body["fields"], self.creatable)
        self.touch(id, **self._stored(dict(body["fields"])))
        return 204, None

    def _require_settable(self, fields: Mapping[str, Any], settable: tuple[str, ...]) -> None:
        known = {*settable, *self.custom}
        unknown = [name for name in fields if name not in known or name in self.silently_refused]
        if unknown:
            text = "Field cannot be set. It is not on the appropriate screen, or unknown."
            raise Refused(400, **dict.fromkeys(unknown, text))
        if "\n" in fields.get("summary", "") or any(" " in label for label in fields.get("labels", ())):
            raise Refused(400, "The summary is one line, and labels have no spaces.")
        if fields.get("description") is not None:
            require_text(fields["description"], plain=self.data_center)

    def _stored(self, fields: dict[str, Any]) -> dict[str, Any]:
        if "assignee" in fields:
            fields["assignee"] = self.user(fields["assignee"]["name" if self.data_center else "id"])
        if "priority" in fields:
            id = fields["priority"]["id"]
            fields["priority"] = {"id": id, "name": self.priorities[int(id) - 1]}
        return fields

    def read(self, id: str, *, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        issue = self.of(id)
        if self.unreadable:
            raise Refused(404, "Issue does not exist or you do not have permission to see it.")
        return 200, {**issue, "fields": {name: issue["fields"].get(name) for name in query["fields"].split(",")}}

    def assign(self, id: str, *, body: Mapping[str, str], query: Any) -> tuple[int, Any]:
        self.of(id)
        self.touch(id, assignee=self.user(body["name" if self.data_center else "accountId"]))
        return 204, None

    def list_comments(self, id: str, *, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        self.of(id)
        return 200, self._page("comments", self.comments[id], query)

    def add_comment(self, id: str, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        self.of(id)
        require_text(body["body"], plain=self.data_center)
        self.comments[id].append({"id": str(len(self.comments[id])), "body": body["body"]})
        self.touch(id)
        return 201, self.comments[id][-1]

    def transitions(self, id: str, *, body: Any, query: Any) -> tuple[int, Any]:
        return 200, {"transitions": self.workflow.offered(self.of(id))}

    def transition(self, id: str, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        offered = {one["id"]: one for one in self.workflow.offered(self.of(id))}
        chosen = offered.get(body["transition"]["id"])
        if chosen is None:
            raise Refused(400, "It seems that you have tried to perform an illegal workflow operation.")
        self.touch(id, **self.workflow.result(chosen, body.get("fields") or {}))
        return 204, None

    def link(self, id: str, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        key = f"{self.of(id)['id']} {body['globalId']}"
        status = 200 if key in self.links else 201
        self.links[key] = dict(body)
        return status, {"id": 10000, "self": "https://acme.atlassian.net/rest/api/issue/1/remotelink/10000"}

    def search(self, *, body: Mapping[str, Any], query: Any) -> tuple[int, Any]:
        found = (
            [] if self.index_lags else [issue for issue in self.issues.values() if self._matches(issue, body["jql"])]
        )
        size = self.page_size or int(body["maxResults"])
        start = int(body.get("startAt") or body.get("nextPageToken") or 0)
        rows = [
            {**issue, "fields": {name: issue["fields"].get(name) for name in body["fields"]}}
            for issue in found[start : start + size]
        ]
        if self.data_center:
            return 200, {"startAt": start, "total": len(found), "issues": rows}
        more = start + size < len(found)
        return 200, {"issues": rows, "isLast": not more} | ({"nextPageToken": str(start + size)} if more else {})

    def _matches(self, issue: Mapping[str, Any], jql: str) -> bool:
        fields = issue["fields"]
        if (found := re.match(r'labels = "(\S+)" OR description ~ "\\"\1\\"" ORDER BY created ASC$', jql)) is not None:
            return found[1] in fields["labels"] or found[1] in json.dumps(fields["description"])
        found = re.match(r'project = "(\w+)" AND updated >= "-(\d+)m" ORDER BY updated ASC$', jql)
        if found is None:
            raise Refused(400, f"The simulator does not understand {jql}.")
        since = datetime.now(UTC) - timedelta(minutes=int(found[2]))
        return fields["project"]["key"] == found[1] and datetime.fromisoformat(fields["updated"]) >= since

    def issue_types(self, project: str, *, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        if project != "SHOP" or self.archived:
            raise Refused(404, f"No project could be found with key '{project}'.")
        rows = [{"id": str(n), "name": name, "subtask": False} for n, name in enumerate(self.types, 2)]
        rows.insert(0, {"id": "1", "name": "Sub-task", "subtask": True})
        return 200, self._page("issueTypes", rows, query)

    def type_fields(self, project: str, type_id: str, *, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        rows: list[dict[str, Any]] = [{"fieldId": name, "name": name, "required": False} for name in self.creatable]
        for row in rows:
            if row["fieldId"] == "priority":
                row["allowedValues"] = [{"id": str(n), "name": name} for n, name in enumerate(self.priorities, 1)]
        rows += [{"fieldId": id, "name": name, "required": False} for id, name in self.custom.items()]
        if self.sprint_field:
            schema = {"type": "array", "items": "json", "custom": "com.pyxis.greenhopper.jira:gh-sprint"}
            rows.append({"fieldId": self.sprint_field, "name": "Sprint", "required": False, "schema": schema})
        return 200, self._page("fields", rows, query)

    def project(self, key: str, *, body: Any, query: Any) -> tuple[int, Any]:
        if key != "SHOP":
            raise Refused(404, f"No project could be found with key '{key}'.")
        return 200, {"key": key, "archived": self.archived}

    def _page(self, name: str, rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
        start, size = int(query["startAt"]), self.page_size or int(query["maxResults"])
        shown = "values" if self.data_center and name != "comments" else name
        return {shown: rows[start : start + size], "startAt": start, "maxResults": size, "total": len(rows)}

    def assignable(self, *, body: Any, query: Mapping[str, str]) -> tuple[int, Any]:
        asked = query["username" if self.data_center else "query"]
        return 200, [self.user(handle) for handle, email in self.users.items() if email.startswith(asked)]

    def server_info(self, *, body: Any, query: Any) -> tuple[int, Any]:
        return 200, {"baseUrl": BASE_URL}


ROUTES: Mapping[str, Callable[..., tuple[int, Any]]] = {
    r"POST /issue": JiraSimulator.create,
    r"GET /issue/([\w-]+)": JiraSimulator.read,
    r"PUT /issue/(\w+)": JiraSimulator.edit,
    r"PUT /issue/(\w+)/assignee": JiraSimulator.assign,
    r"GET /issue/(\w+)/comment": JiraSimulator.list_comments,
    r"POST /issue/(\w+)/comment": JiraSimulator.add_comment,
    r"GET /issue/(\w+)/transitions": JiraSimulator.transitions,
    r"POST /issue/(\w+)/transitions": JiraSimulator.transition,
    r"POST /issue/(\w+)/remotelink": JiraSimulator.link,
    r"POST /search(?:/jql)?": JiraSimulator.search,
    r"GET /issue/createmeta/(\w+)/issuetypes": JiraSimulator.issue_types,
    r"GET /issue/createmeta/(\w+)/issuetypes/(\w+)": JiraSimulator.type_fields,
    r"GET /project/(\w+)": JiraSimulator.project,
    r"GET /user/assignable/search": JiraSimulator.assignable,
    r"GET /serverInfo": JiraSimulator.server_info,
}
