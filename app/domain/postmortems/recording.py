"""What every step of a postmortem has in common: save it, and say what changed."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from app.domain.access import Caller
from app.domain.events import Event, EventType
from app.domain.ports import UnitOfWork
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.readiness import content_hash


async def keep(
    u: UnitOfWork,
    new: Postmortem,
    event: EventType,
    *,
    caller: Caller,
    now: datetime,
    data: Mapping[str, object] | None = None,
) -> Postmortem:
    """Save the new state with one event."""
    saved = await u.postmortems.save(replace(new, updated_at=now))
    await announce(u, saved, event, caller=caller, now=now, data=data)
    return saved


async def announce(
    u: UnitOfWork,
    postmortem: Postmortem,
    event: EventType,
    *,
    caller: Caller,
    now: datetime,
    data: Mapping[str, object] | None = None,
) -> None:
    told = {"status": str(postmortem.status), "tier": int(postmortem.tier), **(data or {})}
    await u.events.add(Event(event, postmortem.id, now, caller.actor, postmortem.incident_id, told))


async def keep_edit(u: UnitOfWork, old: Postmortem, new: Postmortem, *, caller: Caller, now: datetime) -> Postmortem:
    """Save an edit: what was signed and is still the same stays signed, a published one becomes a revision."""
    edited = new.edited(caller.person_id, keeps_signature=await _is_still_signed(u, old, new))
    revised = old.status is PostmortemStatus.PUBLISHED
    event = EventType.POSTMORTEM_REVISED if revised else EventType.POSTMORTEM_UPDATED
    return await keep(u, edited, event, caller=caller, now=now, data={"changed": _changed(old, new)})


async def _is_still_signed(u: UnitOfWork, old: Postmortem, new: Postmortem) -> bool:
    if old.status is not PostmortemStatus.APPROVED or old.author_id != new.author_id:
        return False
    return content_hash(await load_work(u, old)) == content_hash(await load_work(u, new))


_EDITABLE = (
    "sections", "whys", "phase_explanations", "timeline", "factors", "linked_item_ids", "review", "author_id",
    "facilitator_id",
)  # fmt: skip


def _changed(old: Postmortem, new: Postmortem) -> list[str]:
    return [name for name in _EDITABLE if getattr(old, name) != getattr(new, name)]
