"""Opening and closing findings, each with the event that says so."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app.domain.access import SYSTEM
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding
from app.domain.ports import UnitOfWork


async def open_finding(u: UnitOfWork, finding: Finding) -> bool:
    """Open it and tell, unless one with its code and subject is open; says whether it is new."""
    if not await u.findings.open(finding):
        return False
    await tell(u, EventType.FINDING_OPENED, finding, finding.opened_at)
    return True


async def close_finding(u: UnitOfWork, finding: Finding, now: datetime) -> None:
    """What it reported is over."""
    await u.findings.save(replace(finding, closed_at=now))
    await tell(u, EventType.FINDING_CLOSED, finding, now)


async def tell(
    u: UnitOfWork, type: EventType, finding: Finding, now: datetime, data: Mapping[str, object] | None = None
) -> None:
    """Say what became of a finding."""
    about = {"code": finding.code.value, f"{finding.subject_kind}_id": str(finding.subject_id)}
    event = Event(type, finding.id, now, SYSTEM.actor, finding.incident_id, {**about, **(data or {})})
    await u.events.add(event)
