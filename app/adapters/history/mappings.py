"""Reading other formats than our own: each mapping turns a line into a record of `records.py`."""

import re
from collections.abc import Mapping
from datetime import date as calendar_date
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel

from app.adapters.history import records
from app.adapters.history.reading import Parse
from app.adapters.history.records import Record
from app.domain.incidents.history import PastIncident

BRIEF = 1000
_SEVERITIES = {"critical": "P1", "major": "P2", "minor": "P3"}
_HEADING = re.compile(r"(#{1,6})\s*(.+?)[\s#]*")
_SUMMARY = re.compile(r"^#{1,6}\s*(?:issue )?summary\W*$", re.I | re.M)
_SECTIONS = (
    ("impact", re.compile(r"(customer |user )?impact\b.*", re.I)),
    ("root_cause", re.compile(r"(root )?causes?\b.*", re.I)),
    ("lessons", re.compile(r"lessons\b.*", re.I)),
)


class MappingName(StrEnum):
    """The formats that can be read beside our own."""

    CORPUS = "corpus"


class CorpusEntry(BaseModel):
    """A dated line of the source's own timeline."""

    ts: str
    text: str


class CorpusLine(BaseModel):
    """A published incident of the corpus; what we have no place for is passed over."""

    id: str
    title: str
    company: str
    text: str
    date: calendar_date | None = None
    date_kind: Literal["incident", "published"] | None = None
    labels: dict[str, Any] = {}
    summary: str | None = None
    url: str | None = None
    timeline: list[CorpusEntry] = []

    def as_record(self) -> dict[str, Any]:
        """As the schema of `docs/import.md` has it."""
        sections = split(self.text)
        summary = sections.pop("summary", "")
        return {
            "ref": {"source": "corpus", "id": self.id, "url": self.url},
            "title": self.title,
            "summary": self.summary or brief(summary),
            "severity": _SEVERITIES.get(str(self.labels.get("severity")), "P3"),
            "services": [self.company],
            "started_at": self._started_at(),
            "postmortem": {
                "summary": summary,
                "sections": self._stated_cause() | sections,
                "timeline": [{"at": entry.ts, "text": entry.text} for entry in self.timeline],
                "published_at": self.date.isoformat() if self.date else None,
            },
        }

    def _started_at(self) -> str | None:
        """The first thing that is known of it; the day of publication says nothing about the start."""
        if self.timeline:
            return min(entry.ts for entry in self.timeline)
        return self.date.isoformat() if self.date and self.date_kind == "incident" else None

    def _stated_cause(self) -> dict[str, str]:
        stated = self.labels.get("root_cause") or self.labels.get("cause")
        return {"root_cause": stated} if isinstance(stated, str) else {}


def split(text: str) -> dict[str, str]:
    """A Markdown text by the headings that name a section; all else, in its order, is the summary.

    A section goes on until a heading of its own level or a higher one, so sub-headings stay inside.
    """
    parts: dict[str, list[str]] = {"summary": []}
    section, depth, fenced = "summary", 0, False
    for line in text.splitlines():
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.fullmatch(line)
        if heading and (section == "summary" or len(heading[1]) <= depth):
            section, depth = _section_of(heading[2]), len(heading[1])
            if section != "summary":
                parts.setdefault(section, [])
                continue
        parts[section].append(line)
    texts = {name: "\n".join(lines).strip() for name, lines in parts.items()}
    return {name: text for name, text in texts.items() if text}


def _section_of(title: str) -> str:
    return next((name for name, pattern in _SECTIONS if pattern.fullmatch(title)), "summary")


def brief(text: str) -> str:
    """The first paragraph of prose, under the heading "Summary" where there is one."""
    told = _SUMMARY.split(text, maxsplit=1)[-1]
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", told))
    prose = (part for part in paragraphs if part and not _HEADING.fullmatch(part.splitlines()[0]))
    return next(prose, "")[:BRIEF]


def _corpus(line: bytes) -> PastIncident:
    return Record.model_validate(CorpusLine.model_validate_json(line).as_record()).past()


_MAPPINGS: Mapping[MappingName, Parse] = {MappingName.CORPUS: _corpus}


def parser(mapping: MappingName | None) -> Parse:
    """How to read a line: by this mapping, or as a record of our own."""
    return records.parse if mapping is None else _MAPPINGS[mapping]
