"""Keeping the follow-up of accepted evidence true: of an item or a cause when something touches it, of all daily.

What happened after an acceptance follows from the records; it is kept beside them only so that it is read at once.
"""

from collections.abc import Sequence
from uuid import UUID

from app.domain.ports import OpenUnitOfWork


async def follow_item(uow: OpenUnitOfWork, *, item_id: UUID) -> int:
    """After an item was closed or changed. Returns how many acceptances have another follow-up now."""
    async with uow() as u:
        changed = await u.acceptances.follow_item(item_id)
        await u.commit()
    return changed


async def follow_causes(uow: OpenUnitOfWork, *, causes: Sequence[UUID]) -> int:
    """After these causes struck, or did not strike after all."""
    if not causes:
        return 0
    async with uow() as u:
        changed = await u.acceptances.follow_causes(causes)
        await u.commit()
    return changed


async def follow_incident(uow: OpenUnitOfWork, *, incident_id: UUID) -> int:
    """After an incident was imported with its cause."""
    async with uow() as u:
        changed = await u.acceptances.follow_incident(incident_id)
        await u.commit()
    return changed


async def follow_all(uow: OpenUnitOfWork) -> int:
    """From the ledger of evidence anew."""
    async with uow() as u:
        changed = await u.acceptances.follow_all()
        await u.commit()
    return changed
