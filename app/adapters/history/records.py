"""The documented schema of one line of an import (`docs/import.md`) and what it means in the domain's words."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, StringConstraints, model_validator

from app.domain.actions.model import ControlType
from app.domain.incidents.history import PastCause, PastEntry, PastIncident, PastItem, PastPostmortem
from app.domain.incidents.model import (
    MOMENTS,
    Change,
    ChangeKind,
    ChangeRole,
    DetectionSource,
    ExternalRef,
    Impact,
    Mode,
    Moments,
    Rollout,
    Severity,
    Visibility,
)
from app.domain.learning.taxonomy import FACTORS
from app.domain.postmortems.content import MAX_TIMELINE, ContributingFactor, SectionName, TimelineKind
from app.domain.postmortems.model import Tier

EXACT, BY_DATE = "imported", "imported:date"
"""The source of an imported moment: its time was given, or only its date."""

_SUB_CODES = {factor.code: factor.sub_codes for factor in FACTORS}
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d([.]\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?")


class When(NamedTuple):
    """An instant, and whether only its date was given."""

    at: datetime
    by_date: bool


def _without_nul(text: str) -> str:
    """PostgreSQL's text cannot hold it."""
    if "\x00" in text:
        raise ValueError("holds a NUL character")
    return text


def _when(value: object) -> When:
    by_date = isinstance(value, str) and _DATE.fullmatch(value) is not None
    if not isinstance(value, str) or not (by_date or _INSTANT.fullmatch(value)):
        raise ValueError("should be an RFC 3339 instant such as 2026-03-01T14:05:00Z, or a date")
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError("is no day of the calendar or no time of the day") from error
    if by_date:
        at = at.replace(tzinfo=UTC)
    if at.tzinfo is None:
        raise ValueError("needs an offset such as Z or +02:00 beside the time")
    if not 1970 <= at.year <= 2200:
        raise ValueError("lies outside the years 1970 to 2200")
    return When(at.astimezone(UTC), by_date)


def _known_factor(code: str) -> str:
    if code not in _SUB_CODES:
        raise ValueError(f"is no factor code; they are {', '.join(_SUB_CODES)}")
    return code


_Safe = AfterValidator(_without_nul)
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), _Safe]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), _Safe]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), _Safe]
Text = Annotated[str, StringConstraints(max_length=50_000), _Safe]
Url = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^https?://[^\s]+$"), _Safe]
Email = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$"),
    _Safe,
]
Moment = Annotated[When, PlainValidator(_when)]
FactorCode = Annotated[str, AfterValidator(_known_factor)]


class Strict(BaseModel):
    """Unknown fields are refused: a misspelt one would be lost in silence."""

    model_config = ConfigDict(extra="forbid")


class RefRecord(Strict):
    """The incident's name where it comes from; (source, id) is what makes an import repeatable."""

    source: Name
    id: Line
    url: Url | None = None


class ChangeRecord(Strict):
    """The recent change behind it."""

    role: ChangeRole
    kind: ChangeKind | None = None
    rollout: Rollout | None = None


class CauseRecord(Strict):
    """A root cause, created where the catalogue has none with this slug."""

    slug: Slug
    title: Title | None = None
    factor: FactorCode | None = None
    confirmed: bool = True


class FactorRecord(Strict):
    """A contributing factor and why it applies."""

    code: FactorCode
    sub_code: str | None = None
    why: Text = ""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        known = _SUB_CODES[self.code]
        if self.sub_code is not None and self.sub_code not in known:
            raise ValueError(f"{self.code} has the sub-codes: {', '.join(known) or 'none'}")
        return self


class EntryRecord(Strict):
    """One fact of the timeline."""

    at: Moment
    text: Text
    kind: TimelineKind = TimelineKind.NOTE
    source: Line | None = None

    def past(self) -> PastEntry:
        source = self.source or (BY_DATE if self.at.by_date else EXACT)
        return PastEntry(self.at.at, self.text, self.kind, source)


class ItemRecord(Strict):
    """Something that was to be changed; it comes in as a candidate."""

    title: Title
    control_type: ControlType = ControlType.PREVENT
    description: Text = ""
    systemic: bool = False


