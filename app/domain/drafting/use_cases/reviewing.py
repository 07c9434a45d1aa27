"""Reviewing a draft: what a person accepts or edits goes into the postmortem, at once and whole; nothing else does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from app.domain.access import Action, Caller, authorize, require_person
from app.domain.actions.model import ActionItem
from app.domain.actions.recording import with_effective_priority
from app.domain.drafting.model import Decision, Draft, Verb
from app.domain.drafting.proposal import ProposedEntry, ProposedItem, SentenceVerdict
from app.domain.errors import Invalid
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.learning.model import UnknownFactor
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.content import ContributingFactor, Section, SectionName, TimelineEntry, TimelineKind
from app.domain.postmortems.model import Postmortem
from app.domain.postmortems.recording import keep_edit


class NothingToAccept(Invalid):
    """The checks removed what this part said; write it yourself with `edit`, or reject it."""

    code = "nothing_to_accept"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer says about one part of a draft."""

    part: str
    verb: Verb
    text: str | None = None
    occurred_at: datetime | None = None
    kind: TimelineKind | None = None


async def review_draft(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, caller: Caller, draft_id: UUID, answers: Sequence[Answer]
) -> Draft:
    """Decide on parts of a draft; all of it or nothing. Raises PartDecided, NothingToAccept, DraftWrongState."""
    authorize(caller, Action.REVIEW_DRAFT)
    person, now = require_person(caller), clock()
    async with uow() as u:
        draft = await u.drafts.get(draft_id, caller)
        old = await u.postmortems.get(draft.postmortem_id, caller)
        new = old
        for answer in answers:
            _require_sense(answer, now)
            decision = Decision(answer.part, answer.verb, person, now, answer.text, answer.occurred_at, answer.kind)
            draft = draft.decide(decision)
            if answer.verb is not Verb.REJECT:
                new = await _taken(u, draft, new, decision, policy, caller)
        if new != old:
            await keep_edit(u, old, new, caller=caller, now=now)
        saved = await u.drafts.save(replace(draft, updated_at=now))
        data = {"postmortem_id": str(draft.postmortem_id), "parts": [answer.part for answer in answers]}
        await u.events.add(Event(EventType.DRAFT_REVIEWED, draft.id, now, caller.actor, draft.incident_id, data))
        await u.commit()
    return saved


def _require_sense(answer: Answer, now: datetime) -> None:
    changes = (answer.text, answer.occurred_at, answer.kind)
    if answer.verb is Verb.EDIT and not any(changes):
        raise Invalid(f"“{answer.part}”: an edit says what it should be instead, in `text`.")
    if answer.verb is not Verb.EDIT and any(changes):
        raise Invalid(f"“{answer.part}”: only an edit changes what it says.")
    if answer.text is not None and not answer.text.strip():
        raise Invalid(f"“{answer.part}”: the text is empty; reject it instead.")
    if answer.occurred_at is not None and answer.occurred_at > now:
        raise Invalid("occurred_at lies in the future.")


async def _taken(
    u: UnitOfWork, draft: Draft, postmortem: Postmortem, decision: Decision, policy: Policy, caller: Caller
) -> Postmortem:
    sort, _, name = decision.part.partition(":")
    if sort == "timeline":
        entry = next(one for one in draft.timeline.entries if one.id == name)
        return postmortem.with_entry(_line(entry, decision))
    if sort == "section":
        return _with_section(draft, postmortem, SectionName(name), decision)
    if sort == "factor":
        return await _with_factor(u, draft, postmortem, name, decision)
    await _add_item(u, draft.sections.items[int(name)], postmortem, decision, policy, caller)
    return postmortem


def _line(entry: ProposedEntry, decision: Decision) -> TimelineEntry:
    """An accepted line is the machine's text that a person stands for; what is edited is the person's."""
    return TimelineEntry(
        id=new_id(),
        occurred_at=decision.occurred_at or entry.occurred_at,
        recorded_at=decision.at,
        kind=decision.kind or entry.kind,
        text=decision.text or entry.text,
        source=" ".join(entry.source_ids),
        machine_written=decision.text is None,
    )


def _with_section(draft: Draft, postmortem: Postmortem, name: SectionName, decision: Decision) -> Postmortem:
    text = decision.text
    if text is None:
        text = next(one.text for one in draft.sections.sections if one.name is name)
        if not text:
            raise NothingToAccept
    section = Section(text, machine_written=decision.text is None, reviewed=decision.text is None)
    return replace(postmortem, sections={**postmortem.sections, name: section})


async def _with_factor(
    u: UnitOfWork, draft: Draft, postmortem: Postmortem, code: str, decision: Decision
) -> Postmortem:
    if await u.factors.find(code) is None:
        raise UnknownFactor(f"There is no factor “{code}”; reject it. GET /v1/factors lists them.")
    proposed = next(one for one in draft.sections.factors if one.code == code)
    if decision.text is None and proposed.why.verdict is SentenceVerdict.REMOVED:
        raise NothingToAccept
    factor = ContributingFactor(code, None, decision.text or proposed.why.text)
    others = tuple(one for one in postmortem.factors if one.code != code)
    return replace(postmortem, factors=(*others, factor))


async def _add_item(
    u: UnitOfWork, proposed: ProposedItem, postmortem: Postmortem, decision: Decision, policy: Policy, caller: Caller
) -> None:
    """A candidate: its owner and due date are a person's to say."""
    incident = await u.incidents.get(postmortem.incident_id, caller)
    service = await u.services.get(incident.primary_service_id)
    why = "" if proposed.why.verdict is SentenceVerdict.REMOVED else proposed.why.text
    item = ActionItem(
        id=new_id(), title=decision.text or proposed.title, control_type=proposed.control_type,
        created_at=decision.at, updated_at=decision.at, postmortem_id=postmortem.id, incident_id=incident.id,
        description=why, systemic=proposed.systemic, team_id=service.team_id, service_id=service.id,
        root_cause_id=incident.root_cause_id,
    )  # fmt: skip
    item = await with_effective_priority(u, item, policy.budgets)
    await u.action_items.add(item)
    await u.events.add(Event(EventType.ACTION_ITEM_CREATED, item.id, decision.at, caller.actor, incident.id))
