"""Writing a postmortem's timeline, entry by entry."""

from dataclasses import replace
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import Invalid, require_version
from app.domain.ids import new_id
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.postmortems.content import TimelineEntry, TimelineKind
from app.domain.postmortems.model import Postmortem
from app.domain.postmortems.recording import keep_edit


class EntryFields(TypedDict, total=False):
    """What can be edited of a timeline entry; an absent field stays as it is."""

    occurred_at: datetime
    kind: TimelineKind
    text: str
    source: str
    pinned: bool


async def add_timeline_entry(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    postmortem_id: UUID,
    occurred_at: datetime,
    kind: TimelineKind,
    text: str,
    source: str = "manual",
    pinned: bool = False,
) -> tuple[Postmortem, TimelineEntry]:
    """A fact with a time. What a service account adds is machine-written."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    _require_past(occurred_at, now)
    entry = TimelineEntry(
        id=new_id(),
        occurred_at=occurred_at,
        recorded_at=now,
        kind=kind,
        text=text,
        source=source,
        machine_written=caller.person_id is None,
        pinned=pinned,
    )
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        saved = await keep_edit(u, old, old.with_entry(entry), caller=caller, now=now)
        await u.commit()
    return saved, entry


async def update_timeline_entry(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    postmortem_id: UUID,
    entry_id: UUID,
    fields: EntryFields,
    expected_version: int | None = None,
) -> tuple[Postmortem, TimelineEntry]:
    """Correct an entry; the version is the postmortem's."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    _require_past(fields.get("occurred_at", now), now)
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        require_version(old.version, expected_version)
        before = old.entry(entry_id)
        entry = replace(before, **fields)
        if entry.text != before.text:
            entry = replace(entry, machine_written=caller.person_id is None)
        saved = await keep_edit(u, old, old.with_entry(entry), caller=caller, now=now)
        await u.commit()
    return saved, entry


async def remove_timeline_entry(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    postmortem_id: UUID,
    entry_id: UUID,
    expected_version: int | None = None,
) -> Postmortem:
    """Take an entry out; the version is the postmortem's."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        require_version(old.version, expected_version)
        saved = await keep_edit(u, old, old.without_entry(entry_id), caller=caller, now=clock())
        await u.commit()
    return saved


def _require_past(occurred_at: datetime, now: datetime) -> None:
    if occurred_at > now:
        raise Invalid("occurred_at lies in the future.")
