"""What goes over the wire about postmortems: bodies, records, and the parts of both."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from app.api.schemas import Body, Day, Instant, Json, Line, Out, PersonRef, Ref, RootCauseRef, ServiceRef, Text
from app.domain.actions.model import ControlType, Status
from app.domain.announcing.model import AnnouncementState, AnnouncementTarget
from app.domain.postmortems.content import ContributingFactor, Forum, Review, SectionName, TimelineKind
from app.domain.postmortems.model import PostmortemStatus, Tier

Phase = Literal["detection", "response", "mitigation", "resolution"]
Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")]
TierNumber = Annotated[int, Field(ge=1, le=3, description="1 full, 2 standard, 3 one paragraph.")]
ContentHash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="From `GET .../readiness`.")]


class PostmortemCreate(Body):
    """A postmortem on request. Tier, reasons and due date follow from the incident."""

    incident_id: UUID


class SectionBody(Body):
    """A text. A person who sends a machine's text back unchanged, without the mark, has reviewed it."""

    text: Text
    machine_written: bool = Field(default=False, description="Always true for what a service account sends.")


class FactorBody(Body):
    """A contributing factor and why it applies here."""

    code: Code
    sub_code: Code | None = None
    why: Text = ""

    def factor(self) -> ContributingFactor:
        return ContributingFactor(self.code, self.sub_code, self.why)


class ReviewBody(Body):
    """When and where it was discussed; tier 1 by leadership or all hands."""

    held_on: Day
    forum: Forum

    def review(self) -> Review:
        return Review(self.held_on, self.forum)


class PostmortemPatch(Body):
    """Only the fields that are sent change. Sections and explanations merge by name, null removes one; lists are
    replaced."""

    sections: dict[SectionName, SectionBody | None] | None = None
    whys: Annotated[list[Text], Field(max_length=20)] | None = Field(
        default=None, description="The five whys in order."
    )
    factors: Annotated[list[FactorBody], Field(max_length=50)] | None = Field(
        default=None, description="Each code once."
    )
    phase_explanations: dict[Phase, Text | None] | None = Field(
        default=None, description="Why a phase is missing in the timeline or out of order."
    )
    author: Ref | None = Field(default=None, description="An author cannot hand over; somebody else takes over.")
    facilitator: Ref | None = None
    linked_action_items: Annotated[list[UUID], Field(max_length=50)] | None = Field(
        default=None, description="Open action items of earlier postmortems that count here too."
    )
    review: ReviewBody | None = None


class TimelineEntryCreate(Body):
    """A fact with a time."""

    occurred_at: Instant
    kind: TimelineKind
    text: Line
    source: Line = Field(default="manual", description="Where it comes from, such as `slack:C1/1699.0001`.")
    pinned: bool = False


class TimelineEntryPatch(Body):
    """Only the fields that are sent change."""

    occurred_at: Instant | None = None
    kind: TimelineKind | None = None
    text: Line | None = None
    source: Line | None = None
    pinned: bool | None = None


class TierOverrideBody(Body):
    """A reviewer's decision against the proposed tier."""

    tier: TierNumber
    reason: Line


class ReasonGiven(Body):
    """Why."""

    reason: Line


class SignOffBody(Body):
    """The signature is of the person behind the credential, under exactly the content with this hash."""

    content_hash: ContentHash
    confirm_whys: bool = Field(default=False, description="Tier 1: the reviewer has followed every why.")


class PublishBody(Body):
    """A reviewer may let tickets wait whose tracker has been out of reach for a day; it is recorded."""

    tickets_may_wait: bool = False


class SectionOut(Out):
    """A text, and whether a person stands for it."""

    model_config = Json
    text: str
    machine_written: bool
    reviewed: bool


class WhyOut(Out):
    """One of the five whys, and the reviewer who confirmed it."""

    model_config = Json
    text: str
    confirmed_by_id: UUID | None


class OverrideOut(Out):
    """A reviewer's decision against the proposed tier."""

    model_config = Json
    tier: int
    reason: str
    by_id: UUID
    at: datetime


