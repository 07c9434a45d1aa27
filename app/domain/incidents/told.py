"""Places that were told of a postmortem whose incident becomes restricted: only a person can take that back."""

from datetime import datetime

from app.domain.access import SYSTEM
from app.domain.announcing.model import AnnouncementState
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.ports import UnitOfWork


async def report_told(u: UnitOfWork, incident: Incident, now: datetime) -> None:
    """A finding, once; what is not told yet is withheld when its turn comes."""
    posted = [a for a in await u.announcements.of_incident(incident.id) if a.state is AnnouncementState.POSTED]
    if not posted:
        return
    where = ", ".join(sorted({f"{one.target} ({one.posted_as or one.place})" for one in posted}))
    finding = Finding(
        id=new_id(), code=FindingCode.PUBLICATION_EXPOSED, subject_kind="postmortem",
        subject_id=posted[0].postmortem_id,
        message=f"The incident is restricted now, but its postmortem was announced: {where}.",
        remedy="Delete the announcement there, then dismiss this.",
        opened_at=now, incident_id=incident.id,
    )  # fmt: skip
    if await u.findings.open(finding):
        data = {"code": finding.code.value}
        await u.events.add(Event(EventType.FINDING_OPENED, finding.id, now, SYSTEM.actor, incident.id, data))
