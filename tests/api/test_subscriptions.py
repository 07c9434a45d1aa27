"""Subscriptions over WebSockets and server-sent events: what happens, to whom may see it, from where they stopped."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import orjson
import pytest
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from app.adapters.db.events import stamp_positions
from app.api.graphql.subscriptions.outbox import WAITING, Outbox
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.incidents.model import Visibility
from app.domain.ports import Ports
from app.main import create_app
from app.settings import Settings
from app.wiring import Opened
from tests import make
from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY

WS = Subprotocol("graphql-transport-ws")
ITEMS = "subscription ($team: [String!], $after: String) { actionItems(team: $team, after: $after) {"
ITEMS += " event { position type } actionItem { title team { slug } } } }"
EVENTS = "subscription ($types: [String!], $after: String) { events(types: $types, after: $after) { position type } }"


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """The application on a port of its own, as `norepeat serve` runs it."""
    config = uvicorn.Config(
        app, port=0, log_config=None, lifespan="off", ws="websockets-sansio", ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with contextlib.suppress(AttributeError):
        server.capture_signals = contextlib.nullcontext  # type: ignore[assignment]
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def address(application: FastAPI, client: httpx2.AsyncClient) -> AsyncIterator[str]:
    async with serving(application) as one:
        yield one


class Talk:
    """A connection, and what comes on it."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws

    async def say(self, **message: Any) -> None:
        await self.ws.send(orjson.dumps(message).decode())

    async def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = orjson.loads(await asyncio.wait_for(self.ws.recv(), 10))
        return message

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        await self.say(type="subscribe", id=id, payload={"query": query, "variables": variables})

    async def next(self) -> Any:
        message = await self.hear()
        assert message["type"] == "next", message
        return message["payload"]["data"]

    async def closed(self) -> int | None:
        try:
            while True:
                await self.hear()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    async def settled(self) -> None:
        """What was said before has been acted upon."""
        await self.say(type="ping")
        assert (await self.hear())["type"] == "pong"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def talking(address: str, token: str = f"Bearer {ADMIN_KEY}") -> AsyncIterator[Talk]:
    async with connect(f"ws://{address}/graphql", subprotocols=[WS], compression=None) as ws:
        talk = Talk(ws)
        await talk.say(type="connection_init", payload={"Authorization": token})
        assert (await talk.hear())["type"] == "connection_ack"
        yield talk


class Scene:
    """Two teams with an item each."""

    def __init__(self, ports: Ports, opened: Opened) -> None:
        self.ports, self.opened = ports, opened
        self.ours, self.theirs = make.team("payments"), make.team("search")
        self.item = make.action_item(owner_id=None, team_id=self.ours.id, title="Ours")
        self.other = make.action_item(owner_id=None, team_id=self.theirs.id, title="Theirs")

    async def open(self) -> None:
        async with self.ports.uow() as u:
            for team in (self.ours, self.theirs):
                await u.teams.add(team)
            for item in (self.item, self.other):
                await u.action_items.add(item)
            await u.commit()

    async def happen(self, subject: Any, type: EventType = EventType.ACTION_ITEM_UPDATED, incident: Any = None) -> int:
        event = Event(type, subject, make.NOW, "system", incident, {"status": "open"})
        async with self.ports.uow() as u:
            await u.events.add(event)
            await u.commit()
        async with self.opened.engine.connect() as connection:
            await stamp_positions(connection)
        return await self.ports.feed.last()


@pytest.fixture
async def scene(ports: Ports, opened: Opened) -> Scene:
    scene = Scene(ports, opened)
    await scene.open()
    return scene


async def test_a_change_of_a_team_s_item_comes_with_the_item(address: str, scene: Scene) -> None:
    async with talking(address) as talk:
        await talk.subscribe(ITEMS, team=["payments"])
        await talk.settled()
        await scene.happen(scene.other.id)
        await scene.happen(scene.item.id, EventType.BOOST_RAISED)
        position = await scene.happen(scene.item.id)
        assert await talk.next() == {
            "actionItems": {
                "event": {"position": str(position), "type": "action_item.updated.v1"},
                "actionItem": {"title": "Ours", "team": {"slug": "payments"}},
            }
        }


