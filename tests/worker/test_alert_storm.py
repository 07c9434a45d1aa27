"""A storm of alerts over HTTP: at most one live boost per key, no error, whatever comes at once.

NOREPEAT_STORM_ALERTS=5000 gives the full size.
"""

import asyncio
import itertools
import os
import random
import time
from dataclasses import replace

import httpx2

from app.adapters.monitoring.alertmanager import AlertmanagerWebhooks
from app.domain.actions.model import Priority
from app.domain.budgets.use_cases.measurements import act_on_alerts
from app.domain.ports import SignalSource
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.main import create_app
from app.settings import Settings
from tests import make
from tests.worker.conftest import Shop
from tests.worker.test_alerts import BEARER, PATH, post

ALERTS = int(os.environ.get("NOREPEAT_STORM_ALERTS", "400"))
SERVICES, SLOS, AT_ONCE, A_POST = 50, 2, 8, 20
KEYS = SERVICES * SLOS * 2


async def test_a_storm_makes_at_most_one_live_boost_per_key_and_no_error(shop: Shop, settings: Settings) -> None:
    signals = {"alertmanager": SignalSource(AlertmanagerWebhooks(), ("s3cret",))}
    ports = replace(shop.ports, signals=signals)
    services = [make.service(f"shop-{number}") for number in range(SERVICES)]
    async with ports.uow() as u:
        for service in services:
            await u.services.add(service)
            await u.action_items.add(
                make.action_item(owner_id=None, service_id=service.id, base_priority=Priority.LOW)
            )  # fmt: skip
        await u.commit()
    kinds = list(itertools.product(range(SERVICES), range(SLOS), ("page", "ticket")))
    alerts = [("firing", f"shop-{s}", f"slo-{slo}", severity) for s, slo, severity in kinds]
    alerts = [alerts[number % len(alerts)] for number in range(ALERTS)]
    random.Random(5).shuffle(alerts)
    app = create_app(settings)
    app.state.ports = ports
    waiting = iter([post(*alerts[at : at + A_POST]) for at in range(0, ALERTS, A_POST)])
    acts = {name: act_on_alerts(ports.uow, ports.clock, ports.policy.budgets, s) for name, s in signals.items()}

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://norepeat.test") as http:

        async def send() -> None:
            for body in waiting:
                assert (await http.post(PATH, content=body, headers=BEARER)).status_code == 202

        start = time.perf_counter()
        await asyncio.gather(*(send() for _ in range(AT_ONCE)))
        taken = time.perf_counter() - start
    both = [process_inbox(ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks, acts) for _ in range(2)]
    await asyncio.gather(*both)
    print(f"\n{ALERTS} alerts taken in {taken:.1f} s, acted upon after {time.perf_counter() - start:.1f} s")

    assert await shop.value("select count(*) from inbox where error is not null or handled_at is null") == 0
    keys = "(service_id, slo, source, signal)"
    assert await shop.rows(f"select count(*), count(distinct {keys}) from boosts") == [(KEYS, KEYS)]
    assert await shop.rows("select distinct state from boosts") == [("active",)]
    assert await shop.rows("select distinct effective_priority from action_items") == [(Priority.HIGH,)]
