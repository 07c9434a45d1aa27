"""What people do with a review: word its fixes, decide on its themes, submit and publish it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize, require_person
from app.domain.events import Event, EventType
from app.domain.learning.model import UnknownFactor
from app.domain.meta_reviews.building import hash_of
from app.domain.meta_reviews.model import MetaReview
from app.domain.meta_reviews.pattern import Pattern
from app.domain.meta_reviews.theme import Theme
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork


async def submit_meta_review(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID) -> MetaReview:
    """draft → in_review. Raises PeriodNotEnded, MetaReviewBuilding."""
    authorize(caller, Action.REVIEW_META_REVIEW)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        review = (await u.meta_reviews.get(review_id)).submit(person_id, now)
        saved = await _keep(u, review, EventType.META_REVIEW_SUBMITTED, caller, now)
        await u.commit()
    return saved


async def send_back_meta_review(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID, reason: str
) -> MetaReview:
    """in_review → draft; the reason is in the event."""
    authorize(caller, Action.REVIEW_META_REVIEW)
    now = clock()
    async with uow() as u:
        review = (await u.meta_reviews.get(review_id)).send_back()
        saved = await _keep(u, review, EventType.META_REVIEW_SENT_BACK, caller, now, reason=reason)
        await u.commit()
    return saved


async def publish_meta_review(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID, content_hash: str | None = None
) -> MetaReview:
    """in_review → published: the numbers that were seen stay for ever. By a reviewer who did not submit it.

    Raises NumbersChanged where `content_hash` is not that of the numbers as they are.
    """
    authorize(caller, Action.PUBLISH_META_REVIEW)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        review = (await u.meta_reviews.get(review_id)).publish(person_id, content_hash, now)
        saved = await _keep(u, review, EventType.META_REVIEW_PUBLISHED, caller, now, content_hash=review.content_hash)
        await u.commit()
    return saved


async def word_systemic_fix(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, review_id: UUID, key: str, fix: str
) -> Pattern:
    """The proposed systemic fix of a pattern in other words; counting anew leaves them as they are."""
    authorize(caller, Action.WRITE_META_REVIEW)
    now = clock()
    async with uow() as u:
        review = await u.meta_reviews.get(review_id)
        review.require_open("edited")
        pattern = (await u.meta_reviews.pattern_named(review_id, key)).with_fix(fix)
        await u.meta_reviews.save_patterns([pattern])
        await _rehash(u, review, caller, now, pattern=key)
        await u.commit()
    return pattern


async def accept_theme(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, theme_id: UUID, factor_code: str | None = None
) -> Theme:
    """It means something: it is counted as a pattern from now on, with the factor it may be a form of.

    The factor is a proposal for the authors of those postmortems; nothing they signed changes.
    """
    authorize(caller, Action.REVIEW_META_REVIEW)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        old = await u.meta_reviews.get_theme(theme_id)
        review = await u.meta_reviews.get(old.review_id)
        review.require_open("edited")
        if factor_code is not None and await u.factors.find(factor_code) is None:
            raise UnknownFactor(f"There is no factor “{factor_code}”; GET /v1/factors lists them.")
        theme = old.accept(person_id, factor_code, now)
        await u.meta_reviews.save_themes([theme])
        await _tell(u, review, EventType.META_REVIEW_REQUESTED, caller, now, theme_id=str(theme.id))
        await u.commit()
    return theme


async def dismiss_theme(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, theme_id: UUID, reason: str) -> Theme:
    """It means nothing; the reason is kept."""
    authorize(caller, Action.REVIEW_META_REVIEW)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        old = await u.meta_reviews.get_theme(theme_id)
        review = await u.meta_reviews.get(old.review_id)
        review.require_open("edited")
        theme = old.dismiss(person_id, reason, now)
        await u.meta_reviews.save_themes([theme])
        await _tell(u, review, EventType.META_REVIEW_UPDATED, caller, now, theme_id=str(theme.id))
        await u.commit()
    return theme


async def _rehash(u: UnitOfWork, review: MetaReview, caller: Caller, now: datetime, **data: object) -> None:
    """Whoever saw the numbers before saw other words."""
    assert review.numbers is not None, "a pattern comes from a count"
    patterns = await u.meta_reviews.patterns(review.id)
    shown = replace(review, content_hash=hash_of(review.numbers, patterns), updated_at=now)
    await _keep(u, shown, EventType.META_REVIEW_UPDATED, caller, now, **data)


async def _keep(
    u: UnitOfWork, review: MetaReview, type: EventType, caller: Caller, now: datetime, **data: object
) -> MetaReview:
    saved = await u.meta_reviews.save(review)
    await _tell(u, saved, type, caller, now, **data)
    return saved


async def _tell(
    u: UnitOfWork, review: MetaReview, type: EventType, caller: Caller, now: datetime, **data: object
) -> None:
    await u.events.add(Event(type, review.id, now, caller.actor, data={"period": str(review.period), **data}))