async def test_a_subscription_goes_on_where_it_stopped_and_misses_nothing(address: str, scene: Scene) -> None:
    start = await scene.happen(scene.item.id)
    missed = [await scene.happen(scene.item.id) for _ in range(3)]
    async with talking(address) as talk:
        await talk.subscribe(EVENTS, after=str(start))
        assert [int((await talk.next())["events"]["position"]) for _ in missed] == missed
        await talk.settled()
        later = await scene.happen(scene.item.id)
        message = await talk.hear()
        assert message["payload"]["extensions"] == {"position": str(later)}


async def test_events_that_come_while_it_catches_up_come_once_and_in_order(address: str, scene: Scene) -> None:
    start = await scene.happen(scene.item.id)
    before = [await scene.happen(scene.item.id) for _ in range(30)]
    async with talking(address) as talk:
        await talk.subscribe(EVENTS, after=str(start))
        during = [await scene.happen(scene.item.id) for _ in range(30)]
        heard = [int((await talk.next())["events"]["position"]) for _ in range(60)]
    assert heard == before + during


async def test_types_can_be_named_by_their_beginning(address: str, scene: Scene) -> None:
    async with talking(address) as talk:
        await talk.subscribe(EVENTS, types=["boost.*"])
        await talk.settled()
        await scene.happen(scene.item.id)
        await scene.happen(new_id(), EventType.BOOST_LIFTED)
        assert (await talk.next())["events"]["type"] == "boost.lifted.v1"


async def test_a_stopped_subscription_is_silent_and_its_id_is_free_again(address: str, scene: Scene) -> None:
    async with talking(address) as talk:
        await talk.subscribe(EVENTS)
        await talk.settled()
        await talk.say(type="complete", id="1")
        await talk.settled()
        await scene.happen(scene.item.id)
        await talk.subscribe(EVENTS)
        await talk.settled()
        position = await scene.happen(scene.item.id)
        assert (await talk.next())["events"]["position"] == str(position)


async def test_nobody_is_told_what_they_may_not_see(
    address: str, scene: Scene, client: httpx2.AsyncClient, opened: Opened
) -> None:
    admin = Person(client, client.headers["authorization"])
    reader, viewer = await staff(admin, "reader", "witness")
    service = make.service()
    async with scene.ports.uow() as u:
        person = await u.people.find_by_email("witness@example.org")
        assert person is not None
        await u.services.add(service)
        hidden = make.incident(service, visibility=Visibility.RESTRICTED, viewer_ids=frozenset({person.id}))
        await u.incidents.add(hidden)
        await u.commit()
    async with (
        talking(address, reader.headers["Authorization"]) as outside,
        talking(address, viewer.headers["Authorization"]) as inside,
    ):
        for talk in (outside, inside):
            await talk.subscribe(EVENTS)
            await talk.settled()
        secret = await scene.happen(hidden.id, EventType.INCIDENT_UPDATED, hidden.id)
        open_to_all = await scene.happen(new_id(), EventType.BOOST_LIFTED)
        assert (await inside.next())["events"]["position"] == str(secret)
        assert (await outside.next())["events"]["position"] == str(open_to_all)
        async with opened.engine.begin() as connection:
            await connection.execute(sa.text("delete from incident_viewers"))
        await scene.happen(hidden.id, EventType.INCIDENT_UPDATED, hidden.id)
        last = await scene.happen(new_id(), EventType.BOOST_LIFTED)
        assert (await inside.next())["events"]["position"] == str(open_to_all)
        assert (await inside.next())["events"]["position"] == str(last), "taken off the list, told no more"
    async with talking(address, reader.headers["Authorization"]) as outside:
        await outside.subscribe(EVENTS, after=str(secret - 1))
        assert (await outside.next())["events"]["position"] == str(open_to_all), "nor afterwards"


