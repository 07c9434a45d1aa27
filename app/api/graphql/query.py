"""The root of every query."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from app.api.graphql.fields import Asked, every, found, node, page
from app.api.graphql.records import described
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.callers import CallerType
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.deployments import AnnotationType, DeploymentType
from app.api.graphql.types.drafts import DraftType
from app.api.graphql.types.enums import Bucketing, SeverityName
from app.api.graphql.types.findings import FindingType
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.keys import ApiKeyType
from app.api.graphql.types.learning import FactorType, RootCauseType
from app.api.graphql.types.meta_reviews import MetaReviewType
from app.api.graphql.types.metrics import MetricsType
from app.api.graphql.types.node import Node
from app.api.graphql.types.organisation import PersonType, ServiceAccountType, ServiceType, TeamType
from app.api.graphql.types.planning import SprintPlanningConnectionType, feed
from app.api.graphql.types.postmortems import PostmortemType
from app.api.graphql.types.suggestions import (
    SIMILAR_INCIDENTS,
    SUGGESTED_CAUSES,
    SUGGESTED_FACTORS,
    FactorSuggestionType,
    SimilarIncidentType,
    SuggestedCauseType,
    SuggestionAnswerType,
)
from app.api.graphql.types.tickets import DeliveryType, LocalTicketType
from app.api.graphql.types.webhooks import WebhookDeliveryType, WebhookEndpointType
from app.api.rest.metrics import require_names, window_asked
from app.domain.errors import Invalid
from app.domain.learning.measures import LONGEST_LOOKBACK


def _said(description: str) -> Any:
    return strawberry.argument(description=description)


def _me(info: Asked) -> Any:
    return info.context.caller


async def _metrics(
    info: Asked,
    as_of: Annotated[datetime | None, _said("The end of the window; now unless given.")] = None,
    lookback_days: Annotated[int | None, _said("How far the window reaches back in days, 1 to 3660; or 365.")] = None,
    interval: Annotated[Bucketing, _said("Length of a bucket.")] = Bucketing.MONTH,
    team: Annotated[str | None, _said("A team's slug.")] = None,
    service: Annotated[str | None, _said("A service's slug.")] = None,
    severities: Annotated[list[SeverityName] | None, _said("Severities; all unless given.")] = None,
) -> Any:
    if lookback_days is not None and not 1 <= lookback_days <= LONGEST_LOOKBACK:
        raise Invalid(f"`lookbackDays` is 1 to {LONGEST_LOOKBACK}.")
    ports, names = info.context.ports, ",".join(severities) if severities else None
    asked = window_asked(ports, as_of, lookback_days, interval.value, team, service, names)
    await require_names(ports, asked.where)
    return asked


@described
class Query:
    """What can be read. Records that the caller may not see do not exist here."""

    node: Node | None = node("Any record, by its global id.")
    me: CallerType = strawberry.field(resolver=_me, description="Who asks.")
    service: ServiceType | None = found("A service by its slug.", "service", by="slug")
    services: Connection[ServiceType] = page("Services.", "service")
    team: TeamType | None = found("A team by its slug.", "team", by="slug")
    teams: Connection[TeamType] = page("Teams.", "team")
    person: PersonType | None = found("A person by e-mail address.", "person", by="email")
    people: Connection[PersonType] = page("People.", "person")
    service_accounts: Connection[ServiceAccountType] = page("Programs that call us.", "service_account")
    api_keys: Connection[ApiKeyType] = page("API keys, revoked and expired ones too; for admins.", "api_key")
    root_cause: RootCauseType | None = found("A root cause by its slug.", "root_cause", by="slug")
    root_causes: Connection[RootCauseType] = page("The catalogue of root causes.", "root_cause")
    factors: list[FactorType] = every("The taxonomy of contributing factors.", "factor")
    incident: IncidentType | None = found("An incident by its id.", "incident")
    incidents: Connection[IncidentType] = page("Incidents.", "incident")
    postmortem: PostmortemType | None = found("A postmortem by its id.", "postmortem")
    postmortems: Connection[PostmortemType] = page("Postmortems.", "postmortem")
    action_item: ActionItemType | None = found("An action item by its id.", "action_item")
    action_items: Connection[ActionItemType] = page("Action items.", "action_item")
    meta_review: MetaReviewType | None = found("A quarter's review by its id.", "meta_review")
    meta_reviews: Connection[MetaReviewType] = page("The quarters' reviews.", "meta_review")
    deployment: DeploymentType | None = found("A deployment by its id.", "deployment")
    deployments: Connection[DeploymentType] = page("Deployments.", "deployment")
    draft: DraftType | None = found("A draft of a postmortem by its id.", "draft")
    drafts: Connection[DraftType] = page("Drafts of postmortems.", "draft")
    annotations: Connection[AnnotationType] = page("What happened, as others pushed it.", "annotation")
    local_tickets: Connection[LocalTicketType] = page("Tickets of our own tracker.", "local_ticket")
    similar_incidents: list[SimilarIncidentType] = SIMILAR_INCIDENTS
    suggested_root_causes: list[SuggestedCauseType] = SUGGESTED_CAUSES
    suggested_factors: list[FactorSuggestionType] = SUGGESTED_FACTORS
    suggestion_answers: Connection[SuggestionAnswerType] = page(
        "What people answered to suggestions.", "suggestion_answer"
    )
    findings: Connection[FindingType] = page("Follow-through rules that are not met.", "finding")
    webhook_endpoints: Connection[WebhookEndpointType] = page("Where events are sent; for admins.", "webhook_endpoint")
    webhook_deliveries: Connection[WebhookDeliveryType] = page(
        "What is on its way to webhook endpoints; for admins.", "webhook_delivery"
    )
    deliveries: Connection[DeliveryType] = page("What is on its way to the trackers; for admins.", "delivery")
    sprint_planning: SprintPlanningConnectionType = feed(
        "What to plan next: open items by recurrence risk, with the reasons."
    )
    metrics: MetricsType = strawberry.field(resolver=_metrics, description="Whether postmortems change anything.")
