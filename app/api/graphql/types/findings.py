"""Findings."""

from datetime import datetime
from uuid import UUID

from app.api.graphql.fields import column, edge
from app.api.graphql.records import record
from app.api.graphql.types.node import Node
from app.api.graphql.types.organisation import PersonType, TeamType
from app.domain.follow_through.model import FindingCode


@record("finding")
class FindingType(Node):
    """A follow-through rule that is not met: who can mend it, and how."""

    version: int = column("Counts its changes.")
    code: FindingCode = column("The rule.")
    subject_kind: str = column("What kind of record it is about.")
    subject_id: UUID = column("The record it is about.")
    message: str = column("What is not as it should be.")
    remedy: str = column("What would mend it.")
    incident_id: UUID | None = column("The incident behind it.")
    opened_at: datetime = column("Since when.")
    closed_at: datetime | None = column("Until when.")
    reached: str | None = column("How far it has been taken: owner, team_lead or leadership.")
    escalated_at: datetime | None = column("When it reached them.")
    dismissed_reason: str | None = column("Why it is all right after all.")
    team: TeamType | None = edge("The team it concerns.", "team")
    owner: PersonType | None = edge("Who can mend it.", "person")
