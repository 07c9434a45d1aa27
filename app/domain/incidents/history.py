"""What an import brings, what it names, and what it becomes: the data of `importing.py` and of its port."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.actions.model import ActionItem, ControlType
from app.domain.events import Event
from app.domain.incidents.model import (
    Change,
    DetectionSource,
    ExternalRef,
    Impact,
    Incident,
    Mode,
    Moments,
    Severity,
    Visibility,
)
from app.domain.learning.model import RootCause
from app.domain.organisation.model import Person, Service, Team
from app.domain.postmortems.content import ContributingFactor, SectionName, TimelineKind
from app.domain.postmortems.model import Postmortem, Tier


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


@dataclass(frozen=True, slots=True)
class Names:
    """Everything that some lines mention by name."""

    services: frozenset[str]
    teams: frozenset[str]
    people: frozenset[str]
    root_causes: frozenset[str]

    @classmethod
    def of(cls, past: Iterable[PastIncident]) -> "Names":
        lines = list(past)
        written = [line.postmortem for line in lines if line.postmortem]
        return cls(
            services=frozenset(name for line in lines for name in line.services),
            teams=frozenset(line.team for line in lines if line.team),
            people=frozenset(postmortem.author for postmortem in written if postmortem.author),
            root_causes=frozenset(line.cause.slug for line in lines if line.cause),
        )


@dataclass(frozen=True, slots=True)
class Place:
    """A service, as far as an import needs it."""

    id: UUID
    team_id: UUID | None


@dataclass(frozen=True, slots=True)
class Known:
    """What there is of the names: services by slug and by lower-case name, teams and root causes by slug (that of an
    entry that was merged leads to what it was merged into), people by e-mail address."""

    services: dict[str, Place]
    teams: dict[str, UUID]
    people: dict[str, UUID]
    root_causes: dict[str, UUID]


@dataclass(slots=True)
class Additions:
    """What a batch of lines becomes, in the order in which it can be stored."""

    teams: list[Team] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    services: list[Service] = field(default_factory=list)
    root_causes: list[RootCause] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    postmortems: list[Postmortem] = field(default_factory=list)
    action_items: list[ActionItem] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
