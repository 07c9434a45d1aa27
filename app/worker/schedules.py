"""What the clock asks for, and when."""

from collections.abc import Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters import queue
from app.adapters.process_metrics import reconciled
from app.domain.access import SYSTEM
from app.domain.actions.use_cases.evidence import run_checks
from app.domain.budgets.use_cases.measurements import forget_readings, poll_budgets
from app.domain.digests.use_cases import deliver_posts, plan_posts
from app.domain.errors import DomainError
from app.domain.follow_through.sweeping import apply_item_rules, apply_postmortem_rules
from app.domain.follow_through.use_cases import (
    close_determined_causes,
    find_undetermined_causes,
    find_unknown_deployments,
)
from app.domain.learning.use_cases.acceptances import follow_all
from app.domain.learning.use_cases.gauges import refresh_gauges
from app.domain.learning.use_cases.risk import refit_recurrence
from app.domain.meta_reviews.use_cases.drafting import build_meta_review, draft_due_reviews
from app.domain.meta_reviews.use_cases.risk import score_pattern_items
from app.domain.once import KEPT
from app.domain.organisation.sessions import forget_sessions
from app.domain.outbound.use_cases.sending import forget_webhooks
from app.domain.ports import Ports
from app.domain.tracking.use_cases.reconcile_tickets import reconcile_tickets

log = structlog.get_logger()
EVIDENCE_BATCH = 200
SCHEDULES = {
    "evidence": "7 * * * *", "risk": "37 * * * *", "findings": "23 * * * *", "digests": "*/10 * * * *",
    "prune": "41 3 * * *",
    "reconcile": "*/15 * * * *", "reconcile_all": "13 2 * * *", "boosts": "* * * * *",
    "acceptances": "29 3 * * *", "gauges": "*/15 * * * *", "meta_reviews": "11 * * * *",
    "budgets_prometheus": "* * * * *", "budgets_datadog": "*/5 * * * *",
}  # fmt: skip


async def look_for_findings(ports: Ports) -> int:
    """The rules that only time can break; how many findings that opened."""
    uow, clock, policy = ports.uow, ports.clock, ports.policy
    await close_determined_causes(uow, clock)
    unknown = await find_unknown_deployments(uow, clock, policy) + await find_undetermined_causes(uow, clock, policy)
    return unknown + await apply_item_rules(uow, clock, policy) + await apply_postmortem_rules(uow, clock, policy)


async def post_digests(ports: Ports) -> int:
    """What teams get in their channels, where chat is configured; how many posts were attempted."""
    if ports.chat_room is None:
        return 0
    await plan_posts(ports.uow, ports.clock, ports.policy)
    return await deliver_posts(ports.uow, ports.clock, ports.policy, ports.chat_room)


async def build_reviews(ports: Ports, go_on: Callable[[], bool] = lambda: True) -> int:
    """Begin the review of the quarter that ended last, and count every unpublished one anew; how many those are."""
    ids = await draft_due_reviews(ports.uow, ports.clock, ports.policy)
    for id in ids:
        if go_on():
            await build_meta_review(ports.uow, ports.clock, ports.meta_review_policy, review_id=id)
    return len(ids)


async def score_risks(ports: Ports) -> None:
    """The fit anew, and with it the risk of every open item."""
    await refit_recurrence(ports.uow, ports.clock, ports.risk_policy)
    await score_pattern_items(ports.uow, ports.clock, ports.risk_policy)


async def follow_acceptances(ports: Ports) -> int:
    """What followed every acceptance of evidence, anew; how many that corrected."""
    return await follow_all(ports.uow)


async def compute_gauges(ports: Ports) -> int:
    """The numbers that Prometheus scrapes; how many."""
    return await refresh_gauges(
        ports.facts, ports.gauges, ports.clock, ports.metrics_policy, time_zone=ports.policy.organisation_time_zone
    )


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
    reconciled(recent=recent, adopted=done.adopted, lost=done.lost, doubled=done.doubled)
    log.info("reconciled", recent=recent, compared=done.compared, adopted=done.adopted, lost=done.lost)
    for problem in done.problems:
        log.warning("not_reconciled", problem=problem)


async def look_at_budgets(ports: Ports, name: str) -> int:
    """How many budgets this source gave. Who does not answer changes nothing: what nobody renews becomes stale."""
    source = ports.slo_sources.get(name)
    if source is None:
        return 0
    try:
        return await poll_budgets(ports.uow, ports.clock, ports.policy.budgets, name, source)
    except DomainError as error:
        log.warning("budgets_not_polled", source=name, error=error.message)
        return 0


async def prune(ports: Ports, engine: AsyncEngine) -> None:
    await forget_webhooks(ports.uow, ports.clock, ports.policy.outbound)
    await forget_readings(ports.uow, ports.clock, ports.policy.budgets)
    await forget_sessions(ports.uow, ports.clock)
    await ports.once.forget(ports.clock() - KEPT)
    async with engine.begin() as connection:
        await queue.prune_log(connection)
