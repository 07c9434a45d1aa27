"""The error budget governs a ticket's priority, and monitoring proves a fix: on a real Prometheus and Alertmanager.

python -m examples.demo_slo   starts everything it needs in a folder that it removes, and says what it sees
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from examples.monitoring_servers import (
    ALERTMANAGER,
    MISSING,
    MISSING_ALERTMANAGER,
    PROMETHEUS,
    PROMTOOL,
    Sample,
    alertmanager,
    free_address,
    prometheus,
    sample,
    write_history,
)
from examples.request_history import DAY, HOUR, SHARE_OF_ERRORS, requests

ROOT = Path(__file__).parents[1]
RULES = Path(__file__).with_name("slo_rules.yml")
KEY, TOKEN = "nr_demo_0123456789abcdefghijABCDEFGHIJ0123456789", "demo-alerts"
CLEAR_SECONDS = 10
PATIENCE = 300.0
TARGET = 5.0
SLO = {"sloth_id": "checkout-availability", "sloth_service": "checkout", "sloth_slo": "availability"}


# ── Histories ────────────────────────────────────────────────────────────────────────────────────────────────────


def history(now: float, *, errors_ended: float) -> Iterator[Sample]:
    """Two hours of errors that ended so many seconds ago, and circuit breakers that opened."""
    began, ended = now - errors_ended - 2 * HOUR, now - errors_ended
    yield from requests(now, job="checkout", errors_from=began, errors_until=ended)
    for minutes in range(0, 30 * 24 * 60, 5):
        at = now - 60 * minutes
        ratio = SHARE_OF_ERRORS if began <= at < ended else 0.0
        yield sample("slo:sli_error:ratio_rate5m", ratio, at, **SLO, sloth_window="5m")
    for hours in range(32 * 24):
        at = now - HOUR * hours
        for service, pod, opened_ago in (("search", "a", 20), ("search", "b", 9), ("mail", "a", 20), ("mail", "b", 0)):
            opened = float(hours < opened_ago * DAY / HOUR)
            yield sample("circuit_breaker_open_total", opened, at, service=service, pod=pod)


# ── The stack ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Stack:
    """Where everything is."""

    folder: Path
    process: "subprocess.Popen[bytes]"
    api: httpx2.AsyncClient
    github: str
    prometheus_at: str
    alertmanager: str


@contextmanager
def github(folder: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "examples.tiny_github"]
    with (folder / "github.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: S603 (ours)
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()
            process.wait()


@contextmanager
def norepeat(folder: Path, **settings: str) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """PostgreSQL, API and worker, as `make run` starts them."""
    host, _, port = free_address().partition(":")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("NOREPEAT_", "DATABASE_URL"))},
        "NOREPEAT_HOST": host, "NOREPEAT_PORT": port, "NOREPEAT_DATA_DIR": str(folder / "data"),
        "NOREPEAT_ADMIN_KEY": KEY, "PYTHONPATH": str(ROOT), **{f"NOREPEAT_{k.upper()}": v for k, v in settings.items()},
    }  # fmt: skip
    with (folder / "norepeat.log").open("wb") as log:
        command = [sys.executable, "-m", "app.run"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)  # noqa: S603 (ours)
        try:
            yield f"http://{host}:{port}", process
        finally:
            process.terminate()
            process.wait(timeout=30)


def open_stack(stack: ExitStack, folder: Path) -> Stack:
    """Everything but Prometheus, which comes with a history. Lifting is set to seconds instead of hours."""
    tracker = stack.enter_context(github(folder))
    address = free_address()
    url, process = stack.enter_context(
        norepeat(
            folder, github_url=tracker, github_token=TOKEN, prometheus_url=f"http://{address}",
            alertmanager_tokens=json.dumps([TOKEN]), budget_burn_clear_seconds=str(CLEAR_SECONDS),
            budget_clear_seconds=str(CLEAR_SECONDS),
        )
    )  # fmt: skip
    alerts = stack.enter_context(alertmanager(folder, webhook=f"{url}/v1/inbound/alertmanager", token=TOKEN))
    http = httpx2.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30, trust_env=False)
    return Stack(folder, process, http, tracker, address, alerts)


async def call(stack: Stack, method: str, path: str, body: Any = None) -> Any:
    answer = await stack.api.request(method, f"/v1{path}", json=body)
    if answer.status_code >= 400:
        raise SystemExit(f"{method} {path} was refused with {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


async def until(what: str, look: Callable[[], Awaitable[Any]]) -> Any:
    """Wait for what has to happen by itself, and say that it did."""
    start = time.monotonic()
    while True:
        try:
            if (found := await look()) is not None:
                print(f"  {time.monotonic() - start:6.1f} s  {what}", flush=True)
                return found
        except httpx2.TransportError:
            pass
        if time.monotonic() - start > PATIENCE:
            raise SystemExit(f"demo-slo: failed: not seen within {PATIENCE:.0f} s: {what}")
        await asyncio.sleep(0.1)


# ── The organisation ─────────────────────────────────────────────────────────────────────────────────────────────


async def promised(stack: Stack, service: str, title: str) -> str:
    """An accepted action item of an incident of this service; its ticket is at the tracker."""
    started = datetime.now(UTC) - timedelta(days=40)
    incident = await call(
        stack, "POST", "/incidents",
        {"title": f"{service} fails", "severity": "P3", "services": [service], "started_at": started.isoformat(),
         "resolved_at": (started + timedelta(hours=1)).isoformat()},
    )  # fmt: skip
    postmortem = await call(stack, "POST", "/postmortems", {"incident_id": incident["id"]})
    item = await call(
        stack, "POST", "/action-items",
        {"postmortem_id": postmortem["id"], "title": title, "control_type": "prevent", "base_priority": "medium"},
    )  # fmt: skip
    due = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    await call(stack, "POST", f"/action-items/{item['id']}/accept", {"owner": "ana@example.org", "due_on": due})
    await until(f"ticket “{title}” created, priority medium", lambda: at_tracker(stack, title, "medium"))
    return str(item["id"])


async def at_tracker(stack: Stack, title: str, priority: str) -> float | None:
    """When the ticket was given this priority, if it has it."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        issues = (await http.get(f"{stack.github}/issues")).json()
    (issue,) = [one for one in issues if one["title"] == title] or [None]
    said = "" if issue is None else f"{issue.get('body')} {[label['name'] for label in issue.get('labels', [])]}"
    return issue["changed_at"] if priority in said.lower().split("priority")[-1] else None


