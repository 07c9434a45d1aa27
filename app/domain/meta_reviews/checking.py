"""The check `pattern_rate` of a meta-review's action item: what its pattern's two following quarters show."""

from datetime import datetime
from zoneinfo import ZoneInfo

from app.domain.actions.evidence import Check, CheckKind, Verdict
from app.domain.actions.model import ActionItem
from app.domain.ids import new_id
from app.domain.meta_reviews.counting import Span
from app.domain.meta_reviews.pattern import Pattern, PatternKind
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.rate import Rate, RateOutcome, quarters_after, rate_verdict
from app.domain.ports import UnitOfWork


async def check_pattern_rate(u: UnitOfWork, item: ActionItem, now: datetime) -> Check:
    """Inconclusive until both quarters are over; the window reaches from the deployment to the end of the second."""
    pattern = await u.meta_reviews.find_pattern(item.pattern_id) if item.pattern_id else None
    review = await u.meta_reviews.find(pattern.review_id) if pattern else None
    if pattern is None or review is None or item.deployed_at is None:
        reason = "The deployment time or the pattern is not known."
        return _check(item, now, now, RateOutcome(Verdict.INCONCLUSIVE, {"reason": reason}))
    zone = ZoneInfo(review.time_zone)
    first, second = quarters_after(item.deployed_at, review.period, zone)
    after = await _rates(u, pattern, first, second, now, zone)
    before = Rate(review.period, pattern.n, pattern.of)
    return _check(item, now, second.ends_at(zone), rate_verdict(before, after, now, zone))


async def _rates(
    u: UnitOfWork, pattern: Pattern, first: Quarter, second: Quarter, now: datetime, zone: ZoneInfo
) -> tuple[Rate, Rate]:
    span = Span(first.starts_at(zone), second.starts_at(zone), second.ends_at(zone), now)
    totals = await u.quarters.totals(span)
    if pattern.kind is PatternKind.THEME:
        n, previous_n, _ = await u.quarters.saying(pattern.phrase, span)
    else:
        found = next((one for one in await u.quarters.seen(span) if one.key == pattern.key), None)
        n, previous_n = (found.n, found.previous_n) if found else (0, 0)
    return Rate(first, previous_n, totals.previous_n), Rate(second, n, totals.n)


def _check(item: ActionItem, now: datetime, end: datetime, outcome: RateOutcome) -> Check:
    return Check(
        id=new_id(), action_item_id=item.id, kind=CheckKind.PATTERN_RATE, ran_at=now,
        window_start=item.deployed_at or now, window_end=end, verdict=outcome.verdict, detail=outcome.detail,
    )  # fmt: skip
