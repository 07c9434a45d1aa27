"""Subscriptions: many connections on one process, one change, and when the last of them has heard of it.

python -m bench.subscriptions [CONNECTIONS [ROUNDS]]

The server and the worker are processes of their own; all clients share this one. Each round changes an item over REST
and waits until every connection has heard of it: all with one key and the item with the event; each with a key of their
own and the event only; each with a key of their own and the item, which is then read for each of them.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from app.adapters.db.migrate import migrate
from app.adapters.postgres.server import EmbeddedPostgres

ROOT = Path(__file__).parents[1]
KEY = "nr_bench_0123456789abcdefghijABCDEFGHIJ0123456789"
WITH_ITEM = 'subscription { actionItems(team: ["payments"]) { event { position type }'
WITH_ITEM += " actionItem { id title status effectivePriority dueOn owner { name } service { slug } } } }"
EVENT_ONLY = 'subscription { actionItems(team: ["payments"]) { event { position type subjectId } } }'
AT_ONCE = 50
COMMAND = [sys.executable, "-m", "app.cli"]


@contextmanager
def process(environment: dict[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [*COMMAND, *arguments]
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        yield child
    finally:
        child.terminate()
        child.wait()


def resident(pid: int) -> float:
    """Kilobytes that the process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return float(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


class Client:
    """One connection with one subscription."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws

    @classmethod
    async def open(cls, port: int, token: str, query: str) -> "Client":
        ws = await connect(
            f"ws://127.0.0.1:{port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")], compression=None,
            ping_interval=None, open_timeout=60,
        )  # fmt: skip
        await ws.send(
            orjson.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}}).decode()
        )
        assert orjson.loads(await ws.recv())["type"] == "connection_ack"
        await ws.send(orjson.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}).decode())
        return cls(ws)

    async def heard_at(self) -> float:
        message = orjson.loads(await self.ws.recv())
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        return time.perf_counter()


async def world(http: httpx2.AsyncClient) -> str:
    """A team with a service and an item; the item's id."""

    async def post(path: str, body: dict[str, Any]) -> Any:
        answer = await http.post(path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    await post("/v1/teams", {"slug": "payments", "name": "Payments"})
    await post("/v1/services", {"slug": "checkout", "name": "Checkout", "team": "payments"})
    incident = await post(
        "/v1/incidents",
        {"title": "x", "severity": "P1", "services": ["checkout"], "started_at": "2026-01-01T00:00:00Z"},
    )
    postmortem = await post("/v1/postmortems", {"incident_id": incident["id"]})
    item = await post(
        "/v1/action-items",
        {"postmortem_id": postmortem["id"], "title": "Set a timeout", "control_type": "prevent", "service": "checkout"},
    )
    return str(item["id"])


async def readers(http: httpx2.AsyncClient, count: int) -> list[str]:
    """Keys of as many people."""
    tokens = []
    for number in range(count):
        email = f"reader{number}@example.org"
        await http.post("/v1/people", json={"email": email, "name": f"Reader {number}", "role": "reader"})
        tokens.append((await http.post("/v1/api-keys", json={"person": email})).json()["token"])
    return tokens


async def change(http: httpx2.AsyncClient, item: str, number: int) -> float:
    """Change the item; when the change was committed and answered."""
    version = (await http.get(f"/v1/action-items/{item}")).headers["etag"]
    answer = await http.patch(
        f"/v1/action-items/{item}", json={"description": f"change {number}"}, headers={"If-Match": version}
    )
    assert answer.status_code == 200, answer.text
    return time.perf_counter()


async def opened(port: int, tokens: list[str], query: str) -> list[Client]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(token: str) -> Client:
        async with room:
            return await Client.open(port, token, query)

    return list(await asyncio.gather(*map(one, tokens)))


async def measured(
    http: httpx2.AsyncClient, port: int, pid: int, item: str, tokens: list[str], query: str, rounds: int
) -> dict[str, float]:
    before = resident(pid)
    clients = await opened(port, tokens, query)
    await asyncio.sleep(2)
    held = (resident(pid) - before) / len(clients)
    lasts, medians = [], []
    for number in range(rounds + 1):
        hearing = [asyncio.create_task(client.heard_at()) for client in clients]
        await asyncio.sleep(0.2)
        written = await change(http, item, number)
        heard = sorted(await asyncio.gather(*hearing))
        if number:  # the first one warms up
            lasts.append((heard[-1] - written) * 1000)
            medians.append((heard[len(heard) // 2] - written) * 1000)
        await asyncio.sleep(0.5)
    after = (resident(pid) - before) / len(clients)
    await asyncio.gather(*(client.ws.close() for client in clients))
    await asyncio.sleep(1)
    return {
        "connections": len(clients),
        "last_ms_median": round(statistics.median(lasts)),
        "last_ms_worst": round(max(lasts)),
        "median_ms": round(statistics.median(medians)),
        "kb_each_idle": round(held),
        "kb_each_after": round(after),
    }


async def main(count: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        free.close()
        server = EmbeddedPostgres(Path(folder) / "data")
        dsn = server.start()
        environment = {
            **os.environ, "DATABASE_URL": dsn, "PORT": str(port), "NOREPEAT_ADMIN_KEY": KEY,
            "NOREPEAT_DATA_DIR": folder, "NOREPEAT_LOG_LEVEL": "error",
        }  # fmt: skip
        try:
            await migrate(dsn)
            subprocess.run(
                [*COMMAND, "migrate"], env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL
            )  # fmt: skip
            with process(environment, "serve") as api, process(environment, "worker"):
                await _rounds(port, api.pid, count, rounds)
        finally:
            server.stop()


async def _rounds(port: int, pid: int, count: int, rounds: int) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=60
    ) as http:
        for _ in range(200):
            try:
                await http.get("/health/ready")
                break
            except httpx2.ConnectError:
                await asyncio.sleep(0.1)
        item = await world(http)
        await http.post("/graphql", json={"query": "{ me { name } }"})
        people = await readers(http, count)
        print(json.dumps({"server_kb": resident(pid)}))
        for name, tokens, query in (
            ("one key, with the item", [KEY] * count, WITH_ITEM),
            ("a key each, event only", people, EVENT_ONLY),
            ("a key each, with the item", people, WITH_ITEM),
        ):
            found = await measured(http, port, pid, item, tokens, query, rounds)
            print(json.dumps({"case": name, **found}), flush=True)


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    asyncio.run(main(*(given + [1000, 5][len(given) :])))
