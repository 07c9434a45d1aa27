"""REST: the quarter's review: its numbers, patterns and themes, its steps, and its action items."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many, read_one
from app.api.rest import action_items, meta_review_reports
from app.api.rest.incident_schemas import IncidentOut
from app.api.rest.meta_review_reading import difference, known_id, review_id
from app.api.rest.meta_review_schemas import (
    AcceptThemeBody,
    FixBody,
    MetaReviewBrief,
    MetaReviewCreate,
    MetaReviewDifferenceOut,
    MetaReviewOut,
    PatternItemCreate,
    PatternOut,
    PublishMetaReviewBody,
    ReasonBody,
    ThemeOut,
)
from app.api.schemas import Page
from app.domain.access import Caller
from app.domain.actions.model import Priority
from app.domain.meta_reviews.model import MetaReviewStatus
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.theme import ThemeStatus
from app.domain.meta_reviews.use_cases import drafting, items, reviewing
from app.domain.ports import Ports
from app.domain.selection import Op

router = APIRouter(prefix="/meta-reviews", tags=["meta-reviews"])
router.include_router(meta_review_reports.router)  # first: `/{id}.md` must not be taken for an id

LISTING = Listing(
    "meta_review",
    MetaReviewBrief,
    ("period", "created_at", "updated_at"),
    {"status": ("status", Op.IN), "period": ("period", Op.IN)},
    "-period",
)
PATTERNS = Listing("meta_review_pattern", PatternOut, ("n", "key"), {"meta_review": ("meta_review", Op.EQ)}, "-n")
THEMES = Listing(
    "meta_review_theme",
    ThemeOut,
    ("n", "phrase"),
    {"meta_review": ("meta_review", Op.EQ), "status": ("status", Op.IN)},
    "-n",
)
INCIDENTS = Listing("incident", IncidentOut, ("started_at", "severity"), {"pattern": ("pattern", Op.EQ)}, "-started_at")
ReviewRef = Annotated[str, Path(max_length=100, description="Its id, or its period such as 2026-Q1.")]
Key = Annotated[str, Path(max_length=200, description="A factor code, `deployment`, or `theme-…`.")]


async def _answer(ports: Ports, caller: Caller, id: UUID, status: int = 200) -> Response:
    return await answer_one(ports, caller, "meta_review", MetaReviewOut, id, status=status)


@router.get("", response_model=Page[MetaReviewBrief])
async def list_meta_reviews(
    ports: PortsDep,
    caller: ReaderDep,
    status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    period: Annotated[str | None, Query(max_length=500, description="Quarters, comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Meta-reviews, the latest period first."""
    periods = [str(Quarter.parse(one)) for one in many(period) or []] or None
    filters = {"status": many(status, list(MetaReviewStatus)), "period": periods}
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=MetaReviewOut)
async def create_meta_review(ports: PortsDep, caller: CallerDep, body: MetaReviewCreate) -> Response:
    """Begin a quarter's review; the worker counts it (`build` shows how far it is). 409 where the period has one."""
    review = await drafting.create_meta_review(ports.uow, ports.clock, ports.policy, caller=caller, period=body.period)
    return await _answer(ports, caller, review.id, 201)


@router.get("/{meta_review_id}", response_model=MetaReviewOut)
async def get_meta_review(ports: PortsDep, caller: ReaderDep, meta_review_id: ReviewRef) -> Response:
    """One review with its patterns, themes and action items."""
    return await _answer(ports, caller, await review_id(ports, meta_review_id))