# ── What is shown ────────────────────────────────────────────────────────────────────────────────────────────────


async def effective(stack: Stack, item: str, priority: str) -> Any:
    found = await call(stack, "GET", f"/action-items/{item}")
    return found if found["effective_priority"] == priority else None


async def boosts(stack: Stack, *, live: bool) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (
        await call(stack, "GET", f"/services/checkout/priority-boosts?live={str(live).lower()}")
    )["items"]
    return found


async def rise(stack: Stack, item: str, title: str) -> float:
    """From the alert to the ticket; seconds between our receiving it and the tracker having it."""

    async def raised() -> Any:
        found = [b for b in await boosts(stack, live=True) if b["source"] == "alertmanager"]
        return next((b for b in found if b["signal"] == "fast_burn"), None)

    boost = await until("Prometheus fired, Alertmanager posted, boost raised", raised)
    seen = await until("effective priority urgent", lambda: effective(stack, item, "urgent"))
    changed_at = await until("ticket's priority at the tracker: urgent", lambda: at_tracker(stack, title, "urgent"))
    print(f"            because of {seen['boost']['signal']} ({seen['boost']['reason']})")
    took: float = changed_at - datetime.fromisoformat(boost["raised_at"]).timestamp()
    print(f"            from the signal to the ticket: {took:.2f} s (target {TARGET:g} s)")
    return took


async def fall(stack: Stack, item: str, title: str) -> None:
    async def resolved() -> Any:
        live = [b for b in await boosts(stack, live=True) if b["source"] == "alertmanager"]
        return True if all(boost["clear_since"] for boost in live) else None

    async def lifted() -> Any:
        ended = await boosts(stack, live=False)
        fine = ended and not await boosts(stack, live=True) and {b["state"] for b in ended} == {"lifted"}
        return True if fine else None

    await until("alerts resolved; the clear time runs", resolved)
    await until(f"boosts lifted after {CLEAR_SECONDS} s clear (the worker looks every minute)", lifted)
    await until("effective priority medium again", lambda: effective(stack, item, "medium"))
    await until("ticket's priority at the tracker: medium", lambda: at_tracker(stack, title, "medium"))


