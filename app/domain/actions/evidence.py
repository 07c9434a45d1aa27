"""Evidence: how we will know that a fix works, each test of it, and what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import isfinite
from uuid import UUID

from app.domain.errors import Invalid, OwnWork, WrongState
from app.domain.monitoring import Backend
from app.domain.policy import EvidencePolicy


class CheckKind(StrEnum):
    """`no_recurrence` asks our own incidents, `metric` the monitoring, `attested` a person who is not the owner.

    `pattern_rate` asks whether a meta-review's pattern was rarer in the two quarters after its fix.
    """

    NO_RECURRENCE = "no_recurrence"
    METRIC = "metric"
    ATTESTED = "attested"
    PATTERN_RATE = "pattern_rate"


RUN_BY_US = (CheckKind.NO_RECURRENCE, CheckKind.METRIC, CheckKind.PATTERN_RATE)
"""What needs no person."""


class Verdict(StrEnum):
    """`not_exercised`: what the fix is for has not happened yet, so nothing is shown either way."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    NOT_EXERCISED = "not_exercised"


class Observation(StrEnum):
    """What can be attested about production."""

    PREVENTED_INCIDENT = "prevented_incident"
    DRILL = "drill"
    REPLAY = "replay"


class Comparison(StrEnum):
    """How the observed value is compared with the threshold."""

    GTE = ">="
    GT = ">"
    LTE = "<="
    LT = "<"


class MetricMode(StrEnum):
    """When the comparison must hold."""

    AT_END = "at_end"
    EVERY_POINT = "every_point"


class Exercise(StrEnum):
    """What a comparison that does not hold means: a bound was broken, or what would show the fix never came."""

    BOUND = "bound"
    DEMONSTRATION = "demonstration"


@dataclass(frozen=True, slots=True)
class MetricPlan:
    """One monitoring query that answers with exactly one series. `$window` in it becomes the window, such as `30d`."""

    query: str
    comparison: Comparison
    threshold: float
    mode: MetricMode = MetricMode.AT_END
    exercised: Exercise = Exercise.BOUND
    backend: Backend = Backend.PROMETHEUS

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise InvalidPlan("A metric needs a query.")
        if not isfinite(self.threshold):
            raise InvalidPlan("The threshold must be a finite number.")
        if self.mode is MetricMode.EVERY_POINT and self.exercised is Exercise.DEMONSTRATION:
            raise InvalidPlan("What must hold at every point is a bound; a demonstration is looked for at the end.")


@dataclass(frozen=True, slots=True)
class VerificationPlan:
    """How we will know: which checks, over how many days in production."""

    checks: tuple[CheckKind, ...]
    window_days: int
    description: str = ""
    metric: MetricPlan | None = None

    def __post_init__(self) -> None:
        if not self.checks:
            raise InvalidPlan("A plan names at least one check.")
        if len(set(self.checks)) != len(self.checks):
            raise InvalidPlan("A plan names each check once.")
        if (CheckKind.METRIC in self.checks) != (self.metric is not None):
            raise InvalidPlan("The check `metric` and the field `metric`, which says what is asked, go together.")


class InvalidPlan(Invalid):
    """The verification plan cannot show anything."""

    code = "invalid_verification_plan"


class NotEvidence(Invalid):
    """This says that something was done, not that it works.

    Evidence is what happened in production, in a dated window, with a link: a prevented incident, a drill, a replay.
    """

    code = "not_evidence"


class EvidenceReviewed(WrongState):
    """This evidence was reviewed already."""

    code = "evidence_reviewed"


def default_plan(*, refutable: bool, has_cause: bool, policy: EvidencePolicy) -> VerificationPlan:
    """What is planned when nobody said otherwise: silence where silence can say something, else a person's word."""
    checks = (CheckKind.NO_RECURRENCE, CheckKind.ATTESTED) if refutable and has_cause else (CheckKind.ATTESTED,)
    return VerificationPlan(checks, policy.window_days)


