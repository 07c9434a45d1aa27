"""Publishing a postmortem: everything is there and signed, so it is frozen for its audience."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import OwnWork
from app.domain.events import EventType
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.model import AUDIENCE, NotReady, Postmortem, Publication
from app.domain.postmortems.readiness import Work, content_hash, readiness, waiting_tickets
from app.domain.postmortems.recording import keep
from app.domain.postmortems.view import Names, frozen_view, people_in


async def publish_postmortem(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    *,
    caller: Caller,
    postmortem_id: UUID,
    tickets_may_wait: bool = False,
) -> Postmortem:
    """approved → published, its content frozen. Raises NotReady with everything that is missing.

    `tickets_may_wait` is the word of a reviewer who is not the author, after a tracker was out of reach for a day.
    """
    authorize(caller, Action.PUBLISH_WITHOUT_TICKETS if tickets_may_wait else Action.WRITE_POSTMORTEM)
    now = clock()
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        if tickets_may_wait and caller.person_id == old.author_id:
            raise OwnWork("The author cannot publish their own postmortem without its tickets.")
        work = await load_work(u, old)
        _require_ready(work, policy, now, tickets_may_wait)
        new = old.publish(content_hash(work), now)
        waiting = [str(id) for id in waiting_tickets(work)]
        publication = await _frozen(u, work, new, waiting, caller)
        data = {"number": publication.number, "audience": str(publication.audience), "tickets_waiting": waiting}
        saved = await keep(u, new, EventType.POSTMORTEM_PUBLISHED, caller=caller, now=now, data=data)
        await u.postmortems.publish(saved.id, publication)
        await u.commit()
    return saved


def _require_ready(work: Work, policy: Policy, now: datetime, tickets_may_wait: bool) -> None:
    state = readiness(work, policy=policy.tiers, now=now, tickets_may_wait=tickets_may_wait)
    if not state.is_ready:
        raise NotReady(f"Not ready for tier {int(state.tier)}: {len(state.missing)} missing.", problems=state.missing)


async def _frozen(
    u: UnitOfWork, work: Work, published: Postmortem, waiting: Sequence[str], caller: Caller
) -> Publication:
    """The version that stays: who let it go without tickets is a part of it."""
    assert published.published_at is not None, "it was just published"
    content = frozen_view(work, await _names(u, work))
    without = {"by": caller.actor, "action_items": waiting} if waiting else None
    return Publication(
        number=published.published_number,
        content_hash=published.sign_offs[-1].content_hash,
        content=content | {"published_without_tickets": without},
        audience=AUDIENCE[published.tier],
        signed_by_id=published.sign_offs[-1].person_id,
        published_at=published.published_at,
    )


async def _names(u: UnitOfWork, work: Work) -> Names:
    incident = work.incident
    people = [await u.people.find(id) for id in sorted(people_in(work))]
    services = [await u.services.find(id) for id in incident.service_ids]
    return Names(
        people={person.id: person for person in people if person is not None},
        services=tuple(service for service in services if service is not None),
        root_cause=await u.root_causes.find(incident.root_cause_id) if incident.root_cause_id else None,
    )