async def evidence(stack: Stack, item: str, service: str) -> dict[str, Any]:
    """A demonstration is looked for in the 30 days since the fix went live."""
    query = f'sum(increase(circuit_breaker_open_total{{service="{service}"}}[$window]))'
    metric = {"query": query, "comparison": ">=", "threshold": 2, "exercised": "demonstration"}
    plan = {"checks": ["metric"], "window_days": 30, "metric": metric}
    await call(stack, "POST", "/verification-plans/preview", plan)
    await call(stack, "PUT", f"/action-items/{item}/verification-plan", plan)
    deployed = datetime.now(UTC) - timedelta(days=30, minutes=10)
    await call(stack, "POST", f"/action-items/{item}/implement", {"deployed_at": deployed.isoformat()})
    found: dict[str, Any] = await call(stack, "POST", f"/action-items/{item}/checks")
    return found


async def prove(stack: Stack, closes: str, waits: str) -> None:
    closed = await evidence(stack, closes, "search")
    (check,) = closed["evidence"]
    require(closed["status"] == "closed" and check["verdict"] == "passed", f"not closed: {closed}")
    print(f"  two openings on two pods: {check['verdict']} ({check['detail']['values']}), item {closed['status']}")
    print(f"            {check['link'][:100]}...")
    waiting = await evidence(stack, waits, "mail")
    (check,) = waiting["evidence"]
    days = waiting["plan"]["window_days"]
    require(check["verdict"] == "not_exercised" and waiting["status"] == "implemented" and days == 60, f"{waiting}")
    print(f"  one opening: {check['verdict']} ({check['detail']['values']}), window now {days} days, not closed")


def require(fine: bool, otherwise: str) -> None:
    if not fine:
        raise SystemExit(f"demo-slo: failed: {otherwise}")


async def show(stack: Stack, now: float) -> None:
    print("norepeat, a tracker and Alertmanager are starting")

    async def ready() -> Any:
        said = (stack.folder / "norepeat.log").read_text()
        require(stack.process.poll() is None, f"norepeat ended: {said[-1500:]}")
        return True if (await stack.api.get("/health/ready")).status_code == 200 else None

    await until("ready", ready)
    await call(stack, "POST", "/teams", {"slug": "shop", "name": "Shop"})
    await call(stack, "POST", "/people", {"email": "ana@example.org", "name": "Ana", "role": "responder"})
    for slug in ("checkout", "search", "mail"):
        route = {"provider": "github", "project": "acme/shop"}
        await call(stack, "POST", "/services", {"slug": slug, "name": slug.title(), "team": "shop", "route": route})
    title = "Give up early when the bank hangs"
    item = await promised(stack, "checkout", title)
    closes = await promised(stack, "search", "Open a circuit breaker to the index")
    waits = await promised(stack, "mail", "Open a circuit breaker to the relay")
    print("Prometheus starts over two hours in which 5 % of requests failed")
    with served(stack, "burning", now, errors_ended=0):
        took = await rise(stack, item, title)
    print("Prometheus starts over the same errors, seven hours later: time is data here, no clock was turned")
    with served(stack, "recovered", now, errors_ended=7 * HOUR):
        await fall(stack, item, title)
        print("Circuit breakers of the last 30 days")
        await prove(stack, closes, waits)
    require(took <= TARGET, f"the ticket took {took:.1f} s")


@contextmanager
def served(stack: Stack, name: str, now: float, *, errors_ended: float) -> Iterator[None]:
    folder = stack.folder / name
    folder.mkdir()
    write_history(folder, history(now, errors_ended=errors_ended))
    with prometheus(folder, rules=RULES, alertmanager=stack.alertmanager, address=stack.prometheus_at):
        yield


def main() -> None:
    if not (PROMETHEUS and PROMTOOL and ALERTMANAGER):
        raise SystemExit(MISSING if not (PROMETHEUS and PROMTOOL) else MISSING_ALERTMANAGER)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("demo-slo: stopped"))
    with tempfile.TemporaryDirectory(prefix="norepeat-demo-") as name, ExitStack() as stack:
        asyncio.run(show(open_stack(stack, Path(name)), time.time()))
    print("demo-slo: ok")


if __name__ == "__main__":
    main()
