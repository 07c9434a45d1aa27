"""An announcement: one place that is told of a published postmortem, exactly once."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import WrongState
from app.domain.policy import DeliveryPolicy


class AnnouncementTarget(StrEnum):
    """The kinds of places; what each one's place is stands in `targets.py`."""

    PAGERDUTY = "pagerduty"
    GRAFANA = "grafana"
    DATADOG = "datadog"
    SLACK = "slack"


class AnnouncementState(StrEnum):
    """`withheld`: the incident became restricted before it was told."""

    PENDING = "pending"
    POSTED = "posted"
    DEAD = "dead"
    WITHHELD = "withheld"


class AnnouncementNotDead(WrongState):
    """Only a publication that was given up can be retried."""

    code = "publication_not_dead"


@dataclass(frozen=True, slots=True)
class Notice:
    """What a place is told. `marker` is written into it, so that it is found again before it is written twice."""

    marker: UUID
    place: str
    title: str
    url: str
    severity: str
    summary: str
    services: tuple[str, ...]
    started_at: datetime | None
    resolved_at: datetime | None
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """One telling. Attempts are counted before the call; each one looks for the marker before it writes, so that one
    whose outcome nobody knows is safe to repeat."""

    id: UUID
    postmortem_id: UUID
    incident_id: UUID
    target: AnnouncementTarget
    place: str
    marker: UUID
    created_at: datetime
    state: AnnouncementState = AnnouncementState.PENDING
    attempts: int = 0
    attempt_at: datetime | None = None
    lease_until: datetime | None = None
    not_before: datetime | None = None
    last_error: str | None = None
    posted_as: str | None = None
    finished_at: datetime | None = None

    def claim(self, now: datetime, policy: DeliveryPolicy) -> "Announcement | None":
        """The same under our lease, its attempt counted; None if it is not to be touched now."""
        waits_until = max((at for at in (self.lease_until, self.not_before) if at), default=now)
        if self.state is not AnnouncementState.PENDING or waits_until > now:
            return None
        return replace(
            self, attempts=self.attempts + 1, attempt_at=now, lease_until=now + policy.lease, not_before=None
        )

    def posted(self, name: str, now: datetime) -> "Announcement":
        """It is there, under this name."""
        return self._ended(AnnouncementState.POSTED, None, now, posted_as=name)

    def withheld(self, now: datetime) -> "Announcement":
        return self._ended(AnnouncementState.WITHHELD, None, now)

    def dead(self, error: str, now: datetime) -> "Announcement":
        return self._ended(AnnouncementState.DEAD, error, now)

    def failed(self, error: str, retry_at: datetime, now: datetime, policy: DeliveryPolicy) -> "Announcement":
        """To be tried again, unless that was the last attempt."""
        if self.attempts >= policy.max_attempts:
            return self.dead(error, now)
        return replace(self, lease_until=None, not_before=retry_at, last_error=error)

    def revive(self) -> "Announcement":
        """A person retries a dead one."""
        if self.state is not AnnouncementState.DEAD:
            raise AnnouncementNotDead
        return replace(self, state=AnnouncementState.PENDING, attempts=0, not_before=None, finished_at=None)

    def _ended(
        self, state: AnnouncementState, error: str | None, now: datetime, *, posted_as: str | None = None
    ) -> "Announcement":
        return replace(self, state=state, lease_until=None, last_error=error, finished_at=now, posted_as=posted_as)
