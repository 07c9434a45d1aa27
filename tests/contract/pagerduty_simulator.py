"""PagerDuty in memory: every request judged by its official contract, answers in the shape of its examples."""

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.adapters.incidents.pagerduty_client import PagerDutyClient
from tests.contract.faults import Fault, Faults
from tests.contract.openapi_contract import OpenApiContract, contract_file

BASE_URL = "https://api.pagerduty.com"
HEADERS = ("authorization", "accept", "content-type")
SENDER = "oncall@example.org"


USED = (
    "/abilities", "/users", "/incidents/{id}", "/incidents/{id}/log_entries", "/incidents/{id}/alerts",
    "/incidents/{id}/notes", "/incidents/{id}/related_change_events",
)  # fmt: skip
"""What we call. References in the bodies of other operations lack the ids that the examples send."""


@functools.cache
def load_contract() -> OpenApiContract:
    document = json.loads(contract_file("pagerduty-rest.openapi.json").read_text())
    used = {path: {name: part for name, part in document["paths"][path].items() if name != "put"} for path in USED}
    return OpenApiContract({**document, "paths": used}, BASE_URL, headers=HEADERS)


def example(path: str, method: str = "get") -> Any:
    """The official example of what this operation answers."""
    answers = load_contract().document["paths"][path][method]["responses"]["200"]
    return answers["content"]["application/json"]["examples"]["response"]["value"]


def person(id: str, name: str) -> dict[str, Any]:
    return {"id": id, "type": "user_reference", "summary": name}


def log_entry(id: str, kind: str, at: str, agent: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    agent = agent or {"id": "PSVC1", "type": "service_reference", "summary": "Checkout"}
    words = f"{kind.replace('_', ' ').capitalize()} by {agent['summary']}"
    return {"id": id, "type": f"{kind}_log_entry", "summary": words, "created_at": at, "agent": agent, **more}


@dataclass
class PagerDutySimulator:
    """`addons` says whether the plan has related changes; `page_size` cuts pages shorter than asked."""

    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    alerts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    notes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    changes: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    abilities: list[str] = field(default_factory=lambda: ["manage_schedules"])
    addon_status: int | None = None
    faults: Faults = field(default_factory=Faults)
    requests: list[str] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    contract: OpenApiContract = field(default_factory=load_contract)

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self)

    def client(self, http: httpx2.AsyncClient, *, sender: str | None = SENDER) -> PagerDutyClient:
        return PagerDutyClient(http, "k3y", BASE_URL, sender=sender, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def add(self, id: str = "PT4KHLK", **fields: Any) -> dict[str, Any]:
        """An incident on the service Checkout, triggered at noon."""
        incident: dict[str, Any] = {
            "id": id, "type": "incident", "title": "Checkout answers with errors", "status": "triggered",
            "created_at": "2026-06-14T12:00:00Z", "urgency": "high", "priority": None, "resolved_at": None,
            "html_url": f"https://acme.pagerduty.com/incidents/{id}", "assignments": [], "acknowledgements": [],
            "service": {"id": "PSVC1", "type": "service_reference", "summary": "Checkout"},
        }  # fmt: skip
        self.incidents[id] = incident | fields
        return self.incidents[id]

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.contract.check(request)
        name = f"{request.method} {request.url.path}"
        self.requests.append(name)

        async def answer() -> httpx2.Response:
            return self._answer(request)

        return await self.faults.around(request, name, answer, _problem)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        parts = request.url.path.strip("/").split("/")
        if parts[0] == "abilities":
            return httpx2.Response(200, json={"abilities": self.abilities})
        if parts[0] == "users":
            return httpx2.Response(200, json={"users": [{"id": "PU1", "email": SENDER}], "more": False})
        id = parts[1]
        if id not in self.incidents:
            return _problem(404, "Not Found", {})
        if len(parts) == 2:
            return httpx2.Response(200, json={"incident": self.incidents[id]})
        return self._part(request, id, parts[2])

    def _part(self, request: httpx2.Request, id: str, part: str) -> httpx2.Response:
        if part == "notes" and request.method == "POST":
            return httpx2.Response(200, json={"note": self._noted(id, request)})
        if part == "notes":
            return httpx2.Response(200, json={"notes": self.notes.get(id, [])})
        if part == "related_change_events":
            if self.addon_status is not None:
                return _problem(self.addon_status, "Access Denied", {})
            return httpx2.Response(200, json={"change_events": self.changes.get(id, [])})
        found = {"log_entries": self.log, "alerts": self.alerts}[part].get(id, [])
        limit, offset = int(request.url.params["limit"]), int(request.url.params["offset"])
        assert offset + limit <= 10_000, "PagerDuty refuses to look further"
        page = found[offset : offset + limit]
        return httpx2.Response(
            200, json={part: page, "limit": limit, "offset": offset, "more": offset + limit < len(found)}
        )

    def _noted(self, id: str, request: httpx2.Request) -> dict[str, Any]:
        notes = self.notes.setdefault(id, [])
        note = {
            "id": f"PN{len(notes) + 1}", "content": json.loads(request.content)["note"]["content"],
            "user": person("PU1", "On Call"), "created_at": "2026-06-15T12:00:00Z",
        }  # fmt: skip
        notes.append(note)
        return note


def _problem(status: int, message: str, headers: Mapping[str, str]) -> httpx2.Response:
    error = {"error": {"message": message, "code": 2020 if status == 429 else 2000}}
    return httpx2.Response(status, json=error, headers=dict(headers))


__all__ = ["BASE_URL", "Fault", "PagerDutySimulator", "example", "log_entry", "person"]
