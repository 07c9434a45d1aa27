"""Asking the rules of time about all that may break one: findings open, reach further, close by themselves."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID

from app.domain.events import EventType
from app.domain.follow_through.model import Finding, FindingCode
from app.domain.follow_through.opening import close_finding, open_finding, tell
from app.domain.follow_through.rules import (
    ITEM_RULES,
    POSTMORTEM_RULES,
    Calendar,
    ItemFacts,
    PostmortemFacts,
    Rule,
    step_after,
)
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork, UnitOfWork

BATCH = 500
EARLIEST_DAY = timedelta(hours=14)
"""Somewhere the day has begun that long before UTC's."""
F = TypeVar("F", ItemFacts, PostmortemFacts)


async def apply_item_rules(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, batch: int = BATCH) -> int:
    """How many findings about action items that opened."""

    async def look(u: UnitOfWork, day: date, after: UUID | None) -> Sequence[ItemFacts]:
        return await u.follow_through.items([rule.code for rule in ITEM_RULES], day, after, batch)

    return await _apply(uow, clock, policy, "action_item", ITEM_RULES, look, batch)


async def apply_postmortem_rules(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, batch: int = BATCH) -> int:
    """How many findings about postmortems that opened."""

    async def look(u: UnitOfWork, day: date, after: UUID | None) -> Sequence[PostmortemFacts]:
        return await u.follow_through.postmortems([rule.code for rule in POSTMORTEM_RULES], day, after, batch)

    return await _apply(uow, clock, policy, "postmortem", POSTMORTEM_RULES, look, batch)


async def _apply(
    uow: OpenUnitOfWork,
    clock: Clock,
    policy: Policy,
    kind: str,
    rules: Sequence[Rule[F]],
    look: Callable[[UnitOfWork, date, UUID | None], Awaitable[Sequence[F]]],
    most: int,
) -> int:
    now, after, opened = clock(), None, 0
    day = (now.astimezone(UTC) + EARLIEST_DAY).date()
    while True:
        async with uow() as u:
            batch = await look(u, day, after)
            earlier = await u.follow_through.findings([rule.code for rule in rules], [facts.id for facts in batch])
            known = Known.of(earlier)
            for facts in batch:
                for rule in rules:
                    opened += await _judge(u, kind, rule, facts, known, policy, now)
            await u.commit()
        if len(batch) < most:
            return opened
        after = batch[-1].id


@dataclass(frozen=True, slots=True)
class Known:
    """The findings that there are or were, by rule and subject."""

    open: Mapping[tuple[FindingCode, UUID], Finding]
    dismissed: Mapping[tuple[FindingCode, UUID], datetime]

    @classmethod
    def of(cls, findings: Sequence[Finding]) -> "Known":
        dismissed: dict[tuple[FindingCode, UUID], datetime] = {}
        for one in findings:
            if one.dismissed_by_id is not None:
                key = one.code, one.subject_id
                dismissed[key] = max(one.opened_at, dismissed.get(key, one.opened_at))
        return cls({(one.code, one.subject_id): one for one in findings if one.closed_at is None}, dismissed)

    def is_dismissed(self, key: tuple[FindingCode, UUID], since: date) -> bool:
        """Whether a person said that just this is all right; what breaks the rule anew is something else."""
        at = self.dismissed.get(key)
        return at is not None and at >= datetime.combine(since, time(), UTC)


async def _judge(
    u: UnitOfWork, kind: str, rule: Rule[F], facts: F, known: Known, policy: Policy, now: datetime
) -> bool:
    """Whether it opened a finding. On days when the team does not work, nothing gets worse."""
    key, calendar = (rule.code, facts.id), Calendar.of(facts.team, policy.organisation_time_zone)
    today, found = calendar.day(now), known.open.get((rule.code, facts.id))
    days = rule.days_broken(facts, today, policy.follow_through)
    if days == 0:
        if found is not None:
            await close_finding(u, found, now)
        return False
    since = rule.kept_until(facts)
    assert since is not None, "what is broken was kept until a day"
    if not calendar.works_on(today) or (found is None and known.is_dismissed(key, since)):
        return False
    current = found or _finding(kind, rule, facts, now)
    opened = found is None and await open_finding(u, current)
    if rule.escalates and (found is not None or opened):
        await _escalate(u, current, facts.team.lead_id if facts.team else None, days, policy, now)
    return opened


def _finding(kind: str, rule: Rule[F], facts: F, now: datetime) -> Finding:
    return Finding(
        id=new_id(), code=rule.code, subject_kind=kind, subject_id=facts.id, message=rule.says(facts),
        remedy=rule.remedy, opened_at=now, incident_id=facts.incident_id,
        team_id=facts.team.id if facts.team else None, owner_id=facts.owner_id,
    )  # fmt: skip


async def _escalate(
    u: UnitOfWork, finding: Finding, lead_id: UUID | None, days: int, policy: Policy, now: datetime
) -> None:
    """Tell that it has reached the step that its age demands, once."""
    further = finding.escalate(step_after(days, policy.follow_through), now)
    if further is None:
        return
    await u.findings.save(further)
    people = {"owner_id": finding.owner_id, "team_lead_id": lead_id}
    told = {name: str(id) for name, id in people.items() if id is not None}
    data = {"step": further.step.name.lower(), "days": days, **told}
    await tell(u, EventType.FINDING_ESCALATED, further, now, data)
