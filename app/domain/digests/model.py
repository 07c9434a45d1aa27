"""What a team gets in its channel: its week, and the list before its planning. Each once in its period."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from app.domain.follow_through.rules import Calendar
from app.domain.policy import DeliveryPolicy, FollowThroughPolicy


class PostKind(StrEnum):
    """What is posted."""

    DIGEST = "digest"
    SPRINT_LIST = "sprint_list"
    LEADERSHIP = "leadership"


class PostState(StrEnum):
    """`empty`: there was nothing to say."""

    PENDING = "pending"
    POSTED = "posted"
    EMPTY = "empty"
    DEAD = "dead"


class GroupName(StrEnum):
    """The parts of a digest."""

    PREVENTED = "prevented"
    CLOSED = "closed_with_evidence"
    OVERDUE = "overdue"
    AT_RISK = "at_risk"
    PLANNING = "planning"


@dataclass(frozen=True, slots=True)
class Line:
    """An item in a few words; `says` is what there is to tell of it."""

    item_id: UUID
    title: str
    owner: str | None
    says: str


@dataclass(frozen=True, slots=True)
class Group:
    """The first lines of a part, and how many there are in all."""

    name: GroupName
    lines: tuple[Line, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Digest:
    """What is told of a period; `starts_on` and `ends_on` are days of the team, the last one not included."""

    kind: PostKind
    team: str | None
    starts_on: date
    ends_on: date
    groups: tuple[Group, ...]

    @property
    def is_empty(self) -> bool:
        return not any(group.total for group in self.groups)


@dataclass(frozen=True, slots=True)
class ChatPost:
    """One post. Its content is made when it is sent, so that it holds nothing that was hidden since."""

    id: UUID
    kind: PostKind
    period_key: str
    period_end: datetime
    team_id: UUID | None
    place: str
    marker: UUID
    created_at: datetime
    state: PostState = PostState.PENDING
    attempts: int = 0
    lease_until: datetime | None = None
    not_before: datetime | None = None
    last_error: str | None = None
    posted_as: str | None = None
    finished_at: datetime | None = None

    def claim(self, now: datetime, policy: DeliveryPolicy) -> "ChatPost":
        return replace(self, attempts=self.attempts + 1, lease_until=now + policy.lease, not_before=None)

    def ended(
        self, state: PostState, now: datetime, *, error: str | None = None, name: str | None = None
    ) -> "ChatPost":
        return replace(self, state=state, lease_until=None, last_error=error, finished_at=now, posted_as=name)

    def failed(self, error: str, retry_at: datetime, now: datetime, policy: DeliveryPolicy) -> "ChatPost":
        """To be tried again, unless that was the last attempt."""
        if self.attempts >= policy.max_attempts:
            return self.ended(PostState.DEAD, now, error=error)
        return replace(self, lease_until=None, not_before=retry_at, last_error=error)


def digest_day(calendar: Calendar, now: datetime, policy: FollowThroughPolicy) -> date | None:
    """The first working day of this week from the digest's weekday on, once its hour has come; None where it is not
    time, or where this is no working day."""
    local = calendar.local(now)
    monday = local.date() - timedelta(days=local.isoweekday() - 1)
    week = [monday + timedelta(days=n) for n in range(policy.digest_weekday - 1, 7)]
    first = next((day for day in week if calendar.works_on(day)), None)
    if first is None or not calendar.works_on(local.date()):
        return None
    return first if (local.date(), local.hour) >= (first, policy.digest_hour) else None


def planning_to_announce(calendar: Calendar, first: date, now: datetime, policy: FollowThroughPolicy) -> date | None:
    """The day of planning whose list is to be posted today: today is the last working day before it."""
    local = calendar.local(now)
    today = local.date()
    if local.hour < policy.digest_hour or not calendar.works_on(today):
        return None
    ahead = (first - today).days % policy.planning_days or policy.planning_days
    planning = max(today + timedelta(days=ahead), first)
    between = (today + timedelta(days=n) for n in range(1, (planning - today).days))
    return None if any(calendar.works_on(day) for day in between) else planning
