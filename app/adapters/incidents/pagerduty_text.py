"""What PagerDuty's records mean in our words: moments, facts of the timeline, responders."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.adapters.calling import storable
from app.domain.gathering import SourceFact
from app.domain.incidents.model import DetectionSource, Responder
from app.domain.incidents.paging import PagedService
from app.domain.postmortems.content import TimelineKind

SOURCE = "pagerduty"
TRIGGER = "pagerduty-trigger"
"""The source of a start that is only known not to lie after the trigger: it says nothing about detection."""

MARKER = re.compile(r"norepeat:[0-9a-f]{8}-[0-9a-f-]{27}")
Record = Mapping[str, Any]
KINDS: Mapping[str, TimelineKind] = {
    "trigger": TimelineKind.DETECTION,
    "acknowledge": TimelineKind.RESPONSE,
    "unacknowledge": TimelineKind.RESPONSE,
    "assign": TimelineKind.ESCALATION,
    "delegate": TimelineKind.ESCALATION,
    "escalate": TimelineKind.ESCALATION,
    "exhaust_escalation_path": TimelineKind.ESCALATION,
    "repeat_escalation_path": TimelineKind.ESCALATION,
    "reach_ack_limit": TimelineKind.ESCALATION,
    "reach_trigger_limit": TimelineKind.ESCALATION,
    "resolve": TimelineKind.RESOLUTION,
}
LEFT_OUT = frozenset({"notify", "annotate"})
"""Noise, and what the notes themselves tell better."""

MOST_ALERTS = 50
PEOPLE = frozenset({"user", "user_reference"})


def instant(text: object) -> datetime | None:
    """An instant in UTC; None if it is absent or no date."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def kind_of(entry: Record) -> str:
    """`acknowledge` of an acknowledge_log_entry."""
    return str(entry.get("type") or "").removesuffix("_reference").removesuffix("_log_entry")


def log_facts(entries: Iterable[Record]) -> Iterable[SourceFact]:
    """The log without what was only sent around."""
    for entry in entries:
        kind, at = kind_of(entry), instant(entry.get("created_at"))
        if kind not in LEFT_OUT and at is not None:
            yield SourceFact(
                f"{SOURCE}:log:{entry['id']}", at, KINDS.get(kind, TimelineKind.NOTE), _words(entry),
                entry.get("html_url"), machine=not is_person(entry.get("agent")),
            )  # fmt: skip


def _words(entry: Record) -> str:
    details = (entry.get("event_details") or {}).get("description") or (entry.get("channel") or {}).get("summary")
    said = storable(entry.get("summary") or kind_of(entry).replace("_", " ").capitalize())
    return f"{said}: {storable(details)}" if details and kind_of(entry) == "trigger" else said


def note_facts(notes: Iterable[Record]) -> Iterable[SourceFact]:
    """What people wrote, but for the notes that are ours."""
    for note in notes:
        at, text = instant(note.get("created_at")), storable(note.get("content") or "")
        if at is not None and text and not MARKER.search(text):
            user = note.get("user") or {}
            said = f"{user['summary']}: {text}" if user.get("summary") else text
            yield note_fact(str(note["id"]), at, said, machine=not is_person(user))


def note_fact(id: str, at: datetime, text: str, *, machine: bool) -> SourceFact:
    return SourceFact(f"{SOURCE}:note:{id}", at, TimelineKind.NOTE, storable(text), machine=machine)


def alert_facts(alerts: Sequence[Record]) -> Iterable[SourceFact]:
    """The first alerts of the incident; a storm of them is one more line."""
    for alert in alerts[:MOST_ALERTS]:
        at = instant(alert.get("created_at"))
        if at is not None:
            severity = f" ({alert['severity']})" if alert.get("severity") else ""
            text = f"Alert{severity}: {storable(alert.get('summary') or alert['id'])}"
            yield SourceFact(f"{SOURCE}:alert:{alert['id']}", at, TimelineKind.TRIGGER, text, alert.get("html_url"))
    more = alerts[MOST_ALERTS:]
    at = instant(more[0].get("created_at")) if more else None
    if at is not None:
        text = f"{len(more)} more alerts followed."
        yield SourceFact(f"{SOURCE}:alerts:{more[0]['id']}", at, TimelineKind.TRIGGER, text)


def change_facts(changes: Iterable[Record]) -> Iterable[SourceFact]:
    """What PagerDuty itself finds related."""
    for change in changes:
        at = instant(change.get("timestamp"))
        if at is not None:
            text = f"Change: {storable(change.get('summary') or change['id'])}"
            yield SourceFact(f"{SOURCE}:change:{change['id']}", at, TimelineKind.NOTE, text, change.get("html_url"))


def is_person(agent: object) -> bool:
    return isinstance(agent, dict) and agent.get("type") in PEOPLE


def responders(entries: Iterable[Record], notes: Iterable[Record]) -> tuple[Responder, ...]:
    """Whoever did something: assignments are empty once an incident is resolved."""
    did = [entry.get("agent") for entry in entries if kind_of(entry) not in ("trigger", "notify")]
    people = [one for one in (*did, *(note.get("user") for note in notes)) if isinstance(one, dict) and is_person(one)]
    named = {str(one["id"]): storable(one.get("summary") or one["id"], 200) for one in people}
    return tuple(Responder(SOURCE, id, name) for id, name in named.items())


def service_of(incident: Record) -> PagedService | None:
    service = incident.get("service")
    if not service:
        return None
    return PagedService(str(service["id"]), str(service.get("summary") or service.get("name") or service["id"]))


def priority_of(incident: Record) -> str | None:
    priority = incident.get("priority")
    return str(priority.get("summary") or priority.get("name") or "") or None if priority else None


def detected_by(entries: Sequence[Record]) -> DetectionSource | None:
    """A person who opened it by hand noticed first; everything else was an alert."""
    triggers = [entry for entry in entries if kind_of(entry) == "trigger"]
    if not triggers:
        return None
    return DetectionSource.EMPLOYEE if is_person(triggers[0].get("agent")) else DetectionSource.ALERT
