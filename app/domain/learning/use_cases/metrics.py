"""Whether it works: the four metrics of the article, each with what it rests on and what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.access import Action, Caller, authorize
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.measures import MetricsPolicy, Window
from app.domain.learning.metrics import (
    Completion,
    DurationTrend,
    SeverityDistribution,
    completion,
    duration_trend,
    severity_distribution,
)
from app.domain.learning.recurrence_rate import RecurrenceRate, recurrence_rate
from app.domain.ports import Facts


@dataclass(frozen=True, slots=True)
class PostmortemMetrics:
    """The four metrics over one window."""

    recurrence: RecurrenceRate
    completion: Completion
    detection: Mapping[Phase, DurationTrend]
    severity: SeverityDistribution


async def compute_postmortem_metrics(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> PostmortemMetrics:
    """All four at once: the article's function of this name, with a query per metric instead of one per postmortem."""
    return PostmortemMetrics(
        await compute_recurrence(facts, policy, caller=caller, where=where, window=window),
        await compute_completion(facts, caller=caller, where=where, window=window),
        await compute_detection(facts, policy, caller=caller, where=where, window=window),
        await compute_severity(facts, policy, caller=caller, where=where, window=window),
    )


async def compute_recurrence(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> RecurrenceRate:
    """Share of postmortems whose root cause struck again within six months: the primary measure."""
    authorize(caller, Action.READ)
    return recurrence_rate(await facts.postmortems(where), await facts.occurrences(where), window, policy)


async def compute_completion(facts: Facts, *, caller: Caller, where: FactFilter, window: Window) -> Completion:
    """Share of action items done by the date they were promised for."""
    authorize(caller, Action.READ)
    return completion(await facts.items(where), window)


async def compute_detection(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> Mapping[Phase, DurationTrend]:
    """Time from start to each phase, by bucket, and whether it falls."""
    authorize(caller, Action.READ)
    return {phase: duration_trend(await facts.phases(where, phase), window, policy) for phase in Phase}


async def compute_severity(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> SeverityDistribution:
    """Share of P1 and P2 among all incidents, by bucket."""
    authorize(caller, Action.READ)
    return severity_distribution(await facts.severities(where), window, policy)
