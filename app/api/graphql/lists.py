"""The lists of the schema: those of REST, with their filters and orders as input types."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import get_object_definition

from app.api.graphql.ids import own_id
from app.api.graphql.loaders import Where
from app.api.graphql.types import filters
from app.api.reading import Listing
from app.api.rest import (
    action_items,
    api_keys,
    deliveries,
    deployments,
    drafts,
    findings,
    incidents,
    local_tickets,
    meta_reviews,
    people,
    postmortems,
    root_causes,
    service_accounts,
    services,
    sprint_planning,
    suggestions,
    teams,
    versions,
    webhook_deliveries,
    webhook_endpoints,
)
from app.domain.selection import Sort


@dataclass(frozen=True, slots=True)
class Listed:
    """A list and the input types that narrow and sort it."""

    listing: Listing
    filter: type[Any] | None
    order: type[Any]


def _listed(name: str, listing: Listing, filter: type[Any] | None = None) -> Listed:
    return Listed(listing, filter, _order(name, listing))


def _order(name: str, listing: Listing) -> type[Any]:
    """The input for the fields that the REST list can be sorted by."""
    fields: Any = Enum(f"{name}OrderField", {field.upper(): field for field in listing.sorts})  # type: ignore[misc]
    by = strawberry.enum(fields, description="What the list can be sorted by.")
    default = listing.default_sort.removeprefix("-").upper() + (" descending" * listing.default_sort.startswith("-"))
    namespace = {
        "__annotations__": {"field": by, "descending": bool},
        "field": strawberry.field(description="By which field."),
        "descending": strawberry.field(description="The largest first.", default=False),
    }
    return strawberry.input(
        type(f"{name}Order", (), namespace), description=f"The order of a list; {default} unless given."
    )


LISTS: Mapping[str, Listed] = {
    "action_item": _listed("ActionItem", action_items.LISTING, filters.ActionItemFilter),
    "postmortem": _listed("Postmortem", postmortems.LISTING, filters.PostmortemFilter),
    "deployment": _listed("Deployment", deployments.DEPLOYMENTS, filters.DeploymentFilter),
    "draft": _listed("Draft", drafts.DRAFTS, filters.DraftFilter),
    "annotation": _listed("Annotation", deployments.ANNOTATIONS, filters.AnnotationFilter),
    "suggestion_answer": _listed("SuggestionAnswer", suggestions.LISTING, filters.SuggestionAnswerFilter),
    "finding": _listed("Finding", findings.LISTING, filters.FindingFilter),
    "delivery": _listed("Delivery", deliveries.DELIVERIES, filters.DeliveryFilter),
    "webhook_endpoint": _listed("WebhookEndpoint", webhook_endpoints.LISTING, filters.WebhookEndpointFilter),
    "webhook_delivery": _listed("WebhookDelivery", webhook_deliveries.LISTING, filters.WebhookDeliveryFilter),
    "local_ticket": _listed("LocalTicket", local_tickets.LISTING, filters.LocalTicketFilter),
    "publication": _listed("PostmortemVersion", versions.VERSIONS),
    "api_key": _listed("ApiKey", api_keys.LISTING),
    "team": _listed("Team", teams.LISTING, filters.TeamFilter),
    "service": _listed("Service", services.LISTING, filters.ServiceFilter),
    "person": _listed("Person", people.LISTING, filters.PersonFilter),
    "service_account": _listed("ServiceAccount", service_accounts.LISTING, filters.ServiceAccountFilter),
    "root_cause": _listed("RootCause", root_causes.LISTING, filters.RootCauseFilter),
    "incident": _listed("Incident", incidents.LISTING, filters.IncidentFilter),
    "meta_review": _listed("MetaReview", meta_reviews.LISTING, filters.MetaReviewFilter),
}
_IDS = frozenset({"endpoint_id", "event_id", "incident_id", "pattern", "postmortem_id", "subject_id"})
FEED = sprint_planning.FEED


def filters_of(kind: str, given: object) -> list[Where]:
    """The comparisons that an input asks for."""
    if given is None:
        return []
    declared = LISTS[kind].listing.filters
    names = [field.python_name for field in get_object_definition(type(given), strict=True).fields]
    asked = {name: value for name in names if (value := getattr(given, name)) is not None}
    return [Where(*declared[name], _plain(name, value)) for name, value in asked.items()]


def _plain(name: str, value: Any) -> object:
    if isinstance(value, list):
        return [_plain(name, one) for one in value]
    if isinstance(value, Enum):
        return value.value
    return own_id(value) if name in _IDS else value


def sort_of(kind: str, arguments: Mapping[str, Any]) -> Sort:
    """The order asked for, else the list's own."""
    asked = arguments.get("order_by")
    if asked is not None:
        return Sort(asked.field.value, asked.descending)
    default = LISTS[kind].listing.default_sort
    return Sort(default.removeprefix("-"), default.startswith("-"))
