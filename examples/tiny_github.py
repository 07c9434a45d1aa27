"""A GitHub with issues in memory, as far as norepeat needs one: for demonstrations where no real one may be touched.

python -m examples.tiny_github   prints its address; GET /issues is what it holds, with when each was changed
"""

import json
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn

PATH = re.compile(r"/repos/([^/]+/[^/]+)/issues(?:/(\d+)(/comments)?)?")
CHANGEABLE = ("title", "body", "state", "state_reason")


@dataclass
class TinyGitHub:
    """As an ASGI application."""

    issues: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    comments: dict[tuple[str, int], list[dict[str, Any]]] = field(default_factory=dict)
    changed_at: dict[int, float] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(receive)
        status, content = self._answer(scope["method"], scope["path"], json.loads(body) if body else {})
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(content).encode()})

    def _answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if path == "/issues":
            return 200, [{**issue, "changed_at": self.changed_at[issue["id"]]} for issue in self.issues.values()]
        found = PATH.fullmatch(path)
        if found is None:
            return 404, {"message": "Not Found"}
        repository, number, comments = found.groups()
        if number is None:
            return (201, self._created(repository, body)) if method == "POST" else (200, self._listed(repository))
        key = repository, int(number)
        if key not in self.issues:
            return 404, {"message": "Not Found"}
        if comments:
            return (201, self._commented(key, body)) if method == "POST" else (200, self.comments[key])
        return 200, self._changed(key, body) if method == "PATCH" else self.issues[key]

    def _listed(self, repository: str) -> list[dict[str, Any]]:
        return [issue for (where, _), issue in self.issues.items() if where == repository]

    def _created(self, repository: str, body: dict[str, Any]) -> dict[str, Any]:
        number = 1 + len(self._listed(repository))
        key = repository, number
        self.issues[key] = {
            "id": 1000 + len(self.issues), "number": number, "state": "open", "state_reason": None,
            "created_at": _now(),
            "repository_url": f"https://api.github.example/repos/{repository}", "assignees": [],
            "html_url": f"https://github.example/{repository}/issues/{number}",
        }  # fmt: skip
        self.comments[key] = []
        return self._changed(key, body)

    def _changed(self, key: tuple[str, int], body: dict[str, Any]) -> dict[str, Any]:
        issue = self.issues[key]
        issue |= {name: body[name] for name in CHANGEABLE if name in body}
        if "labels" in body:
            issue["labels"] = [{"name": name} for name in body["labels"]]
        if "assignees" in body:
            issue["assignees"] = [{"login": name} for name in body["assignees"]]
        issue["updated_at"] = _now()
        self.changed_at[issue["id"]] = time.time()
        return issue

    def _commented(self, key: tuple[str, int], body: dict[str, Any]) -> dict[str, Any]:
        comment = {"id": len(self.comments[key]) + 1, "body": body["body"], "created_at": _now()}
        self.comments[key].append(comment)
        return comment


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def _body(receive: Any) -> bytes:
    body = b""
    while True:
        message: dict[str, Any] = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def main() -> None:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(TinyGitHub(), log_level="error", lifespan="off", access_log=False)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
