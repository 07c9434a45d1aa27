"""A postmortem's draft: asked for by a person, made by the worker in steps that everybody can watch."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.access import SYSTEM, Action, Caller, authorize
from app.domain.drafting.bundling import build_bundle
from app.domain.drafting.contradictions import ContradictionPolicy, find_contradictions
from app.domain.drafting.evidence import Bundle, SourceReport, SourceState
from app.domain.drafting.model import Draft, DraftPolicy, DraftRunning, DraftState, IncidentWithoutStart
from app.domain.drafting.proposal import Brief, ProposedSections, ProposedTimeline, Writing, WritingProgress
from app.domain.drafting.redaction import FindPhones, RedactionPolicy, Redactor
from app.domain.drafting.timeline import TimelinePolicy, propose_timeline
from app.domain.drafting.transcripts import Transcript
from app.domain.errors import DomainError
from app.domain.events import Event, EventType
from app.domain.gathering import SourceFact, TimelineSource, Window
from app.domain.ids import new_id
from app.domain.incidents.model import Incident
from app.domain.organisation.model import Service
from app.domain.policy import Policy
from app.domain.ports import Clock, Drafter, OpenUnitOfWork

GAP = "/bounded"
"""How the id of a fact ends that says that there was more than may be read."""
NOT_CONFIGURED = "No model is configured; write the analysis by hand, the timeline is below."


@dataclass(frozen=True, slots=True)
class Drafting:
    """What making drafts needs besides the database: sources, a drafter if one is configured, and the rules."""

    sources: Mapping[str, TimelineSource]
    find_phones: FindPhones
    drafter: Drafter | None = None
    policy: DraftPolicy = field(default_factory=DraftPolicy)
    redaction: RedactionPolicy = field(default_factory=RedactionPolicy)
    timeline: TimelinePolicy = field(default_factory=TimelinePolicy)
    contradictions: ContradictionPolicy = field(default_factory=ContradictionPolicy)


async def generate_postmortem_draft(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, postmortem_id: UUID) -> Draft:
    """Queue a draft; the worker makes it. Raises DraftRunning, IncidentWithoutStart, NotFound."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    async with uow() as u:
        postmortem = await u.postmortems.get(postmortem_id, caller)
        incident = await u.incidents.get(postmortem.incident_id, caller)
        if await u.drafts.running_of(postmortem_id):
            raise DraftRunning
        if not _is_dated(incident) and not await u.drafts.count_transcripts(postmortem_id):
            raise IncidentWithoutStart
        draft = Draft(new_id(), postmortem.id, incident.id, now, now, caller.actor)
        await u.drafts.add(draft)
        await u.events.add(_progressed(draft, caller, now))
        await u.commit()
    return draft


async def cancel_draft(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, draft_id: UUID) -> Draft:
    """Stop one that is being made; what was gathered is kept."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    async with uow() as u:
        draft = await u.drafts.get(draft_id, caller)
        saved = await u.drafts.save(replace(draft.cancel(), updated_at=now))
        await u.events.add(_progressed(saved, caller, now))
        await u.commit()
    return saved


async def make_due_drafts(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, drafting: Drafting, *, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Make every draft that is queued or whose maker was cut off; how many."""
    async with uow() as u:
        ids = await u.drafts.due(clock())
    for id in ids:
        if go_on():
            await make_draft(uow, clock, policy, drafting, draft_id=id)
    return len(ids)


async def make_draft(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, drafting: Drafting, *, draft_id: UUID
) -> Draft | None:
    """Gather, propose, write, check. None if somebody else is at it, or it is over."""
    now = clock()
    async with uow() as u:
        draft = await u.drafts.claim(draft_id, now)
        if draft is None:
            return None
        draft = await u.drafts.save(replace(draft.begun(now, drafting.policy), updated_at=now))
        await u.events.add(_progressed(draft, SYSTEM, now))
        await u.commit()
    if draft.state is DraftState.FAILED:
        return draft
    try:
        return await _made(uow, clock, policy, drafting, draft)
    except DomainError as error:
        reason = Redactor(drafting.redaction, drafting.find_phones).redact(error.message)
        return await _ended(uow, clock, draft, reason)
    except Exception as error:
        await _ended(uow, clock, draft, f"It stopped with {type(error).__name__}; ask for another draft.")
        raise


