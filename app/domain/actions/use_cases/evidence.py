"""Closing with evidence: what a person attests, what a reviewer accepts, what our own incidents say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.access import SYSTEM, Action, Caller, authorize, require_person
from app.domain.actions.evidence import Check, CheckKind, Observation, Verdict, attestation
from app.domain.actions.metric import MetricOutcome, look, window_of
from app.domain.actions.model import ActionItem, ItemWrongState, Status, is_shown_to_work
from app.domain.actions.recording import keep, tell_ticket
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.learning.rates import prior_and_exposure
from app.domain.learning.risk import RiskPolicy
from app.domain.learning.silence import silence_verdict
from app.domain.meta_reviews.checking import check_pattern_rate
from app.domain.monitoring import Backend
from app.domain.policy import Policy
from app.domain.ports import Clock, Monitoring, OpenUnitOfWork, UnitOfWork
from app.domain.tracking.model import TicketStatus, TicketUpdate


async def attest_action_item(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    item_id: UUID,
    observation: Observation | None,
    statement: str,
    window_start: datetime | None,
    window_end: datetime | None,
    link: str | None,
) -> Check:
    """A person who is not the owner says what happened in production; it waits for a reviewer.

    Raises NotEvidence where window, observation or link is missing.
    """
    authorize(caller, Action.ATTEST)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        item = await u.action_items.get(item_id, caller)
        if item.status is not Status.IMPLEMENTED:
            raise ItemWrongState(f"Evidence is given for an implemented item; this one is {item.status}.")
        check = attestation(
            id=new_id(), action_item_id=item.id, by_id=person_id, owner_id=item.owner_id, observation=observation,
            statement=statement, window_start=window_start, window_end=window_end, link=link,
            deployed_at=item.deployed_at, now=now,
        )  # fmt: skip
        await u.checks.add(check)
        await _announce(u, item, check, caller=caller, now=now)
        await u.commit()
    return check


async def review_evidence(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    item_id: UUID,
    check_id: UUID,
    accept: bool,
    comment: str = "",
) -> Check:
    """A reviewer accepts or rejects an attestation; accepting closes the item if nothing else has failed."""
    authorize(caller, Action.REVIEW_EVIDENCE)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        item = await u.action_items.get(item_id, caller)
        check = await u.checks.get(check_id)
        if check.action_item_id != item.id:
            raise ItemWrongState("This evidence belongs to another action item.")
        reviewed = check.review(accept=accept, by_id=person_id, owner_id=item.owner_id, now=now, comment=comment)
        await u.checks.save(reviewed)
        await _announce(u, item, reviewed, caller=caller, now=now)
        await _conclude(u, item, reviewed, caller=caller, now=now)
        await u.commit()
    return reviewed


async def run_checks(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    risk_policy: RiskPolicy,
    monitoring: Mapping[Backend, Monitoring],
    *,
    caller: Caller,
    item_id: UUID,
) -> Sequence[Check]:
    """Run every planned check that needs no person, now: at the window's end by itself, or on demand."""
    authorize(caller, Action.WRITE_ACTION_ITEM)
    now = clock()
    async with uow() as u:
        asked = _implemented(await u.action_items.get(item_id, caller))
    outcome = await _look(asked, policy, monitoring, now)
    async with uow() as u:
        item = _implemented(await u.action_items.get(item_id, caller))
        is_same = (item.plan, item.deployed_at) == (asked.plan, asked.deployed_at)
        checks = []
        if item.plan and CheckKind.NO_RECURRENCE in item.plan.checks:
            item, check = await _check_silence(u, item, policy, risk_policy, now)
            checks.append(check)
        if outcome is not None and is_same:
            item, check = await _check_metric(u, item, outcome, now)
            checks.append(check)
        if item.plan and CheckKind.PATTERN_RATE in item.plan.checks:
            checks.append(await check_pattern_rate(u, item, now))
        kept = await _kept(u, item, checks, caller=caller, now=now)
        await _conclude_from(u, item, kept, caller=caller, now=now)
        await u.commit()
    return kept


def _implemented(item: ActionItem) -> ActionItem:
    if item.status is not Status.IMPLEMENTED:
        raise ItemWrongState(f"Checks run on an implemented item; this one is {item.status}.")
    return item


async def _kept(
    u: UnitOfWork, item: ActionItem, checks: Sequence[Check], *, caller: Caller, now: datetime
) -> Sequence[Check]:
    """Keep what was found, but not the same "nothing yet" every hour where nobody asked."""
    known = await u.checks.of_item(item.id)
    kept = [check for check in checks if caller is not SYSTEM or not any(_same_nothing(check, old) for old in known)]
    for check in kept:
        await u.checks.add(check)
        await _announce(u, item, check, caller=caller, now=now)
    return kept


def _same_nothing(new: Check, old: Check) -> bool:
    nothing = new.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_EXERCISED)
    facts = ("kind", "verdict", "window_start", "window_end", "detail")
    return nothing and all(getattr(new, name) == getattr(old, name) for name in facts)


