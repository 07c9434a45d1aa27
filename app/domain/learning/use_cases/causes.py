"""The catalogue of root causes: what "the same cause" means is decided here."""

from dataclasses import replace
from typing import TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import require_version
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.learning.model import RootCause, UnknownFactor
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_root_cause


class RootCauseFields(TypedDict, total=False):
    """What can be edited by hand; an absent field stays as it is."""

    title: str
    description: str
    factor_code: str | None


async def create_root_cause(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, slug: str, title: str, fields: RootCauseFields
) -> RootCause:
    """A new catalogue entry. Raises UnknownFactor."""
    authorize(caller, Action.WRITE_ROOT_CAUSE)
    now = clock()
    async with uow() as u:
        await _require_factor(u, fields.get("factor_code"))
        bare = RootCause(id=new_id(), slug=slug, title=title, created_at=now, updated_at=now)
        cause = replace(bare, **fields)
        await u.root_causes.add(cause)
        await u.commit()
    return cause


async def update_root_cause(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    cause_id: UUID,
    fields: RootCauseFields,
    expected_version: int | None = None,
) -> RootCause:
    """Describe it better. Raises ReservedRootCause, RootCauseMerged, UnknownFactor."""
    authorize(caller, Action.WRITE_ROOT_CAUSE)
    now = clock()
    async with uow() as u:
        old = await u.root_causes.get(cause_id)
        require_version(old.version, expected_version)
        old.require_changeable()
        await _require_factor(u, fields.get("factor_code"))
        saved = await u.root_causes.save(replace(old, updated_at=now, **fields))
        await u.commit()
    return saved


async def _require_factor(u: UnitOfWork, code: str | None) -> None:
    if code is not None and await u.factors.find(code) is None:
        raise UnknownFactor(f"There is no factor “{code}”; GET /v1/factors lists them.")


async def merge_root_causes(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, cause_id: UUID, into: str
) -> RootCause:
    """Two entries turn out to be one cause: everything that names the first names the other from now on.

    A merge refutes nothing by itself: it says nothing about any fix.
    """
    authorize(caller, Action.MERGE_ROOT_CAUSES)
    now = clock()
    async with uow() as u:
        target_id = (await the_root_cause(u, into)).id
        locked = {id: await u.root_causes.get(id) for id in sorted({cause_id, target_id})}
        merged = locked[cause_id].merge_into(locked[target_id])
        await u.root_causes.repoint(cause_id, target_id)
        await u.root_causes.save(replace(merged, updated_at=now))
        data = {"into": str(target_id), "root_cause_ids": [str(target_id)]}
        await u.events.add(Event(EventType.ROOT_CAUSES_MERGED, cause_id, now, caller.actor, data=data))
        await u.commit()
    return locked[target_id]


async def follow_merge(uow: OpenUnitOfWork, *, cause_id: UUID) -> None:
    """Repoint again what was written with the merged entry while the merge was going on. Safe to repeat."""
    async with uow() as u:
        cause = await u.root_causes.get(cause_id)
        if cause.merged_into_id is not None:
            await u.root_causes.repoint(cause.id, cause.merged_into_id)
            await u.commit()