@router.get("/{meta_review_id}/patterns", response_model=Page[PatternOut])
async def list_meta_review_patterns(
    ports: PortsDep,
    caller: ReaderDep,
    meta_review_id: ReviewRef,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """The patterns, the most frequent first."""
    filters = {"meta_review": await known_id(ports, caller, meta_review_id)}
    return await answer_list(ports, caller, PATTERNS, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/{meta_review_id}/patterns/{key}/incidents", response_model=Page[IncidentOut])
async def list_pattern_incidents(
    ports: PortsDep,
    caller: ReaderDep,
    meta_review_id: ReviewRef,
    key: Key,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """The incidents behind a pattern's number, those you may see; restricted ones are counted and not listed."""
    async with ports.uow() as u:
        pattern = await u.meta_reviews.pattern_named(await review_id(ports, meta_review_id), key)
    filters = {"pattern": str(pattern.id)}
    return await answer_list(ports, caller, INCIDENTS, filters=filters, sort=sort, limit=limit, after=after)


@router.patch("/{meta_review_id}/patterns/{key}", response_model=MetaReviewOut)
async def word_systemic_fix(
    ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef, key: Key, body: FixBody
) -> Response:
    """The proposed systemic fix in your words; counting anew leaves them. Refused once published."""
    id = await review_id(ports, meta_review_id)
    await reviewing.word_systemic_fix(ports.uow, ports.clock, caller=caller, review_id=id, key=key, fix=body.fix)
    return await _answer(ports, caller, id)


@router.post(
    "/{meta_review_id}/patterns/{key}/action-items", status_code=201, response_model=action_items.ActionItemOut
)
async def create_pattern_item(
    ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef, key: Key, body: PatternItemCreate
) -> Response:
    """A candidate action item of a pattern; accepting it creates its ticket where its team's tickets go."""
    item = await items.create_pattern_item(
        ports.uow,
        ports.clock,
        ports.policy,
        ports.monitoring,
        caller=caller,
        review_id=await review_id(ports, meta_review_id),
        key=key,
        plan=body.plan.plan() if body.plan else None,
        base_priority=Priority[body.base_priority.upper()],
        **body.model_dump(exclude={"plan", "base_priority"}),
    )
    return await answer_one(ports, caller, "action_item", action_items.ActionItemOut, item.id, status=201)


@router.get("/{meta_review_id}/themes", response_model=Page[ThemeOut])
async def list_meta_review_themes(
    ports: PortsDep,
    caller: ReaderDep,
    meta_review_id: ReviewRef,
    status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Wording that repeats across postmortems under no factor yet, to accept or to dismiss."""
    filters = {
        "meta_review": await known_id(ports, caller, meta_review_id), "status": many(status, list(ThemeStatus)),
    }  # fmt: skip
    return await answer_list(ports, caller, THEMES, filters=filters, sort=sort, limit=limit, after=after)


@router.post("/themes/{theme_id}/accept", response_model=ThemeOut)
async def accept_theme(
    ports: PortsDep, caller: CallerDep, theme_id: UUID, body: AcceptThemeBody | None = None
) -> Response:
    """It means something: it is counted as a pattern, with the factor it may be a form of."""
    await read_one(ports, caller, "meta_review_theme", ThemeOut, theme_id)
    factor = body.factor if body else None
    await reviewing.accept_theme(ports.uow, ports.clock, caller=caller, theme_id=theme_id, factor_code=factor)
    return await answer_one(ports, caller, "meta_review_theme", ThemeOut, theme_id)


@router.post("/themes/{theme_id}/dismiss", response_model=ThemeOut)
async def dismiss_theme(ports: PortsDep, caller: CallerDep, theme_id: UUID, body: ReasonBody) -> Response:
    """It means nothing; the reason is kept and the phrase is not offered again in this review."""
    await read_one(ports, caller, "meta_review_theme", ThemeOut, theme_id)
    await reviewing.dismiss_theme(ports.uow, ports.clock, caller=caller, theme_id=theme_id, reason=body.reason)
    return await answer_one(ports, caller, "meta_review_theme", ThemeOut, theme_id)


@router.post("/{meta_review_id}/rebuild", status_code=202, response_model=MetaReviewOut)
async def rebuild_meta_review(ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef) -> Response:
    """Count anew now; the last numbers stay readable until the new ones are there."""
    id = await review_id(ports, meta_review_id)
    await drafting.rebuild_meta_review(ports.uow, ports.clock, caller=caller, review_id=id)
    return await _answer(ports, caller, id, 202)


@router.post("/{meta_review_id}/submit", response_model=MetaReviewOut)
async def submit_meta_review(ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef) -> Response:
    """draft → in_review, once the quarter has ended and is counted."""
    id = await review_id(ports, meta_review_id)
    await reviewing.submit_meta_review(ports.uow, ports.clock, caller=caller, review_id=id)
    return await _answer(ports, caller, id)


@router.post("/{meta_review_id}/send-back", response_model=MetaReviewOut)
async def send_back_meta_review(
    ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef, body: ReasonBody
) -> Response:
    """in_review → draft."""
    id = await review_id(ports, meta_review_id)
    await reviewing.send_back_meta_review(ports.uow, ports.clock, caller=caller, review_id=id, reason=body.reason)
    return await _answer(ports, caller, id)


@router.post("/{meta_review_id}/publish", response_model=MetaReviewOut)
async def publish_meta_review(
    ports: PortsDep, caller: CallerDep, meta_review_id: ReviewRef, body: PublishMetaReviewBody | None = None
) -> Response:
    """in_review → published by a reviewer who did not submit it: the numbers stay as they are for ever."""
    id = await review_id(ports, meta_review_id)
    seen = body.content_hash if body else None
    await reviewing.publish_meta_review(ports.uow, ports.clock, caller=caller, review_id=id, content_hash=seen)
    return await _answer(ports, caller, id)


@router.get("/{meta_review_id}/difference", response_model=MetaReviewDifferenceOut)
async def compare_meta_review(ports: PortsDep, caller: ReaderDep, meta_review_id: ReviewRef) -> MetaReviewDifferenceOut:
    """The review's numbers beside the same count over the records as they are now."""
    return await difference(ports, caller, await review_id(ports, meta_review_id))