async def _look(
    item: ActionItem, policy: Policy, monitoring: Mapping[Backend, Monitoring], now: datetime
) -> MetricOutcome | None:
    """What the monitoring shows, asked while no transaction is open; None where no metric is planned."""
    if item.plan is None or item.plan.metric is None:
        return None
    if item.deployed_at is None:
        return MetricOutcome(Verdict.INCONCLUSIVE, {"reason": "The deployment time is not known."})
    window = window_of(item.deployed_at, item.plan.window_days, now)
    return await look(monitoring, item.plan.metric, window, policy.evidence)


async def _check_metric(
    u: UnitOfWork, item: ActionItem, outcome: MetricOutcome, now: datetime
) -> tuple[ActionItem, Check]:
    """`metric`: what was seen becomes a check; the window is longer where the demonstration may still come."""
    assert item.plan is not None
    window = window_of(item.deployed_at or now, item.plan.window_days, now)
    check = Check(
        id=new_id(), action_item_id=item.id, kind=CheckKind.METRIC, ran_at=now, window_start=window.start,
        window_end=window.end, verdict=outcome.verdict, detail=outcome.detail, link=outcome.link,
    )  # fmt: skip
    if outcome.longer_window_days is not None and outcome.longer_window_days > item.plan.window_days:
        item = await _lengthen(u, item, outcome.longer_window_days, now)
    return item, check


async def _lengthen(u: UnitOfWork, item: ActionItem, days: int, now: datetime) -> ActionItem:
    assert item.plan is not None
    longer = item.with_plan(replace(item.plan, window_days=days))
    return await keep(u, item, longer, EventType.ACTION_ITEM_UPDATED, caller=SYSTEM, now=now, source="system")


async def _check_silence(
    u: UnitOfWork, item: ActionItem, policy: Policy, risk_policy: RiskPolicy, now: datetime
) -> tuple[ActionItem, Check]:
    """`no_recurrence`: silence in the window, where silence says something; else the window lengthens."""
    assert item.plan is not None
    start, days = item.deployed_at or now, item.plan.window_days
    end = min(start + timedelta(days=days), now)
    check = Check(
        id=new_id(), action_item_id=item.id, kind=CheckKind.NO_RECURRENCE, ran_at=now, window_start=start,
        window_end=end, verdict=Verdict.INCONCLUSIVE,
    )  # fmt: skip
    if item.deployed_at is None or item.root_cause_id is None or item.service_id is None:
        reason = "The deployment time, the root cause or the service is not known."
        return item, replace(check, detail={"reason": reason})
    seen = await u.checks.recurrences(cause_id=item.root_cause_id, service_id=item.service_id, start=start, end=end)
    histories = await u.risks.histories(start, [item.root_cause_id])
    pair = (item.root_cause_id, item.service_id)
    prior, exposure = prior_and_exposure(await u.risks.fit(), histories, pair, start, risk_policy)
    outcome = silence_verdict(
        recurrences=seen, prior=prior, before_fix=exposure, window_days=days,
        window_is_over=now >= start + timedelta(days=days), policy=policy.evidence,
    )  # fmt: skip
    if outcome.longer_window_days is not None:
        item = await _lengthen(u, item, outcome.longer_window_days, now)
    return item, replace(check, verdict=outcome.verdict, detail=outcome.detail)


async def _announce(u: UnitOfWork, item: ActionItem, check: Check, *, caller: Caller, now: datetime) -> None:
    data = {"check_id": str(check.id), "kind": check.kind, "verdict": check.verdict}
    await u.events.add(Event(EventType.CHECK_RECORDED, item.id, now, caller.actor, item.incident_id, data))


async def _conclude_from(
    u: UnitOfWork, item: ActionItem, checks: Sequence[Check], *, caller: Caller, now: datetime
) -> None:
    """What failed decides before what passed."""
    for verdict in (Verdict.FAILED, Verdict.PASSED):
        for check in checks:
            if check.verdict is verdict:
                await _conclude(u, item, check, caller=caller, now=now)
                return


async def _conclude(u: UnitOfWork, item: ActionItem, check: Check, *, caller: Caller, now: datetime) -> None:
    """Close on sufficient evidence, send back to open on a failed check, else leave it."""
    if item.status is not Status.IMPLEMENTED:
        return
    checks = await u.checks.of_item(item.id)
    if check.verdict is Verdict.FAILED:
        saved = await keep(u, item, item.fail(now), EventType.ACTION_ITEM_REOPENED, caller=caller, now=now)
        update = TicketUpdate(status=TicketStatus.TODO, comment="Reopened: a check of the fix failed.")
        await tell_ticket(u, saved, update, reason=f"check-{check.id}", now=now)
    elif check.verdict is Verdict.PASSED and is_shown_to_work(checks):
        kept = replace(check, closed_item_at=now, implemented_at=item.implemented_at, deployed_at=item.deployed_at)
        await u.checks.save(kept)
        saved = await keep(u, item, item.close(checks, now), EventType.ACTION_ITEM_CLOSED, caller=caller, now=now)
        await tell_ticket(u, saved, TicketUpdate(comment="Closed with evidence."), reason=f"close-{check.id}", now=now)
