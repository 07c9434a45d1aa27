"""SLO definition files, as YAML or JSON: OpenSLO v1 and Sloth (`prometheus/v1`)."""

from collections.abc import Iterator
from typing import Any

from app.adapters.monitoring.durations import duration
from app.adapters.monitoring.located import Part, documents
from app.domain.budgets.slos import InvalidSlo, SloDefinition

SLOTH, SLOTH_OPERATOR, OPENSLO = "prometheus/v1", "sloth.slok.dev/v1", "openslo/v1"
SLOTH_DAYS = 30.0
CALENDAR = {"M": 30.0, "Q": 90.0, "Y": 365.0}


def read_definitions(text: str) -> tuple[SloDefinition, ...]:
    """Every SLO of a file with one document or several. Raises InvalidSlo with the line."""
    lines: dict[tuple[str, str], int] = {}
    found: list[SloDefinition] = []
    for document in documents(text):
        for part, one in _read(document):
            first = lines.setdefault((one.service, one.name), part.line)
            if first != part.line:
                raise part.wrong(f"“{one.name}” of “{one.service}” is defined on line {first} already.")
            found.append(one)
    return tuple(found)


Found = Iterator[tuple[Part, SloDefinition]]


def _read(document: Part) -> Found:
    version = document.text("version" if document.has("version") else "apiVersion")
    if version in (SLOTH, SLOTH_OPERATOR):
        yield from _sloth(document if version == SLOTH else document.part("spec"))
    elif version == OPENSLO:
        # Other kinds (services, alert policies, …) say nothing that we keep.
        yield from _openslo(document) if document.text("kind") == "SLO" else ()
    else:
        raise document.wrong(f"The version “{version}” is none of {SLOTH}, {SLOTH_OPERATOR}, {OPENSLO}.")


def _sloth(spec: Part) -> Found:
    service = spec.text("service")
    for slo in spec.part("slos").parts():
        yield (
            slo,
            _defined(
                slo,
                service=service,
                name=slo.text("name"),
                objective=_share(slo.number("objective") / 100),
                window_days=SLOTH_DAYS,
                source="sloth",
                description=slo.text_or("description", ""),
                spec=slo.mapping(),
            ),
        )


def _openslo(document: Part) -> Found:
    """The first objective counts; a composite of several has no single budget."""
    metadata, spec = document.part("metadata"), document.part("spec")
    objectives = spec.part("objectives").parts()
    if not objectives:
        raise spec.wrong("“objectives” is empty.")
    objective = objectives[0]
    share = objective.number("target") if objective.has("target") else objective.number("targetPercent") / 100
    yield (
        document,
        _defined(
            objective,
            service=spec.text("service"),
            name=metadata.text("name"),
            objective=_share(share),
            window_days=_days(spec),
            source="openslo",
            title=metadata.text_or("displayName", ""),
            description=spec.text_or("description", ""),
            spec=spec.mapping(),
        ),
    )


def _defined(where: Part, **fields: Any) -> SloDefinition:
    try:
        return SloDefinition(**fields)
    except InvalidSlo as error:
        raise where.wrong(error.message) from error


def _share(value: float) -> float:
    """99.9 % is 0.999 and not 0.9990000000000001."""
    return round(value, 12)


def _days(spec: Part) -> float:
    """OpenSLO writes durations as Prometheus does, but for M, Q and Y."""
    windows = spec.part("timeWindow").parts() if spec.has("timeWindow") else []
    if not windows:
        return SLOTH_DAYS
    text = windows[0].text("duration")
    if text[-1:] in CALENDAR and text[:-1].isdecimal():
        return float(text[:-1]) * CALENDAR[text[-1]]
    length = duration(text)
    if length is None:
        raise windows[0].wrong(f"“{text}” is no duration.")
    return length.total_seconds() / 86_400
