"""Whether it works: the metrics of the article, each with what it rests on and what is missing."""

from collections.abc import Mapping

from app.domain.access import Action, Caller, authorize
from app.domain.actions.model import ControlType
from app.domain.learning.all_metrics import PostmortemMetrics
from app.domain.learning.completion import Completion, completion
from app.domain.learning.durations import DurationTrend, duration_trend
from app.domain.learning.effectiveness import FixEffectiveness, fix_effectiveness
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.follow_through import FollowThrough, follow_through
from app.domain.learning.measures import MetricsPolicy, Window
from app.domain.learning.recurrence_rate import RecurrenceRate, recurrence_rate
from app.domain.learning.severities import SeverityDistribution, severity_distribution
from app.domain.ports import Facts


async def compute_postmortem_metrics(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> PostmortemMetrics:
    """All at once: the article's function of this name, with a query per metric instead of one per postmortem."""
    return PostmortemMetrics(
        await compute_recurrence(facts, policy, caller=caller, where=where, window=window),
        await compute_completion(facts, caller=caller, where=where, window=window),
        await compute_detection(facts, policy, caller=caller, where=where, window=window),
        await compute_severity(facts, policy, caller=caller, where=where, window=window),
        await compute_effectiveness(facts, policy, caller=caller, where=where, window=window),
        await compute_follow_through(facts, policy, caller=caller, where=where, window=window),
    )


async def compute_recurrence(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> RecurrenceRate:
    """Share of postmortems whose root cause struck again within six months: the primary measure."""
    authorize(caller, Action.READ)
    return recurrence_rate(await facts.recurrences(where, window), window, policy)


async def compute_completion(facts: Facts, *, caller: Caller, where: FactFilter, window: Window) -> Completion:
    """Share of action items done by the date they were promised for."""
    authorize(caller, Action.READ)
    return completion(await facts.items(where, window), window)


async def compute_detection(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> Mapping[Phase, DurationTrend]:
    """Time from start to each phase, by bucket, and whether it falls."""
    authorize(caller, Action.READ)
    found = await facts.durations(where, window)
    return {phase: duration_trend(found[phase], window, policy) for phase in Phase}


async def compute_severity(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> SeverityDistribution:
    """Share of P1 and P2 among all incidents, by bucket."""
    authorize(caller, Action.READ)
    return severity_distribution(await facts.severities(where, window), window, policy)


async def compute_effectiveness(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> FixEffectiveness:
    """Share of fixes accepted with evidence whose cause stayed away for six months, by control type."""
    authorize(caller, Action.READ)
    return fix_effectiveness(await facts.fixes(where, window), [str(k) for k in ControlType], window, policy)


async def compute_follow_through(
    facts: Facts, policy: MetricsPolicy, *, caller: Caller, where: FactFilter, window: Window
) -> FollowThrough:
    """What is open and overdue, how long postmortems take, how much of what was done is shown to work."""
    authorize(caller, Action.READ)
    return follow_through(await facts.progress(where, window), window, policy)
