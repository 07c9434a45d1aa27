"""What a change of boosts does to items, and what their tickets were told so far."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.actions.model import Priority
from app.domain.tracking.model import Ticket


@dataclass(frozen=True, slots=True)
class Reprioritised:
    """An item whose effective priority, or whose explanation, has changed."""

    item_id: UUID
    incident_id: UUID | None
    old: Priority
    new: Priority
    boost_id: UUID | None


@dataclass(frozen=True, slots=True)
class Face:
    """An item's ticket: the priority it was last told, if any, and when it was last told of a fall."""

    ticket: Ticket
    shown: Priority | None
    fell_at: datetime | None
