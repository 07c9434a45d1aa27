"""What decides who gets which event, and how the audit log's chain is checked, without a database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.domain.access import SYSTEM, Caller, Role
from app.domain.audit.model import AuditEntry, Chain, Head
from app.domain.deeds import Deed, current_deed, doing
from app.domain.events import Event, EventFilter, EventType, PositionedEvent, UnknownEventType, require_types
from app.domain.ids import new_id
from app.domain.outbound.model import EndpointState, KeptSecret, WebhookEndpoint
from app.domain.policy import OutboundPolicy
from tests import make

VIEWER = new_id()


def positioned(type: EventType = EventType.BOOST_RAISED, **fields: object) -> PositionedEvent:
    event = Event(type, new_id(), make.NOW, "system")
    return replace(PositionedEvent(1, event), **fields)  # type: ignore[arg-type]


def endpoint(**fields: object) -> WebhookEndpoint:
    bare = WebhookEndpoint(new_id(), "https://a.example/", make.NOW, make.NOW, 5, (KeptSecret("a"),))
    return replace(bare, **fields)  # type: ignore[arg-type]


def test_a_restricted_event_shows_to_those_on_the_list_and_to_admins() -> None:
    event = positioned(restricted=True, viewer_ids=frozenset({VIEWER}))
    assert event.is_visible_to(SYSTEM)
    assert event.is_visible_to(Caller(Role.READER, person_id=VIEWER))
    assert not event.is_visible_to(Caller(Role.REVIEWER, person_id=new_id()))
    assert not event.is_visible_to(Caller(Role.REVIEWER, service_account_id=new_id()))
    assert positioned().is_visible_to(Caller(Role.READER, person_id=new_id()))


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (EventFilter(), True),
        (EventFilter(frozenset({"boost.raised.v1"})), True),
        (EventFilter(frozenset({"boost.*"})), True),
        (EventFilter(frozenset({"boost.r*"})), False),
        (EventFilter(frozenset({"ticket.*", "boost.lifted.v1"})), False),
        (EventFilter(teams=frozenset({"payments"})), True),
        (EventFilter(teams=frozenset({"search"})), False),
        (EventFilter(services=frozenset({"checkout"})), True),
        (EventFilter(services=frozenset({"cart"})), False),
        (EventFilter(subject_id=new_id()), False),
    ],
)
def test_a_filter_takes_what_it_names(wanted: EventFilter, taken: bool) -> None:
    assert wanted.takes(positioned(team="payments", service="checkout")) is taken


def test_a_type_that_no_event_has_is_refused() -> None:
    assert require_types(["boost.*", "ticket.lost.v1"]) == {"boost.*", "ticket.lost.v1"}
    with pytest.raises(UnknownEventType, match="nothing"):
        require_types(["boost.*", "nothing.*"])


def test_what_is_done_has_a_name_for_as_long_as_it_lasts() -> None:
    before = current_deed()
    with doing(Deed("close_action_item", "person:1")):
        assert current_deed().action == "close_action_item"
    assert current_deed() == before


def test_an_endpoint_goes_on_from_where_it_was_switched_on() -> None:
    paused = endpoint().switch(False, 9, make.NOW)
    assert (paused.state, paused.position) == (EndpointState.PAUSED, 5)
    assert paused.failed(500, make.NOW, OutboundPolicy()) == paused
    assert paused.switch(True, 9, make.NOW).position == 9


def test_an_old_secret_never_lives_longer_for_being_rotated_again() -> None:
    day = timedelta(days=1)
    once = endpoint().rotate("b", make.NOW, day)
    twice = once.rotate("c", make.NOW + day / 2, day)
    assert [(one.sealed, one.valid_until) for one in twice.secrets] == [
        ("c", None), ("b", make.NOW + day * 1.5), ("a", make.NOW + day),
    ]  # fmt: skip
    assert [one.sealed for one in twice.live_secrets(make.NOW + day)] == ["c", "b"]


def sealed(count: int) -> list[AuditEntry]:
    entries, previous = [], Head().hash
    for position in range(1, count + 1):
        entry = AuditEntry(position, make.NOW, "system", "x", "team", "1", None, None, "{}")
        previous = entry.seal(position, previous)
        entries.append(replace(entry, position=position, hash=previous))
    return entries


def test_a_chain_of_batches_has_no_fault() -> None:
    chain, entries = Chain(Head(2, sealed(2)[1].hash or b"")), sealed(4)
    assert [*chain.check(entries[:3]), *chain.check(entries[3:]), *chain.end()] == []
    assert str(chain.head).startswith("4:")


def test_every_field_of_a_row_is_sealed() -> None:
    (entry,) = sealed(1)
    for name, value in {
        "id": 2, "at": make.NOW + timedelta(microseconds=1), "actor": "y", "action": "y", "object_kind": "y",
        "object_id": "2", "request_id": "r", "before": "{}", "after": None,
    }.items():  # fmt: skip
        (fault,) = Chain().check([replace(entry, **{name: value})])  # type: ignore[arg-type]
        assert fault.position == 1, name


def test_an_empty_log_is_cut_off_if_a_head_was_kept() -> None:
    assert [fault.position for fault in Chain(Head(7, b"")).end()] == [7]
    assert list(Chain().end()) == []
