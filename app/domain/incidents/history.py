"""An incident of the past as an import brings it, with its postmortem; records are named, not yet found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.actions.model import ControlType
from app.domain.incidents.model import (
    Change,
    DetectionSource,
    ExternalRef,
    Impact,
    Mode,
    Moments,
    Severity,
    Visibility,
)
from app.domain.postmortems.content import ContributingFactor, SectionName, TimelineKind
from app.domain.postmortems.model import Tier


@dataclass(frozen=True, slots=True)
class PastCause:
    """A root cause by its slug; the rest matters only where the catalogue has no such entry."""

    slug: str
    title: str | None = None
    factor_code: str | None = None
    confirmed: bool = True


@dataclass(frozen=True, slots=True)
class PastEntry:
    """A fact of the timeline."""

    at: datetime
    text: str
    kind: TimelineKind = TimelineKind.NOTE
    source: str = "imported"


@dataclass(frozen=True, slots=True)
class PastItem:
    """Something that was to be changed; it comes in as a candidate."""

    title: str
    control_type: ControlType = ControlType.PREVENT
    description: str = ""
    systemic: bool = False


@dataclass(frozen=True, slots=True)
class PastPostmortem:
    """What was written about it. Without `published_at` it is a draft; `author` is an e-mail address."""

    tier: Tier | None = None
    sections: Mapping[SectionName, str] = field(default_factory=dict)
    timeline: tuple[PastEntry, ...] = ()
    factors: tuple[ContributingFactor, ...] = ()
    author: str | None = None
    published_at: datetime | None = None
    created_at: datetime | None = None
    items: tuple[PastItem, ...] = ()


@dataclass(frozen=True, slots=True)
class PastIncident:
    """One incident. `services` are slugs or names, the first is the primary one; `team` owns the ones that are new."""

    ref: ExternalRef
    title: str
    services: tuple[str, ...]
    severity: Severity = Severity.P3
    summary: str = ""
    team: str | None = None
    moments: Moments = field(default_factory=Moments)
    detection_source: DetectionSource | None = None
    customer_impact: Impact = Impact.NONE
    change: Change | None = None
    mode: Mode = Mode.STANDARD
    cause: PastCause | None = None
    visibility: Visibility = Visibility.ORGANIZATION
    postmortem: PastPostmortem | None = None