async def _made(uow: OpenUnitOfWork, clock: Clock, policy: Policy, drafting: Drafting, draft: Draft) -> Draft | None:
    async with uow() as u:
        incident = await u.incidents.get(draft.incident_id, SYSTEM)
        services = [service for id in incident.service_ids if (service := await u.services.find(id))]
        transcripts = await u.drafts.transcripts(draft.postmortem_id)
        recorded = await u.incident_facts.all(incident.id, drafting.policy.max_evidence)
    window = _window(incident, transcripts, drafting.policy.margin, clock())
    given = await _gathered(drafting, window, services, transcripts, recorded)
    redactor = Redactor(drafting.redaction, drafting.find_phones)
    bundle, timeline = await asyncio.to_thread(
        _proposed, given, redactor, window, drafting, incident, ZoneInfo(policy.organisation_time_zone)
    )
    going = await _step(
        uow, clock, draft, lambda one: one.gathered(bundle, timeline, clock() + drafting.policy.writing_lease)
    )
    if going is None:
        return None
    brief = _brief(incident, services, redactor)
    sections = await _written(uow, clock, drafting, going, brief, bundle, timeline)
    going = await _step(uow, clock, going, lambda one: one.written(sections))
    return going and await _step(uow, clock, going, lambda one: one.ready())


async def _gathered(
    drafting: Drafting,
    window: Window,
    services: Sequence[Service],
    transcripts: Sequence[Transcript],
    recorded: Sequence[SourceFact],
) -> list[tuple[SourceReport, Sequence[SourceFact]]]:
    """Every source at once, each with its own time-out; one that fails is named and stops nothing."""
    asked = (_asked(name, source, window, services, drafting.policy) for name, source in drafting.sources.items())
    uploaded: list[tuple[SourceReport, Sequence[SourceFact]]] = [
        (_transcript_report(one), one.facts) for one in transcripts
    ]
    known = (_report("incident", recorded), recorded)
    return [known, *await asyncio.gather(*asked), *uploaded]


async def _asked(
    name: str, source: TimelineSource, window: Window, services: Sequence[Service], policy: DraftPolicy
) -> tuple[SourceReport, Sequence[SourceFact]]:
    try:
        async with asyncio.timeout(policy.patience.total_seconds()):
            facts = await source.gather(window, services)
    except TimeoutError:
        message = f"It did not answer within {policy.patience.total_seconds():.0f} s."
        return SourceReport(name, SourceState.FAILED, message=message), ()
    except DomainError as error:
        return SourceReport(name, SourceState.FAILED, message=error.message), ()
    except Exception as error:  # A source's own mistake must not take the draft with it.
        return SourceReport(name, SourceState.FAILED, message=f"It failed with {type(error).__name__}."), ()
    return _report(name, facts), facts


def _report(name: str, facts: Sequence[SourceFact]) -> SourceReport:
    gap = next((fact for fact in facts if fact.id.endswith(GAP)), None)
    if gap is not None:
        return SourceReport(name, SourceState.BOUNDED, len(facts), gap.text)
    return SourceReport(name, SourceState.ANSWERED if facts else SourceState.EMPTY, len(facts))


def _transcript_report(one: Transcript) -> SourceReport:
    if not one.left_out:
        return SourceReport(f"transcript {one.name}", SourceState.ANSWERED, len(one.facts))
    message = f"The first {len(one.facts)} messages were kept; {one.left_out} later ones were more than may be kept."
    return SourceReport(f"transcript {one.name}", SourceState.BOUNDED, len(one.facts), message)


