"""Recording annotations."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.annotations.model import Annotation, AnnotationReport
from app.domain.errors import AlreadyExists
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.references import the_service


@dataclass(frozen=True, slots=True)
class Noted:
    """The annotation, and whether it was not known before."""

    annotation: Annotation
    is_new: bool


async def record_annotation(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, said: AnnotationReport, services: Sequence[str] = ()
) -> Noted:
    """Keep what happened; told again under the same source and id it is corrected, never doubled."""
    authorize(caller, Action.RECORD_DEPLOYMENT)
    now = clock()
    async with uow() as u:
        ids = tuple(dict.fromkeys([(await the_service(u, ref)).id for ref in services]))
    try:
        return await _kept(uow, caller, said, ids, now)
    except AlreadyExists:
        return await _kept(uow, caller, said, ids, now)


async def _kept(
    uow: OpenUnitOfWork, caller: Caller, said: AnnotationReport, service_ids: tuple[UUID, ...], now: datetime
) -> Noted:
    async with uow() as u:
        old = await u.annotations.get_external(said.source, said.external_id)
        if old is None:
            saved = Annotation(new_id(), said, service_ids, caller.actor, now, now)
            await u.annotations.add(saved)
        elif (new := old.told(said, service_ids)) != old:
            saved = await u.annotations.save(replace(new, updated_at=now))
        else:
            return Noted(old, is_new=False)
        data = {"service_ids": [str(id) for id in service_ids]}
        await u.events.add(Event(EventType.ANNOTATION_RECORDED, saved.id, now, caller.actor, None, data))
        await u.commit()
    return Noted(saved, old is None)
