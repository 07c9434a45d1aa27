"""The whole chain on real servers: Sloth's official rules over backfilled errors fire in a real Prometheus, a real
Alertmanager posts them to us, the boost changes a ticket's priority; and back when the errors are gone."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.domain.actions.model import Priority
from app.domain.budgets.use_cases.boosts import expire_boosts
from app.domain.ports import Ports, SignalSource
from app.main import create_app
from app.settings import Settings
from examples.monitoring_servers import (
    ALERTMANAGER,
    MISSING,
    MISSING_ALERTMANAGER,
    PROMETHEUS,
    PROMTOOL,
    alertmanager,
    free_address,
    prometheus,
    write_history,
)
from examples.request_history import HOUR, requests
from tests import make
from tests.contract.openapi_contract import contract_file
from tests.worker.conftest import ROUTE, Shop

pytestmark = [
    pytest.mark.skipif(not (PROMETHEUS and PROMTOOL), reason=MISSING),
    pytest.mark.skipif(not ALERTMANAGER, reason=MISSING_ALERTMANAGER),
]
TOKEN = "al3rts"
SIGNALS = {"alertmanager": SignalSource(AlertmanagerWebhooks(), (TOKEN,))}
PATIENCE = 40.0


@asynccontextmanager
async def serving(settings: Settings, ports: Ports) -> AsyncIterator[str]:
    """Our API on a port of its own, because Alertmanager needs somewhere to post to."""
    app = create_app(settings)
    app.state.ports = replace(ports, signals=SIGNALS)
    host, _, port = (address := free_address()).partition(":")
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=int(port), lifespan="off", log_level="error"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield f"http://{address}"
    finally:
        server.should_exit = True
        await serving


async def until(seen: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not seen():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.05)


def priority_at_github(shop: Shop) -> str:
    """What the issue says, as GitHub has no priority of its own."""
    ((_, issue),) = shop.simulator.issues.items()
    line = next(line for line in str(issue["body"]).splitlines() if "riority" in line)
    return line.rsplit(maxsplit=1)[-1].strip("*_. ")


async def test_errors_make_a_ticket_urgent_and_their_end_takes_that_back(
    shop: Shop, settings: Settings, tmp_path: Path
) -> None:
    rules, now = contract_file("slo/sloth.getting-started.rules.yml"), time.time()
    burning, recovered = tmp_path / "burning", tmp_path / "recovered"
    for folder, ended in ((burning, 0.0), (recovered, 6.5 * HOUR)):
        folder.mkdir()
        write_history(folder, requests(now, job="myservice", errors_from=now - 8 * HOUR, errors_until=now - ended))
    shop.service = make.service("myservice", route=ROUTE)
    async with shop.ports.uow() as u:
        await u.services.add(shop.service)
        await u.commit()
    async with serving(settings, shop.ports) as url:
        shop.ports = replace(shop.ports, signals=SIGNALS)
        with alertmanager(tmp_path, webhook=f"{url}/v1/inbound/alertmanager", token=TOKEN) as alerts:
            async with shop.worker():
                item, ticket, _ = await shop.item(base_priority=Priority.MEDIUM)
                await until(lambda: shop.simulator.issues)
                assert priority_at_github(shop) == "medium"
                with prometheus(burning, rules=rules, alertmanager=alerts):
                    await until(lambda: priority_at_github(shop) == "urgent")
                    reached_at = time.time()
                    await shop.until("select count(distinct signal) from boosts", 2)
                first = await shop.value("select extract(epoch from min(raised_at)) from boosts")
                print(f"\nfrom the webhook to the ticket: {reached_at - float(first):.2f} s")
                with prometheus(recovered, rules=rules, alertmanager=alerts):
                    await shop.until("select count(*) from boosts where clear_since is null", 0, seconds=PATIENCE)
                assert priority_at_github(shop) == "urgent"
            real = shop.ports.clock
            shop.ports = replace(shop.ports, clock=lambda: real() + timedelta(hours=7))
            await expire_boosts(shop.ports.uow, shop.ports.clock, shop.ports.policy.budgets)
            async with shop.worker():
                await until(lambda: priority_at_github(shop) == "medium")
    assert {state for (state,) in await shop.rows("select state from boosts")} == {"lifted"}
    found = await shop.rows("select base_priority, effective_priority from action_items where id = :id", id=item.id)
    assert found == [(Priority.MEDIUM, Priority.MEDIUM)]
    assert (await shop.ticket(ticket.id)).external_id is not None
