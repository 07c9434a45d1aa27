"""What can be asked for when risk and metrics are computed, and how a computed risk is kept."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.learning.risk import RiskScore
from app.domain.learning.statistics import GammaPrior


@dataclass(frozen=True, slots=True)
class FactFilter:
    """Records of a team, a service or severities where named; of all where not."""

    team: str | None = None
    service: str | None = None
    severities: tuple[int, ...] = ()


class Phase(StrEnum):
    """What an incident's start is measured against."""

    DETECTED = "detected_at"
    ACKNOWLEDGED = "acknowledged_at"
    MITIGATED = "mitigated_at"
    RESOLVED = "resolved_at"


@dataclass(frozen=True, slots=True)
class StoredFit:
    """What was learned from the whole catalogue, kept until it is learned anew; None: too little to learn from."""

    fitted_at: datetime
    catalogue: GammaPrior | None
    shape: float


@dataclass(frozen=True, slots=True)
class RiskyItem:
    """A not-closed item as far as its risk goes; `originating_rank` is the severity of its own incident."""

    item_id: UUID
    root_cause_id: UUID
    service_id: UUID
    service: str
    originating_rank: int
    originated_at: datetime


@dataclass(frozen=True, slots=True)
class PatternItem:
    """A not-closed item of a meta-review: the distinct (root cause, service) pairs of its pattern's incidents."""

    item_id: UUID
    pairs: tuple[tuple[UUID, UUID], ...]
    originating_rank: int
    originated_at: datetime
    service_id: UUID | None = None
    service: str = ""


@dataclass(frozen=True, slots=True)
class StoredRisk:
    """The risk to write on an item, and when its cause last struck again there."""

    item_id: UUID
    score: RiskScore
    as_of: datetime
    recurred_at: datetime | None
