"""Finding out what a person is called in a tracker, so that nobody has to fill in a map first."""

from dataclasses import replace
from datetime import datetime

from app.domain.organisation.model import Person, Provider, Route
from app.domain.ports import OpenUnitOfWork, Tracker
from app.domain.tracking.errors import TrackerOutcomeUnknown, TrackerRefused


async def identify(uow: OpenUnitOfWork, tracker: Tracker, route: Route, person: Person, now: datetime) -> str | None:
    """The person's handle there by their e-mail address, kept for next time; None where the tracker does not say.

    Raises TrackerUnavailable: what waits for the answer is tried again.
    """
    try:
        handle = await tracker.find_user(route, person.email)
    except (TrackerRefused, TrackerOutcomeUnknown):
        return None
    if handle is not None:
        await _keep(uow, route.provider, person, handle, now)
    return handle


async def _keep(uow: OpenUnitOfWork, provider: Provider, person: Person, handle: str, now: datetime) -> None:
    """Unless somebody has filled it in meanwhile, or another person goes by it."""
    async with uow() as u:
        known = await u.people.get(person.id)
        holder = await u.people.find_by_handle(provider, handle)
        if provider not in known.handles and holder is None:
            await u.people.save(replace(known, handles={**known.handles, provider: handle}, updated_at=now))
            await u.commit()
