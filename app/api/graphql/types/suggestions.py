"""What is suggested across incidents, and what people answered."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked, column, edge
from app.api.graphql.ids import own_id
from app.api.graphql.records import described, record
from app.api.graphql.types.learning import RootCauseType
from app.api.graphql.types.node import VersionedType
from app.api.graphql.types.organisation import PersonType
from app.api.rest import suggestions
from app.domain.errors import Invalid
from app.domain.learning.suggestions import KnownIncident, SimilarIncident, SuggestionKind, SuggestionVerdict

MOST = 50


@described
class SuggestionReasonType:
    """A reason in plain words."""

    code: str = strawberry.field(description="Stable code.")
    text: str = strawberry.field(description="The reason.")


@described
class DeclinedItemType:
    """Why nothing will be done."""

    code: str = strawberry.field(description="Stable code.")
    reason: str = strawberry.field(description="In words.")
    by: str | None = strawberry.field(description="Who said so, by e-mail address.")
    at: datetime = strawberry.field(description="When.")


@described
class UnfinishedItemType:
    """A fix that was promised and is not closed with evidence."""

    id: UUID = strawberry.field(description="The action item's bare UUID.")
    title: str = strawberry.field(description="What was promised.")
    status: str = strawberry.field(description="Where it stands.")
    owner: str | None = strawberry.field(description="Who does it, by e-mail address.")
    due_on: date | None = strawberry.field(description="When it should be done.")
    overdue: bool = strawberry.field(description="The committed date has passed.")
    declined: DeclinedItemType | None = strawberry.field(description="Why it is not done, if it was declined.")


@described
class KnownCauseType:
    """An entry of the catalogue of root causes, briefly."""

    id: UUID = strawberry.field(description="Its bare UUID.")
    slug: str = strawberry.field(description="Unique name in addresses.")
    title: str = strawberry.field(description="The cause in a sentence.")
    factor_code: str | None = strawberry.field(description="The factor it belongs to.")


@described
class KnownIncidentType:
    """An earlier incident, briefly."""

    id: UUID = strawberry.field(description="Its bare UUID.")
    title: str = strawberry.field(description="What broke.")
    severity: str = strawberry.field(description="How bad it was.")
    started_at: datetime | None = strawberry.field(description="When it began.")
    service: str = strawberry.field(description="Slug of the primary service.")
    root_cause_status: str | None = strawberry.field(description="Whether its cause is proposed or confirmed.")


def _incident(found: Parent[SimilarIncident]) -> Any:
    known: KnownIncident = found.incident
    return known


@described
class SimilarIncidentType:
    """An earlier incident that may have had the same cause."""

    incident: KnownIncidentType = strawberry.field(resolver=_incident, description="The incident.")
    score: float = strawberry.field(description="The probability that the cause is the same.")
    reasons: list[SuggestionReasonType] = strawberry.field(description="Why.")
    root_cause: KnownCauseType | None = strawberry.field(description="Its cause, if it has one.")
    unfinished: list[UnfinishedItemType] = strawberry.field(description="What was promised then and never finished.")


@described
class SuggestedCauseType:
    """An entry of the catalogue that may be the cause."""

    root_cause: KnownCauseType = strawberry.field(description="The entry.")
    score: float = strawberry.field(description="The probability that this is the cause.")
    reasons: list[SuggestionReasonType] = strawberry.field(description="Why.")
    incident_ids: list[UUID] = strawberry.field(description="Earlier incidents that speak for it.")


@described
class FactorSuggestionType:
    """A factor that a text speaks of."""

    code: str = strawberry.field(description="The factor.")
    confidence: float = strawberry.field(description="0 to 1; of those near 0.7 about seven in ten hold.")
    phrase: str = strawberry.field(description="The words it rests on, verbatim.")
    start: int = strawberry.field(description="Where the phrase begins, in characters.")
    end: int = strawberry.field(description="Where it ends.")


@record("suggestion_answer")
class SuggestionAnswerType(VersionedType):
    """A person's answer to a suggestion: an example for the next training."""

    incident_id: UUID = column("The incident it was suggested for.")
    kind: SuggestionKind = column("What was suggested.")
    verdict: SuggestionVerdict = column("Whether it holds.")
    factor_code: str | None = column("The factor, if one was suggested.")
    similar_incident_id: UUID | None = column("The incident, if one was suggested as similar.")
    confidence: float | None = column("What it came with.")
    root_cause: RootCauseType | None = edge("The root cause, if one was suggested.", "root_cause")
    answered_by: PersonType | None = edge("Who answered.", "person")


def _said(description: str) -> Any:
    return strawberry.argument(description=description)


First = Annotated[int, _said(f"How many at most, 1 to {MOST}.")]


async def _similar(
    info: Asked,
    incident_id: Annotated[strawberry.ID, _said("The incident: a global id or a bare UUID.")],
    first: First = 10,
) -> Any:
    _require_few(first)
    id = own_id(incident_id, "Incident")
    return await suggestions.similar_incidents(info.context.ports, info.context.caller, id, first)


async def _causes(
    info: Asked,
    text: Annotated[str, _said("What happened, as far as it is known.")],
    title: Annotated[str | None, _said("In a line.")] = None,
    service: Annotated[str | None, _said("Where: an id or a slug.")] = None,
    factors: Annotated[list[str] | None, _said("Factor codes that are known already.")] = None,
    first: First = 10,
) -> Any:
    _require_few(first)
    question = suggestions.CauseQuestion(text=text, title=title, service=service, factors=factors or [], limit=first)
    return await suggestions.suggested_causes(info.context.ports, info.context.caller, question)


async def _factors(
    info: Asked,
    text: Annotated[str | None, _said("The text to read; or name an incident.")] = None,
    incident_id: Annotated[strawberry.ID | None, _said("Whose report and postmortem are read.")] = None,
    offline: Annotated[bool, _said("Read it in the service even where a language model is set up.")] = False,
) -> Any:
    id = own_id(incident_id, "Incident") if incident_id is not None else None
    question = suggestions.FactorQuestion(text=text, incident_id=id, offline=offline)
    found, _, _ = await suggestions.suggested_factors(info.context.ports, info.context.caller, question)
    return found


def _require_few(first: int) -> None:
    if not 1 <= first <= MOST:
        raise Invalid(f"`first` is 1 to {MOST}.")


SIMILAR_INCIDENTS: Any = strawberry.field(
    resolver=_similar, description="Earlier incidents that may have had the same cause, the likeliest first."
)
SUGGESTED_CAUSES: Any = strawberry.field(
    resolver=_causes, description="Known root causes that may be behind a text, the likeliest first."
)
SUGGESTED_FACTORS: Any = strawberry.field(
    resolver=_factors, description="Factors that a text speaks of, the surest first."
)
