"""The four metrics: every number with its base, and with what is missing from it."""

from datetime import date
from typing import Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked
from app.api.graphql.records import described
from app.api.graphql.types.enums import SeverityName
from app.domain.learning.facts import FactFilter
from app.domain.learning.measures import Measure, Window
from app.domain.learning.metrics import SeverityBucket
from app.domain.learning.trend import TrendVerdict
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
    n: int = strawberry.field(description="Points.")


@described
class IntervalType:
    """A two-sided interval."""

    low: float = strawberry.field(description="Lower end.")
    high: float = strawberry.field(description="Upper end.")


@described
class RecurrenceType:
    """Postmortems whose root cause struck again within six months: the primary measure."""

    recurred: MeasureType = strawberry.field(description="Share, counted from when the incident was resolved.")
    recurred_after_created: MeasureType = strawberry.field(description="Share, counted from the postmortem's creation.")
    followed: MeasureType = strawberry.field(description="Share, corrected for those too young to tell.")
    interval: IntervalType | None = strawberry.field(description="Interval of the corrected share.")
    at_risk: int = strawberry.field(description="Postmortems that were followed to the end.")


@described
class CompletionType:
    """Action items done by the date they were promised for."""

    implemented_on_time: MeasureType = strawberry.field(description="Share implemented by the committed date.")
    closed_of_due: MeasureType = strawberry.field(description="Share closed among those that were due.")
    evidence_on_time: MeasureType = strawberry.field(description="Share closed with evidence in time.")
    slips_per_item: MeasureType = strawberry.field(description="How often a date moved, on average.")
    declined: int = strawberry.field(description="Declined ones, which count as not done.")


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


def _by_severity(bucket: Parent[SeverityBucket]) -> Any:
    return [{"severity": f"P{rank}", "n": n} for rank, n in bucket.by_rank.items()]


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
    buckets: list[SeverityBucketType] = strawberry.field(description="By bucket, the oldest first.")
    trend: TrendType | None = strawberry.field(description="Over buckets, as share a day.")
    verdict: TrendVerdict = strawberry.field(description="What the trend says.")


MetricsAsked = tuple[FactFilter, Window]


async def _recurrence(asked: Parent[MetricsAsked], info: Asked) -> Any:
    ports, (where, window) = info.context.ports, asked
    return await metrics.compute_recurrence(
        ports.facts, ports.metrics_policy, caller=info.context.caller, where=where, window=window
    )


async def _completion(asked: Parent[MetricsAsked], info: Asked) -> Any:
    where, window = asked
    return await metrics.compute_completion(
        info.context.ports.facts, caller=info.context.caller, where=where, window=window
    )


async def _detection(asked: Parent[MetricsAsked], info: Asked) -> Any:
    ports, (where, window) = info.context.ports, asked
    found = await metrics.compute_detection(
        ports.facts, ports.metrics_policy, caller=info.context.caller, where=where, window=window
    )
    return {str(phase): trend for phase, trend in found.items()}


async def _severity(asked: Parent[MetricsAsked], info: Asked) -> Any:
    ports, (where, window) = info.context.ports, asked
    return await metrics.compute_severity(
        ports.facts, ports.metrics_policy, caller=info.context.caller, where=where, window=window
    )


@described
class MetricsType:
    """Whether postmortems change anything, over one window. Only what is asked for is computed."""

    recurrence: RecurrenceType = strawberry.field(resolver=_recurrence, description="Does it happen again?")
    completion: CompletionType = strawberry.field(resolver=_completion, description="Is done what was promised?")
    detection: DetectionType = strawberry.field(resolver=_detection, description="Is it noticed sooner?")
    severity: SeverityDistributionType = strawberry.field(resolver=_severity, description="Is it less bad?")
