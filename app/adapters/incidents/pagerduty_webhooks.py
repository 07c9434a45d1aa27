"""What PagerDuty sends us (webhooks v3): whose signature it carries, and what it says of which incident."""

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.adapters.calling import storable
from app.adapters.incidents.pagerduty_text import (
    MARKER,
    SOURCE,
    TRIGGER,
    Record,
    instant,
    note_fact,
    priority_of,
    service_of,
)
from app.adapters.trackers.signed import content, delivery_id, digest, header
from app.domain.errors import Invalid, Unauthenticated
from app.domain.gathering import SourceFact
from app.domain.incidents.paging import PagedIncident, PageEvent
from app.domain.postmortems.content import TimelineKind

MOST_SIGNATURES = 10
MOMENTS = {
    "incident.triggered": ("started_at", "detected_at"),
    "incident.acknowledged": ("acknowledged_at",),
    "incident.resolved": ("resolved_at",),
}
SAYINGS: Mapping[str, tuple[TimelineKind, str]] = {
    "incident.acknowledged": (TimelineKind.RESPONSE, "Acknowledged"),
    "incident.unacknowledged": (TimelineKind.RESPONSE, "No longer acknowledged"),
    "incident.escalated": (TimelineKind.ESCALATION, "Escalated"),
    "incident.delegated": (TimelineKind.ESCALATION, "Delegated"),
    "incident.reassigned": (TimelineKind.ESCALATION, "Reassigned"),
    "incident.reopened": (TimelineKind.NOTE, "Reopened"),
    "incident.resolved": (TimelineKind.RESOLUTION, "Resolved"),
    "incident.triggered": (TimelineKind.DETECTION, "Triggered"),
    "incident.responder.added": (TimelineKind.ESCALATION, "A responder was asked"),
    "incident.responder.replied": (TimelineKind.RESPONSE, "A responder replied"),
    "incident.role.assigned": (TimelineKind.RESPONSE, "A role was assigned"),
}
IN_THE_LOG = frozenset(SAYINGS) - {"incident.responder.added", "incident.responder.replied", "incident.role.assigned"}
"""What PagerDuty's log tells too: it is a fact of the webhook only where nobody can read the log."""


class PagerDutyWebhooks:
    """The port `PageWebhooks`. `log_is_read` says that incidents are fetched with their log, so that it is not told
    twice."""

    def __init__(self, *, log_is_read: bool) -> None:
        self._log_is_read = log_is_read

    def delivery(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now: datetime) -> str:  # noqa: ARG002
        """The delivery's id, if one of its signatures over these very bytes is of one of the live secrets."""
        given = header(headers, "x-pagerduty-signature").split(",")[:MOST_SIGNATURES]
        signatures = [one.strip().encode("utf-8", "replace") for one in given]
        expected = [f"v1={digest(body, secret)}".encode() for secret in secrets if secret]
        # Every pair is compared, so that the time taken does not tell which one is nearer.
        if not any([hmac.compare_digest(one, ours) for one in signatures for ours in expected]):  # noqa: C419
            raise Unauthenticated("The signature does not match.")
        return delivery_id(headers, "X-Webhook-Id")

    def read(self, headers: Mapping[str, str], body: bytes) -> PageEvent | None:  # noqa: ARG002
        """An incident's event in our words; None for all the others, a ping above all."""
        event = content(body).get("event")
        try:
            return self._event(event) if isinstance(event, dict) else None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise Invalid(f"This is not a webhook as PagerDuty documents it: {error!r}") from error

    def _event(self, event: Record) -> PageEvent | None:
        type, data = str(event["event_type"]), event.get("data") or {}
        at = instant(event.get("occurred_at"))
        if not type.startswith("incident.") or at is None:
            return None
        whole = data.get("type") == "incident"
        id = data.get("id") if whole else (data.get("incident") or {}).get("id")
        if not id:
            return None
        incident = _incident(type, data, at) if whole else None
        return PageEvent(str(event["id"]), type, str(id), at, whole, incident, tuple(self._facts(type, event, at)))

    def _facts(self, type: str, event: Record, at: datetime) -> list[SourceFact]:
        data = event.get("data") or {}
        who = str((event.get("agent") or {}).get("summary") or "")
        if type == "incident.annotated":
            text = str(data.get("content") or "")
            said = f"{who}: {text}" if who else text
            return [note_fact(str(data["id"]), at, said, machine=not who)] if text and not MARKER.search(text) else []
        if type == "incident.status_update_published":
            text = storable(data.get("message") or "")
            id = f"{SOURCE}:status_update:{data['id']}"
            return [SourceFact(id, at, TimelineKind.COMMUNICATION, text, machine=False)] if text else []
        saying = _saying(type, data)
        if saying is None or (self._log_is_read and type in IN_THE_LOG):
            return []
        text = f"{saying[1]} by {who}" if who else saying[1]
        return [SourceFact(f"{SOURCE}:event:{event['id']}", at, saying[0], storable(text), machine=not who)]


def _saying(type: str, data: Mapping[str, Any]) -> tuple[TimelineKind, str] | None:
    if type == "incident.priority_updated":
        return TimelineKind.NOTE, f"Priority set to {priority_of(data) or 'none'}"
    return SAYINGS.get(type)


def _incident(type: str, data: Record, at: datetime) -> PagedIncident:
    """What the webhook itself says; a reopened incident is not over any more."""
    created = instant(data.get("created_at"))
    moments: dict[str, datetime | None] = {"started_at": created, "detected_at": created} if created else {}
    moments |= dict.fromkeys(MOMENTS.get(type, ()), at)
    if data.get("status") != "resolved":
        moments["resolved_at"] = None
    return PagedIncident(
        source=SOURCE,
        id=str(data["id"]),
        title=storable(data.get("title") or data["id"], 300),
        service=service_of(data),
        told_at=at,
        url=data.get("html_url"),
        priority=priority_of(data),
        urgency=data.get("urgency"),
        moments=moments,
        moment_sources={"started_at": TRIGGER},
    )


def sign(body: bytes, secret: str) -> str:
    """A value of X-PagerDuty-Signature."""
    return "v1=" + digest(body, secret)