def _proposed(
    given: Sequence[tuple[SourceReport, Sequence[SourceFact]]],
    redactor: Redactor,
    window: Window,
    drafting: Drafting,
    incident: Incident,
    zone: ZoneInfo,
) -> tuple[Bundle, ProposedTimeline]:
    bundle = build_bundle(given, redactor, window, drafting.policy)
    entries = propose_timeline(bundle, drafting.timeline, incident)
    zones = tuple(dict.fromkeys((ZoneInfo("UTC"), zone)))
    return bundle, ProposedTimeline(
        entries, find_contradictions(bundle, entries, incident, zones, drafting.contradictions)
    )


async def _written(
    uow: OpenUnitOfWork,
    clock: Clock,
    drafting: Drafting,
    draft: Draft,
    brief: Brief,
    bundle: Bundle,
    timeline: ProposedTimeline,
) -> ProposedSections:
    if drafting.drafter is None:
        return ProposedSections(Writing.NOT_CONFIGURED, NOT_CONFIGURED)
    return await drafting.drafter.write(brief, bundle, timeline, _telling(uow, clock, drafting, draft))


def _telling(
    uow: OpenUnitOfWork, clock: Clock, drafting: Drafting, draft: Draft
) -> Callable[[WritingProgress], Awaitable[None]]:
    """Tells who follows, and holds the lease while a model writes."""

    async def tell(progress: WritingProgress) -> None:
        now = clock()
        async with uow() as u:
            await u.drafts.hold(draft.id, now + drafting.policy.writing_lease)
            data = {"written": progress.written, "section": progress.section}
            await u.events.add(_progressed(draft, SYSTEM, now, data))
            await u.commit()

    return tell


async def _step(uow: OpenUnitOfWork, clock: Clock, draft: Draft, change: Callable[[Draft], Draft]) -> Draft | None:
    """The next state, unless it was cancelled or taken over meanwhile."""
    now = clock()
    async with uow() as u:
        found = await u.drafts.get(draft.id, SYSTEM)
        if found.state is not draft.state or found.attempts != draft.attempts:
            return None
        saved = await u.drafts.save(replace(change(found), updated_at=now))
        await u.events.add(_progressed(saved, SYSTEM, now))
        await u.commit()
    return saved


async def _ended(uow: OpenUnitOfWork, clock: Clock, draft: Draft, reason: str) -> Draft | None:
    now = clock()
    async with uow() as u:
        found = await u.drafts.get(draft.id, SYSTEM)
        if not found.is_running or found.attempts != draft.attempts:
            return None
        saved = await u.drafts.save(replace(found.failed(reason), updated_at=now))
        await u.events.add(_progressed(saved, SYSTEM, now))
        await u.commit()
    return saved


def _progressed(draft: Draft, caller: Caller, now: datetime, more: Mapping[str, object] | None = None) -> Event:
    data = {"postmortem_id": str(draft.postmortem_id), "state": str(draft.state), **(more or {})}
    return Event(EventType.DRAFT_PROGRESSED, draft.id, now, caller.actor, draft.incident_id, data)


def _is_dated(incident: Incident) -> bool:
    moments = incident.moments
    return any((moments.started_at, moments.detected_at, moments.resolved_at))


def _window(incident: Incident, transcripts: Sequence[Transcript], margin: timedelta, now: datetime) -> Window:
    """Around the incident, and around what was uploaded for it."""
    end = incident.moments.resolved_at
    starts = [incident.occurred_at - margin] if _is_dated(incident) else []
    ends = [min(end + margin, now) if end else now] if _is_dated(incident) else []
    starts += [one.starts_at for one in transcripts]
    ends += [one.ends_at for one in transcripts]
    return Window(min(starts), max(ends))


def _brief(incident: Incident, services: Sequence[Service], redactor: Redactor) -> Brief:
    moments = incident.moments
    return Brief(
        title=redactor.redact(incident.title),
        severity=incident.severity.name,
        services=tuple(service.slug for service in services),
        started_at=moments.started_at,
        detected_at=moments.detected_at,
        mitigated_at=moments.mitigated_at,
        resolved_at=moments.resolved_at,
    )
