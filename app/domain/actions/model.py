"""An action item: a commitment to change something, from candidate to closed with evidence."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from app.domain.actions.evidence import Check, CheckKind, Verdict, VerificationPlan
from app.domain.errors import Invalid, WrongState


class Status(StrEnum):
    """Where an item stands. Only accepted evidence leads to `closed`."""

    CANDIDATE = "candidate"
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    IMPLEMENTED = "implemented"
    CLOSED = "closed"
    DECLINED = "declined"


class Priority(IntEnum):
    """1 is the most urgent; boosts lift an item towards it."""

    URGENT = 1
    HIGH = 2
    MEDIUM = 3
    LOW = 4


class ControlType(StrEnum):
    """What the change does about the cause: keep it from happening, notice it, soften it, or change how we work."""

    PREVENT = "prevent"
    DETECT = "detect"
    MITIGATE = "mitigate"
    PROCESS = "process"

    @property
    def is_refutable(self) -> bool:
        """Whether a recurrence shows that the fix does not work; for the others it only asks for a look."""
        return self in (ControlType.PREVENT, ControlType.PROCESS)


class DeclineCode(StrEnum):
    """Why nothing will be done."""

    ACCEPTED_RISK = "accepted_risk"
    OBSOLETE = "obsolete"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Decline:
    """A person's decision not to do it, until it is looked at again."""

    code: DeclineCode
    reason: str
    by_id: UUID
    at: datetime
    next_review_at: datetime


NOT_CLOSED = frozenset({Status.CANDIDATE, Status.OPEN, Status.IN_PROGRESS, Status.IMPLEMENTED})
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.CANDIDATE: frozenset({Status.OPEN, Status.DECLINED}),
    Status.OPEN: frozenset({Status.IN_PROGRESS, Status.IMPLEMENTED, Status.DECLINED}),
    Status.IN_PROGRESS: frozenset({Status.OPEN, Status.IMPLEMENTED, Status.DECLINED}),
    Status.IMPLEMENTED: frozenset({Status.CLOSED, Status.OPEN, Status.DECLINED}),
    Status.CLOSED: frozenset({Status.OPEN}),
    Status.DECLINED: frozenset({Status.OPEN}),
}
"""The table of `domain.md` §3; which caller may take which step is the use case's rule."""


class ItemWrongState(WrongState):
    """The action item cannot take this step from its present status."""

    code = "action_item_wrong_state"


class OwnerAndDueDateRequired(Invalid):
    """An item past candidate has an owner and a due date."""

    code = "owner_and_due_date_required"


class PlanRequired(WrongState):
    """A verification plan is needed before the item can be implemented."""

    code = "verification_plan_required"


class PlanFrozen(WrongState):
    """Once implemented, plan and deployment time change only by a reviewer who is not the owner."""

    code = "verification_plan_frozen"


