"""What a postmortem says: sections, five whys, contributing factors, the timeline, and where it was discussed."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from app.domain.errors import Invalid


class SectionName(StrEnum):
    """The texts of a postmortem; five whys, timeline and factors are data of their own."""

    SUMMARY = "summary"
    IMPACT = "impact"
    ROOT_CAUSE = "root_cause"
    LESSONS = "lessons"


class TimelineKind(StrEnum):
    """What kind of fact a timeline entry is."""

    TRIGGER = "trigger"
    DETECTION = "detection"
    RESPONSE = "response"
    ESCALATION = "escalation"
    HYPOTHESIS = "hypothesis"
    MITIGATION = "mitigation"
    RESOLUTION = "resolution"
    COMMUNICATION = "communication"
    NOTE = "note"


PHASES = (TimelineKind.DETECTION, TimelineKind.RESPONSE, TimelineKind.MITIGATION, TimelineKind.RESOLUTION)
"""What makes a timeline complete, in order."""


@dataclass(frozen=True, slots=True)
class Section:
    """A text; a machine-written one does not count until a person reviewed it."""

    text: str
    machine_written: bool = False
    reviewed: bool = False

    @property
    def is_unreviewed(self) -> bool:
        return self.machine_written and not self.reviewed

    def rewritten(self, text: str, *, by_machine: bool) -> "Section":
        """The section with this text: a person who gives back a machine's text unchanged has reviewed it."""
        accepted = not by_machine and self.machine_written and self.text == text
        return Section(text, machine_written=by_machine or accepted, reviewed=accepted)


@dataclass(frozen=True, slots=True)
class Why:
    """One of the five whys, and the reviewer who confirmed that it follows."""

    text: str
    confirmed_by_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ContributingFactor:
    """A factor of the taxonomy and why it applies here."""

    code: str
    sub_code: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A fact with a time; `source` says where it comes from (`slack:C1/1699.0001`, `manual`, ...)."""

    id: UUID
    occurred_at: datetime
    recorded_at: datetime
    kind: TimelineKind
    text: str
    source: str = "manual"
    machine_written: bool = False
    pinned: bool = False


class Forum(StrEnum):
    """Where a postmortem was reviewed."""

    TEAM = "team"
    LEADERSHIP = "leadership"
    ALL_HANDS = "all_hands"


@dataclass(frozen=True, slots=True)
class Review:
    """The meeting in which it was discussed."""

    held_on: date
    forum: Forum


class DuplicateFactor(Invalid):
    """A postmortem names each contributing factor once."""

    code = "duplicate_factor"


class TimelineFull(Invalid):
    """A timeline holds at most 1,000 entries."""

    code = "timeline_full"


MAX_TIMELINE = 1000
