"""The background process: it wakes on jobs and acts on events, deliveries, webhooks and the clock."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters import queue
from app.adapters.db.events import stamp_positions
from app.domain.access import SYSTEM
from app.domain.actions.use_cases.evidence import run_checks
from app.domain.actions.use_cases.refutation import refute_action_items
from app.domain.budgets.use_cases.boosts import expire_boosts, reprioritise_item
from app.domain.budgets.use_cases.measurements import act_on_alerts, forget_readings, poll_budgets
from app.domain.errors import DomainError
from app.domain.events import Event, EventType
from app.domain.follow_through.use_cases import find_undetermined_causes, find_unknown_deployments
from app.domain.learning.use_cases.causes import follow_merge
from app.domain.learning.use_cases.risk import (
    refit_recurrence,
    score_item_causes,
    score_open_items,
    score_service_items,
)
from app.domain.ports import Ports
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.tracking.backoff import next_try
from app.domain.tracking.use_cases.deliver_due import deliver_due
from app.domain.tracking.use_cases.process_inbox import process_inbox
from app.domain.tracking.use_cases.reconcile_tickets import reconcile_tickets
from app.settings import Settings
from app.wiring import open_ports

Reaction = Callable[[Ports, Event], Awaitable[object]]
"""What an event makes us do: a use case with transactions of its own, safe to repeat."""

log = structlog.get_logger()
BATCH = 100
EVIDENCE_BATCH = 200
LEASE = timedelta(seconds=60)
PATIENCE = 8.0
LAST_MOMENT = 1.0
SCHEDULES = {
    "evidence": "7 * * * *", "risk": "37 * * * *", "findings": "23 5 * * *", "prune": "41 3 * * *",
    "reconcile": "*/15 * * * *", "reconcile_all": "13 2 * * *", "boosts": "* * * * *", "budgets": "* * * * *",
}  # fmt: skip


def _refute(ports: Ports, event: Event) -> Awaitable[object]:
    return refute_action_items(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _require_postmortem(ports: Ports, event: Event) -> Awaitable[object]:
    return require_postmortem(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _propose_tier(ports: Ports, event: Event) -> Awaitable[object]:
    return propose_tier_again(ports.uow, ports.clock, ports.policy, incident_id=event.subject_id)


def _score_causes(ports: Ports, event: Event) -> Awaitable[object]:
    """An incident's old and new confirmed cause: the items of both have another risk now."""
    named = event.data.get("root_cause_ids")
    causes = [UUID(str(id)) for id in named] if isinstance(named, list) else []
    return score_open_items(ports.uow, ports.clock, ports.risk_policy, causes=causes)


def _follow_merge(ports: Ports, event: Event) -> Awaitable[object]:
    return follow_merge(ports.uow, cause_id=event.subject_id)


def _score_item(ports: Ports, event: Event) -> Awaitable[object]:
    return score_item_causes(ports.uow, ports.clock, ports.risk_policy, item_id=event.subject_id)


def _score_service(ports: Ports, event: Event) -> Awaitable[object]:
    service_id = UUID(str(event.data["service_id"]))
    return score_service_items(ports.uow, ports.clock, ports.risk_policy, service_id=service_id)


def _reprioritise(ports: Ports, event: Event) -> Awaitable[object]:
    return reprioritise_item(ports.uow, ports.clock, ports.policy.budgets, item_id=event.subject_id)


REACTIONS: Mapping[EventType, tuple[Reaction, ...]] = {
    EventType.INCIDENT_CREATED: (_propose_tier,),
    EventType.INCIDENT_UPDATED: (_require_postmortem, _propose_tier),
    EventType.INCIDENT_RESOLVED: (_require_postmortem,),
    EventType.INCIDENT_CAUSE_CHANGED: (_refute, _propose_tier, _score_causes),
    EventType.ROOT_CAUSES_MERGED: (_follow_merge, _score_causes),
    EventType.ACTION_ITEM_CREATED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_UPDATED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_OPENED: (_score_item,),
    EventType.ACTION_ITEM_REOPENED: (_score_item, _reprioritise),
    EventType.ACTION_ITEM_REFUTED: (_score_item, _reprioritise),
    EventType.BOOST_RAISED: (_score_service,),
    EventType.BOOST_LIFTED: (_score_service,),
    EventType.BOOST_EXPIRED: (_score_service,),
}
"""The only place that says what follows from what."""


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
        asyncio.create_task(_every(sweep_every, stop, lambda: _sweep(engine))),
        asyncio.create_task(_every(stamp_every, stop, lambda: _stamp(engine))),
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
        "prune": Coalesced(lambda: _prune(ports, engine)),
        "reconcile": Coalesced(lambda: reconcile(ports, go_on, recent=True)),
        "reconcile_all": Coalesced(lambda: reconcile(ports, go_on, recent=False)),
        "boosts": Coalesced(lambda: expire_boosts(ports.uow, ports.clock, ports.policy.budgets)),
        "budgets": Coalesced(lambda: look_at_budgets(ports)),
    }


