"""Examples as JSON Lines: incidents, labels and pairs, each kind told by its fields."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from app.domain.errors import Invalid
from app.domain.learning.cues import CUES
from app.domain.learning.examples import Examples, Labels, Pair, Relation, Report
from app.domain.learning.resemblance import Story

LONGEST_TEXT = 50_000


class BadExamples(Invalid):
    """A file of examples cannot be read."""

    code = "bad_examples"


def read_examples(files: Iterable[Path]) -> Examples:
    """Every line of these files: an incident has a `text`, a label `codes`, a pair `a`, `b` and `relation`.

    A label may name its incident by `sha256`, the hash of its id. Raises BadExamples with file and line.
    """
    reports: dict[str, Report] = {}
    labels: list[tuple[dict[str, Any], str]] = []
    pairs: list[Pair] = []
    for line, place in _lines(files):
        if "text" in line:
            reports[_field(line, "id", place)] = _report(line, place)
        elif "codes" in line:
            labels.append((line, place))
        elif {"a", "b", "relation"} <= line.keys():
            pairs.append(_pair(line, place))
        else:
            raise BadExamples(f"{place}: neither an incident (text), nor a label (codes), nor a pair (a, b, relation).")
    by_hash = {sha256(id.encode()).hexdigest(): id for id in reports}
    return Examples(reports, [_labels(line, place, by_hash) for line, place in labels], pairs)


def _lines(files: Iterable[Path]) -> Iterator[tuple[dict[str, Any], str]]:
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadExamples(f"{file} cannot be read: {error}") from error
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield _object(line, place := f"{file.name}, line {number}"), place


def _object(line: str, place: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BadExamples(f"{place}: this is not JSON ({error}).") from error
    if not isinstance(found, dict):
        raise BadExamples(f"{place}: this is not an object.")
    return found


def _field(line: dict[str, Any], name: str, place: str) -> str:
    value = line.get(name)
    if not isinstance(value, str):
        raise BadExamples(f"{place}: `{name}` must be a text.")
    return value


def _report(line: dict[str, Any], place: str) -> Report:
    stated = line.get("labels") if isinstance(line.get("labels"), dict) else {}
    cause = (stated or {}).get("root_cause") or (stated or {}).get("cause")
    text = "\n\n".join(part for part in (line.get("summary"), _field(line, "text", place)) if isinstance(part, str))
    date = line.get("date")
    return Report(
        _field(line, "id", place),
        str(line.get("company") or ""),
        Story(text[:LONGEST_TEXT], str(line.get("title") or ""), cause if isinstance(cause, str) else ""),
        date if isinstance(date, str) else None,
    )


def _labels(line: dict[str, Any], place: str, by_hash: dict[str, str]) -> Labels:
    codes = line["codes"]
    if not isinstance(codes, list):
        raise BadExamples(f"{place}: `codes` must be a list of factor codes.")
    if unknown := [code for code in codes if code not in CUES]:
        raise BadExamples(f"{place}: {unknown} are no factor codes.")
    id = by_hash.get(line["sha256"], "") if isinstance(line.get("sha256"), str) else _field(line, "id", place)
    return Labels(id, frozenset(codes), line.get("sampling", "random") == "random", line.get("read") == "partly")


def _pair(line: dict[str, Any], place: str) -> Pair:
    if line["relation"] not in list(Relation):
        raise BadExamples(f"{place}: `relation` is one of {', '.join(Relation)}.")
    return Pair(_field(line, "a", place), _field(line, "b", place), Relation(line["relation"]))
