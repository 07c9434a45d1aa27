"""The root of every subscription: events as they are committed, each with the record that it is about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry.scalars import JSON

from app.api.graphql.fields import Asked
from app.api.graphql.ids import own_id
from app.api.graphql.records import described
from app.api.graphql.types.action_items import ActionItemType
from app.api.graphql.types.budgets import BoostType
from app.domain.errors import Invalid
from app.domain.events import EventFilter, PositionedEvent, require_types


def _said(description: str) -> Any:
    return strawberry.argument(description=description)


@described
class EventType:
    """A committed change: ids and what changed."""

    id: UUID = strawberry.field(description="Its own id, the same as in webhooks and in the feed.")
    position: str = strawberry.field(description="Its place in the feed; `after` takes it.")
    type: str = strawberry.field(description="What happened, such as `action_item.closed.v1`.")
    subject_id: UUID = strawberry.field(description="The record it is about.")
    actor: str = strawberry.field(description="Who did it: `person:<id>`, `service_account:<id>`, or `system`.")
    occurred_at: datetime = strawberry.field(description="When it happened.")
    change: JSON = strawberry.field(description="What changed.")


async def _action_item(root: Any, info: Asked) -> Any:
    return await info.context.loaders.one("action_item", root["subject_id"])


async def _boost(root: Any, info: Asked) -> Any:
    return await info.context.loaders.one("boost", root["subject_id"])


@described
class ActionItemEventType:
    """A change of an action item."""

    event: EventType = strawberry.field(description="The change.")
    action_item: ActionItemType | None = strawberry.field(resolver=_action_item, description="The item as it is now.")


@described
class BoostEventType:
    """A change of a boost."""

    event: EventType = strawberry.field(description="The change.")
    boost: BoostType | None = strawberry.field(resolver=_boost, description="The boost as it is now.")


After = Annotated[str | None, _said("A position: what happened after it comes first. Unset: from now on.")]
Slugs = list[str] | None
Types = Annotated[list[str] | None, _said("Types of events; `.*` at the end stands for all that begin so.")]


def _told(root: Any) -> Mapping[str, Any]:
    return {"event": event_row(root), "subject_id": root.event.subject_id}


# The arguments are read once, when the subscription starts (`wanted_by`); here they only say what there is.


async def _action_items(
    root: Any,
    team: Annotated[Slugs, _said("Slugs of teams.")] = None,  # noqa: ARG001
    service: Annotated[Slugs, _said("Slugs of services.")] = None,  # noqa: ARG001
    types: Types = None,  # noqa: ARG001
    after: After = None,  # noqa: ARG001
) -> Any:
    return _told(root)


async def _boosts(
    root: Any,
    team: Annotated[Slugs, _said("Slugs of teams.")] = None,  # noqa: ARG001
    service: Annotated[Slugs, _said("Slugs of services.")] = None,  # noqa: ARG001
    types: Types = None,  # noqa: ARG001
    after: After = None,  # noqa: ARG001
) -> Any:
    return _told(root)


async def _events(
    root: Any,
    types: Types = None,  # noqa: ARG001
    subject: Annotated[strawberry.ID | None, _said("Only events of this record: a global id or a UUID.")] = None,  # noqa: ARG001
    after: After = None,  # noqa: ARG001
) -> Any:
    return event_row(root)


@described
class Subscription:
    """What can be followed. Events that the caller may not see do not exist here."""

    action_items: ActionItemEventType = strawberry.field(
        resolver=_action_items, description="Changes of action items, by team or service."
    )
    boosts: BoostEventType = strawberry.field(resolver=_boosts, description="Changes of boosts, by team or service.")
    events: EventType = strawberry.field(
        resolver=_events, description="Events of any type, such as how far a draft has come, or all of one record."
    )


PREFIXES: Mapping[str, str] = {"actionItems": "action_item.", "boosts": "boost."}
RECORDS = frozenset({"actionItem", "boost"})
"""Fields that are read for the caller: without them an event looks the same to all who may see it."""


def event_row(one: PositionedEvent) -> Mapping[str, Any]:
    """What the type Event shows of it."""
    event = one.event
    return {
        "id": event.id, "position": str(one.position), "type": str(event.type), "subject_id": event.subject_id,
        "actor": event.actor, "occurred_at": event.occurred_at, "change": dict(event.data),
    }  # fmt: skip


def wanted_by(field: str, arguments: Mapping[str, Any]) -> EventFilter:
    """Which events a root field with these arguments stands for. Raises Invalid, UnknownEventType."""
    prefix = PREFIXES.get(field, "")
    types = require_types(arguments.get("types") or ())
    if foreign := sorted(one for one in types if not one.startswith(prefix)):
        raise Invalid(f"{field} has events of the types {prefix}*; not {', '.join(foreign)}.")
    subject = arguments.get("subject")
    return EventFilter(
        types or frozenset({f"{prefix}*"} if prefix else ()),
        None if subject is None else own_id(subject),
        _names(arguments.get("team")),
        _names(arguments.get("service")),
    )


def _names(given: Sequence[str] | None) -> frozenset[str]:
    return frozenset(given or ())


def position_of(text: object) -> int | None:
    """The position that `after` names. Raises Invalid."""
    if text is None:
        return None
    if not (isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid("`after` is the position of an event, such as 1024.")
    return int(text)
