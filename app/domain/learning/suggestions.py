"""What the service suggests across incidents, and what people answer: their answers are the next examples."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Invalid
from app.domain.learning.resemblance import ResemblanceReason, Story


class SuggestionKind(StrEnum):
    """What was suggested for an incident."""

    FACTOR = "factor"
    ROOT_CAUSE = "root_cause"
    SIMILAR_INCIDENT = "similar_incident"


class SuggestionVerdict(StrEnum):
    """What a person made of a suggestion."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"


class UnclearSuggestion(Invalid):
    """An answer names exactly one of factor_code, root_cause and similar_incident_id."""

    code = "unclear_suggestion"


class SuggestsItself(Invalid):
    """An incident is not a recurrence of itself."""

    code = "suggests_itself"


@dataclass(frozen=True, slots=True)
class Suggested:
    """What an answer is about: exactly one of the three."""

    factor_code: str | None = None
    root_cause_id: UUID | None = None
    similar_incident_id: UUID | None = None

    @property
    def kind(self) -> SuggestionKind:
        """Raises UnclearSuggestion."""
        named = {
            SuggestionKind.FACTOR: self.factor_code,
            SuggestionKind.ROOT_CAUSE: self.root_cause_id,
            SuggestionKind.SIMILAR_INCIDENT: self.similar_incident_id,
        }
        kinds = [kind for kind, value in named.items() if value is not None]
        if len(kinds) != 1:
            raise UnclearSuggestion
        return kinds[0]


@dataclass(frozen=True, slots=True)
class SuggestionAnswer:
    """A person's answer to a suggestion: one for each incident and what was suggested, the latest counts."""

    id: UUID
    incident_id: UUID
    suggested: Suggested
    verdict: SuggestionVerdict
    answered_by_id: UUID
    created_at: datetime
    updated_at: datetime
    confidence: float | None = None
    version: int = 1

    def answered(self, verdict: SuggestionVerdict, by_id: UUID, at: datetime) -> "SuggestionAnswer":
        """Another answer to the same; the same answer again changes nothing."""
        if verdict is self.verdict:
            return self
        return replace(self, verdict=verdict, answered_by_id=by_id, updated_at=at)


@dataclass(frozen=True, slots=True)
class SuggestionPolicy:
    """How far suggestions look."""

    candidates: int = 300
    compared: int = 24
    terms: int = 10
    candidate_text: int = 2500
    longest_text: int = 50_000
    least_score: float = 0.05


@dataclass(frozen=True, slots=True)
class KnownIncident:
    """An incident that another may be like. `stamp` changes whenever its story does."""

    id: UUID
    title: str
    severity: str
    started_at: datetime | None
    service: str
    story: Story
    stamp: str
    root_cause_id: UUID | None = None
    root_cause_status: str | None = None


@dataclass(frozen=True, slots=True)
class KnownCause:
    """An entry of the catalogue, as far as a suggestion shows it."""

    id: UUID
    slug: str
    title: str
    description: str = ""
    factor_code: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """Why nothing will be done, and who said so."""

    code: str
    reason: str
    by: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class UnfinishedItem:
    """A fix that was promised and is not closed with evidence."""

    id: UUID
    incident_id: UUID
    title: str
    status: str
    owner: str | None
    due_on: date | None
    overdue: bool
    declined: Declined | None = None


@dataclass(frozen=True, slots=True)
class SimilarIncident:
    """An earlier incident that may have had the same cause, why, and what was never finished after it."""

    incident: KnownIncident
    score: float
    reasons: tuple[ResemblanceReason, ...]
    root_cause: KnownCause | None
    unfinished: tuple[UnfinishedItem, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestedCause:
    """An entry of the catalogue that may be the cause, with the incidents that speak for it."""

    root_cause: KnownCause
    score: float
    reasons: tuple[ResemblanceReason, ...]
    incident_ids: tuple[UUID, ...] = ()


Unfinished = Mapping[UUID, tuple[UnfinishedItem, ...]]
"""By incident."""
