"""The background process: it wakes on jobs and acts on events, deliveries, webhooks and the clock."""

import asyncio
import signal
from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters import queue
from app.adapters.db.audit import seal_audit_log
from app.adapters.db.engine import answered
from app.adapters.db.events import stamp_positions
from app.domain.announcing.use_cases import deliver_announcements
from app.domain.budgets.use_cases.boosts import expire_boosts
from app.domain.deeds import Deed, doing
from app.domain.events import EventType
from app.domain.outbound.use_cases.sending import fan_out
from app.domain.ports import Ports
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.settings import Settings
from app.wiring import open_ports
from app.worker.drafts import write_drafts
from app.worker.inbox import inbox_acts
from app.worker.outbound import Dispatcher
from app.worker.pacing import Coalesced, every
from app.worker.reactions import REACTIONS, Reaction, handle_events
from app.worker.schedules import (
    SCHEDULES,
    build_reviews,
    check_evidence,
    compute_gauges,
    follow_acceptances,
    look_at_budgets,
    look_for_findings,
    post_digests,
    prune,
    reconcile,
    score_risks,
)
from app.worker.starting import open_when_reachable

log = structlog.get_logger()
PATIENCE = 8.0
LAST_MOMENT = 1.0


async def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; a second signal changes nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        opened = await open_when_reachable(stack, lambda: open_ports(settings), stop)
        if opened is not None:
            timeout = settings.command_timeout
            await work(opened.ports, opened.engine, opened.dsn, stop=stop, command_timeout=timeout)


async def work(
    ports: Ports,
    engine: AsyncEngine,
    dsn: str,
    *,
    stop: asyncio.Event,
    reactions: Mapping[EventType, tuple[Reaction, ...]] = REACTIONS,
    sweep_every: float = 5.0,
    stamp_every: float = 1.0,
    command_timeout: float = queue.COMMAND_TIMEOUT,
) -> None:
    """Consume jobs, sweep and stamp until `stop` is set; then finish what is in hand, within ten seconds."""
    dispatcher = Dispatcher(ports)
    entrypoints = {**_entrypoints(ports, engine, stop, reactions), "outbound": dispatcher.wake}
    consumer = queue.run(dsn, entrypoints, stop=stop, schedules=SCHEDULES, command_timeout=command_timeout)
    tasks = [
        asyncio.create_task(consumer),
        asyncio.create_task(every(sweep_every, stop, lambda: _sweep(engine))),
        asyncio.create_task(every(stamp_every, stop, lambda: _stamp(ports, engine))),
        asyncio.create_task(dispatcher.run(stop)),
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

    others = inbox_acts(ports)

    async def events() -> None:
        # Who follows the feed should not wait for what we make of the events.
        await _stamp(ports, engine)
        while go_on() and await handle_events(ports, reactions):
            await _stamp(ports, engine)

    works: Mapping[str, queue.Work] = {
        "events": events,
        "deliveries": lambda: deliver_due(ports.uow, ports.clock, ports.policy, ports.trackers, go_on=go_on),
        "inbox": lambda: process_inbox(
            ports.uow, ports.clock, ports.policy, ports.trackers, ports.webhooks, others, go_on=go_on
        ),
        "announcements": lambda: deliver_announcements(ports.uow, ports.clock, ports.policy, ports.boards, go_on=go_on),
        "drafts": lambda: write_drafts(ports, go_on),
        "evidence": lambda: check_evidence(ports, go_on),
        "risk": lambda: score_risks(ports),
        "acceptances": lambda: follow_acceptances(ports),
        "gauges": lambda: compute_gauges(ports),
        "meta_reviews": lambda: build_reviews(ports, go_on),
        "findings": lambda: look_for_findings(ports),
        "digests": lambda: post_digests(ports),
        "prune": lambda: prune(ports, engine),
        "reconcile": lambda: reconcile(ports, go_on, recent=True),
        "reconcile_all": lambda: reconcile(ports, go_on, recent=False),
        "boosts": lambda: expire_boosts(ports.uow, ports.clock, ports.policy.budgets),
        "budgets_prometheus": lambda: look_at_budgets(ports, "prometheus"),
        "budgets_datadog": lambda: look_at_budgets(ports, "datadog"),
    }
    return {name: Coalesced(_named(name, work)) for name, work in works.items()}


def _named(name: str, work: queue.Work) -> queue.Work:
    """The same work, under its name in the audit log."""

    async def named() -> None:
        with doing(Deed(name)):
            await work()

    return named


async def _sweep(engine: AsyncEngine) -> None:
    async with answered(engine) as connection, connection.begin():
        await queue.sweep(connection)


async def _stamp(ports: Ports, engine: AsyncEngine) -> None:
    """What has been committed gets its place: events in the feed and on their ways, the audit log in its chain."""
    async with answered(engine) as connection:
        await stamp_positions(connection)
    await fan_out(ports.uow, ports.clock, ports.feed)
    async with answered(engine) as connection:
        await seal_audit_log(connection)
