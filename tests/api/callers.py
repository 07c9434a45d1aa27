"""People who call the API in tests; the expected status is an argument, so a test reads like a specification."""

from typing import Any

import httpx2

ROLES = {
    "author": "responder",
    "owner": "responder",
    "witness": "responder",
    "reviewer": "reviewer",
    "reader": "reader",
}


class Person:
    """Somebody with a key."""

    def __init__(self, http: httpx2.AsyncClient, authorization: str) -> None:
        self.http = http
        self.headers = {"Authorization": authorization}

    async def call(self, method: str, path: str, body: Any = None, *, expect: int, etag: str | None = None) -> Any:
        headers = self.headers | ({"If-Match": etag} if etag else {})
        response = await self.http.request(method, path, json=body, headers=headers)
        assert response.status_code == expect, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def get(self, path: str) -> Any:
        return await self.call("GET", path, expect=200)

    async def post(self, path: str, body: Any = None, *, expect: int = 200) -> Any:
        return await self.call("POST", path, body, expect=expect)

    async def patch(self, path: str, body: Any, *, expect: int = 200) -> Any:
        version = (await self.get(path))["version"]
        return await self.call("PATCH", path, body, expect=expect, etag=f'"{version}"')


async def staff(admin: Person, *names: str) -> list[Person]:
    """People with these names, each with the role that the name says and a key."""
    people = []
    for name in names:
        email = f"{name}@example.org"
        person = {"email": email, "name": name.title(), "role": ROLES[name], "handles": {"github": name}}
        await admin.post("/v1/people", person, expect=201)
        key = await admin.post("/v1/api-keys", {"person": email}, expect=201)
        people.append(Person(admin.http, f"Bearer {key['token']}"))
    return people
