"""From a period to counted numbers: asked for by a person, or by the clock on the first day of a quarter."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.meta_reviews.building import (
    counted_patterns,
    hash_of,
    heat_of,
    numbers_of,
    renewed,
    renewed_themes,
    theme_counted,
    vanished,
)
from app.domain.meta_reviews.counting import Seen, Span, Struck, Totals
from app.domain.meta_reviews.difference import Difference, difference_of
from app.domain.meta_reviews.model import (
    Build,
    BuildStep,
    MetaReview,
    MetaReviewBuilding,
    MetaReviewExists,
    MetaReviewPolicy,
)
from app.domain.meta_reviews.pattern import Counted, Pattern
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.theme import Theme, ThemeStatus
from app.domain.meta_reviews.wording import repeated_wording
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork


async def create_meta_review(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, caller: Caller, period: str
) -> MetaReview:
    """A draft whose numbers the worker counts; of a quarter that still runs it stays preliminary until its end.

    Raises InvalidPeriod, PeriodNotBegun, MetaReviewExists.
    """
    authorize(caller, Action.WRITE_META_REVIEW)
    now, zone = clock(), ZoneInfo(policy.organisation_time_zone)
    quarter = Quarter.parse(period)
    quarter.require_begun(now, zone)
    review = _draft(quarter, zone, now)
    async with uow() as u:
        if not await u.meta_reviews.add(review):
            raise MetaReviewExists(f"{quarter} has a review already; there is one for each quarter.")
        await _announce(u, review, EventType.META_REVIEW_CREATED, caller, now)
        await u.commit()
    return review


async def draft_due_reviews(uow: OpenUnitOfWork, clock: Clock, policy: Policy) -> Sequence[UUID]:
    """Begin the review of the quarter that ended last, unless there is one; returns what is to be counted.

    It asks which quarter has ended, not which day it is, so a tick that was missed costs only time, and two workers
    at the same tick make one review: the period is unique.
    """
    now, zone = clock(), ZoneInfo(policy.organisation_time_zone)
    review = _draft(Quarter.at(now, zone).previous, zone, now)
    async with uow() as u:
        known = await u.meta_reviews.find_by_period(review.period)
        if known is None and await u.quarters.has_incidents(_span(review, now)) and await u.meta_reviews.add(review):
            await _announce(u, review, EventType.META_REVIEW_CREATED, SYSTEM, now)
        unpublished = await u.meta_reviews.unpublished()
        await u.commit()
    return unpublished


async def rebuild_meta_review(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID) -> MetaReview:
    """Count anew now, without waiting for the next time the worker does it by itself."""
    authorize(caller, Action.WRITE_META_REVIEW)
    now = clock()
    async with uow() as u:
        review = await u.meta_reviews.get(review_id)
        review.require_open("counted anew")
        await u.meta_reviews.progress(review.id, Build())
        await _announce(u, review, EventType.META_REVIEW_REQUESTED, caller, now)
        await u.commit()
    return review


async def build_meta_review(
    uow: OpenUnitOfWork, clock: Clock, policy: MetaReviewPolicy, *, review_id: UUID
) -> MetaReview | None:
    """Count the quarter, step by step, each shown while it runs; None if it was published meanwhile.

    Safe to repeat and to run twice at once: the numbers are written in one transaction, the last one wins.
    """
    now = clock()
    async with uow() as u:
        review = await u.meta_reviews.find(review_id)
    if review is None or review.is_published:
        return None
    try:
        return await _built(uow, review, now, policy)
    except Exception as error:
        await _show(uow, review, review.build.failed(type(error).__name__))
        raise


async def _built(uow: OpenUnitOfWork, review: MetaReview, now: datetime, policy: MetaReviewPolicy) -> MetaReview | None:
    span = _span(review, now)
    await _show(uow, review, review.build.at(BuildStep.COUNTING))
    async with uow() as u:
        totals, seen = await u.quarters.totals(span), await u.quarters.seen(span)
    await _show(uow, review, review.build.at(BuildStep.QUOTING))
    async with uow() as u:
        quotes = await u.quarters.quotes(span, policy)
    await _show(uow, review, review.build.at(BuildStep.COMPARING))
    async with uow() as u:
        services = await u.quarters.services(span, policy)
    counted = counted_patterns(seen, quotes, services, policy)
    await _show(uow, review, review.build.at(BuildStep.LISTENING))
    async with uow() as u:
        themes = await _themes(u, review, span, policy)
        counted += await _accepted(u, themes, span)
        saved = await _keep(u, review.id, counted, themes, totals, seen, services, now, policy)
        await u.commit()
    return saved


async def _show(uow: OpenUnitOfWork, review: MetaReview, build: Build) -> None:
    async with uow() as u:
        await u.meta_reviews.progress(review.id, build)
        await u.commit()


async def _themes(u: UnitOfWork, review: MetaReview, span: Span, policy: MetaReviewPolicy) -> list[Theme]:
    """What repeats now, and what was decided on before."""
    known = await u.meta_reviews.themes(review.id)
    repeated = repeated_wording(await u.quarters.wording(span, policy), policy)
    quotes = {one.phrase: await u.quarters.quoted(one.incident_ids, one.phrase, policy) for one in repeated}
    found = renewed_themes(review.id, known, repeated, quotes)
    phrases = {theme.phrase for theme in found}
    return found + [theme for theme in known if theme.phrase not in phrases and not theme.is_open]


async def _accepted(u: UnitOfWork, themes: Sequence[Theme], span: Span) -> list[Counted]:
    found = []
    for theme in themes:
        if theme.status is ThemeStatus.ACCEPTED:
            _, previous_n, ids = await u.quarters.saying(theme.phrase, span)
            found.append(theme_counted(theme, ids, previous_n, await u.quarters.struck_by(ids)))
    return found


async def _keep(
    u: UnitOfWork,
    review_id: UUID,
    counted: Sequence[Counted],
    themes: Sequence[Theme],
    totals: Totals,
    seen: Sequence[Seen],
    services: Struck,
    now: datetime,
    policy: MetaReviewPolicy,
) -> MetaReview | None:
    """Everything at once, unless it was published meanwhile."""
    review = await u.meta_reviews.get(review_id)
    if review.is_published:
        return None
    known = await u.meta_reviews.patterns(review_id)
    patterns = renewed(review_id, known, counted, totals, policy)
    patterns += await _kept_without_incidents(u, review_id, known, patterns, totals, policy)
    await u.meta_reviews.save_patterns(patterns)
    await u.meta_reviews.remove_patterns([p.id for p in known if p.key not in {one.key for one in patterns}])
    await u.meta_reviews.remove_themes(
        [t.id for t in await u.meta_reviews.themes(review_id) if t.id not in {one.id for one in themes}]
    )
    await u.meta_reviews.save_themes(themes)
    numbers = numbers_of(totals, heat_of(seen, services, policy))
    new = review.counted(numbers, hash_of(numbers, patterns), now)
    saved = await u.meta_reviews.save(new)
    if new.content_hash != review.content_hash:
        await _announce(u, saved, EventType.META_REVIEW_COUNTED, SYSTEM, now)
    return saved


async def _kept_without_incidents(
    u: UnitOfWork,
    review_id: UUID,
    known: Sequence[Pattern],
    counted: Sequence[Pattern],
    totals: Totals,
    policy: MetaReviewPolicy,
) -> list[Pattern]:
    promised, keys = await u.meta_reviews.keys_with_items(review_id), {pattern.key for pattern in counted}
    return [
        vanished(pattern, totals, policy)
        for pattern in known
        if pattern.key not in keys and (pattern.fix_is_edited or pattern.key in promised)
    ]


async def compare_meta_review(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID) -> Difference:
    """What the review's numbers would be if they were counted now. Raises MetaReviewBuilding before the first count."""
    authorize(caller, Action.READ)
    now = clock()
    async with uow() as u:
        review = await u.meta_reviews.get(review_id)
        if review.numbers is None:
            raise MetaReviewBuilding
        span = _span(review, now)
        totals, seen = await u.quarters.totals(span), await u.quarters.seen(span)
        return difference_of(review.numbers.n, await u.meta_reviews.patterns(review_id), totals, seen)


def _draft(quarter: Quarter, zone: ZoneInfo, now: datetime) -> MetaReview:
    return MetaReview(
        id=new_id(),
        period=quarter,
        time_zone=zone.key,
        starts_at=quarter.starts_at(zone),
        ends_at=quarter.ends_at(zone),
        created_at=now,
        updated_at=now,
    )


def _span(review: MetaReview, now: datetime) -> Span:
    zone = ZoneInfo(review.time_zone)
    return Span(review.period.previous.starts_at(zone), review.starts_at, review.ends_at, now)


async def _announce(u: UnitOfWork, review: MetaReview, type: EventType, caller: Caller, now: datetime) -> None:
    await u.events.add(Event(type, review.id, now, caller.actor, data={"period": str(review.period)}))
