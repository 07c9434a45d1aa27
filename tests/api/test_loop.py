"""The whole loop through HTTP only: incident → postmortem → action item → ticket → evidence → closed → reopened."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from app.main import create_app
from app.settings import Settings
from app.wiring import open_ports
from app.worker import work
from tests.api.callers import Person, staff
from tests.contract.github_simulator import GitHubSimulator

TODAY = datetime.now(UTC)
LINK = "https://status.example.org/drill/7"


def ago(**delta: float) -> str:
    return (TODAY - timedelta(**delta)).isoformat()


def day(offset: int) -> str:
    return (TODAY + timedelta(days=offset)).date().isoformat()


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Wait for what the worker does by itself."""
    async with asyncio.timeout(seconds):
        while not (found := await check()):
            await asyncio.sleep(0.05)
    return found


@pytest.fixture
def github() -> GitHubSimulator:
    return GitHubSimulator()


@pytest.fixture
async def admin(settings: Settings, client: httpx2.AsyncClient, github: GitHubSimulator) -> AsyncIterator[Person]:
    """API and worker over a GitHub that validates every request against the official contract."""
    ours = settings.model_copy(update={"github_token": SecretStr("t0ken")})
    async with open_ports(ours, transport=github.transport()) as opened:
        app = create_app(ours)
        app.state.ports = opened.ports
        stop = asyncio.Event()
        worker = asyncio.create_task(work(opened.ports, opened.engine, opened.dsn, stop=stop, sweep_every=0.5))
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test") as http:
            yield Person(http, client.headers["authorization"])
        stop.set()
        await worker


async def incident(by: Person, title: str, service: str, *, started: str, cause: str | None = None, **more: Any) -> Any:
    confirmed = {"root_cause": cause, "root_cause_status": "confirmed"} if cause else {}
    body = {"title": title, "severity": "P1", "services": [service], "started_at": started, **confirmed, **more}
    return await by.post("/v1/incidents", body, expect=201)


