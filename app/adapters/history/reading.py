"""Reading an import line by line: in batches, with every bad line's number and reason."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import orjson
from pydantic import ValidationError

from app.domain.incidents.history import PastIncident
from app.domain.incidents.model import ExternalRef

Parse = Callable[[bytes], PastIncident]
"""What a line means; raises pydantic's ValidationError."""

LONGEST_LINE = 1_048_576
LONGEST_REASON = 600
BATCH = 500
_BOM = b"\xef\xbb\xbf"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not imported, and why; `ref` as far as it could be read."""

    number: int
    reason: str
    ref: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Batch:
    """Some lines of the file; `size` is in bytes."""

    past: list[PastIncident] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    lines: int = 0
    size: int = 0


class Reader:
    """A JSON Lines stream. Within it the first line with a ref wins, later ones are bad."""

    def __init__(self, stream: BinaryIO, parse: Parse) -> None:
        self._stream = stream
        self._parse = parse
        self._numbers: dict[tuple[str, str], int] = {}

    def batches(self, size: int = BATCH) -> Iterator[Batch]:
        batch = Batch()
        for number, line, length in self._lines():
            batch.size += length
            if line != b"":
                batch.lines += 1
                self._sort(batch, number, line)
            if batch.lines == size:
                yield batch
                batch = Batch()
        yield batch

    def refused(self, ref: ExternalRef, reason: str) -> BadLine:
        """The line with this ref, which the database did not take."""
        return BadLine(self._numbers[(ref.source, ref.id)], reason, {"source": ref.source, "id": ref.id})

    def _lines(self) -> Iterator[tuple[int, bytes | None, int]]:
        """Number, line and length in bytes; None stands for a line that is too long to be read."""
        number = 0
        while line := self._stream.readline(LONGEST_LINE + 1):
            number += 1
            length, is_whole = len(line), len(line) <= LONGEST_LINE or line.endswith(b"\n")
            if number == 1:
                line = line.removeprefix(_BOM)
            yield number, line.strip() if is_whole else None, length if is_whole else length + self._skip()

    def _skip(self) -> int:
        """To the end of the line, without holding it."""
        skipped = 0
        while chunk := self._stream.readline(LONGEST_LINE):
            skipped += len(chunk)
            if chunk.endswith(b"\n"):
                break
        return skipped

    def _sort(self, batch: Batch, number: int, line: bytes | None) -> None:
        if line is None:
            batch.bad.append(BadLine(number, f"is longer than {LONGEST_LINE} bytes"))
            return
        try:
            past = self._parse(line)
        except ValidationError as error:
            batch.bad.append(BadLine(number, reason_of(error), _ref_in(line)))
            return
        first = self._numbers.setdefault((past.ref.source, past.ref.id), number)
        if first == number:
            batch.past.append(past)
        else:
            ref = {"source": past.ref.source, "id": past.ref.id}
            batch.bad.append(BadLine(number, f"/ref: is the same as in line {first}", ref))


def reason_of(error: ValidationError) -> str:
    """`/severity: Input should be 'P1', 'P2', ...; /title: Field required`, safe to print."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    reasons = "; ".join(_reason(detail["loc"], detail["msg"]) for detail in details)
    printable = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", reasons)
    return printable if len(printable) <= LONGEST_REASON else printable[:LONGEST_REASON] + " ..."


def _reason(location: tuple[int | str, ...], message: str) -> str:
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)
    text = message.removeprefix("Value error, ")
    return f"{pointer}: {text}" if pointer else text


def _ref_in(line: bytes) -> Mapping[str, Any] | None:
    """What the line calls itself, if anything in it can be read."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    named = value["ref"] if isinstance(value.get("ref"), dict) else value
    return {name: named[name] for name in ("source", "id") if isinstance(named.get(name), str)} or None
