"""Charts as inline SVG: pure functions from numbers to a figure with title, description and the data as a table.

Colours come from classes of the page's style, so a chart is light or dark as the page is. A chart is 400 units wide.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import floor, log10

from app.api.reports.html import Html, Part, details, joined, table, tag

WIDTH, HEIGHT = 400, 210
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 14, 30
MAX_LABELS = 6
TINY = 1e-9
Format = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a value for each label, None where there is none; `kind` is `main`, `second` or `trend`."""

    name: str
    values: tuple[float | None, ...]
    kind: str = "main"


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of bars: now, and in the period before; `note` is said behind it."""

    label: str
    value: float
    before: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What every chart says about itself."""

    id: str
    title: str
    description: str


def line_chart(
    chart: Chart,
    labels: Sequence[str],
    lines: Sequence[Line],
    show: Format,
    *,
    open_from: int | None = None,
    unit: float = 1.0,
) -> Html:
    """Lines over periods. From `open_from` on the numbers are not final: shaded, dashed and with hollow points."""
    top = _ceiling([value for line in lines for value in line.values if value is not None], unit)
    parts = [*_grid(top, show), *_labels(labels)]
    if open_from is not None and open_from < len(labels):
        parts.insert(0, _unfinished(open_from, len(labels)))
    parts += [_drawn(line, len(labels), top, open_from) for line in lines]
    rows = [[label, *(_said(line.values[i], show) for line in lines)] for i, label in enumerate(labels)]
    return _figure(chart, parts, HEIGHT, _legend(lines, open_from), ["Period", *(line.name for line in lines)], rows)


def column_chart(
    chart: Chart, labels: Sequence[str], name: str, values: Sequence[float | None], notes: Sequence[str], show: Format
) -> Html:
    """One column a period."""
    top = _ceiling([value for value in values if value is not None])
    width = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    parts = [*_grid(top, show), *_labels(labels)]
    for index, value in enumerate(values):
        if value is not None:
            y = _y(value, top)
            parts.append(
                tag("rect", x=_r(LEFT + index * width + width * 0.18), y=_r(y), width=_r(width * 0.64),
                    height=_r(max(0.0, HEIGHT - BOTTOM - y)), rx=2, class_="bar")
            )  # fmt: skip
    rows = [[label, _said(value, show), note] for label, value, note in zip(labels, values, notes, strict=True)]
    return _figure(chart, parts, HEIGHT, Html(""), ["Period", name, "Base"], rows)


def bar_chart(chart: Chart, bars: Sequence[Bar], show: Format, names: tuple[str, str]) -> Html:
    """Horizontal bars, each with the thinner one of the period before under it."""
    row, top = 44, _ceiling([value for bar in bars for value in (bar.value, bar.before) if value is not None])
    height = max(60, row * len(bars) + 8)
    parts = [part for index, bar in enumerate(bars) for part in _bar(bar, index * row + 4, top, show)]
    rows = [[bar.label, show(bar.value), _said(bar.before, show), bar.note] for bar in bars]
    legend = tag("p", _key("bar", names[0]), _key("before", names[1]), class_="legend")
    return _figure(chart, parts, height, legend, ["Pattern", *names, "Change"], rows)


def _bar(bar: Bar, y: float, top: float, show: Format) -> list[Html]:
    full = WIDTH - 64
    shown = [
        tag("text", _cut(bar.label, 46), x=0, y=_r(y + 11), class_="name"),
        tag("rect", x=0, y=_r(y + 16), width=_r(full * bar.value / top), height=10, rx=2, class_="bar"),
        tag("text", show(bar.value), x=_r(full * bar.value / top + 6), y=_r(y + 25), class_="value"),
    ]
    if bar.before is not None:
        width = full * bar.before / top
        shown.append(tag("rect", x=0, y=_r(y + 28), width=_r(width), height=5, rx=2, class_="before"))
    return shown


def heat_map(
    chart: Chart, rows: Sequence[tuple[str, str]], columns: Sequence[tuple[str, str]], cells: dict[tuple[str, str], int]
) -> Html:
    """Counts as shades, by row and column, each given as (key, name)."""
    left, head, size = 146, 100, min(30.0, (WIDTH - 150) / max(1, len(columns)))
    most = max(cells.values(), default=1)
    parts = [
        tag("text", _cut(name, 15), transform=f"translate({_r(left + i * size + size / 2 + 4)} {head - 6}) rotate(-55)")
        for i, (_, name) in enumerate(columns)
    ]
    for index, (key, name) in enumerate(rows):
        y = head + index * 24
        parts.append(tag("text", _cut(name, 19), x=left - 6, y=y + 16, text_anchor="end"))
        for i, (column, _) in enumerate(columns):
            parts += _shade(cells.get((key, column), 0), most, left + i * size, y, size)
    table_rows: list[list[Part]] = [[name, *(cells.get((key, c), 0) for c, _ in columns)] for key, name in rows]
    height = head + 24 * len(rows) + 6
    return _figure(chart, parts, height, Html(""), ["Factor", *(name for _, name in columns)], table_rows)


