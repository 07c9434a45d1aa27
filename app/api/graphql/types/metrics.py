"""The metrics: every number with its base, and with what is missing from it."""

from datetime import date
from typing import Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked
from app.api.graphql.records import described
from app.api.graphql.types.enums import SeverityName
from app.api.rest.metrics import Question
from app.domain.actions.model import ControlType
from app.domain.learning.effectiveness import FixEffectiveness
from app.domain.learning.measures import Measure
from app.domain.learning.severities import SeverityBucket
from app.domain.learning.trend import TrendMethod, TrendVerdict
from app.domain.learning.use_cases import metrics


@described
class MissingType:
    """How many records a number leaves out for one reason."""

    reason: str = strawberry.field(description="Stable code.")
    n: int = strawberry.field(description="How many.")


def _missing(measure: Parent[Measure]) -> Any:
    return [{"reason": reason, "n": n} for reason, n in measure.missing_because.items()]


@described
class MeasureType:
    """A number and its base."""

    value: float | None = strawberry.field(description="Null without data, never 0.")
    n: int = strawberry.field(description="Records that count.")
    n_missing: int = strawberry.field(description="Records that were asked about and do not count.")
    missing_because: list[MissingType] = strawberry.field(resolver=_missing, description="Why they do not.")


@described
class TrendType:
    """The median of the slopes between all pairs of points."""

    slope: float = strawberry.field(description="Change a day.")
    low: float | None = strawberry.field(description="Lower end of its interval.")
    high: float | None = strawberry.field(description="Upper end of its interval.")
    intercept: float = strawberry.field(description="The value at the end of the window.")
    n: int = strawberry.field(description="Points that were used.")
    method: TrendMethod = strawberry.field(description="Which pairs of points the slopes come from.")


@described
class IntervalType:
    """A two-sided interval."""

    low: float = strawberry.field(description="Lower end.")
    high: float = strawberry.field(description="Upper end.")


@described
class RecurrenceBucketType:
    """Postmortems created in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    recurred: MeasureType = strawberry.field(description="Share, counted from when the incident was resolved.")
    recurred_after_created: MeasureType = strawberry.field(description="Share, counted from the postmortem's creation.")
    young: int = strawberry.field(description="Postmortems too young to tell: it may still happen.")


@described
class RecurrenceType:
    """Postmortems whose root cause struck again within six months: the primary measure."""

    recurred: MeasureType = strawberry.field(description="Share, counted from when the incident was resolved.")
    recurred_after_created: MeasureType = strawberry.field(description="Share, counted from the postmortem's creation.")
    followed: MeasureType = strawberry.field(description="Share, corrected for those too young to tell.")
    interval: IntervalType | None = strawberry.field(description="Interval of the corrected share.")
    at_risk: int = strawberry.field(description="Postmortems that were followed to the end.")
    buckets: list[RecurrenceBucketType] = strawberry.field(description="By bucket, the oldest first.")


@described
class CompletionBucketType:
    """Action items created in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    implemented_on_time: MeasureType = strawberry.field(description="Share implemented by the committed date.")
    closed_of_due: MeasureType = strawberry.field(description="Share closed among those that were due.")
    evidence_on_time: MeasureType = strawberry.field(description="Share closed with evidence in time.")
    declined: int = strawberry.field(description="Declined ones, which count as not done.")


@described
class CompletionType:
    """Action items done by the date they were promised for."""

    implemented_on_time: MeasureType = strawberry.field(description="Share implemented by the committed date.")
    closed_of_due: MeasureType = strawberry.field(description="Share closed among those that were due.")
    evidence_on_time: MeasureType = strawberry.field(description="Share closed with evidence in time.")
    slips_per_item: MeasureType = strawberry.field(description="How often a date moved, on average.")
    declined: int = strawberry.field(description="Declined ones, which count as not done.")
    buckets: list[CompletionBucketType] = strawberry.field(description="By bucket, the oldest first.")


@described
class DurationBucketType:
    """Seconds from start to a phase in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    median: MeasureType = strawberry.field(description="The median, with the base of all three.")
    mean: float | None = strawberry.field(description="The mean.")
    p90: float | None = strawberry.field(description="Nine of ten took at most so long.")


@described
class DurationType:
    """Seconds from an incident's start to one of its phases."""

    overall: MeasureType = strawberry.field(description="The median over the window.")
    mean: float | None = strawberry.field(description="The mean over the window.")
    p90: float | None = strawberry.field(description="Over the window nine of ten took at most so long.")
    buckets: list[DurationBucketType] = strawberry.field(description="By bucket, the oldest first.")
    trend: TrendType | None = strawberry.field(description="Over single incidents, in seconds a day.")
    verdict: TrendVerdict = strawberry.field(description="What the trend says.")


@described
class DetectionType:
    """How fast incidents reach their phases."""

    detected_at: DurationType = strawberry.field(description="Until it was noticed.")
    acknowledged_at: DurationType = strawberry.field(description="Until somebody took it on.")
    mitigated_at: DurationType = strawberry.field(description="Until customers felt it no more.")
    resolved_at: DurationType = strawberry.field(description="Until it was over.")


@described
class SeverityCountType:
    """Incidents of one severity."""

    severity: SeverityName = strawberry.field(description="The severity.")
    n: int = strawberry.field(description="How many.")


def _by_severity(counted: Parent[SeverityBucket]) -> Any:
    return [{"severity": f"P{rank}", "n": n} for rank, n in counted.by_rank.items()]


