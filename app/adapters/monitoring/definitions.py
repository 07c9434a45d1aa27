"""SLO definition files, as JSON: OpenSLO v1 and Sloth (`prometheus/v1`)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from app.adapters.monitoring.durations import duration
from app.domain.budgets.slos import InvalidSlo, SloDefinition

SLOTH, SLOTH_OPERATOR, OPENSLO = "prometheus/v1", "sloth.slok.dev/v1", "openslo/v1"
SLOTH_DAYS = 30.0


def read_definitions(text: str) -> tuple[SloDefinition, ...]:
    """Every SLO in a file: one document, or a list of them. Raises InvalidSlo."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSlo(f"The file is not JSON ({error}). Convert YAML first, as with `yq -o json`.") from error
    documents = content if isinstance(content, list) else [content]
    try:
        return tuple(one for document in documents for one in _read(document))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidSlo(f"The file is neither OpenSLO v1 nor Sloth: {error!r}") from error


def _read(document: Mapping[str, Any]) -> Iterator[SloDefinition]:
    version = document.get("version") or document.get("apiVersion")
    if version in (SLOTH, SLOTH_OPERATOR):
        yield from _sloth(document if version == SLOTH else document["spec"])
    elif version == OPENSLO:
        # Other kinds (services, alert policies, …) say nothing that we keep.
        yield from _openslo(document) if document["kind"] == "SLO" else ()
    else:
        raise InvalidSlo(f"The version {version!r} is none of {SLOTH}, {SLOTH_OPERATOR}, {OPENSLO}.")


def _sloth(spec: Mapping[str, Any]) -> Iterator[SloDefinition]:
    for slo in spec["slos"]:
        yield SloDefinition(
            service=str(spec["service"]),
            name=str(slo["name"]),
            objective=_share(float(slo["objective"]) / 100),
            window_days=SLOTH_DAYS,
            source="sloth",
            description=str(slo.get("description") or ""),
            spec=slo,
        )


def _openslo(document: Mapping[str, Any]) -> Iterator[SloDefinition]:
    """The first objective counts; a composite of several has no single budget."""
    metadata, spec = document["metadata"], document["spec"]
    objective = spec["objectives"][0]
    share = float(objective["target"]) if "target" in objective else float(objective["targetPercent"]) / 100
    yield SloDefinition(
        service=str(spec["service"]),
        name=str(metadata["name"]),
        objective=_share(share),
        window_days=_days(spec.get("timeWindow") or []),
        source="openslo",
        title=str(metadata.get("displayName") or ""),
        description=str(spec.get("description") or ""),
        spec=spec,
    )


def _share(value: float) -> float:
    """99.9 % is 0.999 and not 0.9990000000000001."""
    return round(value, 12)


def _days(windows: list[Mapping[str, Any]]) -> float:
    """OpenSLO writes durations as Prometheus does, but for M, Q and Y."""
    text = str(windows[0]["duration"]) if windows else "30d"
    calendar = {"M": 30.0, "Q": 90.0, "Y": 365.0}
    if text[-1:] in calendar:
        return float(text[:-1]) * calendar[text[-1]]
    length = duration(text)
    if length is None:
        raise InvalidSlo(f"“{text}” is no duration.")
    return length.total_seconds() / 86_400