class ReviewOut(Out):
    """When and where it was discussed."""

    model_config = Json
    held_on: date
    forum: Forum


class WaiverOut(Out):
    """Why none is written."""

    model_config = Json
    reason: str
    by_id: UUID
    at: datetime


class TimelineEntryOut(Out):
    """A fact with a time."""

    id: UUID
    occurred_at: datetime
    recorded_at: datetime
    kind: TimelineKind
    text: str
    source: str
    machine_written: bool
    pinned: bool


class PostmortemFactorOut(Out):
    """A contributing factor and why it applies here."""

    code: str
    sub_code: str | None
    why: str


class SignOffOut(Out):
    """A signature; it holds while the content hash is the same."""

    id: UUID
    person: PersonRef
    content_hash: str
    at: datetime


class PostmortemTicketOut(Out):
    """Where an action item's ticket is."""

    provider: str
    key: str | None
    url: str | None
    sync_state: str


class PostmortemItemOut(Out):
    """An action item, briefly."""

    id: UUID
    title: str
    control_type: ControlType
    systemic: bool
    status: Status
    owner: PersonRef | None
    due_on: date | None
    ticket: PostmortemTicketOut | None


class PostmortemIncidentOut(Out):
    """The incident it is about."""

    id: UUID
    title: str
    severity: str
    customer_impact: str
    started_at: datetime | None
    detected_at: datetime | None
    mitigated_at: datetime | None
    resolved_at: datetime | None
    root_cause: RootCauseRef | None
    root_cause_status: str | None
    services: list[ServiceRef]


class PostmortemBrief(Out):
    """A postmortem in a list: without its texts."""

    id: UUID
    version: int
    status: PostmortemStatus
    tier: TierNumber
    incident: PostmortemIncidentOut
    author: PersonRef | None
    facilitator: PersonRef | None
    due_on: date | None
    overdue: bool
    published_at: datetime | None
    published_number: int
    created_at: datetime
    updated_at: datetime


class AnnouncementOut(Out):
    """A place that is told of the published postmortem, once."""

    id: UUID
    target: AnnouncementTarget
    place: str = Field(description="Where there: the incident's id in PagerDuty.")
    state: AnnouncementState = Field(description="A `dead` one waits for a person; `withheld` because of restriction.")
    posted_as: str | None = Field(description="What it is called there.")
    attempts: int
    last_error: str | None
    created_at: datetime
    attempt_at: datetime | None
    not_before: datetime | None
    finished_at: datetime | None


class PostmortemOut(Out):
    """The learning of one incident, as it is now. While a revision is written, `/versions` has what was signed."""

    id: UUID
    version: int
    status: PostmortemStatus
    tier: TierNumber = Field(description="The override's, else the proposed one.")
    proposed_tier: TierNumber
    tier_reasons: list[str]
    override: OverrideOut | None
    incident: PostmortemIncidentOut
    author: PersonRef | None
    facilitator: PersonRef | None
    sections: dict[SectionName, SectionOut]
    whys: list[WhyOut]
    phase_explanations: dict[Phase, str]
    timeline: list[TimelineEntryOut]
    factors: list[PostmortemFactorOut]
    action_items: list[PostmortemItemOut]
    linked_items: list[PostmortemItemOut] = Field(description="Open action items of earlier postmortems.")
    review: ReviewOut | None
    sign_offs: list[SignOffOut]
    waiver: WaiverOut | None
    due_on: date | None
    overdue: bool
    published_at: datetime | None
    published_number: int = Field(description="The latest published version; 0 before the first one.")
    publications: list[AnnouncementOut] = Field(description="Who was told of it, and what kept us from it.")
    created_at: datetime
    updated_at: datetime


class ProblemOut(Out):
    """One thing that is missing: a stable code, a sentence, and where."""

    code: str
    message: str
    pointer: str | None


class ReadinessOut(Out):
    """What is missing before it can be published at this tier."""

    ready: bool
    tier: Tier
    content_hash: str = Field(description="What a signature would be under.")
    missing: list[ProblemOut]
    warnings: list[ProblemOut]
