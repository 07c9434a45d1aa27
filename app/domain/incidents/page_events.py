"""Webhooks of a paging system: what they mean for incidents, whether or not we know these already."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from uuid import NAMESPACE_URL, uuid5

from app.domain.access import SYSTEM
from app.domain.events import Event, EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import open_finding
from app.domain.ids import new_id
from app.domain.incidents.import_incident import keep_paged
from app.domain.incidents.paging import PagedIncident, PageEvent, UnknownPagedService, is_worth_recording
from app.domain.policy import Policy
from app.domain.ports import Clock, InboxItem, OpenUnitOfWork, PageSource, PagingSystem

OF_NO_INTEREST = "of no interest"


def act_on_pages(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    paging: Mapping[str, PagingSystem],
    name: str,
    source: PageSource,
) -> Callable[[InboxItem], Awaitable[str]]:
    """What to do with a webhook of this source; what happened, in words."""

    async def act(item: InboxItem) -> str:
        event = source.webhooks.read(item.headers, item.body)
        if event is None:
            return OF_NO_INTEREST
        return await apply_page_event(uow, clock, policy, paging.get(name), source=name, event=event)

    return act


async def apply_page_event(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, system: PagingSystem | None, *, source: str, event: PageEvent
) -> str:
    """Bring the incident up to date, or record it once it is one; safe to repeat.

    A page that nobody gave a priority stays a page. Where the paging system can be asked it is, because webhooks tell
    neither its log nor its alerts.
    """
    async with uow() as u:
        known = await u.incidents.find_by_external_ref(source, event.incident_id)
    said = event.incident
    worth = known is not None or (said is not None and is_worth_recording(said, policy.paging))
    if not worth:
        return "a page that is no incident of ours"
    if event.changed and said is not None:
        asked = await system.fetch(event.incident_id) if system is not None else said
        return await _keep(uow, clock, policy, replace(asked, facts=(*asked.facts, *event.facts)))
    if known is None:
        return OF_NO_INTEREST
    async with uow() as u:
        new = await u.incident_facts.add(known.id, event.facts, clock())
        if new:
            await u.events.add(Event(EventType.INCIDENT_FACTS_ADDED, known.id, clock(), SYSTEM.actor, known.id))
        await u.commit()
    return f"{new} added to the timeline" if event.facts else OF_NO_INTEREST


async def _keep(uow: OpenUnitOfWork, clock: Clock, policy: Policy, said: PagedIncident) -> str:
    try:
        brought = await keep_paged(uow, clock, policy, caller=SYSTEM, said=said)
    except UnknownPagedService as error:
        await _report_unmatched(uow, clock, said, error)
        return "unmatched"
    return "recorded" if brought.is_new else "brought up to date"


async def _report_unmatched(uow: OpenUnitOfWork, clock: Clock, said: PagedIncident, error: UnknownPagedService) -> None:
    """A finding, once for each service there, that an incident has no place here."""
    service = said.service.id if said.service else ""
    finding = Finding(
        id=new_id(), code=FindingCode.UNMATCHED_PAGE, subject_kind="page",
        subject_id=uuid5(NAMESPACE_URL, f"norepeat:{said.source}:service:{service}"),
        message=error.message,
        remedy=f"Add the service, then import {said.id} with POST /v1/incidents/import and dismiss this.",
        opened_at=clock(),
    )  # fmt: skip
    async with uow() as u:
        await open_finding(u, finding)
        await u.commit()
