"""The audit log over the whole application: every write leaves its trace, and only admins read it."""

from typing import Any

import httpx2
import orjson
import pytest
import sqlalchemy as sa

from app.adapters.db.audit import seal_audit_log
from app.domain.audit.model import AuditEntry, Chain
from app.domain.ports import Ports
from app.wiring import Opened
from tests.api.callers import Person, staff
from tests.api.graphql_world import data

WALKED = 34
"""So many different operations; the triggers under all of them are in tests/worker/test_audit.py."""


class Watched:
    """A client whose every successful write must be in the log: under its own name, its caller and its request."""

    def __init__(self, http: httpx2.AsyncClient, opened: Opened) -> None:
        self.http, self.opened = http, opened
        self.walked: dict[str, list[dict[str, Any]]] = {}

    async def rows(self, request_id: str) -> list[dict[str, Any]]:
        statement = sa.text("select * from audit_log where request_id = :id order by id")
        async with self.opened.engine.connect() as connection:
            return [dict(row) for row in (await connection.execute(statement, {"id": request_id})).mappings()]

    async def write(
        self, method: str, path: str, body: Any = None, *, by: Person | None = None, etag: int | None = None
    ) -> Any:
        headers = dict(by.headers) if by else {}
        headers |= {"If-Match": f'"{etag}"'} if etag else {}
        answer = await self.http.request(method, path, json=body, headers=headers)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        rows = await self.rows(answer.headers["x-request-id"])
        (name,) = {row["action"] for row in rows} or {f"nothing was recorded for {method} {path}"}
        assert len({row["actor"] for row in rows}) == 1
        assert rows[0]["actor"].startswith(("person:", "service_account:"))
        self.walked[name] = rows
        return answer.json() if answer.content else None


@pytest.fixture
async def watched(client: httpx2.AsyncClient, opened: Opened) -> Watched:
    return Watched(client, opened)


async def test_each_write_is_recorded_under_its_own_name(watched: Watched) -> None:
    write, admin = watched.write, Person(watched.http, watched.http.headers["authorization"])
    author, reviewer = await staff(admin, "author", "reviewer")
    await write("POST", "/v1/teams", {"slug": "payments", "name": "Payments"})
    await write("PATCH", "/v1/teams/payments", {"name": "Money"}, etag=1)
    await write("POST", "/v1/services", {"slug": "checkout", "name": "Checkout", "team": "payments"})
    await write("PATCH", "/v1/services/checkout", {"name": "Check-out"}, etag=1)
    person = await write("POST", "/v1/people", {"email": "o@example.org", "name": "O", "role": "responder"})
    await write("PATCH", f"/v1/people/{person['id']}", {"name": "Oh"}, etag=1)
    await write("POST", "/v1/service-accounts", {"slug": "ci", "name": "CI"})
    await write("PATCH", "/v1/service-accounts/ci", {"name": "Ci"}, etag=1)
    key = await write("POST", "/v1/api-keys", {"service_account": "ci"})
    await write("DELETE", f"/v1/api-keys/{key['id']}")
    await write("POST", "/v1/root-causes", {"slug": "no-timeout", "title": "No timeout"}, by=author)
    await write("POST", "/v1/root-causes", {"slug": "no-limit", "title": "No limit"}, by=author)
    await write("PATCH", "/v1/root-causes/no-limit", {"title": "No limits"}, by=author, etag=1)
    await write("POST", "/v1/root-causes/no-limit/merge", {"into": "no-timeout"}, by=reviewer)
    told = {"title": "Down", "severity": "P1", "services": ["checkout"], "started_at": "2026-01-01T00:00:00Z"}
    incident = await write("POST", "/v1/incidents", told, by=author)
    await write("PATCH", f"/v1/incidents/{incident['id']}", {"title": "Slow"}, by=author, etag=1)
    made = await write("POST", "/v1/postmortems", {"incident_id": incident["id"]}, by=author)
    path = f"/v1/postmortems/{made['id']}"
    await write("PATCH", path, {"whys": ["Because."]}, by=author, etag=made["version"])
    entry = {"occurred_at": "2026-01-01T00:01:00Z", "kind": "detection", "text": "seen"}
    await write("POST", f"{path}/timeline", entry, by=author)
    await write("POST", f"{path}/tier-override", {"tier": 2, "reason": "small"}, by=reviewer)
    item = await write(
        "POST",
        "/v1/action-items",
        {"postmortem_id": made["id"], "title": "Set it", "control_type": "prevent", "service": "checkout"},
        by=author,
    )
    one = f"/v1/action-items/{item['id']}"
    await write("PATCH", one, {"description": "x"}, by=author, etag=item["version"])
    await write("POST", f"{one}/accept", {"owner": "author@example.org", "due_on": "2027-01-01"}, by=author)
    await write("POST", f"{one}/start", {}, by=author)
    await write("POST", f"{one}/stop", {}, by=author)
    plan = {"checks": ["attested"], "window_days": 30}
    await write("PUT", f"{one}/verification-plan", plan, by=author)
    await write("POST", f"{one}/implement", {}, by=author)
    declined = {"code": "accepted_risk", "reason": "Rare.", "next_review_at": "2027-01-01T00:00:00Z"}
    refused = await watched.http.post(f"{one}/decline", json=declined | {"code": "no"}, headers=author.headers)
    assert refused.status_code == 422
    assert await watched.rows(refused.headers["x-request-id"]) == [], "what was refused changed nothing"
    boost = {"slo": "availability", "source": "me", "signal": "fast_burn", "reason": "It burns."}
    raised = await write("POST", "/v1/services/checkout/priority-boosts", boost, by=author)
    await write("DELETE", f"/v1/services/checkout/priority-boosts/{raised['id']}", by=author)
    hook = await write("POST", "/v1/webhook-endpoints", {"url": "https://93.184.216.34/"})
    at = f"/v1/webhook-endpoints/{hook['id']}"
    await write("PATCH", at, {"description": "lake"}, etag=1)
    rotated = await write("POST", f"{at}/rotate-secret")
    ping = await write("POST", f"{at}/ping")
    await write("POST", f"/v1/webhook-deliveries/{ping['id']}/redeliver")
    await write("DELETE", at)
    for name, rows in watched.walked.items():
        text = orjson.dumps([{**row, "hash": None} for row in rows], default=str).decode()
        for secret in (key["token"].split("_")[-1], hook["secret"], rotated["secret"]):
            assert secret not in text, f"{name} shows a secret"
    assert len(watched.walked) == WALKED
    assert {row["object_kind"] for rows in watched.walked.values() for row in rows} >= {
        "team", "service", "person", "service_account", "api_key", "root_cause", "incident", "postmortem",
        "timeline_entry", "action_item", "boost", "webhook_endpoint", "webhook_delivery",
    }  # fmt: skip


