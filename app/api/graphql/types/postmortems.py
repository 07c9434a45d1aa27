"""Postmortems and their parts."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked, column, edge, edges, embedded, page
from app.api.graphql.records import described, record
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.enums import PhaseName
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.learning import FactorType
from app.api.graphql.types.node import Node, VersionedType
from app.api.graphql.types.organisation import PersonType
from app.domain.announcing.model import AnnouncementState, AnnouncementTarget
from app.domain.postmortems.content import Forum, SectionName, TimelineKind
from app.domain.postmortems.model import Audience, PostmortemStatus
from app.domain.postmortems.use_cases import reviewing


@described
class SectionType:
    """A text, and whether a person stands for it."""

    name: SectionName = strawberry.field(description="Which text.")
    text: str = strawberry.field(description="Markdown.")
    machine_written: bool = strawberry.field(description="Whether a machine wrote it.")
    reviewed: bool = strawberry.field(description="Whether a person stands for a machine's text.")


@described
class WhyType:
    """One of the five whys."""

    text: str = strawberry.field(description="The answer to why.")
    confirmed_by_id: UUID | None = strawberry.field(description="The reviewer who confirmed that it follows.")


@described
class PhaseExplanationType:
    """Why a phase is missing in the timeline or out of order."""

    phase: PhaseName = strawberry.field(description="Which phase.")
    text: str = strawberry.field(description="Why.")


@described
class TierOverrideType:
    """A reviewer's decision against the proposed tier."""

    tier: int = strawberry.field(description="1 full, 2 standard, 3 one paragraph.")
    reason: str = strawberry.field(description="Why.")
    by_id: UUID = strawberry.field(description="Who decided.")
    at: datetime = strawberry.field(description="When.")


@described
class ReviewType:
    """When and where it was discussed."""

    held_on: date = strawberry.field(description="When.")
    forum: Forum = strawberry.field(description="Where.")


@described
class WaiverType:
    """Why none is written."""

    reason: str = strawberry.field(description="Why.")
    by_id: UUID = strawberry.field(description="Who decided.")
    at: datetime = strawberry.field(description="When.")


@described
class ProblemType:
    """One thing that is missing."""

    code: str = strawberry.field(description="Stable code.")
    message: str = strawberry.field(description="A sentence.")
    pointer: str | None = strawberry.field(description="Where, as a JSON pointer.")


@described
class ReadinessType:
    """What is missing before it can be published at its tier."""

    ready: bool = strawberry.field(description="Whether nothing is missing.")
    tier: int = strawberry.field(description="The tier it is measured by.")
    content_hash: str = strawberry.field(description="What a signature would be under.")
    missing: list[ProblemType] = strawberry.field(description="What refuses publication.")
    warnings: list[ProblemType] = strawberry.field(description="What does not, but should be looked at.")


@record("timeline_entry")
class TimelineEntryType(Node):
    """A fact with a time."""

    occurred_at: datetime = column("When it happened.")
    recorded_at: datetime = column("When it was written down.")
    kind: TimelineKind = column("What kind of fact.")
    text: str = column("What happened.")
    source: str = column("Where it comes from, such as `manual`.")
    machine_written: bool = column("Whether a machine wrote it.")
    pinned: bool = column("Whether it stands out.")


@record("postmortem_factor")
class PostmortemFactorType:
    """A contributing factor and why it applies here."""

    code: str = column("The factor.")
    sub_code: str | None = column("Which form of it.")
    why: str = column("Why it applies.")
    factor: FactorType | None = embedded("Its entry in the taxonomy.", "factor")


@record("sign_off")
class SignOffType(Node):
    """A signature; it holds while the content hash is the same."""

    content_hash: str = column("What was signed.")
    at: datetime = column("When.")
    person: PersonType = edge("Who signed.", "person")


async def _readiness(row: Parent[dict[str, Any]], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    state, content_hash = await reviewing.get_readiness(
        ports.uow, ports.clock, ports.policy, caller=caller, postmortem_id=UUID(row["id"])
    )
    return {
        "ready": state.is_ready,
        "tier": int(state.tier),
        "content_hash": content_hash,
        "missing": state.missing,
        "warnings": state.warnings,
    }


@record("announcement")
class AnnouncementType(Node):
    """A place that is told of the published postmortem, once."""

    target: AnnouncementTarget = column("The kind of place.")
    place: str = column("Where there.")
    state: AnnouncementState = column("A dead one waits for a person.")
    posted_as: str | None = column("What it is called there.")
    attempts: int = column("How often it was tried.")
    last_error: str | None = column("Why the latest attempt failed.")
    created_at: datetime = column("When it was queued.")
    attempt_at: datetime | None = column("When it was last tried.")
    not_before: datetime | None = column("It is not tried before.")
    finished_at: datetime | None = column("When it was told, given up or withheld.")


@record("publication")
class PostmortemVersionType:
    """A published version as it was signed; it never changes."""

    number: int = column("Counts the versions.")
    content_hash: str = column("What was signed.")
    audience: Audience = column("Who it was published to.")
    published_at: datetime = column("When.")
    content: strawberry.scalars.JSON = column("The record as it was, under the names of REST.")
    signed_by: PersonType = embedded("Whose signature it carries.", "person")


@record("postmortem")
class PostmortemType(VersionedType):
    """The learning of one incident, as it is now."""

    status: PostmortemStatus = column("Where it stands.")
    tier: int = column("How deep: 1 full, 2 standard, 3 one paragraph.")
    proposed_tier: int = column("The tier the rules say.")
    tier_reasons: list[str] = column("Why they say so.")
    override: TierOverrideType | None = column("A reviewer's decision against the proposal.")
    sections: list[SectionType] = column("Its texts.", of="section_list")
    whys: list[WhyType] = column("The five whys, in order.")
    phase_explanations: list[PhaseExplanationType] = column("Why phases are missing.", of="phase_explanation_list")
    review: ReviewType | None = column("When and where it was discussed.")
    waiver: WaiverType | None = column("Why none is written.")
    due_on: date | None = column("When it should be published.")
    overdue: bool = column("Its due date has passed and no version is published.")
    published_at: datetime | None = column("When the latest version was published.")
    published_number: int = column("The latest published version; 0 before the first one.")
    incident: IncidentType = edge("What it is about.", "incident")
    author: PersonType | None = edge("Who writes it.", "person")
    facilitator: PersonType | None = edge("Who leads the review.", "person")
    timeline: list[TimelineEntryType] = edges("What happened, in order.", "timeline_entry", default=200, most=1000)
    factors: list[PostmortemFactorType] = edges("What contributed.", "postmortem_factor")
    action_items: list[ActionItemType] = edges("What was promised.", "action_item")
    linked_items: list[ActionItemType] = edges("Open items of earlier postmortems that count here.", "action_item")
    sign_offs: list[SignOffType] = edges("Who signed what, oldest first.", "sign_off")
    publications: list[AnnouncementType] = edges("Who was told of it, and what kept us from it.", "announcement")
    versions: Connection[PostmortemVersionType] = page("What was published.", "publication", within=("of", "id"))
    readiness: ReadinessType = strawberry.field(
        resolver=_readiness, description="What is missing before it can be published."
    )
