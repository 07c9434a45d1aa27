"""Whether postmortems change anything, as a page with charts."""

from collections.abc import Sequence
from datetime import date, datetime, time

from app.api.reports.charts import Chart, Line, column_chart, duration, line_chart, nothing, percent, unit_of
from app.api.reports.effectiveness import PHASES, VERDICTS, EffectivenessView, base, said
from app.api.reports.html import Html, table, tag
from app.api.reports.page import badge, page, tiles
from app.domain.learning.durations import DurationTrend
from app.domain.learning.facts import Phase
from app.domain.learning.measures import DAY, Measure, Window
from app.domain.learning.trend import Trend, TrendVerdict

KINDS = {TrendVerdict.IMPROVING: "good", TrendVerdict.WORSENING: "bad"}
MIDDLE = 0.5


def effectiveness_html(view: EffectivenessView) -> str:
    """The whole page."""
    m = view.metrics
    detection = m.detection[Phase.DETECTED]
    return page(
        "Effectiveness",
        tag("h1", "Do our postmortems change anything?"),
        tag("p", f"{view.since} to {view.until}, {view.scope}", class_="lead"),
        tiles(
            (said(m.recurrence.followed), "of postmortems saw their cause strike again within six months"),
            (_time(detection.overall.value), "to detect, the median"),
            (said(m.completion.implemented_on_time), "of action items done by the committed date"),
            (said(m.severity.severe), "of incidents are P1 or P2"),
            (said(m.effectiveness.overall.effective), "of verified fixes kept their cause away"),
        ),
        tag("div", _recurrence(view), _detection(view), _severity(view), _completion(view), class_="charts"),
        _bases(view),
        _overdue(view),
        here="/effectiveness",
    )


def _recurrence(view: EffectivenessView) -> Html:
    buckets = view.metrics.recurrence.buckets
    chart = Chart(
        "recurrence",
        "Recurrence over time",
        "Share of the postmortems of each period whose root cause struck again within six months.",
    )
    if not any(one.recurred.n for one in buckets):
        return nothing(chart, "No postmortem with a confirmed root cause in this window.")
    young = [number for number, one in enumerate(buckets) if one.young]
    line = Line("struck again", tuple(one.recurred.value for one in buckets))
    return line_chart(
        chart, _names(view, [b.starts_on for b in buckets]), [line], percent, open_from=min(young, default=None)
    )


def _detection(view: EffectivenessView) -> Html:
    trend = view.metrics.detection[Phase.DETECTED]
    verdict = VERDICTS[trend.verdict]
    chart = Chart(
        "detection", "Time to detect", f"Median and p90 of each period; trend of single incidents: {verdict}."
    )
    if trend.overall.n == 0:
        return nothing(chart, "No incident of this window says when it began and when it was detected.")
    starts = [one.starts_on for one in trend.buckets]
    lines = [
        Line("median", tuple(one.median.value for one in trend.buckets)),
        Line("p90", tuple(one.p90 for one in trend.buckets), "second"),
    ]
    if trend.trend is not None:
        lines.append(Line("trend", _trend(trend, trend.trend, starts, view.window), "trend"))
    unit = unit_of([value for line in lines for value in line.values])
    return line_chart(chart, _names(view, starts), lines, duration, unit=unit)


def _trend(found: DurationTrend, trend: Trend, starts: Sequence[date], window: Window) -> tuple[float | None, ...]:
    """The trend at each bucket's middle, not below zero; the slope is in seconds a day, 0 the window's end."""
    ends = [*starts[1:], window.as_of.astimezone(window.zone).date()]
    values = []
    for start, end, bucket in zip(starts, ends, found.buckets, strict=True):
        begin = datetime.combine(start, time(), window.zone)
        middle = (begin - window.as_of) / DAY + (end - start).days * MIDDLE
        values.append(max(0.0, trend.intercept + trend.slope * middle) if bucket.median.n else None)
    return tuple(values)


def _severity(view: EffectivenessView) -> Html:
    severity = view.metrics.severity
    chart = Chart("severity", "P1 and P2 among incidents", f"Share in each period: {VERDICTS[severity.verdict]}.")
    if severity.severe.n == 0:
        return nothing(chart, "No incident in this window.")
    return _columns(view, chart, "P1 and P2", [(one.starts_on, one.severe) for one in severity.buckets])


def _completion(view: EffectivenessView) -> Html:
    completion = view.metrics.completion
    chart = Chart("completion", "Done by the committed date", "Share of the action items of each period.")
    if completion.implemented_on_time.n == 0:
        return nothing(chart, "No action item of this window was due yet.")
    return _columns(
        view, chart, "done in time", [(one.starts_on, one.implemented_on_time) for one in completion.buckets]
    )


def _columns(view: EffectivenessView, chart: Chart, name: str, found: Sequence[tuple[date, Measure]]) -> Html:
    labels = _names(view, [starts_on for starts_on, _ in found])
    return column_chart(chart, labels, name, [one.value for _, one in found], [base(one) for _, one in found], percent)


def _bases(view: EffectivenessView) -> Html:
    m = view.metrics
    shares = (
        ("Struck again within six months, corrected for the young", m.recurrence.followed),
        ("Struck again so far", m.recurrence.recurred),
        ("Implemented by the committed date", m.completion.implemented_on_time),
        ("Closed among those due", m.completion.closed_of_due),
        ("Closed with evidence in time", m.completion.evidence_on_time),
        ("P1 and P2 among incidents", m.severity.severe),
        ("Fixes whose cause stayed away", m.effectiveness.overall.effective),
        ("Overdue among open items", m.follow_through.overdue),
    )
    rows = [(name, said(one), base(one)) for name, one in shares]
    times = [
        (f"Time until {PHASES[phase]}", _time(one.overall.value), base(one.overall), _verdict(one.verdict))
        for phase, one in m.detection.items()
    ]
    return tag(
        "section",
        tag("h2", "What the numbers rest on"),
        tag("div", table("Shares and their base", ("Number", "Value", "Base"), rows), class_="card"),
        tag("div", table("Times and their trend", ("Number", "Median", "Base", "Trend"), times), class_="card"),
    )


def _verdict(verdict: TrendVerdict) -> Html:
    return badge(VERDICTS[verdict], KINDS.get(verdict, ""))


def _overdue(view: EffectivenessView) -> Html | None:
    teams = [one for one in view.metrics.follow_through.overdue_by_team if one.n_overdue]
    if not teams:
        return None
    rows = [(one.team or "no team", one.n_overdue, said(one.overdue), base(one.overdue)) for one in teams]
    found = table("Overdue by team", ("Team", "Overdue", "Share", "Base"), rows)
    return tag("section", tag("h2", "Overdue by team"), tag("div", found, class_="card"))


def _time(seconds: float | None) -> str:
    return "no data" if seconds is None else duration(seconds)


def _names(view: EffectivenessView, starts: Sequence[date]) -> list[str]:
    """Short names of buckets."""
    match view.window.bucketing:
        case "quarter":
            return [f"Q{(on.month + 2) // 3} {on:%y}" for on in starts]
        case "month":
            return [f"{on:%b %y}" for on in starts]
        case _:
            return [f"{on:%d %b}" for on in starts]
