"""What the clock asks for, and when."""

from collections.abc import Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters import queue
from app.domain.access import SYSTEM
from app.domain.actions.use_cases.evidence import run_checks
from app.domain.budgets.use_cases.measurements import forget_readings, poll_budgets
from app.domain.errors import DomainError
from app.domain.follow_through.use_cases import find_undetermined_causes, find_unknown_deployments
from app.domain.ports import Ports
from app.domain.tracking.use_cases.reconcile_tickets import reconcile_tickets

log = structlog.get_logger()
EVIDENCE_BATCH = 200
SCHEDULES = {
    "evidence": "7 * * * *", "risk": "37 * * * *", "findings": "23 5 * * *", "prune": "41 3 * * *",
    "reconcile": "*/15 * * * *", "reconcile_all": "13 2 * * *", "boosts": "* * * * *", "budgets": "* * * * *",
}  # fmt: skip


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


async def prune(ports: Ports, engine: AsyncEngine) -> None:
    await forget_readings(ports.uow, ports.clock, ports.policy.budgets)
    async with engine.begin() as connection:
        await queue.prune_log(connection)
