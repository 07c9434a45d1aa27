"""A report as plain sentences: markup and addresses taken out, wrapped lines joined, every character traceable."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

_MARKER = re.compile(r"\s*(?:(?:[-*+•>|]|\d{1,2}[.)]|\[[ xX]\])\s+|\||#{1,6}\s*)+")
_WORD = re.compile(r"\S+")
_DROPPED = re.compile(r"https?://\S+|\]\([^)\s]*\)?|[*`\[\]|“”\"]|^_+|_+$|<[^>]*>")
_END = re.compile(r"[.!?;]['’)]*$")
_ABBREVIATION = re.compile(r"(?:e\.g|i\.e|etc|vs|ca|approx)\.$", re.I)
_HEADING = re.compile(
    r"\s{0,3}#{1,6}\s*(?P<hash>.+)|\s*(?:[-*+]\s+)?\*\*(?P<bold>[^*]{3,60})\*\*:?|(?P<label>[A-Z][\w '’]{2,40}):?\s*$"
)
_CAUSES = (
    "caus|trigger|\\bwhy\\b|reason|what happened|what went|problem|wrong"
    "|contribut|summary|identified|background|context"
)
_LESSONS = "action|follow|next step|improv|lesson|prevent|learn|recommend|todo|remed|future"
_KINDS = (
    (re.compile(r"went well|good|lucky|worked", re.I), "well"),
    (re.compile(_CAUSES, re.I), "cause"),
    (re.compile(_LESSONS, re.I), "lessons"),
    (re.compile(r"timeline|chronolog|log\b", re.I), "timeline"),
)


class Zone(StrEnum):
    """What a part of a report is about, by its heading."""

    BODY = "body"
    CAUSE = "cause"
    LESSONS = "lessons"
    TIMELINE = "timeline"
    WELL = "well"


@dataclass(frozen=True, slots=True)
class Prose:
    """Sentences, one a line; `starts` holds for every character where it stands in the text that was given."""

    text: str
    starts: tuple[int, ...]
    zone_starts: tuple[int, ...]
    zones: tuple[Zone, ...]

    @classmethod
    def of(cls, given: str) -> Self:
        """Read a report; a first line without a mark is its title."""
        reader = _Reader()
        offset = 0
        for line in given.splitlines(keepends=True):
            reader.line(line, offset)
            offset += len(line)
        return cls("".join(reader.chars), tuple(reader.starts), tuple(reader.zone_starts), tuple(reader.zones))

    def zone_at(self, position: int) -> Zone:
        return self.zones[bisect_right(self.zone_starts, position) - 1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part of the sentences stands in the text that was given."""
        return self.starts[start], self.starts[end - 1] + 1


class _Reader:
    def __init__(self) -> None:
        self.chars: list[str] = []
        self.starts: list[int] = []
        self.zone_starts = [0]
        self.zones = [Zone.BODY]

    def line(self, line: str, offset: int) -> None:
        heading = _HEADING.match(line)
        title = next((part for part in heading.groups() if part), "").strip() if heading else ""
        kind = next((kind for pattern, kind in _KINDS if pattern.search(title)), None)
        marker = _MARKER.match(line)
        if marker or kind or not line.strip():
            self._break()
        if kind or (heading and heading["hash"]):
            self.zone_starts.append(len(self.chars))
            self.zones.append(Zone(kind or "body"))
        for word in _WORD.finditer(line, marker.end() if marker else 0):
            self._word(word[0], offset + word.start())
        if heading and (heading["hash"] or (heading["label"] and kind)):
            self._break()

    def _word(self, word: str, offset: int) -> None:
        kept = list(range(len(word)))
        for dropped in _DROPPED.finditer(word):
            kept = [index for index in kept if not dropped.start() <= index < dropped.end()]
        if not kept:
            return
        clean = "".join(word[index] for index in kept).replace("’", "'")
        self.chars += clean
        self.starts += [offset + index for index in kept]
        ends = _END.search(clean) and not _ABBREVIATION.search(clean)
        self._add("\n" if ends else " ", offset + kept[-1])

    def _break(self) -> None:
        if self.chars and self.chars[-1] == " ":
            self.chars[-1] = "\n"

    def _add(self, char: str, offset: int) -> None:
        self.chars.append(char)
        self.starts.append(offset)
