"""Writing a postmortem: beginning one, and editing what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from app.domain.access import Action, Caller, authorize
from app.domain.errors import AlreadyExists, Invalid, NotFound, UnknownReference, require_version
from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.learning.model import UnknownFactor
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork
from app.domain.postmortems.assessing import assess_tier, due_date, is_restricted
from app.domain.postmortems.content import (
    PHASES,
    ContributingFactor,
    Review,
    Section,
    SectionName,
    TimelineKind,
)
from app.domain.postmortems.model import Postmortem, PostmortemStatus
from app.domain.postmortems.recording import announce, keep_edit
from app.domain.references import the_person


class SectionText(TypedDict):
    """A section as it is sent. What a service account writes is machine-written whatever it says."""

    text: str
    machine_written: bool


class PostmortemFields(TypedDict, total=False):
    """What can be edited; an absent field stays as it is. Sections and explanations merge by name, None removes one;
    lists are replaced. People are named by id or e-mail address."""

    sections: Mapping[SectionName, SectionText | None]
    whys: Sequence[str]
    factors: Sequence[ContributingFactor]
    phase_explanations: Mapping[TimelineKind, str | None]
    author: str
    facilitator: str | None
    linked_action_items: Sequence[UUID]
    review: Review | None


async def create_postmortem(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, caller: Caller, incident_id: UUID
) -> Postmortem:
    """On request, for any incident that has none. A person begins a draft as its author; for a service account it is
    `required` until somebody writes."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    async with uow() as u:
        incident = await u.incidents.get(incident_id, caller)
        if await u.postmortems.find_by_incident(incident.id) is not None:
            raise AlreadyExists("This incident has a postmortem already.")
        proposal = await assess_tier(u, incident, policy)
        postmortem = Postmortem(
            id=new_id(),
            incident_id=incident.id,
            created_at=now,
            updated_at=now,
            proposed_tier=proposal.tier,
            tier_reasons=proposal.reasons,
            status=PostmortemStatus.DRAFT if caller.person_id else PostmortemStatus.REQUIRED,
            author_id=caller.person_id,
            due_on=await due_date(u, incident, policy),
        )
        await u.postmortems.add(postmortem)
        await announce(u, postmortem, EventType.POSTMORTEM_CREATED, caller=caller, now=now)
        await u.commit()
    return postmortem


async def update_postmortem(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    postmortem_id: UUID,
    fields: PostmortemFields,
    expected_version: int | None = None,
) -> Postmortem:
    """Edit what it says, who writes it, and where it was discussed."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    now = clock()
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        require_version(old.version, expected_version)
        new = _written(old, fields, caller, now)
        new = await _referred(u, new, fields, caller)
        saved = await keep_edit(u, old, new, caller=caller, now=now)
        await u.commit()
    return saved


def _written(old: Postmortem, fields: PostmortemFields, caller: Caller, now: datetime) -> Postmortem:
    """The texts and the review, which name no other record."""
    new = replace(
        old,
        sections=_merged_sections(old, fields.get("sections", {}), caller),
        phase_explanations=_merged_explanations(old, fields.get("phase_explanations", {})),
    )
    if "whys" in fields:
        new = new.with_whys(tuple(fields["whys"]))
    return replace(new, review=_held(fields["review"], now)) if "review" in fields else new


def _merged_sections(
    old: Postmortem, given: Mapping[SectionName, SectionText | None], caller: Caller
) -> dict[SectionName, Section]:
    sections = {name: section for name, section in old.sections.items() if name not in given}
    for name, sent in given.items():
        if sent is not None:
            by_machine = sent["machine_written"] or caller.person_id is None
            sections[name] = old.sections.get(name, Section("")).rewritten(sent["text"], by_machine=by_machine)
    return sections


def _merged_explanations(old: Postmortem, given: Mapping[TimelineKind, str | None]) -> dict[TimelineKind, str]:
    if not set(given) <= set(PHASES):
        raise Invalid(f"Only the phases {', '.join(PHASES)} are explained.")
    merged = {**old.phase_explanations, **given}
    return {phase: text for phase, text in merged.items() if text is not None}


def _held(review: Review | None, now: datetime) -> Review | None:
    """A review that took place; somewhere on earth it is tomorrow already."""
    if review is not None and review.held_on > (now + timedelta(hours=14)).date():
        raise Invalid("review.held_on lies in the future.")
    return review


async def _referred(u: UnitOfWork, new: Postmortem, fields: PostmortemFields, caller: Caller) -> Postmortem:
    """The factors, people and action items that it names."""
    if "factors" in fields:
        new = replace(new, factors=tuple([await _known(u, factor) for factor in fields["factors"]]))
    if "author" in fields:
        author = await the_person(u, fields["author"])
        new = new.with_author(author.id, by_id=caller.person_id)
    if "facilitator" in fields:
        facilitator = await the_person(u, fields["facilitator"]) if fields["facilitator"] else None
        new = replace(new, facilitator_id=facilitator.id if facilitator else None)
    if "linked_action_items" in fields:
        ids = tuple(dict.fromkeys(fields["linked_action_items"]))
        for id in ids:
            if id not in new.linked_item_ids:
                await _require_linkable(u, id, new, caller)
        new = replace(new, linked_item_ids=ids)
    return new


async def _known(u: UnitOfWork, given: ContributingFactor) -> ContributingFactor:
    factor = await u.factors.find(given.code)
    if factor is None:
        raise UnknownFactor(f"There is no factor “{given.code}”; GET /v1/factors lists them.")
    if given.sub_code is not None and given.sub_code not in factor.sub_codes:
        raise UnknownFactor(f"The factor {given.code} has no sub-code “{given.sub_code}”.")
    return given


async def _require_linkable(u: UnitOfWork, id: UUID, postmortem: Postmortem, caller: Caller) -> None:
    """An item of an earlier postmortem that everybody who reads this one may know of."""
    try:
        item = await u.action_items.get(id, caller)
    except NotFound as error:
        raise UnknownReference(f"There is no action item with the id {id}.") from error
    if item.postmortem_id == postmortem.id:
        raise Invalid("This action item is the postmortem's own; it need not be linked.")
    if await is_restricted(u, item):
        raise Invalid("An action item of a restricted incident cannot be linked elsewhere.")
