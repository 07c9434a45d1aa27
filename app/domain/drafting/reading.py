"""What a message says happened: the kind of entry it makes, how much it tells, and which sentence says it."""

import re
from dataclasses import dataclass

from app.domain.drafting import cues
from app.domain.postmortems.content import TimelineKind

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SENTENCE = re.compile(r"[^\n.!?]+(?:[.!?](?=\S)[^\n.!?]*)*[.!?]*")
_QUOTED = re.compile(r"^\s*>.*$", re.MULTILINE)
SHORT, LONG = 3, 6
_SHORTLY_SAID = (TimelineKind.MITIGATION, TimelineKind.RESOLUTION, TimelineKind.ESCALATION)
"""“Rolling back” is a whole report."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The kind, the weight from 0 on, and the sentence that decided it."""

    kind: TimelineKind
    weight: float
    sentence: str


def is_chatter(text: str) -> str | None:
    """Why a message says nothing that a timeline needs; None if it may."""
    if cues.JOINED.search(text):
        return "membership"
    if cues.CHATTER.fullmatch(text):
        return "chatter"
    return None


def read_message(text: str) -> Reading | None:
    """The strongest sentence of a message, strengthened by numbers, links and output; None if none says anything."""
    prose = _QUOTED.sub("", _CODE.sub(" ", text))
    readings = [one for part in _SENTENCE.findall(prose) if (one := _read_sentence(part.strip()))]
    if not readings:
        return None
    best = max(readings, key=lambda one: one.weight)
    more = 0.3 * bool(cues.EVIDENT.search(text)) + 0.2 * (len({one.kind for one in readings}) > 1)
    return Reading(best.kind, best.weight + more, best.sentence)


def _read_sentence(text: str) -> Reading | None:
    words = len(text.split())
    asked = bool(cues.QUESTION.search(text))
    for kind, form in cues.CUES.items():
        found = form.search(text)
        if found is None:
            continue
        before = text[: found.start()]
        if kind is TimelineKind.RESOLUTION and (asked or cues.NEGATED.search(before) or cues.PLANNED.search(before)):
            continue
        weight = cues.WEIGHT[kind]
        if kind is TimelineKind.MITIGATION and (asked or cues.PLANNED.search(before)):
            kind, weight = TimelineKind.HYPOTHESIS, 0.9  # what was weighed, not what was done
        weight -= 0.6 * asked
        weight -= 0.4 * (words < SHORT and kind not in _SHORTLY_SAID)
        weight += 0.2 * (words >= LONG)
        return Reading(kind, weight, text)
    return None
