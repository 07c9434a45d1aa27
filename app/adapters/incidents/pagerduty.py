"""PagerDuty: an incident with its log, alerts and notes, and the note that says where its postmortem is."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from app.adapters.calling import storable
from app.adapters.incidents.pagerduty_client import PagerDutyClient
from app.adapters.incidents.pagerduty_text import (
    SOURCE,
    TRIGGER,
    Record,
    alert_facts,
    change_facts,
    detected_by,
    instant,
    kind_of,
    log_facts,
    note_facts,
    priority_of,
    responders,
    service_of,
)
from app.domain.announcing.model import Notice
from app.domain.gathering import SourceFact
from app.domain.incidents.paging import PagedIncident
from app.domain.postmortems.content import TimelineKind
from app.domain.providers import NotThere, ProviderUnavailable

ID = re.compile(r"[A-Za-z0-9]{4,40}")
URL = re.compile(r"https://[\w.-]+\.pagerduty\.com/incidents/([A-Za-z0-9]{4,40})(?:[/?#].*)?")


def _now() -> datetime:
    return datetime.now(UTC)


class PagerDuty:
    """The port `PagingSystem`."""

    def __init__(self, client: PagerDutyClient, *, clock: Callable[[], datetime] = _now) -> None:
        self._client = client
        self._clock = clock

    async def fetch(self, reference: str) -> PagedIncident:
        id, told_at = incident_id(reference), self._clock()
        about = f"incident {id}"
        path = f"/incidents/{id}"
        try:
            incident = (await self._client.get(path, about=about))["incident"]
            log, cut = await self._client.pages(
                f"{path}/log_entries", "log_entries", about=about, params={"is_overview": "false"}
            )
            alerts, _ = await self._client.pages(f"{path}/alerts", "alerts", about=about)
            notes = (await self._client.get(f"{path}/notes", about=about)).get("notes") or []
            changes = await self._client.addon(f"{path}/related_change_events", "change_events", about=about)
            facts = [*log_facts(log), *alert_facts(alerts), *note_facts(notes), *change_facts(changes)]
            return _paged(incident, log, alerts, notes, told_at, [*facts, *(_cut(id, log) if cut else ())])
        except (KeyError, TypeError, AttributeError) as error:
            raise ProviderUnavailable(f"PagerDuty answered what it does not document: {error!r}") from error


def incident_id(reference: str) -> str:
    """The id behind an id or a URL. Raises NotThere."""
    given = reference.strip()
    named = URL.fullmatch(given)
    if named:
        return named[1]
    if ID.fullmatch(given):
        return given
    raise NotThere("This names no incident of PagerDuty: send its id, such as PT4KHLK, or its URL.")


def _paged(
    incident: Record,
    log: Sequence[Record],
    alerts: Sequence[Record],
    notes: Sequence[Record],
    told_at: datetime,
    facts: Sequence[SourceFact],
) -> PagedIncident:
    return PagedIncident(
        source=SOURCE,
        id=str(incident["id"]),
        title=storable(incident.get("title") or incident.get("summary") or incident["id"], 300),
        service=service_of(incident),
        told_at=told_at,
        url=incident.get("html_url"),
        priority=priority_of(incident),
        urgency=incident.get("urgency"),
        moments=_moments(incident, log, alerts),
        moment_sources={"started_at": TRIGGER},
        detection_source=detected_by(log),
        responders=responders(log, notes),
        facts=tuple(facts),
    )


def _moments(incident: Record, log: Sequence[Record], alerts: Sequence[Record]) -> Mapping[str, datetime | None]:
    """PagerDuty knows when it was told, so the start is the first trigger at the latest, and mitigation is unknown."""
    first = _earliest([incident.get("created_at"), *(alert.get("created_at") for alert in alerts)])
    acknowledged = [entry.get("created_at") for entry in log if kind_of(entry) == "acknowledge"]
    acknowledged += [one.get("at") for one in incident.get("acknowledgements") or []]
    resolved = incident.get("status") == "resolved"
    ends = [entry.get("created_at") for entry in log if kind_of(entry) == "resolve"]
    resolved_at = instant(incident.get("resolved_at")) or instant(incident.get("last_status_change_at"))
    return {
        "started_at": first,
        "detected_at": first,
        "acknowledged_at": _earliest(acknowledged),
        "resolved_at": (resolved_at or max(filter(None, map(instant, ends)), default=None)) if resolved else None,
    }


def _earliest(texts: Sequence[Any]) -> datetime | None:
    return min(filter(None, map(instant, texts)), default=None)


def _cut(id: str, log: Sequence[Record]) -> Sequence[SourceFact]:
    """A log that is longer than we read says so."""
    last = instant(log[-1].get("created_at"))
    text = f"PagerDuty has more than {len(log)} log entries of this incident; the rest was not read."
    return [SourceFact(f"{SOURCE}:cut:{id}", last, TimelineKind.NOTE, text)] if last else []


class PagerDutyNotes:
    """The port `NoticeBoard`: a note on the incident. The place is the incident's id."""

    def __init__(self, client: PagerDutyClient) -> None:
        self._client = client

    async def find(self, notice: Notice) -> str | None:
        """A note with our marker; the list is complete, PagerDuty has no pages of notes."""
        notes = (await self._client.get(self._path(notice), about=self._about(notice))).get("notes") or []
        marker = f"norepeat:{notice.marker}"
        return next((f"note {note['id']}" for note in notes if marker in str(note.get("content"))), None)

    async def post(self, notice: Notice) -> str:
        text = f"Postmortem published: {notice.title}\n{notice.url}\n\nnorepeat:{notice.marker}"
        answer = await self._client.post(self._path(notice), {"note": {"content": text}}, about=self._about(notice))
        return f"note {answer['note']['id']}"

    def _path(self, notice: Notice) -> str:
        return f"/incidents/{notice.place}/notes"

    def _about(self, notice: Notice) -> str:
        return f"incident {notice.place}"
