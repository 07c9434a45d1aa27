"""What a model wrote, before anything of it was checked."""

from dataclasses import dataclass
from datetime import datetime

from app.domain.actions.model import ControlType


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A statement, and the evidence that the model says it rests on."""

    text: str
    source_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A line of the timeline as the model tells it."""

    at: datetime
    what: WrittenSentence


@dataclass(frozen=True, slots=True)
class WrittenFactor:
    """A contributing factor by its code, which may be unknown."""

    code: str
    why: WrittenSentence


@dataclass(frozen=True, slots=True)
class WrittenItem:
    """An action item; `owner` is a team or a role."""

    title: str
    control_type: ControlType
    systemic: bool
    owner: str | None
    why: WrittenSentence


@dataclass(frozen=True, slots=True)
class Written:
    """The five parts."""

    summary: tuple[WrittenSentence, ...] = ()
    timeline: tuple[WrittenLine, ...] = ()
    root_cause: tuple[WrittenSentence, ...] = ()
    factors: tuple[WrittenFactor, ...] = ()
    items: tuple[WrittenItem, ...] = ()
