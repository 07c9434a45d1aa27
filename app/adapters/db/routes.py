"""Routes as JSON, in the rows of those who have one and of the tickets that went there."""

from collections.abc import Mapping
from typing import Any

from app.domain.organisation.model import PRIORITY_NAMES, Provider, Route


def to_route(value: Mapping[str, Any], provider: Provider) -> Route:
    """The route behind a value; one that was stored earlier lacks what came later."""
    return Route(
        provider=provider,
        project=value["project"],
        labels=tuple(value["labels"]),
        restricted=value["restricted"],
        issue_type=value.get("issue_type"),
        priorities={ours: theirs for ours, theirs in (value.get("priorities") or {}).items() if theirs is not None},
        due_field=value.get("due_field"),
    )


def of_route(route: Route) -> dict[str, Any]:
    """The value behind a route, without its provider."""
    return {
        "project": route.project,
        "labels": list(route.labels),
        "restricted": route.restricted,
        "issue_type": route.issue_type,
        "priorities": {ours: route.priorities.get(ours) for ours in PRIORITY_NAMES},
        "due_field": route.due_field,
    }
