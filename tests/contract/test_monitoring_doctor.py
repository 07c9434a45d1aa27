"""`norepeat doctor` on Prometheus and Datadog: what is wrong is named with its remedy."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest
from pydantic import SecretStr

from app.adapters.diagnosis import Diagnosis
from app.settings import Settings
from app.wiring.doctor import diagnose
from tests.contract.openapi_contract import OpenApiContract

HEADERS = ("dd-api-key", "user-agent")


def date() -> dict[str, str]:
    return {"date": format_datetime(datetime.now(UTC), usegmt=True)}


class Systems:
    """A Prometheus and a Datadog that answer what a test says."""

    def __init__(self, **values: Any) -> None:
        self.values: dict[str, Any] = {"up": "12", "remaining": "3", "valid": True, "status": 200, "slo": 200} | values

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "prom.test":
            query = parse_qs(request.content.decode())["query"][0]
            value = self.values["up" if query == "count(up)" else "remaining"]
            result = [{"metric": {}, "value": [1, value]}] if value else []
            data = {"status": "success", "data": {"resultType": "vector", "result": result}}
            return httpx2.Response(self.values["status"], json=data, headers=date())
        OpenApiContract.load("datadog-v1.openapi.json", "https://api.datadoghq.com", headers=HEADERS).check(request)
        if request.url.path.endswith("validate"):
            return httpx2.Response(200, json={"valid": self.values["valid"]}, headers=date())
        body: dict[str, Any] = {"data": [{}]} if self.values["slo"] == 200 else {"errors": ["Forbidden"]}
        return httpx2.Response(self.values["slo"], json=body, headers=date())


BOTH = {
    "prometheus_url": "http://prom.test", "datadog_api_key": SecretStr("k3y"),
    "datadog_application_key": SecretStr("app"),
}  # fmt: skip


async def found(settings: Settings, systems: Systems, **configured: Any) -> dict[str, Diagnosis]:
    given = settings.model_copy(update={**BOTH, **configured})
    transport = httpx2.MockTransport(systems)
    return {d.subject: d async for d in diagnose(given, transport=transport) if not d.subject.startswith("database")}


async def test_when_all_is_well_it_says_what_there_is(settings: Settings, ports: Any) -> None:
    said = await found(settings, Systems())
    assert all(one.ok for one in said.values()), said
    assert set(said) == {
        "prometheus query", "prometheus error budgets", "prometheus clock",
        "datadog api key", "datadog application key", "datadog clock",
    }  # fmt: skip
    assert said["prometheus query"].said == "It answers, with 12 targets."
    without = await found(settings, Systems(remaining=None))
    assert without["prometheus error budgets"].ok
    assert "only evidence queries" in without["prometheus error budgets"].said


@pytest.mark.parametrize(
    ("values", "configured", "subject", "remedy"),
    [
        ({"up": None}, {}, "prometheus query", "NOREPEAT_PROMETHEUS_URL"),
        ({"status": 503}, {}, "prometheus query", "answered 503"),
        ({"valid": False}, {}, "datadog api key", "Set NOREPEAT_DATADOG_API_KEY"),
        ({"slo": 403}, {}, "datadog application key", "NOREPEAT_DATADOG_APPLICATION_KEY"),
        ({}, {"datadog_application_key": None}, "datadog keys", "NOREPEAT_DATADOG_APPLICATION_KEY"),
    ],
)
async def test_what_is_wrong_says_what_to_do(
    settings: Settings, ports: Any, values: dict[str, Any], configured: dict[str, Any], subject: str, remedy: str
) -> None:
    said = await found(settings, Systems(**values), **configured)
    (wrong,) = [one for one in said.values() if not one.ok]
    assert wrong.subject == subject
    assert remedy in wrong.said
