"""REST: what is suggested across incidents, and what people answer."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from app.api.deps import CallerDep, PortsDep, ReaderDep
from app.api.reading import After, Limit, Listing, SortBy, answer_list, answer_one, many
from app.api.schemas import Body, Line, Out, Page, PersonRef, Ref, RootCauseRef, Text
from app.domain.access import Caller
from app.domain.errors import Invalid
from app.domain.learning.factors import FactorSuggestion
from app.domain.learning.resemblance import ResemblanceReason, Story
from app.domain.learning.suggestions import (
    KnownCause,
    SimilarIncident,
    SuggestedCause,
    SuggestionKind,
    SuggestionVerdict,
    UnfinishedItem,
)
from app.domain.learning.use_cases import suggesting
from app.domain.ports import Ports
from app.domain.references import the_service
from app.domain.selection import Op

router = APIRouter(tags=["suggestions"])
Most = Annotated[int, Query(ge=1, le=50, description="How many at most.")]


class SuggestionReasonOut(Out):
    """A reason in plain words, with a stable code."""

    code: str
    text: str


class DeclinedOut(Out):
    """Why nothing will be done, and who said so."""

    code: str
    reason: str
    by: str | None = Field(description="E-mail address.")
    at: datetime


class UnfinishedItemOut(Out):
    """A fix that was promised then and is not closed with evidence."""

    id: UUID
    title: str
    status: str
    owner: str | None = Field(description="E-mail address.")
    due_on: date | None
    overdue: bool
    declined: DeclinedOut | None


class SimilarIncidentOut(Out):
    """An earlier incident that may have had the same cause."""

    id: UUID
    title: str
    severity: str
    started_at: datetime | None
    service: str = Field(description="Slug of the primary service.")
    root_cause: RootCauseRef | None
    root_cause_status: str | None
    score: float = Field(description="The probability that the cause is the same.")
    reasons: list[SuggestionReasonOut]
    unfinished: list[UnfinishedItemOut] = Field(description="What was promised then and never finished.")


class SimilarIncidentsOut(Out):
    """Earlier incidents, the likeliest first. A human confirms a root cause; nothing here does."""

    items: list[SimilarIncidentOut]


class CauseQuestion(Body):
    """A text that may have a known cause."""

    text: Text = Field(min_length=1, description="What happened, as far as it is known.")
    title: Line | None = Field(default=None, description="In a line.")
    service: Ref | None = Field(default=None, description="Where: an id or a slug.")
    factors: list[Line] = Field(default=[], max_length=21, description="Factor codes that are known already.")
    limit: int = Field(default=10, ge=1, le=50, description="How many at most.")


class SuggestedCauseOut(Out):
    """An entry of the catalogue that may be the cause."""

    root_cause: RootCauseRef
    factor_code: str | None
    score: float = Field(description="The probability that this is the cause.")
    reasons: list[SuggestionReasonOut]
    incident_ids: list[UUID] = Field(description="Earlier incidents that speak for it.")


class SuggestedCausesOut(Out):
    """Root causes, the likeliest first."""

    items: list[SuggestedCauseOut]


class FactorQuestion(Body):
    """A text, or the postmortem whose text is meant."""

    text: Text | None = Field(default=None, min_length=1)
    incident_id: UUID | None = Field(default=None, description="The incident whose report and postmortem are read.")
    offline: bool = Field(default=False, description="Read it in this process even where a language model is set up.")


class FactorSuggestionOut(Out):
    """A factor that the text speaks of."""

    code: str
    confidence: float = Field(description="0 to 1; of those near 0.7 about seven in ten hold.")
    phrase: str = Field(description="The words it rests on, verbatim.")
    start: int = Field(description="Where the phrase begins in the text, in characters.")
    end: int


class FactorSuggestionsOut(Out):
    """Factors, the surest first."""

    items: list[FactorSuggestionOut]
    source: str = Field(description="`offline` or `claude`.")
    text: str | None = Field(description="The text that was read, where an incident was named.")


class SuggestionAnswerCreate(Body):
    """What a person makes of one suggestion; exactly one of factor_code, root_cause and similar_incident_id."""

    incident_id: UUID = Field(description="The incident it was suggested for.")
    verdict: SuggestionVerdict = Field(description="Whether it holds.")
    factor_code: Line | None = Field(default=None, description="The factor that was suggested.")
    root_cause: Ref | None = Field(default=None, description="The root cause that was suggested: an id or a slug.")
    similar_incident_id: UUID | None = Field(default=None, description="The incident that was suggested as similar.")
    confidence: float | None = Field(default=None, ge=0, le=1, description="The confidence or score it came with.")


class SuggestionAnswerOut(Out):
    """An answer; it is among the examples that the next training learns from."""

    id: UUID
    version: int
    incident_id: UUID
    kind: SuggestionKind
    verdict: SuggestionVerdict
    factor_code: str | None
    root_cause: RootCauseRef | None
    similar_incident_id: UUID | None
    confidence: float | None
    answered_by: PersonRef | None
    created_at: datetime
    updated_at: datetime


LISTING = Listing(
    "suggestion_answer",
    SuggestionAnswerOut,
    ("updated_at", "created_at"),
    {"incident_id": ("incident_id", Op.EQ), "kind": ("kind", Op.IN), "verdict": ("verdict", Op.IN)},
    "-updated_at",
)


@router.get("/incidents/{incident_id}/similar", response_model=SimilarIncidentsOut)
async def list_similar_incidents(
    ports: PortsDep, caller: ReaderDep, incident_id: UUID, limit: Most = 10
) -> SimilarIncidentsOut:
    """Earlier incidents that may have had the same cause, with reasons and with what was never finished after them."""
    found = await similar_incidents(ports, caller, incident_id, limit)
    return SimilarIncidentsOut(items=[_similar(one) for one in found])


async def similar_incidents(ports: Ports, caller: Caller, incident_id: UUID, limit: int) -> Sequence[SimilarIncident]:
    return await suggesting.find_similar_incidents(
        ports.neighbours, ports.models, ports.accounts, ports.suggestion_policy,
        caller=caller, incident_id=incident_id, limit=limit,
    )  # fmt: skip


@router.post("/root-causes/suggest", response_model=SuggestedCausesOut)
async def suggest_root_causes(ports: PortsDep, caller: ReaderDep, body: CauseQuestion) -> SuggestedCausesOut:
    """Known root causes that may be behind a text, ranked with reasons. Nothing is kept; a human confirms one."""
    return SuggestedCausesOut(items=[_cause(one) for one in await suggested_causes(ports, caller, body)])


async def suggested_causes(ports: Ports, caller: Caller, body: CauseQuestion) -> Sequence[SuggestedCause]:
    services: frozenset[object] = frozenset()
    async with ports.uow() as u:
        if body.service is not None:
            services = frozenset({(await the_service(u, body.service)).id})
        for code in body.factors:
            if await u.factors.find(code) is None:
                raise Invalid(f"There is no factor “{code}”; GET /v1/factors lists them.")
    story = Story(body.text, body.title or "", factors=frozenset(body.factors), service_ids=services)
    return await suggesting.suggest_root_causes(
        ports.neighbours, ports.models, ports.accounts, ports.suggestion_policy,
        caller=caller, story=story, limit=body.limit,
    )  # fmt: skip


@router.post("/factors/suggest", response_model=FactorSuggestionsOut)
async def suggest_factors(ports: PortsDep, caller: ReaderDep, body: FactorQuestion) -> FactorSuggestionsOut:
    """Contributing factors that a text speaks of, each with the phrase it rests on. Nothing is kept.

    Without a language model the answer comes from this process: no text leaves the machine.
    """
    found, text, source = await suggested_factors(ports, caller, body)
    return FactorSuggestionsOut(
        items=[FactorSuggestionOut(**asdict(one)) for one in found],
        source=source,
        text=text if body.incident_id else None,
    )  # fmt: skip


async def suggested_factors(
    ports: Ports, caller: Caller, body: FactorQuestion
) -> tuple[Sequence[FactorSuggestion], str, str]:
    """The factors, the text they were read in, and who read it. Raises Invalid unless one of the two is given."""
    if (body.text is None) == (body.incident_id is None):
        raise Invalid("Give either text or incident_id.")
    suggester = ports.offline_suggester if body.offline else ports.suggester
    text = body.text or ""
    if body.incident_id is not None:
        text = (await ports.neighbours.incident(body.incident_id, caller)).story.whole
    found = await suggesting.suggest_factors(suggester, ports.suggestion_policy, caller=caller, text=text)
    return found, text, suggester.source


@router.get("/suggestion-answers", response_model=Page[SuggestionAnswerOut])
async def list_suggestion_answers(
    ports: PortsDep,
    caller: ReaderDep,
    incident_id: UUID | None = None,
    kind: Annotated[str | None, Query(description="Comma-separated.")] = None,
    verdict: Annotated[str | None, Query(description="Comma-separated.")] = None,
    sort: SortBy = None,
    limit: Limit = 50,
    after: After = None,
) -> Response:
    """What people answered to suggestions, the latest first."""
    filters = {
        "incident_id": incident_id, "kind": many(kind, list(SuggestionKind)),
        "verdict": many(verdict, list(SuggestionVerdict)),
    }  # fmt: skip
    return await answer_list(ports, caller, LISTING, filters=filters, sort=sort, limit=limit, after=after)


@router.post("/suggestion-answers", response_model=SuggestionAnswerOut)
async def answer_suggestion(ports: PortsDep, caller: CallerDep, body: SuggestionAnswerCreate) -> Response:
    """Accept or reject a suggestion. There is one answer for each incident and suggestion: the same answer again is the
    same record, another one replaces it. The incident and its postmortem change only by their own routes.
    """
    answer = await suggesting.answer_suggestion(
        ports.uow, ports.clock, caller=caller, incident_id=body.incident_id, verdict=body.verdict,
        factor_code=body.factor_code, root_cause=body.root_cause,
        similar_incident_id=body.similar_incident_id, confidence=body.confidence,
    )  # fmt: skip
    return await answer_one(ports, caller, "suggestion_answer", SuggestionAnswerOut, answer.id)


def _similar(found: SimilarIncident) -> SimilarIncidentOut:
    known = found.incident
    return SimilarIncidentOut(
        id=known.id,
        title=known.title,
        severity=known.severity,
        started_at=known.started_at,
        service=known.service,
        root_cause=found.root_cause and _ref(found.root_cause),
        root_cause_status=known.root_cause_status,
        score=round(found.score, 4),
        reasons=_reasons(found.reasons),
        unfinished=[_unfinished(item) for item in found.unfinished],
    )


def _unfinished(item: UnfinishedItem) -> UnfinishedItemOut:
    told = item.declined
    return UnfinishedItemOut(
        id=item.id,
        title=item.title,
        status=item.status,
        owner=item.owner,
        due_on=item.due_on,
        overdue=item.overdue,
        declined=told and DeclinedOut(code=told.code, reason=told.reason, by=told.by, at=told.at),
    )


def _cause(found: SuggestedCause) -> SuggestedCauseOut:
    return SuggestedCauseOut(
        root_cause=_ref(found.root_cause),
        factor_code=found.root_cause.factor_code,
        score=round(found.score, 4),
        reasons=_reasons(found.reasons),
        incident_ids=list(found.incident_ids),
    )


def _ref(cause: KnownCause) -> RootCauseRef:
    return RootCauseRef(id=cause.id, slug=cause.slug, title=cause.title)


def _reasons(reasons: Sequence[ResemblanceReason]) -> list[SuggestionReasonOut]:
    return [SuggestionReasonOut(code=one.code, text=one.text) for one in reasons]
