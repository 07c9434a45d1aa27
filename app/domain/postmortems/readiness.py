"""What is missing before a postmortem may be published, with stable codes; and the hash a signature binds to."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from app.domain.actions.model import ActionItem, Status
from app.domain.errors import Problem
from app.domain.incidents.model import Incident
from app.domain.policy import TierPolicy
from app.domain.postmortems.content import PHASES, Forum, SectionName, TimelineKind
from app.domain.postmortems.model import Postmortem, PostmortemStatus, Tier
from app.domain.tracking.model import SyncState, Ticket

REQUIRED_SECTIONS: Mapping[Tier, tuple[SectionName, ...]] = {
    Tier.FULL: (SectionName.SUMMARY, SectionName.IMPACT),
    Tier.STANDARD: (SectionName.SUMMARY, SectionName.ROOT_CAUSE),
    Tier.SUMMARY: (SectionName.SUMMARY,),
}
FORUMS: Mapping[Tier, frozenset[Forum]] = {
    Tier.FULL: frozenset({Forum.LEADERSHIP, Forum.ALL_HANDS}),
    Tier.STANDARD: frozenset(Forum),
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """`missing` refuses publication at this tier, `warnings` do not."""

    tier: Tier
    missing: tuple[Problem, ...]
    warnings: tuple[Problem, ...]

    @property
    def is_ready(self) -> bool:
        return not self.missing


@dataclass(frozen=True, slots=True)
class Work:
    """A postmortem with what its readiness depends on: the incident, the counted items and their tickets."""

    postmortem: Postmortem
    incident: Incident
    items: tuple[ActionItem, ...]
    tickets: Mapping[UUID, Ticket]

    @property
    def committed(self) -> tuple[ActionItem, ...]:
        """Items that count: past candidate and not declined; one of an earlier postmortem while it is open."""
        return tuple(item for item in self.items if item.is_committed and self._counts(item))

    def _counts(self, item: ActionItem) -> bool:
        return item.postmortem_id == self.postmortem.id or item.status is not Status.CLOSED


def content_hash(work: Work) -> str:
    """SHA-256 over what a signature is about, and nothing else: a ticket that moves voids no signature."""
    pm = work.postmortem
    content = {
        "tier": int(pm.tier),
        "sections": {name: section.text for name, section in pm.sections.items()},
        "whys": [why.text for why in pm.whys],
        "phase_explanations": dict(pm.phase_explanations),
        "timeline": sorted([e.occurred_at.astimezone(UTC).isoformat(), e.kind, e.text, e.source] for e in pm.timeline),
        "factors": sorted([f.code, f.sub_code or "", f.why] for f in pm.factors),
        "root_cause": str(work.incident.root_cause_id),
        "items": sorted([str(item.id), item.title, item.control_type] for item in work.items),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def readiness(work: Work, *, policy: TierPolicy, now: datetime, tickets_may_wait: bool = False) -> Readiness:
    """Everything that is missing for the tier at hand; `tickets_may_wait` is a reviewer's word during an outage."""
    missing = [
        *_cause(work),
        *_sections(work, policy),
        *_depth(work, policy),
        *_items(work, policy),
        *_tickets(work, policy, now, tickets_may_wait),
        *_review(work),
        *_signature(work),
    ]
    return Readiness(work.postmortem.tier, tuple(missing), tuple(_warnings(work, policy)))


def _cause(work: Work) -> list[Problem]:
    if work.incident.confirmed_cause_id is None:
        return [Problem("root_cause_not_confirmed", "Confirm the incident's root cause, or `undetermined`.")]
    return []


def _sections(work: Work, policy: TierPolicy) -> list[Problem]:
    pm = work.postmortem
    problems = [
        Problem("section_missing", f"The section {name} is empty.", f"/sections/{name}")
        for name in REQUIRED_SECTIONS[pm.tier]
        if name not in pm.sections or not pm.sections[name].text.strip()
    ]
    problems += [
        Problem("section_unreviewed", f"The section {name} was written by a machine; review it.", f"/sections/{name}")
        for name, section in pm.sections.items()
        if section.is_unreviewed
    ]
    summary = pm.sections.get(SectionName.SUMMARY)
    if pm.tier is Tier.SUMMARY and summary and len(summary.text) > policy.summary_max_chars:
        message = f"A tier 3 summary has at most {policy.summary_max_chars} characters."
        problems.append(Problem("summary_too_long", message, "/sections/summary"))
    return problems


def _depth(work: Work, policy: TierPolicy) -> list[Problem]:
    """Tier 1: whys, factors, every phase. Tier 2: a timeline. Tier 3: nothing more."""
    pm = work.postmortem
    if pm.tier is Tier.STANDARD and len(pm.timeline) < policy.min_timeline_entries:
        message = f"The timeline has {len(pm.timeline)} of {policy.min_timeline_entries} entries."
        return [Problem("timeline_too_short", message, "/timeline")]
    if pm.tier is not Tier.FULL:
        return []
    problems = []
    if not pm.whys or any(not why.text.strip() for why in pm.whys):
        problems.append(Problem("whys_missing", "Write the five whys; none may be empty.", "/whys"))
    elif any(why.confirmed_by_id is None for why in pm.whys):
        problems.append(Problem("whys_not_confirmed", "The reviewer confirms the whys when signing.", "/whys"))
    if len(pm.factors) < policy.min_factors:
        message = f"{len(pm.factors)} of {policy.min_factors} contributing factors are named."
        problems.append(Problem("factors_missing", message, "/factors"))
    return problems + _phases(pm)