class SectionsRecord(Strict):
    """The texts of a postmortem beside its summary."""

    impact: Text | None = None
    root_cause: Text | None = None
    lessons: Text | None = None


class PostmortemRecord(Strict):
    """What was written about the incident."""

    tier: Literal[1, 2, 3] | None = None
    summary: Text | None = None
    sections: SectionsRecord = SectionsRecord()
    timeline: Annotated[list[EntryRecord], Field(max_length=MAX_TIMELINE)] = []
    factors: list[FactorRecord] = []
    author: Email | None = None
    published_at: Moment | None = None
    created_at: Moment | None = None
    action_items: Annotated[list[ItemRecord], Field(max_length=100)] = []

    def past(self, codes: Iterable[str]) -> PastPostmortem:
        """`codes` are the incident's bare factor codes."""
        texts = {SectionName.SUMMARY: self.summary, **{SectionName(name): text for name, text in self.sections}}
        return PastPostmortem(
            tier=Tier(self.tier) if self.tier else None,
            sections={name: text for name, text in texts.items() if text},
            timeline=tuple(entry.past() for entry in self.timeline),
            factors=_merged(self.factors, codes),
            author=self.author,
            published_at=self.published_at.at if self.published_at else None,
            created_at=self.created_at.at if self.created_at else None,
            items=tuple(PastItem(i.title, i.control_type, i.description, i.systemic) for i in self.action_items),
        )


class Record(Strict):
    """One line: one incident, with its postmortem if there is one."""

    ref: RefRecord
    title: Title
    services: Annotated[list[Name], Field(min_length=1, max_length=50)]
    summary: Text = ""
    severity: Literal["P1", "P2", "P3", "P4", "P5"] = "P3"
    team: Slug | None = None
    started_at: Moment | None = None
    detected_at: Moment | None = None
    acknowledged_at: Moment | None = None
    mitigated_at: Moment | None = None
    resolved_at: Moment | None = None
    detection_source: DetectionSource | None = None
    customer_impact: Impact = Impact.NONE
    change: ChangeRecord | None = None
    mode: Mode = Mode.STANDARD
    root_cause: CauseRecord | None = None
    factors: list[FactorCode] = []
    visibility: Visibility = Visibility.ORGANIZATION
    postmortem: PostmortemRecord | None = None

    @model_validator(mode="after")
    def _has_a_place_for_factors(self) -> Self:
        if self.factors and self.postmortem is None:
            raise ValueError("factors belong to a postmortem, and this line has none")
        return self

    def past(self) -> PastIncident:
        """In the domain's words."""
        change, cause = self.change, self.root_cause
        return PastIncident(
            ref=ExternalRef(self.ref.source, self.ref.id, self.ref.url),
            title=self.title,
            services=tuple(self.services),
            severity=Severity[self.severity],
            summary=self.summary,
            team=self.team,
            moments=self._moments(),
            detection_source=self.detection_source,
            customer_impact=self.customer_impact,
            change=Change(change.role, change.kind, change.rollout) if change else None,
            mode=self.mode,
            cause=PastCause(cause.slug, cause.title, cause.factor, cause.confirmed) if cause else None,
            visibility=self.visibility,
            postmortem=self.postmortem.past(self.factors) if self.postmortem else None,
        )

    def _moments(self) -> Moments:
        given: dict[str, When] = {name: when for name in MOMENTS if (when := getattr(self, name)) is not None}
        sources = tuple((name, BY_DATE if when.by_date else EXACT) for name, when in given.items())
        instants: dict[str, Any] = {name: when.at for name, when in given.items()}
        return Moments(**instants, sources=sources)


def _merged(records: Iterable[FactorRecord], codes: Iterable[str]) -> tuple[ContributingFactor, ...]:
    """Each code once; what says more comes first and wins."""
    full = [ContributingFactor(record.code, record.sub_code, record.why) for record in records]
    factors: dict[str, ContributingFactor] = {}
    for factor in [*full, *map(ContributingFactor, codes)]:
        factors.setdefault(factor.code, factor)
    return tuple(factors.values())


def parse(line: bytes) -> PastIncident:
    """Raises pydantic's ValidationError."""
    return Record.model_validate_json(line).past()