async def test_an_item_shows_to_each_what_they_may_see_of_it(
    address: str, scene: Scene, client: httpx2.AsyncClient, opened: Opened
) -> None:
    """Readers are answered together, but not with the eyes of somebody who is on a list."""
    admin = Person(client, client.headers["authorization"])
    people = await staff(admin, "witness", "reader", "owner")
    service = make.service()
    async with scene.ports.uow() as u:
        person = await u.people.find_by_email("witness@example.org")
        assert person is not None
        await u.services.add(service)
        hidden = make.incident(service, visibility=Visibility.RESTRICTED, viewer_ids=frozenset({person.id}))
        await u.incidents.add(hidden)
        await u.commit()
    async with opened.engine.begin() as connection:
        change = sa.text("update action_items set refuted_by_id = :incident where id = :item")
        await connection.execute(change, {"incident": hidden.id, "item": scene.item.id})
    query = "subscription { actionItems { actionItem { title refutedBy { databaseId } } } }"
    async with contextlib.AsyncExitStack() as stack:
        talks = [await stack.enter_async_context(talking(address, one.headers["Authorization"])) for one in people]
        talks.append(await stack.enter_async_context(talking(address)))
        for talk in talks:
            await talk.subscribe(query)
            await talk.settled()
        await scene.happen(scene.item.id)
        shown = [(await talk.next())["actionItems"]["actionItem"]["refutedBy"] for talk in talks]
    named = {"databaseId": str(hidden.id)}
    assert shown == [named, None, None, named]


async def test_a_revoked_key_hears_nothing_more(address: str, scene: Scene, client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["authorization"])
    (reader,) = await staff(admin, "reader")
    async with talking(address, reader.headers["Authorization"]) as talk:
        await talk.subscribe(EVENTS)
        await talk.settled()
        key_id = reader.headers["Authorization"].split("_")[1]
        await admin.call("DELETE", f"/v1/api-keys/{key_id}", expect=204)
        await scene.ports.credentials.close()  # type: ignore[attr-defined]
        await scene.happen(scene.item.id)
        assert await talk.closed() == 4403


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription { nothing }", "invalid_request"),
        ("subscription {", "unreadable"),
        ("subscription { events(after: \"x\") { type } }", "invalid"),
        ("subscription { events(types: [\"nothing.v1\"]) { type } }", "unknown_event_type"),
        ("subscription { boosts(types: [\"action_item.*\"]) { event { type } } }", "invalid"),
        ("subscription { events { type } boosts { event { type } } }", "invalid_request"),
        ("{ me { name } }", "not_a_subscription"),
        (
            "subscription { actionItems { actionItem { service { team { services { team { services { team { services"
            " { team { services { team { slug } } } } } } } } } } } } }",
            "query_too_expensive",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_followed_is_refused_and_the_connection_stays(
    address: str, scene: Scene, query: str, code: str
) -> None:
    async with talking(address) as talk:
        await talk.subscribe(query)
        message = await talk.hear()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == code
        await talk.settled()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nonsense", 4400), ("[]", 4400), ('{"type":"dance"}', 4400), ('{"type":"subscribe","id":"1"}', 4400),
        ('{"type":"connection_init"}', 4429), ('{"type":"subscribe","id":"","payload":{"query":"x"}}', 4400),
    ],
)  # fmt: skip
async def test_who_does_not_keep_to_the_protocol_is_shown_out(address: str, said: str, code: int) -> None:
    async with talking(address) as talk:
        await talk.ws.send(said)
        assert await talk.closed() == code


