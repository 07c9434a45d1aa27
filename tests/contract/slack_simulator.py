"""Slack's Web API in memory: requests are judged by the parameter names of the official file, answers are shaped like
its examples."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from app.adapters.chat.slack_client import SlackClient
from tests.contract.faults import Fault, Faults
from tests.contract.openapi_contract import BrokenContract, contract_file

URL = "https://slack.example.org/api"
TOKEN = "xoxb-1-2-tests"
SINCE_2021 = {"include_all_metadata", "metadata"}
"""Parameters that are documented today and missing in the file, which was frozen in 2021."""
CHANNEL = "C012AB3CD"


def example(method: str) -> dict[str, Any]:
    """The official example of what a method answers."""
    operations = json.loads(contract_file("slack-web.swagger.json").read_text())["paths"][f"/{method}"]
    (operation,) = operations.values()
    found: dict[str, Any] = operation["responses"]["200"]["examples"]["application/json"]
    return found


def message(ts: str, text: str = "", user: str = "U061F7AUR", **fields: Any) -> dict[str, Any]:
    return {"type": "message", "ts": ts, "text": text, "user": user, **fields}


@dataclass
class SlackSimulator:
    """`messages` by channel in any order, `replies` by the ts of their parent. `errors` says what a method refuses."""

    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    replies: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    channels: list[dict[str, Any]] = field(default_factory=lambda: [{"id": CHANNEL, "name": "general"}])
    users: dict[str, str] = field(default_factory=lambda: {"U061F7AUR": "grace"})
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    scopes: str = "channels:history,channels:read,chat:write,users:read"
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._paths = json.loads(contract_file("slack-web.swagger.json").read_text())["paths"]

    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self)

    def client(self, http: httpx2.AsyncClient, **options: Any) -> SlackClient:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        return SlackClient(http, TOKEN, URL, sleep=sleep, **options)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        method = request.url.path.rpartition("/")[2]
        given = json.loads(request.content) if request.content else dict(request.url.params)
        self._judge(method, request, given)
        self.requests.append((method, given))

        async def answer() -> httpx2.Response:
            refused = self.errors.get(method)
            said = {"ok": False, **refused} if refused else {"ok": True, **self._answer(method, given)}
            return httpx2.Response(200, json=said, headers={"x-oauth-scopes": self.scopes})

        return await self.faults.around(request, method, answer, _problem)

    def _judge(self, method: str, request: httpx2.Request, given: Mapping[str, Any]) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            raise BrokenContract(f"{method} without the token.")
        (operation,) = self._paths[f"/{method}"].values()
        named = {one["name"] for one in operation["parameters"]}
        needed = {one["name"] for one in operation["parameters"] if one.get("required")} - {"token"}
        if unknown := set(given) - named - SINCE_2021:
            raise BrokenContract(f"{method} knows no {sorted(unknown)}.")
        if missing := needed - set(given):
            raise BrokenContract(f"{method} needs {sorted(missing)}.")

    def _answer(self, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        match method:
            case "auth.test":
                return example(method)
            case "conversations.list":
                return _page(self.channels, given, "channels")
            case "conversations.info":
                known = next(one for one in self.channels if one["id"] == given["channel"])
                return {"channel": {**example(method)["channel"], **known}}
            case "users.info":
                if given["user"] not in self.users:
                    return {"ok": False, "error": "user_not_found"}
                user = example(method)["user"]
                return {"user": {**user, "profile": {**user["profile"], "display_name": self.users[given["user"]]}}}
            case "conversations.history":
                shown = [one for one in self.messages.get(given["channel"], []) if _between(one, given)]
                hide = "include_all_metadata" not in given
                told = [{k: v for k, v in one.items() if not (hide and k == "metadata")} for one in shown]
                return _page(sorted(told, key=lambda one: one["ts"], reverse=True), given, "messages")
            case "conversations.replies":
                return self._replies(given)
            case "chat.postMessage":
                return self._post(given)
        raise BrokenContract(f"Nobody asked for {method} before.")

    def _replies(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The parent is repeated on each page, as Slack does."""
        parent = next(one for one in self.messages[given["channel"]] if one["ts"] == given["ts"])
        page = _page([one for one in self.replies[given["ts"]] if _between(one, given)], given, "messages")
        return {**page, "messages": [parent, *page["messages"]]}

    def _post(self, given: Mapping[str, Any]) -> dict[str, Any]:
        here = self.messages.setdefault(given["channel"], [])
        ts = f"{1781524800 + len(here)}.000200"
        here.append({"type": "message", "bot_id": "B19LU7CSY", "ts": ts, **given})
        return {**example("chat.postMessage"), "channel": given["channel"], "ts": ts}


def _page(found: list[dict[str, Any]], given: Mapping[str, Any], name: str) -> dict[str, Any]:
    start, limit = int(given.get("cursor", 0)), int(given["limit"])
    more = start + limit < len(found)
    metadata = {"next_cursor": str(start + limit) if more else ""}
    return {name: found[start : start + limit], "has_more": more, "response_metadata": metadata}


def _between(one: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    return float(given.get("oldest", 0)) <= float(one["ts"]) <= float(given.get("latest", 1 << 40))


def _problem(status: int, text: str, headers: Mapping[str, str]) -> httpx2.Response:
    return httpx2.Response(status, json={"ok": False, "error": text}, headers=headers)


__all__ = ["CHANNEL", "Fault", "SlackSimulator", "example", "message"]