def checked_plan(plan: VerificationPlan, policy: EvidencePolicy) -> VerificationPlan:
    """The same plan, if its window is one we accept."""
    if not 1 <= plan.window_days <= policy.max_window_days:
        raise InvalidPlan(f"The window is 1 to {policy.max_window_days} days.")
    return plan


def require_plan_fits(plan: VerificationPlan, *, of_pattern: bool) -> None:
    """A pattern has no root cause that could recur on a service; only a pattern has a rate. Raises InvalidPlan."""
    if of_pattern and CheckKind.NO_RECURRENCE in plan.checks:
        raise InvalidPlan("A meta-review's item is verified by metric, attested or pattern_rate, not by no_recurrence.")
    if not of_pattern and CheckKind.PATTERN_RATE in plan.checks:
        raise InvalidPlan("Only an action item of a meta-review has a pattern whose rate can fall.")


@dataclass(frozen=True, slots=True)
class Check:
    """One test of one item: kept for ever, refuted at most. `detail` holds what was observed, as plain data.

    An attestation has no verdict until a reviewer accepted or rejected it.
    """

    id: UUID
    action_item_id: UUID
    kind: CheckKind
    ran_at: datetime
    window_start: datetime
    window_end: datetime
    verdict: Verdict | None = None
    observation: Observation | None = None
    statement: str = ""
    link: str | None = None
    attested_by_id: UUID | None = None
    reviewed_by_id: UUID | None = None
    reviewed_at: datetime | None = None
    review_comment: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)
    closed_item_at: datetime | None = None
    implemented_at: datetime | None = None
    deployed_at: datetime | None = None
    refuted_by_id: UUID | None = None
    refuted_at: datetime | None = None

    @property
    def is_settled(self) -> bool:
        return self.verdict is not None

    def review(self, *, accept: bool, by_id: UUID, owner_id: UUID | None, now: datetime, comment: str) -> "Check":
        """A reviewer who is neither owner nor witness accepts it (passed) or rejects it (inconclusive)."""
        if self.is_settled:
            raise EvidenceReviewed
        if by_id in (owner_id, self.attested_by_id):
            raise OwnWork("Evidence is reviewed by somebody who is neither the owner nor the witness.")
        verdict = Verdict.PASSED if accept else Verdict.INCONCLUSIVE
        return replace(self, verdict=verdict, reviewed_by_id=by_id, reviewed_at=now, review_comment=comment)

    def refute(self, incident_id: UUID, now: datetime) -> "Check":
        return replace(self, refuted_by_id=incident_id, refuted_at=now)

    def restore(self) -> "Check":
        return replace(self, refuted_by_id=None, refuted_at=None)


def attestation(
    *,
    id: UUID,
    action_item_id: UUID,
    by_id: UUID,
    owner_id: UUID | None,
    observation: Observation | None,
    statement: str,
    window_start: datetime | None,
    window_end: datetime | None,
    link: str | None,
    deployed_at: datetime | None,
    now: datetime,
) -> Check:
    """What a person saw in production; refused unless it has a window, an observation and a link.

    Raises NotEvidence ("we added the circuit breaker" has no window and no observation) and OwnWork.
    """
    if by_id == owner_id:
        raise OwnWork("The owner of an item cannot attest that their own fix works.")
    if observation is None or window_start is None or window_end is None or not link or not statement.strip():
        raise NotEvidence
    if not window_start < window_end <= now:
        raise NotEvidence("The observed window must lie in the past and end after it starts.")
    if deployed_at is not None and window_end <= deployed_at:
        raise NotEvidence("The observed window ends before the fix was in production.")
    return Check(
        id=id,
        action_item_id=action_item_id,
        kind=CheckKind.ATTESTED,
        ran_at=now,
        window_start=window_start,
        window_end=window_end,
        observation=observation,
        statement=statement.strip(),
        link=link,
        attested_by_id=by_id,
    )
