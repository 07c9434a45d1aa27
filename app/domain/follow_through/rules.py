"""The rules that only time can break, as data: what they are about, and since when it is not as it should be."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.actions.model import ActionItem, Status
from app.domain.follow_through.model import FindingCode, Step
from app.domain.organisation.model import MONDAY_TO_FRIDAY, Team
from app.domain.policy import FollowThroughPolicy

UNDER_WAY = (Status.OPEN, Status.IN_PROGRESS)
COMMITTED = (*UNDER_WAY, Status.IMPLEMENTED)
Facts = TypeVar("Facts")


@dataclass(frozen=True, slots=True)
class Calendar:
    """A team's own days; the organisation's for what belongs to no team."""

    time_zone: str
    working_days: tuple[int, ...] = MONDAY_TO_FRIDAY

    @classmethod
    def of(cls, team: Team | None, time_zone: str) -> "Calendar":
        return cls(time_zone) if team is None else cls(team.time_zone, team.working_days)

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.time_zone))

    def day(self, at: datetime) -> date:
        return self.local(at).date()

    def works_on(self, day: date) -> bool:
        return day.isoweekday() in self.working_days


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """An action item, whether it has a ticket, and whether a check of its evidence ever came to a verdict."""

    item: ActionItem
    team: Team | None
    has_ticket: bool
    has_verdict: bool

    @property
    def id(self) -> UUID:
        return self.item.id

    @property
    def incident_id(self) -> UUID | None:
        return self.item.incident_id

    @property
    def owner_id(self) -> UUID | None:
        return self.item.owner_id

    @property
    def opened_on(self) -> date:
        return (self.item.opened_at or self.item.created_at).date()


@dataclass(frozen=True, slots=True)
class PostmortemFacts:
    """A postmortem that is to be written, and whose."""

    id: UUID
    incident_id: UUID
    title: str
    due_on: date | None
    owner_id: UUID | None
    team: Team | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Rule(Generic[Facts]):
    """`kept_until` is the last day on which all is well; None where it is well for good."""

    code: FindingCode
    says: Callable[[Facts], str]
    remedy: str
    kept_until: Callable[[Facts], date | None]
    escalates: bool = False

    def days_broken(self, facts: Facts, today: date, policy: FollowThroughPolicy) -> int:
        """For how many days it has not been met, counted from the day that the rule applies from."""
        until = self.kept_until(facts)
        return 0 if until is None else max((today - max(until, policy.counts_from(self.code))).days, 0)


def step_after(days: int, policy: FollowThroughPolicy) -> Step:
    """Whom a finding has to reach that is this old."""
    return Step(sum(days > bound for bound in policy.steps))


def _missing(is_missing: Callable[[ItemFacts], bool]) -> Callable[[ItemFacts], date | None]:
    def kept_until(facts: ItemFacts) -> date | None:
        return facts.opened_on if facts.item.status in COMMITTED and is_missing(facts) else None

    return kept_until


def _overdue(facts: ItemFacts) -> date | None:
    return facts.item.committed_due_on if facts.item.status in UNDER_WAY else None


def _evidence_overdue(facts: ItemFacts) -> date | None:
    awaited = facts.item.status is Status.IMPLEMENTED and not facts.has_verdict
    return facts.item.evidence_due_on if awaited else None


def _past_review(facts: ItemFacts) -> date | None:
    decline = facts.item.decline
    declined = facts.item.status is Status.DECLINED and decline is not None
    return decline.next_review_at.date() if declined and decline is not None else None


ITEM_RULES: tuple[Rule[ItemFacts], ...] = (
    Rule(
        FindingCode.ITEM_WITHOUT_TICKET,
        lambda facts: f"“{facts.item.title}” has no ticket, so nobody sees it in planning.",
        "Give its service or team a tracker route and resync, or adopt a ticket.",
        _missing(lambda facts: not facts.has_ticket),
    ),
    Rule(
        FindingCode.ITEM_WITHOUT_OWNER,
        lambda facts: f"Nobody owns “{facts.item.title}”.",
        "Name an owner.",
        _missing(lambda facts: facts.item.owner_id is None),
    ),
    Rule(
        FindingCode.ITEM_WITHOUT_DUE_DATE,
        lambda facts: f"“{facts.item.title}” has no due date.",
        "Set a due date.",
        _missing(lambda facts: facts.item.due_on is None),
    ),
    Rule(
        FindingCode.ITEM_OVERDUE,
        lambda facts: f"“{facts.item.title}” was promised by {facts.item.committed_due_on} and is not implemented.",
        "Implement it, or decline it with a reason.",
        _overdue,
        escalates=True,
    ),
    Rule(
        FindingCode.EVIDENCE_OVERDUE,
        lambda facts: f"Whether “{facts.item.title}” works was to be shown by {facts.item.evidence_due_on}.",
        "Run its checks, attest what happened in production, or change the plan.",
        _evidence_overdue,
    ),
    Rule(
        FindingCode.DECLINED_PAST_REVIEW,
        lambda facts: f"“{facts.item.title}” was declined until a review that has not happened.",
        "Decline it again with a new review date, or reopen it.",
        _past_review,
    ),
)

POSTMORTEM_RULES: tuple[Rule[PostmortemFacts], ...] = (
    Rule(
        FindingCode.POSTMORTEM_LATE,
        lambda facts: f"The postmortem of “{facts.title}” was due on {facts.due_on}.",
        "Publish it, or have a reviewer waive it with a reason.",
        lambda facts: None if facts.is_over else facts.due_on,
    ),
)
