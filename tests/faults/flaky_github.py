"""A program for the fault runs: a GitHub with issues in memory that fails a quarter of the time and lists late.

python -m tests.faults.flaky_github SEED   prints its address; GET /truth is what it really holds
"""

import asyncio
import json
import random
import socket
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn

HANG = 60.0
LISTED_AFTER = 0.6
LATE = 0.5
"""Late and unlisted together stay below the settle time that the workers are given."""

FAULTS = {"before": 0.06, "applied_502": 0.06, "applied_hang": 0.06, "late": 0.04, "limited": 0.04}
Answer = tuple[int, Any, dict[str, str]]


@dataclass
class FlakyGitHub:
    """As an ASGI application. It has no idempotency: whoever asks twice gets two issues."""

    chance: random.Random
    issues: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    waiting: set[asyncio.Task[None]] = field(default_factory=set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await body_of(receive)
        if body is None:  # The worker was killed while it was asking.
            return
        parts = scope["path"].strip("/").split("/")
        if parts == ["truth"]:
            bodies = [issue["body"] for _, issue in self.issues]
            markers = [body[body.index("norepeat:") + 9 :][:36] for body in bodies]
            answer: Answer = 200, {"markers": markers, "faults": self.faults}, {}
        elif scope["method"] == "POST" and parts[0] == "repos":
            answer = await self._post("/".join(parts[1:3]), json.loads(body))
        else:
            answer = self._listed("/".join(parts[1:3]), parse_qs(scope["query_string"].decode()), scope)
        status, content, headers = answer
        given = {"content-type": "application/json", **headers}
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    async def _post(self, repository: str, asked: dict[str, Any]) -> Answer:
        fault = self._drawn()
        self.faults[fault] = self.faults.get(fault, 0) + 1
        if fault == "before":
            return 500, {"message": "nothing was done"}, {}
        if fault == "limited":
            return 429, {"message": "API rate limit exceeded"}, {"retry-after": self.chance.choice("01")}
        if fault == "late":
            task = asyncio.create_task(self._later(repository, asked))
            self.waiting.add(task)
            task.add_done_callback(self.waiting.discard)
            return 504, {"message": "it will be done"}, {}
        issue = self._made(repository, asked)
        if fault == "applied_hang":
            await asyncio.sleep(HANG)
        return (502 if fault == "applied_502" else 201), issue, {}

    def _drawn(self) -> str:
        kinds = list(FAULTS)
        (fault,) = self.chance.choices([*kinds, "none"], [*FAULTS.values(), 1 - sum(FAULTS.values())])
        return fault

    async def _later(self, repository: str, asked: dict[str, Any]) -> None:
        await asyncio.sleep(LATE)
        self._made(repository, asked)

    def _made(self, repository: str, asked: dict[str, Any]) -> dict[str, Any]:
        number, at = len(self.issues) + 1, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        issue = {
            "id": 10_000 + number, "number": number, "repository_url": f"https://api.test/repos/{repository}",
            "html_url": f"https://github.test/{repository}/issues/{number}", "state": "open", "state_reason": None,
            "title": asked["title"], "body": asked["body"], "labels": [{"name": n} for n in asked.get("labels", [])],
            "assignees": [{"login": n} for n in asked.get("assignees", [])], "created_at": at, "updated_at": at,
        }  # fmt: skip
        self.issues.append((time.monotonic(), issue))
        return issue

    def _listed(self, repository: str, query: dict[str, list[str]], scope: Any) -> Answer:
        since, size, page = query["since"][0], int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        before = time.monotonic() - LISTED_AFTER
        shown = [
            issue
            for made, issue in reversed(self.issues)
            if made <= before and issue["updated_at"] >= since and issue["repository_url"].endswith(f"/{repository}")
        ]
        headers = {}
        if len(shown) > size * page:
            host, port = scope["server"]
            address = f"http://{host}:{port}{scope['path']}?since={since}&state=all&per_page={size}&page={page + 1}"
            headers["link"] = f'<{address}>; rel="next"'
        return 200, shown[size * (page - 1) : size * page], headers


async def body_of(receive: Any) -> bytes | None:
    body = b""
    while True:
        message: dict[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def listen(app: Any) -> None:
    """Serve on a free port, which is printed."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False, timeout_keep_alive=60)
    uvicorn.Server(config).run(sockets=[listening])


def main() -> None:
    listen(FlakyGitHub(random.Random(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
