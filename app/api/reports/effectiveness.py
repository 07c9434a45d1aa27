"""Whether postmortems change anything, as Markdown and CSV: pure functions from the metrics over one window."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from app.api.reports.charts import duration, percent
from app.api.reports.postmortem_markdown import line
from app.api.reports.tables import csv_of
from app.domain.learning.all_metrics import PostmortemMetrics
from app.domain.learning.facts import FactFilter, Phase
from app.domain.learning.measures import Measure, Window
from app.domain.learning.trend import TrendVerdict

COLUMNS = ("metric", "starts_on", "value", "unit", "n", "n_missing", "missing_because", "note")
VERDICTS = {
    TrendVerdict.IMPROVING: "improving",
    TrendVerdict.WORSENING: "getting worse",
    TrendVerdict.NO_EVIDENCE: "no evidence of a change",
    TrendVerdict.INSUFFICIENT_DATA: "too little data to say",
}
PHASES = {
    Phase.DETECTED: "detected",
    Phase.ACKNOWLEDGED: "acknowledged",
    Phase.MITIGATED: "mitigated",
    Phase.RESOLVED: "resolved",
}


@dataclass(frozen=True, slots=True)
class EffectivenessView:
    """The metrics, and what was asked for."""

    metrics: PostmortemMetrics
    window: Window
    where: FactFilter

    @property
    def scope(self) -> str:
        """Whose numbers these are."""
        named = [
            self.where.team and f"team {self.where.team}",
            self.where.service and f"service {self.where.service}",
            ", ".join(f"P{rank}" for rank in self.where.severities),
        ]
        return ", ".join(filter(None, named)) or "the whole organisation"

    @property
    def since(self) -> date:
        return self.window.since.astimezone(self.window.zone).date()

    @property
    def until(self) -> date:
        return self.window.as_of.astimezone(self.window.zone).date()


def effectiveness_markdown(view: EffectivenessView) -> str:
    """The page for a channel or a document."""
    m = view.metrics
    lines = [
        "# Postmortem effectiveness",
        "",
        line(f"{view.since} to {view.until}, {view.scope}"),
        "",
        f"- **Recurrence within six months:** {_share(m.recurrence.followed)}; {_share(m.recurrence.recurred)} so far",
        f"- **Time to detect:** {_seconds(m.detection[Phase.DETECTED].overall)}, "
        f"{VERDICTS[m.detection[Phase.DETECTED].verdict]}",
        f"- **Done by the committed date:** {_share(m.completion.implemented_on_time)}",
        f"- **Closed with evidence in time:** {_share(m.completion.evidence_on_time)}",
        f"- **P1 and P2 among incidents:** {_share(m.severity.severe)}, {VERDICTS[m.severity.verdict]}",
        f"- **Fixes whose cause stayed away:** {_share(m.effectiveness.overall.effective)}",
        f"- **Open action items:** {m.follow_through.open_items}, {_share(m.follow_through.overdue)} overdue",
    ]
    return "\n".join(lines) + "\n"


def _share(measure: Measure) -> str:
    return f"{said(measure)} ({base(measure)})"


def _seconds(measure: Measure) -> str:
    value = "no data" if measure.value is None else duration(measure.value)
    return f"{value} ({base(measure)})"


def said(measure: Measure) -> str:
    """The share, or that there is none."""
    return "no data" if measure.value is None else percent(measure.value)


def base(measure: Measure) -> str:
    """What a number rests on."""
    if not measure.n_missing:
        return f"n = {measure.n}"
    why = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in measure.missing_because.items())
    return f"n = {measure.n}, missing {measure.n_missing}: {why}"


def effectiveness_csv(view: EffectivenessView) -> str:
    """A row for each number, over the window and by bucket."""
    return csv_of(COLUMNS, _rows(view))


def _rows(view: EffectivenessView) -> Iterator[dict[str, object]]:
    m = view.metrics
    yield _row("recurrence_rate", None, m.recurrence.recurred, "share")
    yield _row("recurrence_rate_followed", None, m.recurrence.followed, "share")
    for one in m.recurrence.buckets:
        yield _row("recurrence_rate", one.starts_on, one.recurred, "share", f"{one.young} may still recur")
    for phase, trend in m.detection.items():
        name = f"time_to_{PHASES[phase]}"
        yield _row(name, None, trend.overall, "s", VERDICTS[trend.verdict])
        for bucket in trend.buckets:
            p90 = "" if bucket.p90 is None else f"p90 {bucket.p90:.0f} s"
            yield _row(name, bucket.starts_on, bucket.median, "s", p90)
    yield _row("severe_share", None, m.severity.severe, "share", VERDICTS[m.severity.verdict])
    for severity in m.severity.buckets:
        yield _row("severe_share", severity.starts_on, severity.severe, "share")
    yield _row("implemented_on_time", None, m.completion.implemented_on_time, "share")
    for done in m.completion.buckets:
        yield _row("implemented_on_time", done.starts_on, done.implemented_on_time, "share")
    yield _row("closed_of_due", None, m.completion.closed_of_due, "share")
    yield _row("evidence_on_time", None, m.completion.evidence_on_time, "share")
    yield _row("fix_effectiveness", None, m.effectiveness.overall.effective, "share")
    yield _row("overdue", None, m.follow_through.overdue, "share")


def _row(metric: str, starts_on: date | None, measure: Measure, unit: str, note: str = "") -> dict[str, object]:
    why = "; ".join(f"{reason}: {n}" for reason, n in measure.missing_because.items())
    return {
        "metric": metric, "starts_on": starts_on and starts_on.isoformat(), "value": measure.value, "unit": unit,
        "n": measure.n, "n_missing": measure.n_missing, "missing_because": why, "note": note,
    }  # fmt: skip