def _shade(n: int, most: int, x: float, y: float, size: float) -> list[Html]:
    step = 0 if n == 0 else 1 + round(3 * n / most)
    cell = tag("rect", x=_r(x), y=y, width=_r(size - 2), height=22, rx=3, class_=f"heat heat-{step}")
    if n == 0:
        return [cell]
    return [cell, tag("text", n, x=_r(x + size / 2 - 1), y=y + 15, text_anchor="middle", class_=f"on-{step}")]


def nothing(chart: Chart, why: str) -> Html:
    """Where there is nothing to draw, and why."""
    return tag("figure", tag("figcaption", chart.title), tag("p", why, class_="muted"), class_="chart", id=chart.id)


def _figure(
    chart: Chart,
    parts: Sequence[Html],
    height: float,
    legend: Html,
    columns: Sequence[str],
    rows: Sequence[Sequence[Part]],
) -> Html:
    title, description = f"{chart.id}-title", f"{chart.id}-text"
    drawn = tag(
        "svg",
        tag("title", chart.title, id=title),
        tag("desc", chart.description, id=description),
        *parts,
        viewBox=f"0 0 {WIDTH} {_r(height)}",
        role="img",
        aria_labelledby=f"{title} {description}",
    )
    data = details("Show the data", table(chart.title, columns, rows))
    said = tag("p", chart.description, class_="muted")
    return tag("figure", tag("figcaption", chart.title), said, drawn, legend, data, class_="chart", id=chart.id)


def _grid(top: float, show: Format) -> list[Html]:
    parts = []
    for step in range(5):
        value = top * step / 4
        y = _r(_y(value, top))
        parts.append(tag("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="base" if step == 0 else "grid"))
        parts.append(tag("text", show(value), x=LEFT - 6, y=_r(_y(value, top) + 4), text_anchor="end"))
    return parts


def _labels(labels: Sequence[str]) -> list[Html]:
    every = max(1, -(-len(labels) // MAX_LABELS))
    return [
        tag("text", label, x=_r(_x(index, len(labels))), y=HEIGHT - 10, text_anchor="middle")
        for index, label in enumerate(labels)
        if (len(labels) - 1 - index) % every == 0
    ]


def _unfinished(start: int, n: int) -> Html:
    width = (WIDTH - LEFT - RIGHT) / n
    x = LEFT + start * width
    return tag("rect", x=_r(x), y=TOP, width=_r(WIDTH - RIGHT - x), height=HEIGHT - TOP - BOTTOM, class_="open")


def _drawn(line: Line, n: int, top: float, open_from: int | None) -> Html:
    points = [(i, _x(i, n), _y(v, top)) for i, v in enumerate(line.values) if v is not None]
    last = n if open_from is None else open_from
    parts = []
    for (_, x1, y1), (after, x2, y2) in pairwise(points):
        dashed = " dashed" if after >= last else ""
        parts.append(tag("line", x1=_r(x1), y1=_r(y1), x2=_r(x2), y2=_r(y2), class_=f"line {line.kind}{dashed}"))
    if line.kind != "trend":
        parts += [
            tag("circle", cx=_r(x), cy=_r(y), r=3, class_=f"point {line.kind}{' hollow' if i >= last else ''}")
            for i, x, y in points
        ]
    return joined(parts)


def _legend(lines: Sequence[Line], open_from: int | None) -> Html:
    keys = [_key(line.kind, line.name) for line in lines]
    if open_from is not None:
        keys.append(_key("open", "not final: followed for less than the whole period"))
    return tag("p", *keys, class_="legend")


def _key(kind: str, name: str) -> Html:
    return tag("span", tag("i", class_=f"key key-{kind}", aria_hidden="true"), name)


def _x(index: int, n: int) -> float:
    return LEFT + (index + 0.5) * (WIDTH - LEFT - RIGHT) / n


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top


def _ceiling(values: Sequence[float], unit: float = 1.0) -> float:
    """A number at or above every value whose quarters are round in the unit."""
    most = max(values, default=0.0) / unit
    if most < TINY:
        return unit
    size = 10.0 ** floor(log10(most))
    steps = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
    return unit * next((step * size for step in steps if step * size >= most * 0.9999), 10 * size)


def unit_of(seconds: Sequence[float | None]) -> float:
    """Seconds, minutes, hours or days, as these durations are told."""
    most = max((one for one in seconds if one is not None), default=0.0)
    return next((unit for unit, up_to in ((1.0, 90), (60.0, 5400), (3600.0, 36 * 3600)) if most < up_to), 86400.0)


def _said(value: float | None, show: Format) -> str:
    return "no data" if value is None else show(value)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def _r(number: float) -> str:
    """Short coordinates."""
    return f"{number:.1f}".removesuffix(".0")


def percent(share: float) -> str:
    """0.125 → 12.5 %, without a needless decimal."""
    return f"{share * 100:.1f}".removesuffix(".0") + "\u202f%"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f}\u202fs"
    if seconds < 5400:
        return f"{seconds / 60:.0f}\u202fmin"
    if seconds < 36 * 3600:
        return f"{seconds / 3600:.1f}".removesuffix(".0") + "\u202fh"
    return f"{seconds / 86400:.1f}".removesuffix(".0") + "\u202fd"
