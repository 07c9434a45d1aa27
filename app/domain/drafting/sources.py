"""What evidence vouches for: its instants, numbers and words, looked up for every sentence that a model wrote."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import combinations

from app.domain.drafting.blame import People
from app.domain.drafting.evidence import Bundle, Evidence
from app.domain.drafting.figures import ClockTime, Figure, clock_times_of, figures_of
from app.domain.drafting.orders import orders_in
from app.domain.drafting.proposal import Brief
from app.domain.learning.taxonomy import FACTORS

_TOKEN = re.compile(r"https?://[^\s<>\"')\]]+|[\w@#][\w./:@#-]*[\w/]|\w")
_ALLOWED = frozenset({
    "utc", "gmt", "am", "pm", "slo", "sla", "sli", "sre", "api", "cpu", "ram", "because", "january", "february",
    "march", "april", "may", "june", "july", "august", "september", "october", "november", "december", "monday",
    "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "responder", "responders", "i",
})  # fmt: skip
_GENERIC = re.compile(r"[1-5]xx|responder-\d+|\d+(?:st|nd|rd|th)|\d+x|x\d+", re.IGNORECASE)
_MEASURE = re.compile(r"\d[\d,.]*(?:-?[a-z]{1,12})?", re.IGNORECASE)
_MOST_INSTANTS = 12


@dataclass(frozen=True)
class Sources:
    """One bundle and what is known of its incident."""

    bundle: Bundle
    brief: Brief
    _figures: dict[str, tuple[Figure, ...]] = field(default_factory=dict)
    _clocks: dict[str, frozenset[tuple[int, int]]] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> Mapping[str, Evidence]:
        return self.bundle.by_id

    @cached_property
    def people(self) -> People:
        return People.of(self.bundle)

    @cached_property
    def orders(self) -> frozenset[str]:
        return frozenset(orders_in(self.bundle.evidence))

    @cached_property
    def moments(self) -> tuple[datetime, ...]:
        """The incident's own."""
        brief = self.brief
        every = (brief.started_at, brief.detected_at, brief.mitigated_at, brief.resolved_at)
        return tuple(at for at in every if at is not None)

    def is_instant(self, time: ClockTime, tolerance: timedelta, cited: Sequence[Evidence] | None = None) -> bool:
        """Whether something that is cited, or anything at all, was then or says so."""
        told = self.bundle.evidence if cited is None else cited
        instants = (*self.moments, *(one.occurred_at for one in told))
        return any(time.is_at(at, tolerance) for at in instants) or any(
            (time.hour, time.minute) in self._clocks_of(one) for one in told
        )

    def is_day(self, date: str) -> bool:
        instants = (*self.moments, *(one.occurred_at for one in self.bundle.evidence))
        return any(at.date().isoformat() == date for at in instants) or date in self._text

    def tells(self, figure: Figure, cited: Sequence[Evidence] | None = None) -> bool:
        """Whether the number stands in what is cited or is known of the incident, or in anything at all."""
        if any(figure.agrees(one) for one in self._known_figures):
            return True
        told = self.bundle.evidence if cited is None else cited
        return any(figure.agrees(other) for one in told for other in self._figures_of(one))

    def spans(self, figure: Figure, cited: Sequence[Evidence]) -> bool:
        """Whether it is the time between two instants of what is cited or of the incident."""
        length = figure.length
        if length is None:
            return False
        instants = (*self.moments, *(one.occurred_at for one in cited))[:_MOST_INSTANTS]
        return any(abs(abs(b - a) - length) <= figure.precision for a, b in combinations(instants, 2))

    def unknown_names(self, text: str) -> tuple[tuple[str, bool], ...]:
        """Names that nothing says, and whether each has the form of an identifier: a version, a host, an address."""
        return tuple(self._unknown(text))

    def _unknown(self, text: str) -> Iterable[tuple[str, bool]]:
        for match in _TOKEN.finditer(text):
            token = match[0].rstrip(".:-/")
            if _GENERIC.fullmatch(token) or _MEASURE.fullmatch(token) or token.lower() in _ALLOWED:
                continue
            named = _is_identifier(token)
            if (named or _is_proper(token, text[: match.start()])) and not self._says(token):
                yield token, named

    def _says(self, token: str) -> bool:
        return token.lower().lstrip("@#") in self._text

    def _figures_of(self, one: Evidence) -> tuple[Figure, ...]:
        if one.id not in self._figures:
            self._figures[one.id] = tuple(figures_of(one.text))
        return self._figures[one.id]

    def _clocks_of(self, one: Evidence) -> frozenset[tuple[int, int]]:
        if one.id not in self._clocks:
            self._clocks[one.id] = frozenset((said.hour, said.minute) for said in clock_times_of(one.text))
        return self._clocks[one.id]

    @cached_property
    def _known_figures(self) -> tuple[Figure, ...]:
        return tuple(figures_of(f"{self.brief.title} {self.brief.severity}"))

    @cached_property
    def _text(self) -> str:
        """Everything that may be named, in lower case."""
        brief = self.brief
        taxonomy = (f"{one.code} {one.title} {one.description}" for one in FACTORS)
        evidence = (f"{one.source} {one.text} {one.url or ''}" for one in self.bundle.evidence)
        return "\n".join((brief.title, brief.severity, *brief.services, *taxonomy, *evidence)).lower()


def _is_identifier(token: str) -> bool:
    """Digits among letters, an underscore, an address, a path, a dotted name: nobody's plain word."""
    letters = any(one.isalpha() for one in token)
    marked = any(one.isdigit() for one in token) or "_" in token or "://" in token or token[0] in "@#"
    return letters and (marked or re.search(r"\w{2}\.\w{2}", token) is not None)


def _is_proper(token: str, before: str) -> bool:
    """A capital where a sentence does not begin, or inside of a word."""
    begins = not before.strip() or before.rstrip()[-1] in ".!?:–—-"
    return token[:1].isupper() and (not begins or any(one.isupper() for one in token[1:]))