class Coalesced:
    """Work that is woken while it runs runs once more instead of twice at the same time."""

    def __init__(self, work: queue.Work) -> None:
        self._work = work
        self._running = False
        self._again = False

    async def __call__(self) -> None:
        self._again = True
        if self._running:
            return
        self._running = True
        try:
            while self._again:
                self._again = False
                await self._work()
        finally:
            self._running = False


async def handle_events(ports: Ports, reactions: Mapping[EventType, tuple[Reaction, ...]] = REACTIONS) -> int:
    """Act on a batch of events, each by itself; how many there were."""
    now = ports.clock()
    async with ports.uow() as u:
        events = await u.events.unhandled(BATCH)
        idle = [event.id for event in events if not reactions.get(event.type)]
        busy = [event for event in events if reactions.get(event.type)]
        if idle:
            await u.events.handled(idle, now)
        if busy:
            await u.events.claim([event.id for event in busy], now + LEASE)
        await u.commit()
    for event in busy:
        await _handle(ports, event, reactions[event.type])
    return len(events)


async def _handle(ports: Ports, event: Event, reactions: tuple[Reaction, ...]) -> None:
    error = None
    for reaction in reactions:
        try:
            await reaction(ports, event)
        except Exception as raised:
            error = error or f"{type(raised).__name__}: {raised}"
            log.exception("reaction_failed", type=event.type, event_id=str(event.id))
    now = ports.clock()
    async with ports.uow() as u:
        if error is None:
            await u.events.handled([event.id], now)
        else:
            retry_at = next_try(now, event.attempts + 1, ports.policy.delivery, jitter=lambda: 0.5)
            await u.events.failed(event.id, error, retry_at)
        await u.commit()


async def look_for_findings(ports: Ports) -> int:
    """The rules that only time can break; how many findings that opened."""
    unknown = await find_unknown_deployments(ports.uow, ports.clock, ports.policy)
    return unknown + await find_undetermined_causes(ports.uow, ports.clock, ports.policy)


async def check_evidence(ports: Ports, go_on: Callable[[], bool] = lambda: True) -> int:
    """Run the checks of every item whose evidence window has ended; how many items that were."""
    async with ports.uow() as u:
        ids = await u.action_items.evidence_due(ports.clock(), EVIDENCE_BATCH)
    for id in ids:
        if not go_on():
            break
        try:
            await run_checks(
                ports.uow, ports.clock, ports.policy, ports.risk_policy, ports.monitoring, caller=SYSTEM, item_id=id
            )
        except DomainError as error:
            log.warning("checks_not_run", item_id=str(id), error=error.message)
    return len(ids)


async def reconcile(ports: Ports, go_on: Callable[[], bool] = lambda: True, *, recent: bool) -> None:
    """Compare tickets with their trackers; a project that cannot be asked is in the log and left for the next time."""
    done = await reconcile_tickets(ports.uow, ports.clock, ports.trackers, recent=recent, go_on=go_on)
    log.info("reconciled", recent=recent, compared=done.compared, adopted=done.adopted, lost=done.lost)
    for problem in done.problems:
        log.warning("not_reconciled", problem=problem)


async def look_at_budgets(ports: Ports) -> int:
    """How many budgets were recorded. Who does not answer changes nothing: what nobody renews becomes stale."""
    if ports.slo_source is None:
        return 0
    try:
        return await poll_budgets(ports.uow, ports.clock, ports.policy.budgets, ports.slo_source)
    except DomainError as error:
        log.warning("budgets_not_polled", error=error.message)
        return 0


async def _every(seconds: float, stop: asyncio.Event, act: Callable[[], Coroutine[None, None, object]]) -> None:
    """Now and again until stopped; a database that is away for a moment stops nothing."""
    while not stop.is_set():
        try:
            await act()
        except Exception as error:
            log.warning("periodic_work_failed", error=f"{type(error).__name__}: {error}")
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            continue


async def _sweep(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await queue.sweep(connection)


async def _stamp(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await stamp_positions(connection)


async def _prune(ports: Ports, engine: AsyncEngine) -> None:
    await forget_readings(ports.uow, ports.clock, ports.policy.budgets)
    async with engine.begin() as connection:
        await queue.prune_log(connection)