@described
class SeverityBucketType:
    """Severities in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    severe: MeasureType = strawberry.field(description="Share of P1 and P2.")
    by_severity: list[SeverityCountType] = strawberry.field(resolver=_by_severity, description="Incidents by severity.")


@described
class SeverityDistributionType:
    """Share of P1 and P2 among all incidents."""

    severe: MeasureType = strawberry.field(description="Over the window.")
    by_severity: list[SeverityCountType] = strawberry.field(resolver=_by_severity, description="Incidents by severity.")
    buckets: list[SeverityBucketType] = strawberry.field(description="By bucket, the oldest first.")
    trend: TrendType | None = strawberry.field(description="Over buckets, as share a day.")
    verdict: TrendVerdict = strawberry.field(description="What the trend says.")


@described
class EffectivenessType:
    """Fixes accepted with evidence whose cause stayed away for six months."""

    effective: MeasureType = strawberry.field(description="Share, corrected for those too young to tell.")
    interval: IntervalType | None = strawberry.field(description="Its interval.")
    at_risk: int = strawberry.field(description="Fixes that were followed to the end.")


@described
class ControlEffectivenessType:
    """Fixes of one control type."""

    control_type: ControlType = strawberry.field(description="What the fix does about the cause.")
    effectiveness: EffectivenessType = strawberry.field(description="How many of them work.")


@described
class FixBucketType:
    """Evidence accepted in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    held: MeasureType = strawberry.field(description="Share whose cause has not come back so far.")
    young: int = strawberry.field(description="Fixes too young to tell: it may still come back.")


def _by_control_type(found: Parent[FixEffectiveness]) -> Any:
    return [{"control_type": ControlType(k), "effectiveness": one} for k, one in found.by_control_type.items()]


@described
class FixEffectivenessType:
    """Whether fixes work, over every acceptance of evidence, those refuted later included."""

    overall: EffectivenessType = strawberry.field(description="All fixes.")
    by_control_type: list[ControlEffectivenessType] = strawberry.field(
        resolver=_by_control_type, description="By what they do about the cause."
    )
    buckets: list[FixBucketType] = strawberry.field(description="By when the evidence was accepted, the oldest first.")


@described
class AgeGroupType:
    """Open items of an age."""

    over_days: int = strawberry.field(description="Older than so many days.")
    up_to_days: int | None = strawberry.field(description="And no older than so many; null: however old.")
    n: int = strawberry.field(description="How many.")


@described
class TeamOverdueType:
    """A team's open items whose committed date has passed."""

    team: str | None = strawberry.field(description="The team's slug; null for items of no team.")
    overdue: MeasureType = strawberry.field(description="Share of its open items.")
    n_overdue: int = strawberry.field(description="How many.")


@described
class FollowThroughBucketType:
    """Postmortems and items created in one bucket."""

    starts_on: date = strawberry.field(description="First day of the bucket.")
    days_to_publish: MeasureType = strawberry.field(description="Median days from the incident's end to publication.")
    waived: MeasureType = strawberry.field(description="Share of postmortems that were waived.")
    evidence_rate: MeasureType = strawberry.field(description="Share of implemented items with accepted evidence.")


@described
class FollowThroughType:
    """What is open, whenever it was created, and what became of what was created in the window."""

    open_items: int = strawberry.field(description="Items open at the window's end.")
    open_by_age: list[AgeGroupType] = strawberry.field(description="By age, the youngest first.")
    overdue: MeasureType = strawberry.field(description="Share of open items whose committed date has passed.")
    overdue_by_team: list[TeamOverdueType] = strawberry.field(description="By team.")
    days_to_publish: MeasureType = strawberry.field(description="Median days from the incident's end to publication.")
    days_to_publish_p90: float | None = strawberry.field(description="Nine of ten took at most so long.")
    evidence_rate: MeasureType = strawberry.field(description="Share of implemented items with accepted evidence.")
    waived: MeasureType = strawberry.field(description="Share of postmortems that were waived.")
    buckets: list[FollowThroughBucketType] = strawberry.field(description="By bucket, the oldest first.")


async def _recurrence(asked: Parent[Question], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    return await metrics.compute_recurrence(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


async def _completion(asked: Parent[Question], info: Asked) -> Any:
    return await metrics.compute_completion(
        info.context.ports.facts, caller=info.context.caller, where=asked.where, window=asked.window
    )


async def _detection(asked: Parent[Question], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    found = await metrics.compute_detection(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )
    return {str(phase): trend for phase, trend in found.items()}


async def _severity(asked: Parent[Question], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    return await metrics.compute_severity(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


async def _effectiveness(asked: Parent[Question], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    return await metrics.compute_effectiveness(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.ever
    )


async def _follow_through(asked: Parent[Question], info: Asked) -> Any:
    ports, caller = info.context.ports, info.context.caller
    return await metrics.compute_follow_through(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )


@described
class MetricsType:
    """Whether postmortems change anything, over one window. Only what is asked for is computed."""

    recurrence: RecurrenceType = strawberry.field(resolver=_recurrence, description="Does it happen again?")
    completion: CompletionType = strawberry.field(resolver=_completion, description="Is done what was promised?")
    detection: DetectionType = strawberry.field(resolver=_detection, description="Is it noticed sooner?")
    severity: SeverityDistributionType = strawberry.field(resolver=_severity, description="Is it less bad?")
    effectiveness: FixEffectivenessType = strawberry.field(
        resolver=_effectiveness, description="Do fixes work? All ever accepted, unless `lookbackDays` is given."
    )
    follow_through: FollowThroughType = strawberry.field(
        resolver=_follow_through, description="Is what is open kept moving?"
    )
