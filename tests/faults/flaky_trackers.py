"""A program for the fault runs: a Jira and a Linear, with their official contracts, that fail a quarter of the time.

python -m tests.faults.flaky_trackers SEED   prints its address; GET /truth is what they really hold
"""

import asyncio
import json
import random
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.contract.jira_simulator import BASE_URL, JiraSimulator
from tests.contract.linear_schema import linear_schema
from tests.contract.linear_simulator import LinearSimulator
from tests.faults.flaky_github import FAULTS, HANG, LATE, LISTED_AFTER, Answer, body_of, listen

LABEL = re.compile(r"norepeat-([0-9a-f-]{36})")


class LaggingJira(JiraSimulator):
    """Whose search does not know what was created a moment ago."""

    def _matches(self, issue: Mapping[str, Any], jql: str) -> bool:
        return time.monotonic() - issue["born"] >= LISTED_AFTER and super()._matches(issue, jql)

    def add(self, project: str = "SHOP", **fields: Any) -> dict[str, Any]:
        issue = super().add(project, **fields)
        issue["born"] = time.monotonic()
        return issue


@dataclass
class FlakyTrackers:
    """As an ASGI application. Jira has no idempotency; to Linear the marker is the id, which it takes once."""

    chance: random.Random
    jira: LaggingJira = field(default_factory=LaggingJira)
    linear: LinearSimulator = field(default_factory=LinearSimulator)
    faults: dict[str, int] = field(default_factory=dict)
    waiting: set[asyncio.Task[httpx2.Response]] = field(default_factory=set)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await body_of(receive)
        if body is None:  # The worker was killed while it was asking.
            return
        status, content, headers = self._truth() if scope["path"] == "/truth" else await self._answer(scope, body)
        given = {"content-type": "application/json", **headers}
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content if isinstance(content, bytes) else b""})

    def _truth(self) -> Answer:
        found = [LABEL.search(" ".join(issue["fields"]["labels"])) for issue in self.jira.issues.values()]
        markers = [one[1] for one in found if one] + list(self.linear.kept)
        return 200, json.dumps({"markers": markers, "faults": self.faults}).encode(), {}

    async def _answer(self, scope: Any, body: bytes) -> Answer:
        linear = scope["path"] == "/graphql"
        if not (
            b"issueCreate" in body if linear else (scope["method"], scope["path"]) == ("POST", "/rest/api/3/issue")
        ):
            return _plain(await self._carried_out(scope, body))
        kinds = list(FAULTS)
        (fault,) = self.chance.choices([*kinds, "none"], [*FAULTS.values(), 1 - sum(FAULTS.values())])
        self.faults[fault] = self.faults.get(fault, 0) + 1
        if fault == "before":
            return 500, b"", {}
        if fault == "limited":
            problem = {"errors": [{"message": "slow down", "extensions": {"code": "RATELIMITED"}}]}
            return 400 if linear else 429, json.dumps(problem).encode(), {"retry-after": self.chance.choice("01")}
        if fault == "late":
            task = asyncio.create_task(self._later(scope, body))
            self.waiting.add(task)
            task.add_done_callback(self.waiting.discard)
            return 504, b"", {}
        answer = await self._carried_out(scope, body)
        if fault == "applied_hang":
            await asyncio.sleep(HANG)
        return (502, b"", {}) if fault == "applied_502" else _plain(answer)

    async def _later(self, scope: Any, body: bytes) -> httpx2.Response:
        await asyncio.sleep(LATE)
        return await self._carried_out(scope, body)

    async def _carried_out(self, scope: Any, body: bytes) -> httpx2.Response:
        """By the simulators, under the addresses that the contracts know."""
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name != b"host"]
        linear = scope["path"] == "/graphql"
        base = "https://api.linear.app" if linear else BASE_URL
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        request = httpx2.Request(scope["method"], f"{base}{scope['path']}{query}", headers=headers, content=body)
        return await (self.linear if linear else self.jira)(request)


def _plain(answer: httpx2.Response) -> Answer:
    return answer.status_code, answer.content, {}


def main() -> None:
    linear_schema()  # Building it takes a second or two, which no request should wait for.
    listen(FlakyTrackers(random.Random(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
