"""PagerDuty's webhooks v3: the official signature vector, rotation, and what each event means."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.adapters.incidents.pagerduty_webhooks import PagerDutyWebhooks, sign
from app.domain.errors import Invalid, Unauthenticated
from app.domain.incidents.paging import PageEvent
from app.domain.postmortems.content import TimelineKind
from tests.contract.openapi_contract import contract_file
from tests.make import NOW

READING, BLIND = PagerDutyWebhooks(log_is_read=True), PagerDutyWebhooks(log_is_read=False)
ID = "0f7ed8a1-1d42-4f5e-a6a5-0d1ee5b1a9cd"
AT = datetime(2026, 6, 14, 12, 30, tzinfo=UTC)


def headers(signature: str) -> dict[str, str]:
    return {"x-pagerduty-signature": signature, "x-webhook-id": ID}


def body(type: str, data: Any, *, agent: str | None = "Ada Lovelace", **event: Any) -> bytes:
    who = {"id": "PADA", "type": "user_reference", "summary": agent} if agent else None
    given = {"id": "01EVENT", "event_type": type, "occurred_at": "2026-06-14T12:30:00.000Z", "agent": who, "data": data}
    return json.dumps({"event": given | event}).encode()


def incident(**fields: Any) -> dict[str, Any]:
    return {
        "id": "PT4KHLK", "type": "incident", "title": "Errors", "status": "triggered", "urgency": "high",
        "created_at": "2026-06-14T12:00:00Z", "service": {"id": "PSVC1", "summary": "Checkout"}, "priority": None,
    } | fields  # fmt: skip


def part(type: str, **fields: Any) -> dict[str, Any]:
    return {"id": "PPART", "type": type, "incident": {"id": "PT4KHLK", "type": "incident_reference"}} | fields


def read(webhooks: PagerDutyWebhooks, type: str, data: Any, **event: Any) -> PageEvent:
    found = webhooks.read({}, body(type, data, **event))
    assert found is not None
    return found


def vector() -> tuple[dict[str, str], bytes]:
    raw = contract_file("webhooks/pagerduty/incident.priority_updated.raw.json").read_bytes()
    found: dict[str, str] = json.loads(contract_file("webhooks/pagerduty/signature-vector.json").read_text())
    return found, raw


def test_the_official_vector_is_accepted_also_during_rotation() -> None:
    given, raw = vector()
    for name in ("valid", "rotation"):
        assert READING.delivery(headers(given[name]), raw, ["another", given["secret"]], NOW) == ID
    for signature, secrets in ((given["mismatch"], [given["secret"]]), (given["valid"], [""]), ("", [given["secret"]])):
        with pytest.raises(Unauthenticated):
            READING.delivery(headers(signature), raw, secrets, NOW)
    with pytest.raises(Unauthenticated):
        READING.delivery(headers(given["valid"]), raw + b" ", [given["secret"]], NOW)


def test_an_empty_secret_signs_nothing_and_a_missing_id_is_malformed() -> None:
    with pytest.raises(Unauthenticated):
        READING.delivery(headers(sign(b"{}", "")), b"{}", [""], NOW)
    with pytest.raises(Invalid):
        READING.delivery({"x-pagerduty-signature": sign(b"{}", "s")}, b"{}", ["s"], NOW)


def test_the_official_event_says_that_the_priority_changed() -> None:
    _, raw = vector()
    event = READING.read({}, raw)
    assert event is not None
    assert (event.incident_id, event.changed) == ("PGR0VU2", True)
    assert event.incident is not None
    assert (event.incident.priority, event.incident.title) == ("P1", "A little bump in the road")
    (fact,) = event.facts
    assert (fact.id, fact.text) == (
        "pagerduty:event:01BWDWL3NYY7LUFPZCC28QUCMK", "Priority set to P1 by Tenex Engineer",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("type", "status", "moments"),
    [
        ("incident.triggered", "triggered", {"started_at": AT, "detected_at": AT, "resolved_at": None}),
        ("incident.acknowledged", "acknowledged", {"acknowledged_at": AT, "resolved_at": None}),
        ("incident.resolved", "resolved", {"resolved_at": AT}),
        ("incident.reopened", "triggered", {"resolved_at": None}),
    ],
)
def test_a_change_of_state_tells_its_own_moment(type: str, status: str, moments: dict[str, datetime | None]) -> None:
    event = read(BLIND, type, incident(status=status))
    assert event.incident is not None
    created = datetime(2026, 6, 14, 12, tzinfo=UTC)
    assert event.incident.moments == {"started_at": created, "detected_at": created} | moments
    assert len(event.facts) == 1


def test_what_the_log_tells_is_not_told_twice() -> None:
    assert read(READING, "incident.resolved", incident(status="resolved")).facts == ()


def test_a_note_has_the_id_under_which_it_is_imported_too() -> None:
    (fact,) = read(READING, "incident.annotated", part("incident_note", content="Rolling back.")).facts
    assert (fact.id, fact.text, fact.machine) == ("pagerduty:note:PPART", "Ada Lovelace: Rolling back.", False)


def test_our_own_note_is_no_news() -> None:
    ours = part("incident_note", content=f"Postmortem\nnorepeat:{ID}")
    assert read(READING, "incident.annotated", ours).facts == ()


def test_a_status_update_is_communication() -> None:
    said = part("incident_status_update", message="We are on it.")
    (fact,) = read(READING, "incident.status_update_published", said).facts
    assert (fact.kind, fact.text) == (TimelineKind.COMMUNICATION, "We are on it.")


@pytest.mark.parametrize("type", ["incident.responder.added", "incident.responder.replied", "incident.role.assigned"])
def test_responders_and_roles_are_told(type: str) -> None:
    event = read(READING, type, part("incident_responder"), agent=None)
    assert (len(event.facts), event.changed, event.facts[0].machine) == (1, False, True)


@pytest.mark.parametrize(
    "said",
    [
        body("pagey.ping", {"message": "Hello", "type": "ping"}),
        body("incident.task.created", {"type": "incident_task", "id": "x"}),
        body("service.created", {"id": "x", "type": "service"}),
        body("incident.resolved", incident(), occurred_at="yesterday"),
        b'{"event": 7}',
        b"{}",
    ],
)
def test_what_means_nothing_to_us_is_let_through(said: bytes) -> None:
    assert READING.read({}, said) is None


def test_an_unknown_event_of_an_incident_adds_nothing() -> None:
    event = read(READING, "incident.something_new", part("incident_something"))
    assert (event.facts, event.changed) == ((), False)


@pytest.mark.parametrize(
    "said", [b"[]", b"not json", body("incident.annotated", {"incident": {"id": "P1"}, "content": "x"}),
             body("incident.resolved", "text"), b'{"event": {"occurred_at": 1}}'],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_for_good(said: bytes) -> None:
    with pytest.raises(Invalid):
        READING.read({}, said)
