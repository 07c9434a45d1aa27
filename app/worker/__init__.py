"""The background process: it wakes on jobs and acts on events, deliveries, webhooks and the clock."""

import asyncio
import signal
from collections.abc import Mapping

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters import queue
from app.adapters.db.events import stamp_positions
from app.domain.budgets.use_cases.boosts import expire_boosts
from app.domain.budgets.use_cases.measurements import act_on_alerts
from app.domain.events import EventType
from app.domain.learning.use_cases.risk import refit_recurrence
from app.domain.ports import Ports
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.settings import Settings
from app.wiring import open_ports
from app.worker.pacing import Coalesced, every
from app.worker.reactions import REACTIONS, Reaction, handle_events
from app.worker.schedules import SCHEDULES, check_evidence, look_at_budgets, look_for_findings, prune, reconcile

log = structlog.get_logger()
PATIENCE = 8.0
LAST_MOMENT = 1.0


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; a second signal changes nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_ports(settings) as opened:
        await work(opened.ports, opened.engine, opened.dsn, stop=stop)


async def work(
    ports: Ports,
    engine: AsyncEngine,
    dsn: str,
    *,
    stop: asyncio.Event,
    reactions: Mapping[EventType, tuple[Reaction, ...]] = REACTIONS,
    sweep_every: float = 5.0,
    stamp_every: float = 1.0,
) -> None:
    """Consume jobs, sweep and stamp until `stop` is set; then finish what is in hand, within ten seconds."""
    entrypoints = _entrypoints(ports, engine, stop, reactions)
    tasks = [
        asyncio.create_task(queue.run(dsn, entrypoints, stop=stop, schedules=SCHEDULES)),
        asyncio.create_task(every(sweep_every, stop, lambda: _sweep(engine))),
        asyncio.create_task(every(stamp_every, stop, lambda: _stamp(engine))),
    ]
    log.info("worker_started")
    await _until_stopped(tasks, stop)
    # No time-out around the consumer and one cancel at most: a second one drops its running jobs. What is cut
    # off here is claimed again from our own tables when its lease ends.
    _, unfinished = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in unfinished:
        task.cancel()
    await asyncio.wait(tasks, timeout=LAST_MOMENT)
    log.info("worker_stopped", cut_off=len(unfinished))


async def _until_stopped(tasks: list[asyncio.Task[None]], stop: asyncio.Event) -> None:
    """A task that ends by itself has failed: the worker ends, so that its supervisor starts it anew."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if stopping not in done:
        stop.set()
        await asyncio.wait(tasks, timeout=PATIENCE)
        for task in done:
            task.result()


def _entrypoints(
    ports: Ports,
    engine: AsyncEngine,
    stop: asyncio.Event,
    reactions: Mapping[EventType, tuple[Reaction, ...]],
) -> Mapping[str, queue.Work]:
    def go_on() -> bool:
        return not stop.is_set()

    alerts = {name: act_on_alerts(ports.uow, ports.clock, ports.policy.budgets, s) for name, s in ports.signals.items()}

    async def events() -> None:
        while go_on() and await handle_events(ports, reactions):
            await _stamp(engine)

    return {
        "events": Coalesced(events),
        "deliveries": Coalesced(lambda: deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers, go_on=go_on)),
        "inbox": Coalesced(
            lambda: process_inbox(
                ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks, alerts, go_on=go_on
            )
        ),
        "evidence": Coalesced(lambda: check_evidence(ports, go_on)),
        "risk": Coalesced(lambda: refit_recurrence(ports.uow, ports.clock, ports.risk_policy)),
        "findings": Coalesced(lambda: look_for_findings(ports)),
        "prune": Coalesced(lambda: prune(ports, engine)),
        "reconcile": Coalesced(lambda: reconcile(ports, go_on, recent=True)),
        "reconcile_all": Coalesced(lambda: reconcile(ports, go_on, recent=False)),
        "boosts": Coalesced(lambda: expire_boosts(ports.uow, ports.clock, ports.policy.budgets)),
        "budgets": Coalesced(lambda: look_at_budgets(ports)),
    }


async def _sweep(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await queue.sweep(connection)


async def _stamp(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await stamp_positions(connection)
