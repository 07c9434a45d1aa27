"""The stored risk of a review's action items: that any of its pattern's (root cause, service) pairs strikes again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from app.domain.budgets.model import levels_and_burnt
from app.domain.learning.facts import PatternItem, StoredRisk
from app.domain.learning.rates import rates_from
from app.domain.learning.risk import BudgetState, CauseRates, PairHistory, RiskPolicy, recurrence, score_meta_item
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork

Pair = tuple[UUID, UUID]


async def score_pattern_items(
    uow: OpenUnitOfWork, clock: Clock, policy: RiskPolicy, *, item_id: UUID | None = None
) -> int:
    """Write risk, reasons and instant on the not-closed items of patterns, or on one; how many that were."""
    now = clock()
    async with uow() as u:
        items = await u.risks.pattern_items(item_id)
        causes = sorted({cause for item in items for cause, _ in item.pairs})
        histories = await u.risks.histories(now, causes) if causes else ()
        rates = rates_from(await u.risks.fit(), histories, now, policy)
        known = {(h.root_cause_id, h.service_id): h for h in histories}
        scored = [_scored(item, known, rates, await _budgets(u, item), now, policy) for item in items]
        await u.risks.store(scored)
        await u.commit()
    return len(items)


async def _budgets(u: UnitOfWork, item: PatternItem) -> Sequence[BudgetState]:
    """The error budget of the service that the item lists; without one the factor is 1."""
    if item.service_id is None:
        return ()
    return (BudgetState(item.service, *levels_and_burnt(await u.boosts.live([item.service_id]))),)


def _scored(
    item: PatternItem,
    known: Mapping[Pair, PairHistory],
    rates: CauseRates,
    budgets: Sequence[BudgetState],
    now: datetime,
    policy: RiskPolicy,
) -> StoredRisk:
    histories = [known[pair] for pair in item.pairs if pair in known]
    score = score_meta_item(
        [(recurrence(history, rates, now, policy), history) for history in histories],
        budgets,
        originating_rank=item.originating_rank,
        as_of=now,
        policy=policy,
    )
    later = [at for history in histories for at in history.started_at if item.originated_at < at <= now]
    return StoredRisk(item.item_id, score, now, max(later, default=None))