async def test_an_id_that_is_taken_and_too_many_subscriptions_end_the_connection(address: str) -> None:
    async with talking(address) as talk:
        await talk.subscribe(EVENTS)
        await talk.subscribe(EVENTS)
        assert await talk.closed() == 4409
    async with talking(address) as talk:
        for number in range(51):
            await talk.subscribe(EVENTS, id=str(number))
        assert await talk.closed() == 4429


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "connection_init"}, 4401),
        ({"type": "connection_init", "payload": {"Authorization": "Bearer nr_no_key"}}, 4403),
        ({"type": "subscribe", "id": "1", "payload": {"query": EVENTS}}, 4401),
    ],
)
async def test_without_a_key_there_is_no_connection(address: str, first: dict[str, Any], code: int) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[WS], compression=None) as ws:
        talk = Talk(ws)
        await talk.say(**first)
        assert await talk.closed() == code


async def test_another_protocol_is_not_spoken(address: str) -> None:
    async with connect(f"ws://{address}/graphql", subprotocols=[Subprotocol("graphql-ws")]) as ws:
        assert await Talk(ws).closed() == 4406


async def test_connections_are_limited_in_number(client: httpx2.AsyncClient, ports: Ports, settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"subscriptions_max": 1}))
    app.state.ports = ports
    async with serving(app) as address:
        async with talking(address):
            async with connect(f"ws://{address}/graphql", subprotocols=[WS]) as ws:
                assert await Talk(ws).closed() == 1013
            async with httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False) as http:
                answer = await http.post("/graphql", json={"query": EVENTS}, headers=_stream())
                assert (answer.status_code, answer.json()["code"]) == (429, "too_many_subscriptions")
        async with talking(address):
            pass


def test_who_is_too_slow_is_cut_off_and_costs_no_more() -> None:
    outbox = Outbox()
    assert all(outbox.offer(b"x") for _ in range(WAITING))
    assert not outbox.offer(b"x")
    assert outbox.ended == "slow"
    assert not outbox.offer(b"x")


async def test_what_waits_is_sent_before_the_end() -> None:
    outbox = Outbox()
    outbox.offer(b"1")
    outbox.end("refused")
    outbox.end("slow")
    assert (await outbox.next(), await outbox.next(), outbox.ended) == (b"1", None, "refused")


async def test_who_catches_up_waits_for_room() -> None:
    outbox = Outbox()
    putting = asyncio.create_task(_put_many(outbox, WAITING * 3))
    heard = [await outbox.next() for _ in range(WAITING * 3)]
    await putting
    assert heard == [b"%d" % number for number in range(WAITING * 3)]
    assert outbox.ended is None


async def _put_many(outbox: Outbox, count: int) -> None:
    for number in range(count):
        await outbox.put(b"%d" % number)


# ── Server-sent events ───────────────────────────────────────────────────────────────────────────────────────────


def _stream(**more: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {ADMIN_KEY}", "Accept": "text/event-stream", **more}


async def test_a_browser_goes_on_by_the_last_event_it_saw(address: str, scene: Scene) -> None:
    start = await scene.happen(scene.item.id)
    missed = await scene.happen(scene.item.id)
    async with httpx2.AsyncClient(base_url=f"http://{address}", trust_env=False) as http:
        request = http.stream(
            "POST", "/graphql", json={"query": EVENTS}, headers=_stream(**{"Last-Event-ID": str(start)}), timeout=10
        )
        async with request as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.aiter_lines()
            assert [await anext(lines) for _ in range(5)][2:4] == ["event: next", f"id: {missed}"]
            later = await scene.happen(scene.item.id)
            seen = ""
            while f'"position":"{later}"' not in seen:
                seen = await anext(lines)
            assert seen.startswith("data: {")


@pytest.mark.parametrize(
    "query", ["{ me { name } }", 'subscription { events(after: "x") { type } }', "subscription { nothing }"]
)
async def test_a_stream_of_something_else_is_refused_before_it_begins(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.post("/graphql", json={"query": query}, headers=_stream())
    assert (answer.status_code, list(answer.json())) == (400, ["errors"])


async def test_a_subscription_without_a_stream_is_told_how_to_ask(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/graphql", json={"query": EVENTS})
    assert answer.json()["errors"][0]["extensions"]["code"] == "subscription_needs_stream"
