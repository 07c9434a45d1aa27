"""`norepeat doctor` on PagerDuty and Grafana: what is wrong is named with its remedy."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from app.adapters.diagnosis import Diagnosis
from app.domain.ports import Ports
from app.settings import Settings
from app.wiring.doctor import diagnose
from tests.contract.faults import Fault
from tests.contract.grafana_simulator import URL, GrafanaSimulator
from tests.contract.pagerduty_simulator import SENDER, PagerDutySimulator


class Both:
    """PagerDuty and Grafana behind one transport."""

    def __init__(self) -> None:
        self.pagerduty, self.grafana = PagerDutySimulator(), GrafanaSimulator()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        simulator: Any = self.grafana if "grafana" in request.url.host else self.pagerduty
        answer: httpx2.Response = await simulator(request)
        return answer


def configured(settings: Settings, **fields: Any) -> Settings:
    given = {
        "pagerduty_token": SecretStr("k3y"), "pagerduty_from": SENDER.upper(), "grafana_url": URL,
        "pagerduty_webhook_secrets": [SecretStr("s")], "grafana_token": SecretStr("glsa"),
    }  # fmt: skip
    return settings.model_copy(update=given | fields)


async def found(settings: Settings, both: Both) -> dict[str, Diagnosis]:
    said = {one.subject: one async for one in diagnose(settings, transport=httpx2.MockTransport(both))}
    return {name: one for name, one in said.items() if name.startswith(("pagerduty", "grafana"))}


async def test_when_all_is_well_it_says_so_and_writes_nothing(ports: Ports, settings: Settings) -> None:
    both = Both()
    said = await found(configured(settings), both)
    assert set(said) == {
        "pagerduty credentials", "pagerduty sender", "pagerduty webhook secret", "grafana annotations",
    }  # fmt: skip
    assert all(one.ok for one in said.values()), said
    assert {name.split()[0] for name in both.pagerduty.requests + both.grafana.requests} == {"GET"}


@pytest.mark.parametrize(
    ("fields", "breaks", "subject", "remedy"),
    [
        ({}, lambda b: b.pagerduty.faults.plan(Fault.UNAUTHORIZED), "pagerduty credentials", "PAGERDUTY_TOKEN"),
        ({}, lambda b: b.pagerduty.faults.plan(Fault.REFUSED_CONNECTION), "pagerduty credentials", "reached"),
        ({"pagerduty_from": None}, lambda b: None, "pagerduty sender", "NOREPEAT_PAGERDUTY_FROM"),
        ({"pagerduty_from": "x@example.org"}, lambda b: None, "pagerduty sender", "no user x@example.org"),
        ({"pagerduty_webhook_secrets": []}, lambda b: None, "pagerduty webhook secret", "SECRETS"),
        ({}, lambda b: b.grafana.faults.plan(Fault.UNAUTHORIZED), "grafana annotations", "NOREPEAT_GRAFANA_TOKEN"),
        ({"grafana_token": None}, lambda b: None, "grafana annotations", "NOREPEAT_GRAFANA_URL"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named_with_its_remedy(
    ports: Ports, settings: Settings, fields: dict[str, Any], breaks: Callable[[Both], None], subject: str, remedy: str
) -> None:
    both = Both()
    breaks(both)
    said = await found(configured(settings, **fields), both)
    (wrong,) = [one for one in said.values() if not one.ok]
    assert wrong.subject == subject
    assert remedy in wrong.said


async def test_what_is_not_configured_is_not_looked_at(ports: Ports, settings: Settings) -> None:
    assert await found(settings, Both()) == {}
