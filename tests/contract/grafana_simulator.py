"""Grafana's annotations in memory, every request judged by its contract."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.adapters.monitoring.grafana import GrafanaClient
from tests.contract.faults import Fault, Faults
from tests.contract.openapi_contract import OpenApiContract

URL = "https://grafana.example.org"


def load_contract() -> OpenApiContract:
    return OpenApiContract.load("grafana-annotations.openapi.json", f"{URL}/api", headers=("authorization",))


@dataclass
class GrafanaSimulator:
    annotations: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    requests: list[str] = field(default_factory=list)
    headers: list[httpx2.Headers] = field(default_factory=list)
    contract: OpenApiContract = field(default_factory=load_contract)

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self)

    def client(self, http: httpx2.AsyncClient, **options: Any) -> GrafanaClient:
        return GrafanaClient(http, URL, "glsa_token", **options)

    def add(self, at: int, text: str, *tags: str, **fields: Any) -> None:
        self.annotations.append(
            {"id": len(self.annotations) + 1, "time": at, "text": text, "tags": list(tags), **fields}
        )

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.contract.check(request)
        self.requests.append(f"{request.method} {request.url.path}")
        self.headers.append(request.headers)

        async def answer() -> httpx2.Response:
            return self._answer(request)

        return await self.faults.around(request, self.requests[-1], answer, _problem)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            body = json.loads(request.content)
            self.annotations.append({"id": len(self.annotations) + 1, **body})
            return httpx2.Response(200, json={"id": len(self.annotations), "message": "Annotation added"})
        return httpx2.Response(200, json=[one for one in self.annotations if _matches(one, request.url.params)])


def _matches(annotation: Mapping[str, Any], asked: httpx2.QueryParams) -> bool:
    start, end = int(asked.get("from", 0)), int(asked.get("to", 1 << 60))
    tags, has = asked.get_list("tags"), set(annotation["tags"] or ())
    tagged = not tags or (bool(has & set(tags)) if asked.get("matchAny") == "true" else set(tags) <= has)
    dashboard = asked.get("dashboardUID")
    return start <= annotation["time"] <= end and tagged and dashboard in (None, annotation.get("dashboardUID"))


def _problem(status: int, message: str, headers: Mapping[str, str]) -> httpx2.Response:
    return httpx2.Response(status, json={"message": message}, headers=dict(headers))


__all__ = ["URL", "Fault", "GrafanaSimulator"]
