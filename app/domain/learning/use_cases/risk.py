"""Keeping the stored risk of open items true: for a cause when something touches it, for all once a day."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.domain.budgets.model import levels_and_burnt
from app.domain.learning.facts import RiskyItem, StoredRisk
from app.domain.learning.rates import fit_catalogue, rates_from
from app.domain.learning.risk import (
    BudgetState,
    CauseRates,
    PairHistory,
    RiskPolicy,
    recurrence,
    score_item,
)
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork


async def refit_recurrence(uow: OpenUnitOfWork, clock: Clock, policy: RiskPolicy) -> int:
    """Learn the catalogue's rates anew and score every open item with them. Returns how many items were scored."""
    now = clock()
    async with uow() as u:
        histories = await u.risks.histories(now, None)
        await u.risks.save_fit(fit_catalogue(histories, now, policy))
        await u.commit()
    return await score_open_items(uow, clock, policy, causes=None)


async def score_open_items(
    uow: OpenUnitOfWork, clock: Clock, policy: RiskPolicy, *, causes: Sequence[UUID] | None
) -> int:
    """Write risk, reasons and instant on the not-closed items of these causes, or of all."""
    if causes is not None and not causes:
        return 0
    now = clock()
    async with uow() as u:
        items = await u.risks.open_items(causes)
        histories = await u.risks.histories(now, causes)
        rates = rates_from(await u.risks.fit(), histories, now, policy)
        known = {(h.root_cause_id, h.service_id): h for h in histories}
        budgets = await _budgets(u, items)
        await u.risks.store([_scored(item, known, rates, budgets[item.service_id], now, policy) for item in items])
        await u.commit()
    return len(items)


async def score_item_causes(uow: OpenUnitOfWork, clock: Clock, policy: RiskPolicy, *, item_id: UUID) -> int:
    """Score the items that share the cause of this one, which was created, opened or changed."""
    async with uow() as u:
        items = await u.action_items.find_many([item_id])
    causes = [item.root_cause_id for item in items if item.root_cause_id is not None]
    return await score_open_items(uow, clock, policy, causes=causes) if causes else 0


async def score_service_items(uow: OpenUnitOfWork, clock: Clock, policy: RiskPolicy, *, service_id: UUID) -> int:
    """Score the items whose cause also strikes this service, whose error budget has changed."""
    async with uow() as u:
        causes = await u.risks.causes_on(service_id)
    return await score_open_items(uow, clock, policy, causes=causes)


async def _budgets(u: UnitOfWork, items: Sequence[RiskyItem]) -> Mapping[UUID, BudgetState]:
    """The error budget of every service that an item is about."""
    slugs = {item.service_id: item.service for item in items}
    boosts = await u.boosts.live(list(slugs))
    return {
        id: BudgetState(slug, *levels_and_burnt(boost for boost in boosts if boost.key.service_id == id))
        for id, slug in slugs.items()
    }


def _scored(
    item: RiskyItem,
    known: dict[tuple[UUID, UUID], PairHistory],
    rates: CauseRates,
    budget: BudgetState,
    now: datetime,
    policy: RiskPolicy,
) -> StoredRisk:
    pair = (item.root_cause_id, item.service_id)
    history = known.get(pair) or PairHistory(*pair, item.service, ())
    score = score_item(
        recurrence(history, rates, now, policy),
        history,
        budget,
        originating_rank=item.originating_rank,
        as_of=now,
        policy=policy,
    )
    later = [at for at in history.started_at if item.originated_at < at <= now]
    return StoredRisk(item.item_id, score, now, max(later, default=None))
