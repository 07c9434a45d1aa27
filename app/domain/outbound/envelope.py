"""Events as they are told: CloudEvents 1.0, with ids and the change only."""

from collections.abc import Mapping

from app.domain.events import Event

VERSION = "1.0"


def cloud_event(event: Event, *, source: str, position: int | None = None) -> Mapping[str, object]:
    """The envelope; `sequence` is the position in the feed, where the event has one."""
    sequence = {} if position is None else {"sequence": str(position)}
    return {
        "specversion": VERSION,
        "id": str(event.id),
        "source": source,
        "type": str(event.type),
        "subject": str(event.subject_id),
        "time": event.occurred_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        **sequence,
        "data": {"subject_id": str(event.subject_id), "actor": event.actor, "change": dict(event.data)},
    }
