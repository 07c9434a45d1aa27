"""Action items, their evidence and their history."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from app.api.graphql.fields import column, edge, edges
from app.api.graphql.records import described, record
from app.api.graphql.types.budgets import BoostType
from app.api.graphql.types.enums import PriorityName
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.learning import RootCauseType
from app.api.graphql.types.node import Node, VersionedType
from app.api.graphql.types.organisation import PersonType, ServiceType, TeamType
from app.api.graphql.types.tickets import TicketType
from app.domain.actions.evidence import CheckKind, Comparison, Exercise, MetricMode, Observation, Verdict
from app.domain.actions.model import ControlType, DeclineCode, Status
from app.domain.monitoring import Backend

if TYPE_CHECKING:
    from app.api.graphql.types.meta_reviews import MetaReviewPatternType
    from app.api.graphql.types.postmortems import PostmortemType


@described
class MetricType:
    """One monitoring query and what its answer is compared with."""

    query: str = strawberry.field(description="Answers with exactly one series.")
    backend: Backend = strawberry.field(description="Which monitoring system is asked.")
    comparison: Comparison = strawberry.field(description="How the value is compared.")
    threshold: float = strawberry.field(description="What it is compared with.")
    mode: MetricMode = strawberry.field(description="When it must hold.")
    exercised: Exercise = strawberry.field(description="What it means when it does not hold.")


@described
class PlanType:
    """How we will know that the fix works in production."""

    checks: list[CheckKind] = strawberry.field(description="What is looked at.")
    window_days: int = strawberry.field(description="Days from the deployment.")
    description: str = strawberry.field(description="In words.")
    metric: MetricType | None = strawberry.field(description="What the monitoring is asked.", default=None)


@described
class DeclineType:
    """A person's decision that nothing is done."""

    code: DeclineCode = strawberry.field(description="Why, as a code.")
    reason: str = strawberry.field(description="Why, in words.")
    by_id: UUID = strawberry.field(description="Who decided.")
    at: datetime = strawberry.field(description="When.")
    next_review_at: datetime = strawberry.field(description="When it is looked at again.")


@described
class ReasonType:
    """A reason for a place in the sprint feed."""

    code: str = strawberry.field(description="Stable code.")
    text: str = strawberry.field(description="Plain words.")


@described
class PriorType:
    """The Gamma prior of the rate at which the cause strikes the service."""

    shape: float = strawberry.field(description="Its shape.")
    days: float = strawberry.field(description="Its rate parameter, in days.")


@described
class RiskDetailType:
    """What the risk is made of: probability × severity weight × budget factor."""

    p: float = strawberry.field(description="Probability that the cause strikes the service again within 90 days.")
    n: int = strawberry.field(description="Recurrences in the exposure.")
    exposure_days: float = strawberry.field(description="How long was watched.")
    prior: PriorType | None = strawberry.field(description="What was believed before.")
    severity_weight: float = strawberry.field(description="1 for P1 down to 0.05 for P5.")
    budget_factor: float = strawberry.field(description="1, 1.25 or 1.5, as the error budget burns.")
    reasons: list[ReasonType] = strawberry.field(description="The same in words.")


@record("check")
class EvidenceType(Node):
    """One check of the fix, kept for ever."""

    kind: CheckKind = column("What was looked at.")
    verdict: Verdict | None = column("Null while an attestation waits for its reviewer.")
    ran_at: datetime = column("When.")
    window_start: datetime = column("Start of what was looked at.")
    window_end: datetime = column("End of what was looked at.")
    observation: Observation | None = column("What a person saw in production.")
    statement: str = column("In the person's words.")
    link: str | None = column("Where it can be seen.")
    reviewed_at: datetime | None = column("When it was reviewed.")
    review_comment: str = column("What the reviewer said.")
    detail: strawberry.scalars.JSON = column("What was observed: incidents, probability of silence, reason.")
    refuted_by_id: UUID | None = column("The incident that showed otherwise.")
    refuted_at: datetime | None = column("When that was.")
    closed_item_at: datetime | None = column("When it closed the item, if it did.")
    attested_by: PersonType | None = edge("Who saw it.", "person")
    reviewed_by: PersonType | None = edge("Who reviewed it.", "person")


@record("action_item_change")
class ActionItemChangeType(Node):
    """One change of an item."""

    at: datetime = column("When.")
    actor: str = column("Who: `person:…`, `service_account:…` or `system`.")
    source: str = column("From which side: `api`, `tracker` or `system`.")
    field: str = column("What changed.")
    old: str | None = column("What it was.")
    new: str | None = column("What it became.")


@record("action_item")
class ActionItemType(VersionedType):
    """A commitment to change something, closed only with evidence that the change works."""

    title: str = column("What will be done; it starts with a verb.")
    description: str = column("More about it.")
    status: Status = column("Where it stands.")
    control_type: ControlType = column("What the change does about the cause.")
    systemic: bool = column("Whether it changes the system and not one spot.")
    committed_due_on: date | None = column("The first promise; it never moves.")
    due_on: date | None = column("The present promise.")
    slips: int = column("How often the promise moved to a later date.")
    overdue: bool = column("The committed date has passed without the item being implemented.")
    base_priority: PriorityName = column("What people say.")
    effective_priority: PriorityName = column("What people say, lifted while the error budget burns.")
    plan: PlanType | None = column("How we will know that it works.")
    opened_at: datetime | None = column("When it was accepted.")
    implemented_at: datetime | None = column("When it was done.")
    deployed_at: datetime | None = column("When it reached production.")
    evidence_due_on: date | None = column("When the window of evidence ends.")
    closed_at: datetime | None = column("When evidence closed it.")
    reopened_at: datetime | None = column("When it was last reopened.")
    decline: DeclineType | None = column("Why nothing is done.")
    planned_in: str | None = column("The sprint, cycle or milestone it is planned in.")
    times_passed_over: int = column("How many plannings went by without it.")
    risk: float | None = column("A score that orders, not a probability; null until it was computed.")
    risk_detail: RiskDetailType | None = column("What the score is made of.")
    risk_as_of: datetime | None = column("When it was computed.")
    cause_recurred_at: datetime | None = column("When its cause last struck again.")
    owner: PersonType | None = edge("Who does it.", "person")
    team: TeamType | None = edge("Whose it is.", "team")
    service: ServiceType | None = edge("The service it makes better.", "service")
    root_cause: RootCauseType | None = edge("The cause it is about.", "root_cause")
    incident: IncidentType | None = edge("The incident it comes from.", "incident")
    postmortem: Annotated["PostmortemType", strawberry.lazy("app.api.graphql.types.postmortems")] | None = edge(
        "The postmortem it comes from.", "postmortem"
    )
    pattern: Annotated["MetaReviewPatternType", strawberry.lazy("app.api.graphql.types.meta_reviews")] | None = edge(
        "The pattern of a meta-review it comes from instead of an incident.", "meta_review_pattern"
    )
    boost: BoostType | None = edge("What lifts the effective priority, if anything does.", "boost")
    refuted_by: IncidentType | None = edge("The incident that showed that the fix does not work.", "incident")
    ticket: TicketType | None = edge("Its face in a tracker.", "ticket")
    evidence: list[EvidenceType] = edges("Every check of it, oldest first.", "check")
    history: list[ActionItemChangeType] = edges("Who changed what and when, oldest first.", "action_item_change")
