"""The metrics as plain numbers with a name: what a monitoring system scrapes."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.learning.all_metrics import PostmortemMetrics
from app.domain.learning.durations import DurationTrend
from app.domain.learning.facts import Phase
from app.domain.learning.measures import Measure

WHOLE_ORGANISATION = ""
PHASES: Mapping[Phase, str] = {
    Phase.DETECTED: "time_to_detect_seconds",
    Phase.ACKNOWLEDGED: "time_to_acknowledge_seconds",
    Phase.MITIGATED: "time_to_mitigate_seconds",
    Phase.RESOLVED: "time_to_resolve_seconds",
}


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number of one team, or of the whole organisation; None: no data."""

    metric: str
    team: str
    value: float | None
    n: int
    n_missing: int


def gauges_of(found: PostmortemMetrics, team: str) -> tuple[Gauge, ...]:
    """Every metric's headline, and the numbers that stand beside it."""
    measures = _rates(found) | _flow(found)
    for phase, name in PHASES.items():
        measures |= _durations(found.detection[phase], name)
    return tuple(Gauge(name, team, m.value, m.n, m.n_missing) for name, m in measures.items())


def _rates(found: PostmortemMetrics) -> dict[str, Measure]:
    done, again, fixes = found.completion, found.recurrence, found.effectiveness
    kinds = {f"fix_effectiveness_{kind}": one.effective for kind, one in fixes.by_control_type.items()}
    return {
        "completion_rate": done.implemented_on_time,
        "completion_rate_closed_of_due": done.closed_of_due,
        "completion_rate_evidence_on_time": done.evidence_on_time,
        "slips_per_item": done.slips_per_item,
        "recurrence_rate": again.recurred,
        "recurrence_rate_after_created": again.recurred_after_created,
        "recurrence_rate_followed": again.followed,
        "severe_share": found.severity.severe,
        "fix_effectiveness": fixes.overall.effective,
        **kinds,
    }


def _flow(found: PostmortemMetrics) -> dict[str, Measure]:
    flow = found.follow_through
    return {
        "open_items": Measure(flow.open_items, flow.open_items, 0, {}),
        "overdue_share": flow.overdue,
        "overdue_items": Measure(sum(t.n_overdue for t in flow.overdue_by_team), flow.open_items, 0, {}),
        "days_to_publish": flow.days_to_publish,
        "evidence_rate": flow.evidence_rate,
        "waived_share": flow.waived,
    }


def _durations(found: DurationTrend, name: str) -> dict[str, Measure]:
    base = found.overall
    p90 = Measure(found.p90, base.n, base.n_missing, base.missing_because)
    return {f"{name}_median": base, f"{name}_p90": p90}