class EvidenceRequired(WrongState):
    """Closing needs evidence that the fix works: one passed check and no check whose latest verdict is failed."""

    code = "evidence_required"


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A commitment. `committed_due_on` is the first promise and never moves; `due_on` may slip."""

    id: UUID
    title: str
    control_type: ControlType
    created_at: datetime
    updated_at: datetime
    postmortem_id: UUID | None = None
    incident_id: UUID | None = None
    pattern_id: UUID | None = None
    description: str = ""
    systemic: bool = False
    status: Status = Status.CANDIDATE
    owner_id: UUID | None = None
    team_id: UUID | None = None
    service_id: UUID | None = None
    root_cause_id: UUID | None = None
    committed_due_on: date | None = None
    due_on: date | None = None
    slips: int = 0
    base_priority: Priority = Priority.MEDIUM
    effective_priority: Priority = Priority.MEDIUM
    boost_id: UUID | None = None
    plan: VerificationPlan | None = None
    opened_at: datetime | None = None
    implemented_at: datetime | None = None
    deployed_at: datetime | None = None
    evidence_due_on: date | None = None
    closed_at: datetime | None = None
    reopened_at: datetime | None = None
    decline: Decline | None = None
    refuted_by_id: UUID | None = None
    planned_in: str | None = None
    times_passed_over: int = 0
    version: int = 1

    def _to(self, status: Status) -> "ActionItem":
        if status not in TRANSITIONS[self.status]:
            raise ItemWrongState(f"An item that is {self.status} cannot become {status}.")
        return replace(self, status=status)

    def accept(
        self, *, owner_id: UUID | None, due_on: date | None, plan: VerificationPlan, now: datetime
    ) -> "ActionItem":
        """candidate → open: the promise is made here, so the due date becomes the committed one."""
        opened = self._to(Status.OPEN) if self.status is Status.CANDIDATE else self._refuse("accepted")
        owner_id, due_on = owner_id or self.owner_id, due_on or self.due_on
        if owner_id is None or due_on is None:
            raise OwnerAndDueDateRequired
        return replace(
            opened,
            owner_id=owner_id,
            due_on=due_on,
            committed_due_on=due_on,
            plan=self.plan or plan,
            opened_at=now,
        )

    def _refuse(self, verb: str) -> "ActionItem":
        raise ItemWrongState(f"An item that is {self.status} cannot be {verb}.")

    def start(self) -> "ActionItem":
        """open → in_progress."""
        return self._to(Status.IN_PROGRESS)

    def stop(self) -> "ActionItem":
        """in_progress → open: nobody works on it any more."""
        return self._to(Status.OPEN) if self.status is Status.IN_PROGRESS else self._refuse("stopped")

    def implement(self, *, now: datetime, deployed_at: datetime | None = None) -> "ActionItem":
        """open or in_progress → implemented: the change is done; whether it works is not yet shown."""
        if self.plan is None:
            raise PlanRequired
        done = replace(self._to(Status.IMPLEMENTED), implemented_at=now)
        if deployed_at is None and self.control_type is ControlType.PROCESS:
            deployed_at = now
        return done.deployed(deployed_at) if deployed_at else done

    def deployed(self, at: datetime | None) -> "ActionItem":
        """In production since `at`: the evidence is due when the window that starts then ends."""
        if at is None or self.plan is None:
            return replace(self, deployed_at=at, evidence_due_on=None)
        return replace(self, deployed_at=at, evidence_due_on=(at + timedelta(days=self.plan.window_days)).date())

    def with_plan(self, plan: VerificationPlan) -> "ActionItem":
        return replace(self, plan=plan).deployed(self.deployed_at)

    @property
    def is_plan_frozen(self) -> bool:
        """From `implemented` on, the measure of success is no longer the owner's to move."""
        return self.status in (Status.IMPLEMENTED, Status.CLOSED)

    def close(self, checks: tuple[Check, ...], now: datetime) -> "ActionItem":
        """implemented → closed, on evidence only."""
        if not is_shown_to_work(checks):
            raise EvidenceRequired
        return replace(self._to(Status.CLOSED), closed_at=now, refuted_by_id=None)

    def fail(self, now: datetime) -> "ActionItem":
        """implemented → open: a check failed, so the work is not done."""
        return self._again(now) if self.status is Status.IMPLEMENTED else self._refuse("sent back")

    def reopen(self, now: datetime) -> "ActionItem":
        """implemented, closed or declined → open, by hand or because the ticket was reopened."""
        if self.status not in (Status.IMPLEMENTED, Status.CLOSED, Status.DECLINED):
            self._refuse("reopened")
        return self._again(now)

    def refute(self, incident_id: UUID, now: datetime) -> "ActionItem":
        """closed → open: the incident came back, so the fix does not work."""
        if self.status is not Status.CLOSED:
            self._refuse("refuted")
        return replace(self._again(now), refuted_by_id=incident_id)

    def undo_refutation(self, closed_at: datetime, implemented_at: datetime, deployed_at: datetime) -> "ActionItem":
        """Back to closed, as it was: the incident had another cause after all."""
        return replace(
            self,
            status=Status.CLOSED,
            closed_at=closed_at,
            implemented_at=implemented_at,
            refuted_by_id=None,
            reopened_at=None,
        ).deployed(deployed_at)

    def _again(self, now: datetime) -> "ActionItem":
        reopened = replace(self._to(Status.OPEN), reopened_at=now, implemented_at=None, closed_at=None, decline=None)
        return reopened.deployed(None)

    def decline_with(self, decline: Decline) -> "ActionItem":
        """A person decides that nothing will be done, says why, and when to look again."""
        return replace(self._to(Status.DECLINED), decline=decline)

    def move_due_date(self, due_on: date) -> "ActionItem":
        """A later date is a slip; the committed date stays."""
        slipped = self.due_on is not None and due_on > self.due_on and self.committed_due_on is not None
        return replace(self, due_on=due_on, slips=self.slips + slipped)

    @property
    def is_committed(self) -> bool:
        """Past candidate and not declined: it counts as one of a postmortem's action items."""
        return self.status not in (Status.CANDIDATE, Status.DECLINED)


def is_shown_to_work(checks: tuple[Check, ...]) -> bool:
    """At least one check has passed and no check's latest verdict is failed. Refuted evidence does not count."""
    latest: dict[CheckKind, Check] = {}
    for check in sorted(checks, key=lambda check: check.ran_at):
        if check.is_settled and check.refuted_at is None:
            latest[check.kind] = check
    verdicts = {check.verdict for check in latest.values()}
    passed = any(c.verdict is Verdict.PASSED and c.refuted_at is None for c in checks if c.is_settled)
    return passed and Verdict.FAILED not in verdicts


@dataclass(frozen=True, slots=True)
class Change:
    """One line of an item's history: who changed what, from which side (`api`, `tracker`, `system`)."""

    at: datetime
    actor: str
    source: str
    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two states of an item, as history lines."""

    fields: tuple[str, ...] = field(
        default=(
            "status", "title", "description", "owner_id", "team_id", "service_id", "root_cause_id", "due_on", "decline",
            "base_priority", "control_type", "systemic", "plan", "deployed_at", "planned_in", "times_passed_over",
        )
    )  # fmt: skip

    def between(self, old: ActionItem, new: ActionItem, *, at: datetime, actor: str, source: str) -> tuple[Change, ...]:
        return tuple(
            Change(at, actor, source, name, _text(getattr(old, name)), _text(getattr(new, name)))
            for name in self.fields
            if getattr(old, name) != getattr(new, name)
        )


def _text(value: object) -> str | None:
    if value is None:
        return None
    return value.name.lower() if isinstance(value, Priority) else str(value)
