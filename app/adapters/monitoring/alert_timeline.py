"""Alerts for drafts: those that Alertmanager sent us, and those that Prometheus remembers as the series `ALERTS`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from app.domain.gathering import SourceFact, Window
from app.domain.monitoring import Series
from app.domain.organisation.model import Service
from app.domain.ports import Monitoring, OpenUnitOfWork
from app.domain.postmortems.content import TimelineKind

QUERY = 'ALERTS{alertstate="firing"}'
MOST_POINTS = 1000
LEAST_STEP = timedelta(seconds=30)
NEVER = 1971
"""Alertmanager writes the year 1 for an alert that has not ended."""


class ReceivedAlerts:
    """The port `TimelineSource`: what Alertmanager posted to us, each alert once however often it was repeated."""

    def __init__(self, uow: OpenUnitOfWork) -> None:
        self._uow = uow

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        async with self._uow() as u:
            bodies = await u.inbox.bodies("alertmanager", window.start, window.end + timedelta(hours=1))
        slugs = frozenset(service.slug for service in services)
        return tuple(fact for body in bodies for alert in _alerts(body) for fact in _told(alert, slugs))


def _alerts(body: bytes) -> Sequence[Mapping[str, Any]]:
    try:
        found = json.loads(body)["alerts"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ()
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else ()


def _told(alert: Mapping[str, Any], slugs: frozenset[str]) -> list[SourceFact]:
    labels = alert.get("labels")
    started = _instant(alert.get("startsAt"))
    if not isinstance(labels, dict) or started is None or not _concerns(labels, slugs):
        return []
    fingerprint = str(alert.get("fingerprint") or _fingerprint(labels))
    notes = alert.get("annotations")
    about = str(notes.get("summary") or notes.get("description") or "") if isinstance(notes, dict) else ""
    url = alert.get("generatorURL") if isinstance(alert.get("generatorURL"), str) else None
    found = [_fired(fingerprint, labels, started, about, url)]
    ended = _instant(alert.get("endsAt"))
    if alert.get("status") == "resolved" and ended is not None:
        found.append(_ended(fingerprint, labels, started, ended, url))
    return found


class PrometheusAlerts:
    """The port `TimelineSource`: alerts of the incident's services by when they fired, as far as they are kept."""

    def __init__(self, monitoring: Monitoring) -> None:
        self._monitoring = monitoring

    async def gather(self, window: Window, services: Sequence[Service]) -> tuple[SourceFact, ...]:
        slugs = frozenset(service.slug for service in services)
        step = max((window.end - window.start) / MOST_POINTS, LEAST_STEP)
        found = await self._monitoring.points(QUERY, window.start, window.end, step.total_seconds())
        return tuple(
            fact for series in found if _concerns(series.labels, slugs) for fact in _stretches(series, window, step)
        )


def _stretches(series: Series, window: Window, step: timedelta) -> list[SourceFact]:
    """Each stretch without a gap is one alert; one that was firing before the window or still fires has no such end."""
    labels = {name: value for name, value in series.labels.items() if name not in ("__name__", "alertstate")}
    fingerprint, found = _fingerprint(labels), list[SourceFact]()
    started = previous = None
    for at, _ in series.points:
        if previous is None or at - previous > step * 1.5:
            if started is not None and previous is not None:
                found.append(_ended(fingerprint, labels, started, previous, None))
            started = at
            found.append(_fired(fingerprint, labels, at, "", None))
        previous = at
    if started is not None and previous is not None and window.end - previous > step * 1.5:
        found.append(_ended(fingerprint, labels, started, previous, None))
    return found


def _fired(fingerprint: str, labels: Mapping[str, Any], at: datetime, about: str, url: str | None) -> SourceFact:
    more = f". {about}" if about else ""
    text = f"Alert {_name(labels)} fired{more}"
    return SourceFact(f"alert:{fingerprint}@{at:%Y%m%dT%H%M%SZ}", at, TimelineKind.DETECTION, text, url)


def _ended(
    fingerprint: str, labels: Mapping[str, Any], started: datetime, ended: datetime, url: str | None
) -> SourceFact:
    id = f"alert:{fingerprint}@{started:%Y%m%dT%H%M%SZ}:resolved"
    return SourceFact(id, ended, TimelineKind.NOTE, f"Alert {_name(labels)} stopped firing", url)


def _name(labels: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{name}={labels[name]}" for name in ("severity", "service", "job", "instance") if name in labels)
    return f"{labels.get('alertname', 'without a name')}" + (f" ({shown})" if shown else "")


def _concerns(labels: Mapping[str, Any], slugs: frozenset[str]) -> bool:
    """A label names one of the services: alerts of others are not this incident's."""
    return any(str(value) in slugs for value in labels.values())


def _fingerprint(labels: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(dict(labels), sort_keys=True, default=str).encode()).hexdigest()[:16]


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None and at.year > NEVER else None