async def test_a_mutation_is_recorded_under_the_name_of_its_use_case(
    client: httpx2.AsyncClient, opened: Opened
) -> None:
    await data(client, 'mutation { createTeam(input: {slug: "payments", name: "Payments"}) { id } }')
    async with opened.engine.connect() as connection:
        statement = sa.text("select action, request_id from audit_log where object_kind = 'team'")
        ((action, request_id),) = (await connection.execute(statement)).all()
    assert action == "create_team"
    assert request_id


async def test_only_admins_read_it(client: httpx2.AsyncClient, opened: Opened) -> None:
    admin = Person(client, client.headers["authorization"])
    for who in await staff(admin, "reader", "owner", "reviewer"):
        for path in ("/v1/audit-log", "/v1/audit-log.jsonl"):
            await who.call("GET", path, expect=403)


async def test_it_can_be_narrowed_paged_and_exported(client: httpx2.AsyncClient, ports: Ports, opened: Opened) -> None:
    for name in "abc":
        await client.post("/v1/teams", json={"slug": f"team-{name}", "name": name})
    async with opened.engine.connect() as connection:
        await seal_audit_log(connection)
    page = (await client.get("/v1/audit-log?object_kind=team&limit=2")).json()
    assert [row["after"]["slug"] for row in page["items"]] == ["team-c", "team-b"]
    rest = (await client.get(f"/v1/audit-log?object_kind=team&limit=2&after={page['next_cursor']}")).json()
    assert [row["after"]["slug"] for row in rest["items"]] == ["team-a"]
    (row,) = (await client.get(f"/v1/audit-log?object_id={rest['items'][0]['object_id']}&action=create_team")).json()[
        "items"
    ]
    assert row == rest["items"][0]
    assert (await client.get("/v1/audit-log?actor=person:nobody")).json()["items"] == []
    for answer in (
        await client.get("/v1/audit-log.jsonl"),
        await client.get("/v1/audit-log", headers={"Accept": "application/jsonl"}),
    ):
        assert answer.headers["content-type"].startswith("application/jsonl")
        lines = [orjson.loads(line) for line in answer.text.splitlines()]
        assert [line["position"] for line in lines] == list(range(1, len(lines) + 1))
        assert lines[-1] == page["items"][0]


async def test_an_export_can_be_verified_elsewhere(client: httpx2.AsyncClient, opened: Opened) -> None:
    """Whoever has the database's rows and the hashes of an export needs nothing else of us."""
    await client.post("/v1/teams", json={"slug": "team-a", "name": "ü“\\"})
    async with opened.engine.connect() as connection:
        await seal_audit_log(connection)
        statement = sa.text(
            "select id, at, actor, action, object_kind, object_id, request_id, before::text as before,"
            " after::text as after, position, hash from audit_log order by position"
        )
        rows = [AuditEntry(**row) for row in (await connection.execute(statement)).mappings()]
    chain = Chain()
    assert list(chain.check(rows)) == []
    exported = (await client.get("/v1/audit-log.jsonl")).text.splitlines()[-1]
    assert orjson.loads(exported)["hash"] == chain.head.hash.hex()
