"""The feed of events: by position, complete, and only what the caller may see."""

import asyncio
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from app.adapters.db.events import stamp_positions
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.ports import Ports
from app.wiring import Opened
from tests import make
from tests.api.callers import Person, staff


async def stamp(opened: Opened) -> None:
    async with opened.engine.connect() as connection:
        await stamp_positions(connection)


async def happen(ports: Ports, *types: EventType, incident_id: Any = None) -> list[Event]:
    events = [Event(type, new_id(), make.NOW, "system", incident_id, {"n": n}) for n, type in enumerate(types)]
    async with ports.uow() as u:
        await u.events.add_many(events)
        await u.commit()
    return events


async def feed(client: httpx2.AsyncClient, **params: Any) -> dict[str, Any]:
    answer = await client.get("/v1/events", params={"after": 0, **params})
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


async def test_events_come_in_their_order_as_cloud_events(
    client: httpx2.AsyncClient, ports: Ports, opened: Opened
) -> None:
    first, second = await happen(ports, EventType.BOOST_RAISED, EventType.ACTION_ITEM_CLOSED)
    await stamp(opened)
    page = await feed(client)
    assert [one["id"] for one in page["items"]] == [str(first.id), str(second.id)]
    one = page["items"][1]
    assert (one["specversion"], one["type"], one["subject"], one["sequence"]) == (
        "1.0", "action_item.closed.v1", str(second.subject_id), page["next_cursor"],
    )  # fmt: skip
    assert one["data"] == {"subject_id": str(second.subject_id), "actor": "system", "change": {"n": 1}}
    assert (await feed(client, after=page["next_cursor"])) == {"items": [], "next_cursor": page["next_cursor"]}


async def test_pages_and_filters_go_on_where_they_stopped(
    client: httpx2.AsyncClient, ports: Ports, opened: Opened
) -> None:
    await happen(ports, *[EventType.BOOST_RAISED, EventType.ACTION_ITEM_CLOSED] * 5)
    await stamp(opened)
    seen, after = [], "0"
    for _ in range(3):
        page = await feed(client, after=after, type="boost.*", limit=2)
        seen += [one["data"]["change"]["n"] for one in page["items"]]
        after = page["next_cursor"]
    assert seen == [0, 2, 4, 6, 8]
    assert after == (await feed(client))["next_cursor"], "what was left out is behind it too"
    (only,) = (await feed(client, type="boost.raised.v1", limit=1))["items"]
    assert (await feed(client, subject=only["subject"]))["items"] == [only]
    assert (await feed(client, type="action_item.closed.v1,boost.lifted.v1", limit=200))["items"][0]["data"]["change"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"type": "nothing.v1"}, "unknown_event_type"), ({"after": -1}, "invalid_request"),
        ({"after": 2**63}, "invalid_request"), ({"wait": 31}, "invalid_request"), ({"after": "x"}, "invalid_request"),
    ],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_refused(
    client: httpx2.AsyncClient, params: dict[str, Any], code: str
) -> None:
    answer = await client.get("/v1/events", params=params)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_without_a_position_it_begins_at_the_end(
    client: httpx2.AsyncClient, ports: Ports, opened: Opened
) -> None:
    await happen(ports, EventType.BOOST_RAISED)
    await stamp(opened)
    page = (await client.get("/v1/events")).json()
    assert page == {"items": [], "next_cursor": (await feed(client))["next_cursor"]}


async def test_a_writer_that_commits_late_is_not_missed(
    client: httpx2.AsyncClient, ports: Ports, opened: Opened
) -> None:
    """Its event has the lowest id and the earliest time, and becomes visible last."""
    early = Event(EventType.BOOST_RAISED, new_id(), make.NOW, "system", data={"n": "early"})
    seen: list[Any] = []
    after = "0"
    async with ports.uow() as held_open:
        await held_open.events.add(early)
        for _ in range(3):
            await happen(ports, EventType.BOOST_LIFTED)
            await stamp(opened)
            page = await feed(client, after=after)
            after = page["next_cursor"]
            seen += [one["id"] for one in page["items"]]
        assert len(seen) == 3
        await held_open.commit()
    await stamp(opened)
    page = await feed(client, after=after)
    assert [one["id"] for one in page["items"]] == [str(early.id)]


async def test_who_waits_is_told_as_soon_as_there_is_something(
    client: httpx2.AsyncClient, ports: Ports, opened: Opened
) -> None:
    start = (await feed(client))["next_cursor"]
    waiting = asyncio.create_task(feed(client, after=start, wait=20, type="boost.*"))
    await asyncio.sleep(0.05)
    for type in (EventType.ACTION_ITEM_CLOSED, EventType.BOOST_RAISED):
        await happen(ports, type)
        await stamp(opened)
    page = await asyncio.wait_for(waiting, 10)
    assert [one["type"] for one in page["items"]] == ["boost.raised.v1"]
    assert (await feed(client, after=page["next_cursor"], wait=1))["items"] == []


async def test_nobody_hears_of_what_they_may_not_see(client: httpx2.AsyncClient, ports: Ports, opened: Opened) -> None:
    admin = Person(client, client.headers["authorization"])
    reader, viewer = await staff(admin, "reader", "witness")
    service = make.service()
    async with ports.uow() as u:
        person = await u.people.find_by_email("witness@example.org")
        assert person is not None
        await u.services.add(service)
        hidden = make.incident(service, visibility=Visibility.RESTRICTED, viewer_ids=frozenset({person.id}))
        await u.incidents.add(hidden)
        await u.commit()
    await happen(ports, EventType.POSTMORTEM_UPDATED, incident_id=hidden.id)
    await happen(ports, EventType.BOOST_RAISED)
    await stamp(opened)

    async def types(who: Person) -> list[str]:
        return [one["type"] for one in (await who.get("/v1/events?after=0"))["items"]]

    assert await types(admin) == await types(viewer) == ["postmortem.updated.v1", "boost.raised.v1"]
    assert await types(reader) == ["boost.raised.v1"]
    async with opened.engine.begin() as connection:
        await connection.execute(sa.text("update incidents set restricted = false"))
    assert len(await types(reader)) == 2
