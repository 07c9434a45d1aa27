"""REST: drafts of postmortems, their evidence and review, and uploaded transcripts."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.rest.draft_schemas import (
    DifferenceOut,
    DifferencesOut,
    DraftBrief,
    DraftOut,
    DraftReviewBody,
    EvidenceBundleOut,
    TranscriptCreate,
    TranscriptOut,
)
from app.api.schemas import Page
from app.domain.drafting.difference import differences
from app.domain.drafting.model import DraftState
from app.domain.drafting.use_cases import drafting, reviewing, transcripts
from app.domain.selection import Op

router = APIRouter(tags=["drafts"])
DRAFTS = Listing(
    "draft",
    DraftBrief,
    ("created_at", "updated_at"),
    {"postmortem_id": ("postmortem_id", Op.EQ), "state": ("state", Op.IN)},
    "-created_at",
)
TRANSCRIPTS = Listing(
    "transcript", TranscriptOut, ("created_at",), {"postmortem": ("postmortem_id", Op.EQ)}, "created_at"
)


@router.post("/postmortems/{postmortem_id}/drafts", status_code=202, response_model=DraftOut)
async def generate_postmortem_draft(ports: PortsDep, caller: CallerDep, postmortem_id: UUID) -> Response:
    """Have a draft made from what chat, alerts, deployments and annotations say. `draft.progressed.v1` tells how far it
    is; without a configured model it is the timeline alone."""
    draft = await drafting.generate_postmortem_draft(ports.uow, ports.clock, caller=caller, postmortem_id=postmortem_id)
    return await answer_one(ports, caller, "draft", DraftOut, draft.id, status=202)


@router.get("/drafts", response_model=Page[DraftBrief])
async def list_drafts(
    ports: PortsDep,
    caller: ReaderDep,
    postmortem_id: UUID | None = None,
    state: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """Drafts, the latest first."""
    filters = {"postmortem_id": postmortem_id, "state": many(state, list(DraftState))}
    return await answer_list(ports, caller, DRAFTS, filters=filters, sort=sort, limit=limit, after=after)


@router.get("/drafts/{draft_id}", response_model=DraftOut)
async def get_draft(ports: PortsDep, caller: ReaderDep, draft_id: UUID) -> Response:
    """The proposal with its sources and what was decided about it."""
    return await answer_one(ports, caller, "draft", DraftOut, draft_id)


@router.get("/drafts/{draft_id}/evidence", response_model=EvidenceBundleOut)
async def get_draft_evidence(ports: PortsDep, caller: ReaderDep, draft_id: UUID) -> Response:
    """Everything the draft may cite, redacted, and what was left out with the reason."""
    return await answer_one(ports, caller, "draft", EvidenceBundleOut, draft_id)


@router.get("/drafts/{draft_id}/difference", response_model=DifferencesOut)
async def compare_draft(ports: PortsDep, caller: ReaderDep, draft_id: UUID) -> DifferencesOut:
    """What was proposed against what people made of it, part by part."""
    async with ports.uow() as u:
        draft = await u.drafts.get(draft_id, caller)
    return DifferencesOut(
        items=[
            DifferenceOut(
                part=one.part, proposed=one.proposed, verb=one.verb, accepted=one.accepted, changes=list(one.changes)
            )
            for one in differences(draft)
        ]
    )


@router.post("/drafts/{draft_id}/decisions", response_model=DraftOut)
async def review_draft(ports: PortsDep, caller: CallerDep, draft_id: UUID, body: DraftReviewBody) -> Response:
    """Accept, edit or reject sections, lines of the timeline, factors and action items. What is accepted goes into the
    postmortem; action items become candidates."""
    answers = [reviewing.Answer(one.part, one.verb, one.text, one.occurred_at, one.kind) for one in body.decisions]
    await reviewing.review_draft(
        ports.uow, ports.clock, ports.policy, caller=caller, draft_id=draft_id, answers=answers
    )
    return await answer_one(ports, caller, "draft", DraftOut, draft_id)


@router.post("/drafts/{draft_id}/cancel", response_model=DraftOut)
async def cancel_draft(ports: PortsDep, caller: CallerDep, draft_id: UUID) -> Response:
    """Stop a draft that is being made; what was gathered is kept."""
    await drafting.cancel_draft(ports.uow, ports.clock, caller=caller, draft_id=draft_id)
    return await answer_one(ports, caller, "draft", DraftOut, draft_id)


@router.post("/postmortems/{postmortem_id}/transcripts", status_code=201, response_model=TranscriptOut)
async def upload_transcript(
    ports: PortsDep, caller: CallerDep, postmortem_id: UUID, body: TranscriptCreate
) -> Response:
    """Add a chat that no integration reads: the next draft is made from it too."""
    made = await transcripts.upload_transcript(
        ports.uow,
        ports.clock,
        ports.policy,
        ports.draft_policy,
        ports.redaction_policy,
        ports.find_phones,
        caller=caller,
        postmortem_id=postmortem_id,
        name=body.name,
        content=body.content,
        starts_on=body.starts_on,
        time_zone=body.time_zone,
    )
    return await answer_one(ports, caller, "transcript", TranscriptOut, made.id, status=201)


@router.get("/postmortems/{postmortem_id}/transcripts", response_model=Page[TranscriptOut])
async def list_transcripts(
    ports: PortsDep, caller: ReaderDep, postmortem_id: UUID, sort: SortBy = None, limit: Limit = 50, after: After = None
) -> Response:
    """What was uploaded for the postmortem."""
    filters = {"postmortem": postmortem_id}
    return await answer_list(ports, caller, TRANSCRIPTS, filters=filters, sort=sort, limit=limit, after=after)
