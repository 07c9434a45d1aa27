"""What the evidence says that cannot both be so: moments out of order, alerts after the end, times told otherwise."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from app.domain.drafting.evidence import Bundle, Evidence, EvidenceSort
from app.domain.drafting.proposal import Contradiction, ProposedEntry
from app.domain.incidents.model import Incident
from app.domain.postmortems.content import TimelineKind

_CLOCK = re.compile(
    r"(?<![\w:.])(?:at|@|around|since|from)\s+~?([01]?\d|2[0-3]):([0-5]\d)(?![\d:])(\s?(?:UTC|GMT|Z)\b)?(\s?[ap]m\b)?",
    re.I,
)
_MOMENTS = ("started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at")


@dataclass(frozen=True, slots=True)
class ContradictionPolicy:
    """How far a told time may be from the message's own, and how near it must be to be about the same thing."""

    tolerance: timedelta = timedelta(minutes=10)
    nearness: timedelta = timedelta(hours=3)
    alert_after: timedelta = timedelta(minutes=5)
    most: int = 50


def find_contradictions(
    bundle: Bundle,
    entries: Sequence[ProposedEntry],
    incident: Incident | None,
    zones: Sequence[ZoneInfo],
    policy: ContradictionPolicy,
) -> tuple[Contradiction, ...]:
    found = [
        *_moments(incident),
        *_phases(entries),
        *_alerts_after_the_end(bundle, incident, policy),
        *(one for said in bundle.evidence if said.by_a_person for one in _told_otherwise(said, zones, policy)),
    ]
    return tuple(found[: policy.most])


def _moments(incident: Incident | None) -> Iterable[Contradiction]:
    """The incident's own moments, in the order that they must have."""
    if incident is None:
        return
    known = [(name, at) for name in _MOMENTS if (at := getattr(incident.moments, name)) is not None]
    for (earlier, first), (later, second) in pairwise(known):
        if second < first:
            message = f"{later} ({_shown(second)}) is before {earlier} ({_shown(first)})."
            yield Contradiction("moments_out_of_order", message)


def _phases(entries: Sequence[ProposedEntry]) -> Iterable[Contradiction]:
    """A first resolution before the first detection is a word used for something else, or a wrong time."""
    detected = _first(entries, TimelineKind.DETECTION)
    resolved = _first(entries, TimelineKind.RESOLUTION)
    if detected and resolved and resolved.occurred_at < detected.occurred_at:
        first, then = _shown(resolved.occurred_at), _shown(detected.occurred_at)
        message = f"A resolution ({first}) is told before the first detection ({then})."
        yield Contradiction("resolved_before_detected", message, (*resolved.source_ids[:1], *detected.source_ids[:1]))


def _first(entries: Sequence[ProposedEntry], kind: TimelineKind) -> ProposedEntry | None:
    return next((entry for entry in entries if entry.kind is kind), None)


def _alerts_after_the_end(
    bundle: Bundle, incident: Incident | None, policy: ContradictionPolicy
) -> Iterable[Contradiction]:
    end = incident.moments.resolved_at if incident else None
    if end is None:
        return
    for one in bundle.evidence:
        late = one.occurred_at > end + policy.alert_after
        if late and one.sort is EvidenceSort.ALERT and one.kind is not TimelineKind.RESOLUTION:
            message = f"An alert fired at {_shown(one.occurred_at)}, after resolved_at ({_shown(end)})."
            yield Contradiction("alert_after_resolution", message, (one.id,))


def _told_otherwise(said: Evidence, zones: Sequence[ZoneInfo], policy: ContradictionPolicy) -> Iterable[Contradiction]:
    """A clock time in a message that in no known zone is about when it was sent: it may be about then, not now."""
    for match in _CLOCK.finditer(said.text):
        hour = int(match[1]) % 12 + 12 * (match[4].strip().lower() == "pm") if match[4] else int(match[1])
        meant = (ZoneInfo("UTC"),) if match[3] else zones
        apart = min(abs(_at_clock(said.occurred_at, hour, int(match[2]), zone) - said.occurred_at) for zone in meant)
        if policy.tolerance < apart <= policy.nearness:
            message = f"The message says {match[0].strip()}, but was sent at {_shown(said.occurred_at)}."
            yield Contradiction("told_time_differs", message, (said.id,))


def _at_clock(near: datetime, hour: int, minute: int, zone: ZoneInfo) -> datetime:
    """The instant nearest to `near` at which the clock showed this."""
    local = near.astimezone(zone).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return min((local + timedelta(days=n) for n in (-1, 0, 1)), key=lambda one: abs(one - near))


def _shown(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M %Z")