async def test_the_loop(admin: Person, github: GitHubSimulator) -> None:
    author, reviewer, owner = await staff(admin, "author", "reviewer", "owner")
    route = {"provider": "github", "project": "acme/checkout", "labels": ["reliability"]}
    await admin.post("/v1/teams", {"slug": "payments", "name": "Payments"}, expect=201)
    await admin.post(
        "/v1/services", {"slug": "checkout", "name": "Checkout", "team": "payments", "route": route}, expect=201
    )
    await admin.post("/v1/services", {"slug": "search", "name": "Search", "team": "payments"}, expect=201)
    await author.post(
        "/v1/root-causes",
        {"slug": "no-timeout", "title": "No timeout to the bank", "factor_code": "timeout-misconfiguration"},
        expect=201,
    )

    # An incident happens, and resolves: a postmortem is required of it.
    broken = await incident(
        author, "Checkout hangs", "checkout", started=ago(days=60), cause="no-timeout",
        detected_at=ago(days=60, minutes=-5), customer_impact="significant",
    )  # fmt: skip
    await author.patch(f"/v1/incidents/{broken['id']}", {"resolved_at": ago(days=60, hours=-2)})

    async def required() -> Any:
        page = await author.get("/v1/postmortems?status=required")
        return page["items"]

    (postmortem,) = await until(required)
    assert postmortem["tier"] == 1
    path = f"/v1/postmortems/{postmortem['id']}"

    # Nobody publishes what is not ready.
    refused = await author.post(f"{path}/publish", {}, expect=409)
    missing = {error["code"] for error in refused["errors"]}
    assert {"section_missing", "whys_missing", "phase_missing", "action_items_missing", "not_signed"} <= missing

    # The author writes, and proposes two action items.
    await author.patch(
        path,
        {
            "sections": {"summary": {"text": "Checkout hung for two hours."}, "impact": {"text": "No orders."}},
            "whys": ["Requests hung.", "The bank hung.", "There was no timeout.", "No default.", "No scaffold."],
            "factors": [
                {"code": "timeout-misconfiguration", "sub_code": "not_configured", "why": "none was set"},
                {"code": "missing-alerting", "why": "customers told us"},
            ],
            "review": {"held_on": day(-50), "forum": "leadership"},
        },
    )
    for minutes, kind in enumerate(("detection", "response", "mitigation", "resolution")):
        entry = {"occurred_at": ago(days=60, minutes=-10 * (minutes + 1)), "kind": kind, "text": f"{kind} happened"}
        await author.call("POST", f"{path}/timeline", entry, expect=201)
    fix = await author.post(
        "/v1/action-items",
        {"postmortem_id": postmortem["id"], "title": "Set a timeout to the bank", "control_type": "prevent"},
        expect=201,
    )
    scaffold = await author.post(
        "/v1/action-items",
        {
            "postmortem_id": postmortem["id"], "title": "Put timeouts into the scaffold", "control_type": "process",
            "systemic": True,
        },
        expect=201,
    )  # fmt: skip
    for item in (fix, scaffold):
        await author.post(f"/v1/action-items/{item['id']}/accept", {}, expect=422)
        accepted = await author.post(
            f"/v1/action-items/{item['id']}/accept", {"owner": "owner@example.org", "due_on": day(30)}
        )
        assert (accepted["status"], accepted["committed_due_on"]) == ("open", day(30))

    # Each becomes a real ticket in GitHub.
    async def ticket() -> Any:
        found = await author.get(f"/v1/action-items/{fix['id']}")
        other = await author.get(f"/v1/action-items/{scaffold['id']}")
        synced = all(i["ticket"]["sync_state"] == "synced" for i in (found, other))
        return found["ticket"] if synced else None

    synced = await until(ticket)
    assert synced["url"].startswith("https://github.com/acme/checkout/issues/")
    issue = github.issues[synced["key"]]
    assert issue["title"] == "Set a timeout to the bank"
    assert f"/action-items/{fix['id']}" in issue["body"]
    assert len(github.issues) == 2

    # Signed by a reviewer, not by the author; published.
    ready = await author.get(f"{path}/readiness")
    assert {problem["code"] for problem in ready["missing"]} == {"whys_not_confirmed", "not_signed"}
    signature = {"content_hash": ready["content_hash"], "confirm_whys": True}
    await author.post(f"{path}/submit")
    refused = await author.post(f"{path}/sign-offs", signature, expect=403)
    assert refused["code"] == "own_work"
    await reviewer.post(f"{path}/sign-offs", signature, expect=201)
    assert (await author.post(f"{path}/publish", {}))["status"] == "published"

    # Closing the issue makes the item implemented, never closed.
    headers, body = github.close(synced["key"])
    answer = await admin.http.post("/v1/inbound/github", content=body, headers=headers)
    assert answer.status_code == 202, answer.text
    answer = await admin.http.post("/v1/inbound/github", content=body + b" ", headers=headers)
    assert answer.status_code == 401

    async def implemented() -> Any:
        found = await author.get(f"/v1/action-items/{fix['id']}")
        return found if found["status"] == "implemented" else None

    assert (await until(implemented))["closed_at"] is None
    await author.patch(f"/v1/action-items/{fix['id']}", {"deployed_at": ago(days=40)})

    # Words are no evidence.
    evidence = f"/v1/action-items/{fix['id']}/evidence"
    refused = await author.post(evidence, {"statement": "We added the circuit breaker."}, expect=422)
    assert refused["code"] == "not_evidence"
    seen = {
        "statement": "The bank hung twice; checkout answered within a second.", "observation": "prevented_incident",
        "window_start": ago(days=38), "window_end": ago(days=8), "link": LINK,
    }  # fmt: skip
    assert (await owner.post(evidence, seen, expect=403))["code"] == "own_work"
    check = await author.post(evidence, seen, expect=201)
    assert (await author.post(f"{evidence}/{check['id']}/review", {"accept": True}, expect=403))["code"] == "forbidden"
    await reviewer.post(f"{evidence}/{check['id']}/review", {"accept": True})
    closed = await author.get(f"/v1/action-items/{fix['id']}")
    assert (closed["status"], closed["evidence"][0]["verdict"]) == ("closed", "passed")

    # It strikes another service: nothing is refuted. It strikes this one again: the fix does not work.
    await incident(author, "Search hangs", "search", started=ago(days=4), cause="no-timeout")
    await incident(author, "Checkout slow", "checkout", started=ago(days=3))
    again = await incident(author, "Checkout hangs again", "checkout", started=ago(days=2), cause="no-timeout")

    async def reopened() -> Any:
        found = await author.get(f"/v1/action-items/{fix['id']}")
        return found if found["status"] == "open" else None

    found = await until(reopened)
    assert found["refuted_by_id"] == again["id"]
    assert found["evidence"][0]["refuted_by_id"] == again["id"]

    async def feed() -> Any:
        items = (await author.get("/v1/sprint-planning?service=checkout"))["items"]
        mine = next(item for item in items if item["id"] == fix["id"])
        return mine if mine["risk"] and mine["risk_detail"]["n"] == 1 else None

    reasons = (await until(feed))["risk_detail"]["reasons"]
    assert reasons[0]["text"] == "recurred 1 time in 12 months, last on checkout 2 days ago"

    async def commented() -> Any:
        texts = [comment["body"] for comment in github.comments[synced["key"]]]
        return texts if any("came back" in text for text in texts) else None

    assert sum("evidence shows" in text for text in await until(commented)) == 1

    # The cause is corrected: the fix worked after all.
    await author.patch(f"/v1/incidents/{again['id']}", {"root_cause": None})

    async def closed_again() -> Any:
        found = await author.get(f"/v1/action-items/{fix['id']}")
        return found["status"] == "closed" and found["evidence"][0]["refuted_by_id"] is None

    await until(closed_again)