def _phases(pm: Postmortem) -> list[Problem]:
    """Each phase is in the timeline and in order, or its absence is explained in writing."""
    first = {phase: min((e.occurred_at for e in pm.timeline if e.kind is phase), default=None) for phase in PHASES}
    problems, latest = [], None
    for phase in PHASES:
        at = first[phase]
        explained = bool(pm.phase_explanations.get(phase, "").strip())
        if at is None and not explained:
            problems.append(_phase_problem("phase_missing", f"No {phase} in the timeline", phase))
        elif at is not None and latest is not None and at < latest and not explained:
            problems.append(_phase_problem("phase_out_of_order", f"The {phase} comes before an earlier phase", phase))
        latest = max(filter(None, (latest, at)), default=None)
    return problems


def _phase_problem(code: str, message: str, phase: TimelineKind) -> Problem:
    return Problem(code, f"{message}; add it, or explain it in phase_explanations.", f"/phase_explanations/{phase}")


def _items(work: Work, policy: TierPolicy) -> list[Problem]:
    tier, committed = work.postmortem.tier, work.committed
    problems = [
        Problem("item_still_candidate", f"Accept or decline “{item.title}”.", f"/action_items/{item.id}")
        for item in work.items
        if item.status is Status.CANDIDATE
    ]
    problems += [
        Problem("item_incomplete", f"“{item.title}” needs an owner and a due date.", f"/action_items/{item.id}")
        for item in committed
        if item.owner_id is None or item.due_on is None
    ]
    if len(committed) < policy.min_items[tier]:
        message = f"{len(committed)} of {policy.min_items[tier]} action items are accepted."
        problems.append(Problem("action_items_missing", message, "/action_items"))
    if tier is Tier.FULL and sum(item.systemic for item in committed) < policy.min_systemic_items:
        problems.append(Problem("systemic_item_missing", "At least one action item is systemic.", "/action_items"))
    return problems


def _tickets(work: Work, policy: TierPolicy, now: datetime, may_wait: bool) -> list[Problem]:
    problems = []
    for item in work.committed:
        ticket = work.tickets.get(item.id)
        if ticket is not None and (ticket.sync_state is SyncState.SYNCED or (may_wait and _waits(ticket, policy, now))):
            continue
        state = "no ticket yet" if ticket is None else f"a ticket that is {ticket.sync_state}"
        problems.append(Problem("ticket_missing", f"“{item.title}” has {state}.", f"/action_items/{item.id}"))
    return problems


def _waits(ticket: Ticket, policy: TierPolicy, now: datetime) -> bool:
    """Whether its tracker has been out of reach for so long that a reviewer may go on without the ticket."""
    undelivered = ticket.sync_state in (SyncState.PENDING, SyncState.FAILED)
    return undelivered and now - ticket.created_at >= policy.publish_without_tickets_after


def waiting_tickets(work: Work) -> tuple[UUID, ...]:
    """The counted items that have no ticket in their tracker."""
    return tuple(
        item.id
        for item in work.committed
        if item.id not in work.tickets or work.tickets[item.id].sync_state is not SyncState.SYNCED
    )


def _review(work: Work) -> list[Problem]:
    pm = work.postmortem
    if not pm.needs_reviewer:
        return []
    if pm.review is None:
        return [Problem("review_missing", "Record when and where it was reviewed.", "/review")]
    if pm.review.forum not in FORUMS[pm.tier]:
        message = "A tier 1 postmortem is reviewed by leadership or all hands."
        return [Problem("review_forum", message, "/review/forum")]
    return []


def _signature(work: Work) -> list[Problem]:
    pm = work.postmortem
    if pm.status not in (PostmortemStatus.APPROVED, PostmortemStatus.PUBLISHED):
        return [Problem("not_signed", f"It is {pm.status}; it needs a signature.")]
    if not pm.is_signed(content_hash(work)):
        return [Problem("content_changed", "The content changed after it was signed; it needs a new signature.")]
    return []


def _warnings(work: Work, policy: TierPolicy) -> list[Problem]:
    pm, warnings = work.postmortem, []
    limit = policy.max_items_before_warning.get(pm.tier)
    if limit is not None and len(work.committed) > limit:
        message = f"{len(work.committed)} action items; more than {limit} are rarely all done."
        warnings.append(Problem("many_action_items", message, "/action_items"))
    if pm.tier is Tier.FULL and len(pm.whys) < policy.whys:
        warnings.append(Problem("few_whys", f"{len(pm.whys)} of {policy.whys} whys are written.", "/whys"))
    return warnings
