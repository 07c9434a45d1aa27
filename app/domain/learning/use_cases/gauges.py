"""Keeping the gauges that a monitoring system scrapes, so that a scrape computes nothing."""

from zoneinfo import ZoneInfo

from app.domain.access import SYSTEM
from app.domain.learning.facts import FactFilter
from app.domain.learning.gauges import WHOLE_ORGANISATION, Gauge, gauges_of
from app.domain.learning.measures import USUAL_LOOKBACK, MetricsPolicy, Window
from app.domain.learning.use_cases.metrics import compute_postmortem_metrics
from app.domain.ports import Clock, Facts, Gauges


async def refresh_gauges(facts: Facts, gauges: Gauges, clock: Clock, policy: MetricsPolicy, *, time_zone: str) -> int:
    """Compute every metric over the usual lookback, for all and for each team. Returns how many numbers."""
    now = clock()
    window = Window(now, USUAL_LOOKBACK, zone=ZoneInfo(time_zone))
    found: list[Gauge] = []
    for team in (WHOLE_ORGANISATION, *await gauges.teams()):
        where = FactFilter(team=team or None)
        metrics = await compute_postmortem_metrics(facts, policy, caller=SYSTEM, where=where, window=window)
        found += gauges_of(metrics, team)
    await gauges.store(found, now)
    return len(found)
