"""REST: postmortems and their steps from required to published."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep, SeenVersion
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.rest import publications, timeline, versions
from app.api.rest.postmortem_schemas import (
    PostmortemBrief,
    PostmortemCreate,
    PostmortemOut,
    PostmortemPatch,
    ProblemOut,
    PublishBody,
    ReadinessOut,
    ReasonGiven,
    SignOffBody,
    TierOverrideBody,
)
from app.api.schemas import Day, Instant, Page
from app.domain.access import Caller
from app.domain.errors import Problem
from app.domain.ports import Ports
from app.domain.postmortems.model import PostmortemStatus, Tier
from app.domain.postmortems.use_cases import publishing, reviewing, writing
from app.domain.postmortems.use_cases.writing import PostmortemFields
from app.domain.selection import Op

router = APIRouter(prefix="/postmortems", tags=["postmortems"])
router.include_router(versions.router)  # first: `/{id}.md` must not be taken for an id
router.include_router(timeline.router)
router.include_router(publications.router)

LISTING = Listing(
    kind="postmortem",
    model=PostmortemBrief,
    sorts=("created_at", "updated_at", "due_on", "published_at", "tier", "status"),
    filters={
        "status": ("status", Op.IN),
        "tier": ("tier", Op.IN),
        "service": ("service", Op.IN),
        "team": ("team", Op.IN),
        "author": ("author", Op.IN),
        "incident_id": ("incident_id", Op.EQ),
        "overdue": ("overdue", Op.EQ),
        "due_before": ("due_on", Op.LT),
        "created_after": ("created_at", Op.GT),
    },
    default_sort="-created_at",
)


async def _answer(ports: Ports, caller: Caller, id: UUID, status: int = 200) -> Response:
    return await answer_one(ports, caller, "postmortem", PostmortemOut, id, status=status)


@router.get("", response_model=Page[PostmortemBrief])
async def list_postmortems(
    ports: PortsDep,
    caller: ReaderDep,
    status: Annotated[str | None, Query(description="Comma-separated.")] = None,
    tier: Annotated[str | None, Query(pattern=r"^[123](,[123])*$", description="Numbers, comma-separated.")] = None,
    service: Annotated[str | None, Query(description="Slugs, comma-separated.")] = None,
    team: Annotated[str | None, Query(description="Slugs, comma-separated; the team of the primary service.")] = None,
    author: Annotated[str | None, Query(description="E-mail addresses, comma-separated.")] = None,
    incident_id: UUID | None = None,
    overdue: Annotated[bool | None, Query(description="Its due date has passed and no version is published.")] = None,
    due_before: Day | None = None,
    created_after: Instant | None = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Postmortems without their texts, newest first unless sorted otherwise."""
    tiers = [int(one) for one in many(tier) or []] or None
    filters = {
        "status": many(status, tuple(PostmortemStatus)), "tier": tiers, "service": many(service), "team": many(team),
        "author": many(author), "incident_id": incident_id, "overdue": None if overdue is None else [overdue],
        "due_before": due_before, "created_after": created_after,
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("", status_code=201, response_model=PostmortemOut)
async def create_postmortem(ports: PortsDep, caller: CallerDep, body: PostmortemCreate) -> Response:
    """Begin the postmortem of an incident that has none; a person becomes its author."""
    postmortem = await writing.create_postmortem(
        ports.uow, ports.clock, ports.policy, caller=caller, incident_id=body.incident_id
    )
    return await _answer(ports, caller, postmortem.id, 201)


@router.get("/{postmortem_id}", response_model=PostmortemOut)
async def get_postmortem(ports: PortsDep, caller: ReaderDep, postmortem_id: UUID) -> Response:
    """One postmortem as it is now, with timeline, factors, action items and signatures."""
    return await _answer(ports, caller, postmortem_id)


@router.patch("/{postmortem_id}", response_model=PostmortemOut)
async def update_postmortem(
    ports: PortsDep, caller: CallerDep, seen: SeenVersion, postmortem_id: UUID, body: PostmortemPatch
) -> Response:
    """Edit what it says. What was signed loses its signature if it changes; a published one becomes a revision."""
    await writing.update_postmortem(
        ports.uow,
        ports.clock,
        caller=caller,
        postmortem_id=postmortem_id,
        fields=_fields(body),
        expected_version=seen,
    )
    return await _answer(ports, caller, postmortem_id)


def _fields(body: PostmortemPatch) -> PostmortemFields:
    given: Any = body.changes("facilitator", "review")
    if body.sections is not None:
        given["sections"] = {name: sent and sent.model_dump() for name, sent in body.sections.items()}
    if body.factors is not None:
        given["factors"] = [factor.factor() for factor in body.factors]
    if body.review is not None:
        given["review"] = body.review.review()
    fields: PostmortemFields = given
    return fields


@router.get("/{postmortem_id}/readiness", response_model=ReadinessOut)
async def get_readiness(ports: PortsDep, caller: ReaderDep, postmortem_id: UUID) -> ReadinessOut:
    """What is missing before it can be published; publishing is refused (409) with the same list."""
    state, content_hash = await reviewing.get_readiness(
        ports.uow, ports.clock, ports.policy, caller=caller, postmortem_id=postmortem_id
    )
    return ReadinessOut(
        ready=state.is_ready,
        tier=state.tier,
        content_hash=content_hash,
        missing=[_problem(one) for one in state.missing],
        warnings=[_problem(one) for one in state.warnings],
    )


def _problem(problem: Problem) -> ProblemOut:
    return ProblemOut(code=problem.code, message=problem.message, pointer=problem.pointer)


@router.post("/{postmortem_id}/tier-override", response_model=PostmortemOut)
async def override_tier(ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: TierOverrideBody) -> Response:
    """A reviewer who is not the author decides against the proposed tier."""
    await reviewing.override_tier(
        ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id, tier=Tier(body.tier), reason=body.reason
    )
    return await _answer(ports, caller, postmortem_id)


@router.post("/{postmortem_id}/submit", response_model=PostmortemOut)
async def submit_postmortem(ports: PortsDep, caller: CallerDep, postmortem_id: UUID) -> Response:
    """draft → in_review."""
    await reviewing.submit_postmortem(ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id)
    return await _answer(ports, caller, postmortem_id)


@router.post("/{postmortem_id}/request-changes", response_model=PostmortemOut)
async def request_changes(ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: ReasonGiven) -> Response:
    """in_review or approved → draft."""
    await reviewing.request_changes(
        ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id, reason=body.reason
    )
    return await _answer(ports, caller, postmortem_id)


@router.post("/{postmortem_id}/sign-offs", status_code=201, response_model=PostmortemOut)
async def sign_off_postmortem(ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: SignOffBody) -> Response:
    """Sign the content you saw: tiers 1 and 2 a reviewer who is not the author, tier 3 its author."""
    await reviewing.sign_off_postmortem(
        ports.uow,
        ports.clock,
        caller=caller,
        postmortem_id=postmortem_id,
        content_hash=body.content_hash,
        confirm_whys=body.confirm_whys,
    )
    return await _answer(ports, caller, postmortem_id, 201)


@router.post("/{postmortem_id}/publish", response_model=PostmortemOut)
async def publish_postmortem(
    ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: PublishBody | None = None
) -> Response:
    """approved → published: the content is frozen as a version. 409 lists what is missing."""
    await publishing.publish_postmortem(
        ports.uow,
        ports.clock,
        ports.policy,
        caller=caller,
        postmortem_id=postmortem_id,
        tickets_may_wait=body.tickets_may_wait if body else False,
    )
    return await _answer(ports, caller, postmortem_id)


@router.post("/{postmortem_id}/waive", response_model=PostmortemOut)
async def waive_postmortem(ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: ReasonGiven) -> Response:
    """A reviewer who is not the author decides that none is written; follow-through counts it."""
    await reviewing.waive_postmortem(
        ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id, reason=body.reason
    )
    return await _answer(ports, caller, postmortem_id)
