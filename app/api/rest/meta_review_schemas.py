"""REST: what goes over the wire about meta-reviews."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from app.api.rest.action_items import PriorityName
from app.api.rest.verification_plans import Plan
from app.api.schemas import (
    Body,
    Day,
    IncidentRef,
    Json,
    Line,
    Out,
    PatternRef,
    PersonRef,
    Ref,
    ServiceRef,
    TeamRef,
    Text,
    Title,
)
from app.domain.actions.model import ControlType, Status
from app.domain.meta_reviews.model import BuildState, BuildStep, MetaReviewStatus
from app.domain.meta_reviews.pattern import Direction, PatternKind
from app.domain.meta_reviews.theme import ThemeStatus

Fix = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class MetaReviewCreate(Body):
    """The quarter to review; one that still runs gives a preliminary draft, one of the future is refused."""

    period: Annotated[str, Field(max_length=40, description="A calendar quarter such as 2026-Q1.")]


class ReasonBody(Body):
    """Why."""

    reason: Line


class PublishMetaReviewBody(Body):
    """The `content_hash` you saw; numbers that changed since are not published unseen."""

    content_hash: Annotated[str | None, Field(max_length=64)] = None


class FixBody(Body):
    """The systemic fix in your words."""

    fix: Fix


class AcceptThemeBody(Body):
    """The factor that the wording is a form of, if any: a proposal to the authors of those postmortems."""

    factor: Annotated[str | None, Field(max_length=100, description="A factor code.")] = None


class PatternItemCreate(Body):
    """A candidate of a pattern, with an accountable person and an owning team."""

    title: Title = Field(description="Starts with a verb.")
    owner: Ref = Field(description="Who is accountable: an id or an e-mail address.")
    team: Ref | None = Field(
        default=None, description="The owning team, whose route its ticket takes; else the owner's."
    )
    service: Ref | None = Field(default=None, description="A service whose error budget lifts its priority and risk.")
    due_on: Day | None = None
    control_type: ControlType = ControlType.PREVENT
    description: Text = ""
    base_priority: PriorityName = "medium"
    plan: Plan | None = None


class BuildOut(Out):
    """How far counting is."""

    model_config = Json
    state: BuildState
    done: int
    of: int
    step: BuildStep | None
    error: str | None


class HeatCellOut(Out):
    """How many of a factor's incidents struck one service."""

    model_config = Json
    pattern: str
    service: str
    name: str
    n: int


class PartOut(Out):
    """A form of the pattern: a sub-code, or how a change was rolled out."""

    model_config = Json
    name: str
    n: int
    previous_n: int


class QuoteOut(Out):
    """What a postmortem said, and which."""

    model_config = Json
    text: str
    incident_id: UUID
    postmortem_id: UUID
    incident: str


class ExposedOut(Out):
    """A service that the pattern struck."""

    model_config = Json
    service: str
    name: str
    n: int
    revenue_per_hour_usd: float | None


class MetaReviewRef(Out):
    """A meta-review, briefly."""

    id: UUID
    period: str
    status: MetaReviewStatus


class PatternOut(Out):
    """What several incidents have in common: n of `of` published postmortems show it."""

    id: UUID
    kind: PatternKind
    key: str = Field(description="A factor code, `deployment`, or `theme-…`.")
    title: str
    n: int
    of: int
    low: float | None = Field(description="Lower end of the share's 95 % interval (Wilson).")
    high: float | None
    previous_n: int = Field(description="In the quarter before.")
    previous_of: int
    p: float | None = Field(description="Fisher's exact p that both quarters have the same share; null without one.")
    direction: Direction
    parts: list[PartOut]
    quotes: list[QuoteOut] = Field(description="Only of incidents you may see.")
    services: list[ExposedOut]
    revenue_per_hour_usd: float | None = Field(description="Sum over the listed services that say; null if none does.")
    fix: str
    fix_is_edited: bool


class ThemeOut(Out):
    """Wording that repeats across postmortems under no factor yet."""

    id: UUID
    phrase: str
    n: int = Field(description="Postmortems without a factor that say it.")
    n_elsewhere: int = Field(description="Postmortems with factors that say it.")
    z: float = Field(description="z-score of its log-odds against the others' wording.")
    quotes: list[QuoteOut]
    status: ThemeStatus
    factor_code: str | None
    reason: str
    decided_by: PersonRef | None
    decided_at: datetime | None


class ReviewTicketOut(Out):
    """The ticket, briefly."""

    provider: str
    key: str | None
    url: str | None
    status: str
    sync_state: str


class ReviewItemOut(Out):
    """An action item of the review."""

    id: UUID
    title: str
    status: Status
    control_type: ControlType
    due_on: date | None
    risk: float | None
    owner: PersonRef | None
    team: TeamRef | None
    service: ServiceRef | None
    pattern: PatternRef | None
    ticket: ReviewTicketOut | None


class MetaReviewBrief(Out):
    """A meta-review without what is in it."""

    id: UUID
    version: int
    period: str
    status: MetaReviewStatus
    preliminary: bool = Field(description="Counted before the quarter had ended.")
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    build: BuildOut
    built_at: datetime | None
    n: int | None = Field(description="Published postmortems of standard incidents that started in the quarter.")
    n_missing: int | None = Field(description="Required ones that are not published.")
    previous_n: int | None
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime


class MetaReviewOut(Out):
    """The quarter's review. Its numbers change until it is published, and never again after that."""

    id: UUID
    version: int
    period: str
    status: MetaReviewStatus
    preliminary: bool = Field(description="Counted before the quarter had ended.")
    time_zone: str
    starts_at: datetime
    ends_at: datetime
    build: BuildOut
    built_at: datetime | None
    content_hash: str | None = Field(description="Of numbers and fixes; publishing takes it as proof of what was seen.")
    n: int | None = Field(description="Published postmortems of standard incidents that started in the quarter.")
    n_missing: int | None = Field(description="Required ones that are not published.")
    missing_because: dict[str, int] | None = Field(description="`overdue` and `not_due_yet`.")
    waived: int | None
    other_modes: int | None = Field(description="Published ones of test and tutorial incidents, which never count.")
    previous_n: int | None
    patterns: list[PatternOut] = Field(description="The most frequent first; a pattern of one incident is none yet.")
    themes: list[ThemeOut]
    heat: list[HeatCellOut] | None = Field(description="Factors against the services struck most.")
    action_items: list[ReviewItemOut]
    submitted_by: PersonRef | None
    published_by: PersonRef | None
    published_at: datetime | None
    created_at: datetime
    updated_at: datetime


class PatternDifferenceOut(Out):
    """A pattern that would be counted otherwise now."""

    key: str
    title: str
    kept_n: int = Field(description="In the review.")
    live_n: int = Field(description="Over the records as they are now.")
    added: list[IncidentRef] = Field(description="Incidents you may see that would be counted now.")
    removed: list[IncidentRef] = Field(description="Incidents you may see that would not be counted any more.")


class MetaReviewDifferenceOut(Out):
    """The review's numbers beside the same count over the records as they are now."""

    period: str
    kept_of: int
    live_of: int
    patterns: list[PatternDifferenceOut]
