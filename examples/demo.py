"""Fill a running service with a realistic organisation, through its public API only, and say where to look.

    NOREPEAT_KEY=nr_... python examples/demo.py [URL]

18 months of incidents with recurrences, postmortems of all tiers, action items in every state. Deterministic: the same
seed gives the same organisation. It refuses to run twice against the same service.
"""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

NOW = datetime.now(UTC).replace(microsecond=0)
MONTHS = 18
AT_ONCE = 6
TEAMS = {
    "payments": ("Payments", "Europe/Berlin"),
    "storefront": ("Storefront", "America/New_York"),
    "platform": ("Platform", "UTC"),
    "data": ("Data", "Asia/Tokyo"),
}
SERVICES = {
    "checkout": ("Checkout", "payments", 42_000),
    "billing": ("Billing", "payments", 9_000),
    "search": ("Search", "storefront", 18_000),
    "catalogue": ("Catalogue", "storefront", 12_000),
    "login": ("Login", "platform", 55_000),
    "gateway": ("API gateway", "platform", 60_000),
    "queue": ("Message queue", "platform", None),
    "warehouse": ("Data warehouse", "data", None),
}
PEOPLE = {
    "ana": ("Ana Silva", "payments", "responder"),
    "ben": ("Ben Okafor", "storefront", "responder"),
    "chen": ("Chen Wei", "platform", "responder"),
    "dana": ("Dana Novak", "data", "responder"),
    "emil": ("Emil Berg", "payments", "reviewer"),
    "fatima": ("Fatima Haddad", "platform", "reviewer"),
    "goran": ("Goran Petrov", "storefront", "responder"),
}


@dataclass(frozen=True)
class Cause:
    """A root cause, where it strikes, how often (days between incidents), and what was done about it."""

    slug: str
    title: str
    factor: str
    sub_code: str | None
    services: tuple[str, ...]
    every_days: int
    severities: tuple[str, ...]
    fix: str
    control: str
    systemic_fix: str


CAUSES = (
    Cause("no-timeout", "Calls to a dependency have no timeout", "timeout-misconfiguration", "not_configured",
          ("checkout", "search"), 75, ("P1", "P2", "P2"), "Set timeouts on all calls to the bank", "prevent",
          "Put default timeouts into the service scaffold"),
    Cause("certificate-expired", "A certificate expired unseen", "cert-credential-expiry", None,
          ("gateway", "login"), 150, ("P1", "P2"), "Renew certificates automatically", "prevent",
          "Alert 30 days before any certificate expires"),
    Cause("bad-config-push", "A configuration change reached all hosts at once", "config-change", None,
          ("gateway", "checkout", "login"), 90, ("P1", "P2", "P3"), "Roll configuration out in stages", "prevent",
          "Require a canary for configuration"),
    Cause("connection-pool-exhausted", "The connection pool ran out under load", "capacity", None,
          ("billing", "catalogue"), 80, ("P2", "P3"), "Size the pool from measured load", "prevent",
          "Add pool saturation to the alert checklist"),
    Cause("queue-backlog", "A slow consumer let the queue grow", "missing-alerting", "new_endpoint",
          ("queue", "warehouse"), 60, ("P3", "P3", "P2"), "Alert on the age of the oldest message", "detect",
          "Generate lag alerts for every new consumer"),
    Cause("retry-storm", "Clients retried without back-off", "cascading-failure", None,
          ("gateway", "search"), 130, ("P1", "P2"), "Cap retries with a budget", "mitigate",
          "Ship the retry budget in the client library"),
    Cause("schema-migration-lock", "A migration held a table lock", "database", None,
          ("billing", "catalogue"), 110, ("P2", "P3"), "Lint migrations for long locks", "process",
          "Run every migration against production-sized data"),
    Cause("disk-full", "A disk filled with logs", "capacity", None,
          ("warehouse", "queue"), 95, ("P3", "P4"), "Rotate logs by size", "prevent", "Alert on disk growth"),
    Cause("third-party-down", "The payment provider was down", "dependency-failure", None,
          ("checkout",), 120, ("P2", "P3"), "Fail over to the second provider", "mitigate",
          "Rehearse provider fail-over each quarter"),
    Cause("bad-release", "A release broke a path without tests", "bad-release", None,
          ("search", "catalogue", "login"), 70, ("P2", "P3", "P3", "P4"), "Test the broken path end to end", "prevent",
          "Canary all services with revenue"),
)  # fmt: skip

ONCE = (
    ("leap-day-parser", "A date parser rejected 29 February", "time-clock", "billing", "P3"),
    ("dns-ttl-too-long", "A DNS record lived on after the move", "dns", "gateway", "P2"),
    ("wrong-account-locked", "A clean-up job removed a service's permission", "access-permission", "warehouse", "P2"),
    ("backup-unreadable", "A backup could not be restored", "data-loss-backup", "warehouse", "P2"),
    ("autoscaler-shrank", "The autoscaler shrank the pool at peak", "automation-gone-wrong", "search", "P1"),
    ("switch-failed", "A switch failed and its twin was not wired", "hardware-power", "queue", "P3"),
    ("scraper-flood", "A scraper used up the request queue", "security", "catalogue", "P3"),
    ("stale-runbook", "The runbook named a host that no longer exists", "procedure-gap", "login", "P4"),
    ("single-region-bucket", "All assets lay in one region", "single-point-of-failure", "catalogue", "P2"),
    ("float-money", "Amounts were added as floating point", "latent-bug", "billing", "P3"),
    ("peering-lost", "A peering partner dropped our routes", "network", "gateway", "P3"),
    ("index-bloat", "An index outgrew memory", "database", "search", "P4"),
)
CAUSES += tuple(
    Cause(slug, title, factor, None, (service,), 9_999, (severity,), f"Keep it from happening: {title.lower()}",
          "prevent", f"Look for it everywhere: {title.lower()}")
    for slug, title, factor, service, severity in ONCE
)  # fmt: skip


class Caller:
    """Somebody with a key; a refusal is shown and ends the demo."""

    def __init__(self, http: httpx2.AsyncClient, key: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        response = await self._http.request(method, path, json=body, headers={**self._headers, **headers})
        if response.status_code >= 400:
            raise SystemExit(f"{method} {path} was refused with {response.status_code}: {response.text}")
        return response.json() if response.content else None

    async def get(self, path: str) -> Any:
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None) -> Any:
        return await self.call("POST", path, body)

    async def patch(self, path: str, body: Any) -> Any:
        seen = await self.get(path)
        return await self.call("PATCH", path, body, **{"If-Match": f'"{seen["version"]}"'})

    async def text(self, path: str, accept: str) -> str:
        return (await self._http.get(path, headers={**self._headers, "Accept": accept})).text


@dataclass(frozen=True)
class Organisation:
    """Who there is, each with a key."""

    admin: Caller
    callers: dict[str, Caller]

    def of_team(self, team: str, role: str = "responder") -> tuple[str, Caller]:
        name = next((n for n, (_, t, r) in PEOPLE.items() if t == team and r == role), None)
        name = name or next(n for n, (_, _, r) in PEOPLE.items() if r == role)
        return name, self.callers[name]


@dataclass(frozen=True)
class Strike:
    """One incident to come: its cause, service, start and severity."""

    cause: Cause
    service: str
    at: datetime
    severity: str


def strikes(rng: random.Random) -> list[Strike]:
    """A Poisson process for each cause and service; most are fixed well after a while, some never."""
    found = []
    for cause in CAUSES:
        for service in cause.services:
            at = NOW - timedelta(days=MONTHS * 30) + timedelta(days=rng.uniform(0, 400))
            left = rng.choice([1, 2, 3, 4, 7])
            while left and at < NOW - timedelta(days=1):
                found.append(Strike(cause, service, at, rng.choice(cause.severities)))
                at += timedelta(days=max(2.0, rng.expovariate(1 / (cause.every_days * len(cause.services)))))
                left -= 1
    return sorted(found, key=lambda strike: strike.at)


async def build_organisation(admin: Caller, http: httpx2.AsyncClient) -> Organisation:
    for slug, (name, zone) in TEAMS.items():
        await admin.post("/v1/teams", {"slug": slug, "name": name, "time_zone": zone})
    callers = {}
    for short, (name, team, role) in PEOPLE.items():
        email = f"{short}@example.org"
        await admin.post("/v1/people", {"email": email, "name": name, "team": team, "role": role})
        callers[short] = Caller(http, (await admin.post("/v1/api-keys", {"person": email}))["token"])
    for slug, (name, team, revenue) in SERVICES.items():
        body = {"slug": slug, "name": name, "team": team, "revenue_per_hour_usd": revenue}
        await admin.post("/v1/services", body)
    for cause in CAUSES:
        body = {"slug": cause.slug, "title": cause.title, "factor_code": cause.factor}
        await admin.post("/v1/root-causes", body)
    return Organisation(admin, callers)


async def report(org: Organisation, strike: Strike, rng: random.Random) -> dict[str, Any]:
    """The incident as the responders recorded it; detection gets better over the months."""
    age = (NOW - strike.at).days
    detect = rng.lognormvariate(1.2, 0.7) * (1 + age / 250)
    minutes = [detect, detect + rng.uniform(1, 6), detect + rng.uniform(15, 70), detect + rng.uniform(75, 200)]
    names = ("detected_at", "acknowledged_at", "mitigated_at", "resolved_at")
    moments = {n: (strike.at + timedelta(minutes=m)).isoformat() for n, m in zip(names, minutes, strict=True)}
    impact = {"P1": "significant", "P2": "moderate", "P3": "limited"}.get(strike.severity, "none")
    change = strike.cause.slug in ("bad-config-push", "bad-release", "schema-migration-lock")
    body = {
        "title": f"{SERVICES[strike.service][0]}: {strike.cause.title[0].lower()}{strike.cause.title[1:]}",
        "severity": strike.severity, "services": [strike.service], "started_at": strike.at.isoformat(), **moments,
        "customer_impact": impact, "detection_source": rng.choice(["alert", "alert", "customer", "employee"]),
        "root_cause": strike.cause.slug, "root_cause_status": "confirmed",
    }  # fmt: skip
    if change:
        rollout = rng.choice(["direct", "direct", "staged", "canary"])
        kind = "config" if "config" in strike.cause.slug else "deployment"
        body["change"] = {"role": "caused", "kind": kind, "rollout": rollout}
    _, reporter = org.of_team(SERVICES[strike.service][1])
    created: dict[str, Any] = await reporter.post("/v1/incidents", body)
    return created


async def write_postmortem(org: Organisation, strike: Strike, incident: dict[str, Any], rng: random.Random) -> None:
    """From required (or requested) to published, as far as the age of the incident suggests."""
    team = SERVICES[strike.service][1]
    name, author = org.of_team(team)
    reviewer_name = "emil" if name != "emil" else "fatima"
    postmortem = await the_postmortem(author, incident)
    path = f"/v1/postmortems/{postmortem['id']}"
    if strike.severity == "P4":
        await org.callers[reviewer_name].post(f"{path}/waive", {"reason": "No impact; the fix was obvious."})
        return
    await author.patch(path, text_of(strike, postmortem["tier"]))
    for kind, moment in (("detection", "detected_at"), ("response", "acknowledged_at"),
                         ("mitigation", "mitigated_at"), ("resolution", "resolved_at")):  # fmt: skip
        entry = {"occurred_at": incident[moment], "kind": kind, "text": LINES[kind].format(service=strike.service)}
        await author.post(f"{path}/timeline", entry)
    items = await promise(author, postmortem["id"], strike, rng, name)
    if rng.random() < 0.12:
        return
    await tickets(author, items)
    await publish(author, org.callers[reviewer_name], path)
    for item in items:
        await live_on(org, item["id"], strike, rng, name)


LINES = {
    "detection": "An alert on {service} fired and paged the on-call engineer.",
    "response": "The on-call engineer opened the incident channel and took the lead.",
    "mitigation": "Traffic was moved away; errors fell.",
    "resolution": "All checks of {service} were green again.",
}


async def the_postmortem(author: Caller, incident: dict[str, Any]) -> dict[str, Any]:
    """The one the service required by itself, else one on request."""
    if incident["severity"] in ("P1", "P2"):

        async def required() -> Any:
            return (await author.get(f"/v1/incidents/{incident['id']}"))["postmortem"]

        found = await until(required)
        postmortem: dict[str, Any] = await author.get(f"/v1/postmortems/{found['id']}")
        return postmortem
    created: dict[str, Any] = await author.post("/v1/postmortems", {"incident_id": incident["id"]})
    return created


def text_of(strike: Strike, tier: int) -> dict[str, Any]:
    cause, service = strike.cause, SERVICES[strike.service][0]
    body: dict[str, Any] = {
        "sections": {
            "summary": {"text": f"{service} failed because {cause.title[0].lower()}{cause.title[1:]}."},
            "impact": {"text": f"Requests to {service} failed or were slow until traffic was moved."},
            "root_cause": {"text": f"{cause.title}, because nothing in the way services are built prevents it."},
        },
        "factors": [{"code": cause.factor, "sub_code": cause.sub_code, "why": cause.title}],
    }
    second = "procedure-gap" if cause.factor == "missing-alerting" else "missing-alerting"
    body["factors"].append({"code": second, "why": "Noticed late, and nobody knew whom to call."})
    if tier == 1:
        body["whys"] = ["Requests failed.", cause.title + ".", "Nothing prevents it.", "No default exists.",
                        "The scaffold was never asked for it."]  # fmt: skip
    if tier < 3:
        body["review"] = {
            "held_on": (strike.at + timedelta(days=4)).date().isoformat(),
            "forum": "leadership" if tier == 1 else "team",
        }
    return body


async def promise(
    author: Caller, postmortem_id: str, strike: Strike, rng: random.Random, name: str
) -> list[dict[str, Any]]:
    """Two action items, accepted; sometimes a third that is declined."""
    cause, owner = strike.cause, rng.choice([n for n in PEOPLE if n not in (name, "emil", "fatima")])
    due = (strike.at + timedelta(days=rng.choice([30, 45, 60]))).date()
    due = max(due, (NOW - timedelta(days=45)).date() + timedelta(days=rng.randrange(0, 110)))
    items = []
    for title, control, systemic in ((cause.fix, cause.control, False), (cause.systemic_fix, "process", True)):
        body = {
            "postmortem_id": postmortem_id, "title": title, "control_type": control, "systemic": systemic,
            "base_priority": rng.choice(["high", "medium", "medium", "low"]),
        }  # fmt: skip
        item = await author.post("/v1/action-items", body)
        accepted = {"owner": f"{owner}@example.org", "due_on": due.isoformat()}
        items.append(await author.post(f"/v1/action-items/{item['id']}/accept", accepted))
    return items


async def tickets(author: Caller, items: list[dict[str, Any]]) -> None:
    """Wait until the worker has created them."""
    for item in items:

        async def synced(path: str = f"/v1/action-items/{item['id']}") -> bool:
            return bool((await author.get(path))["ticket"]["sync_state"] == "synced")

        await until(synced)


async def publish(author: Caller, reviewer: Caller, path: str) -> None:
    ready = await author.get(f"{path}/readiness")
    signature = {"content_hash": ready["content_hash"], "confirm_whys": True}
    if ready["tier"] == 3:
        await author.post(f"{path}/sign-offs", signature)
    else:
        await author.post(f"{path}/submit")
        await reviewer.post(f"{path}/sign-offs", signature)
    await author.post(f"{path}/publish", {})


async def live_on(org: Organisation, item_id: str, strike: Strike, rng: random.Random, author_name: str) -> None:
    """What becomes of a commitment: most old ones are implemented, many with evidence, some are declined."""
    path, age = f"/v1/action-items/{item_id}", (NOW - strike.at).days
    author, reviewer, fate = org.callers[author_name], org.callers["fatima"], rng.random()
    if fate < 0.08:
        review = (NOW + timedelta(days=180)).isoformat()
        decline = {"code": "accepted_risk", "reason": "Costs more than it saves.", "next_review_at": review}
        await author.post(f"{path}/decline", decline)
    elif fate < 0.30 or age < 40:
        if fate < 0.2:
            await author.post(f"{path}/start")
    else:
        deployed = strike.at + timedelta(days=min(35, age / 2))
        await author.post(f"{path}/implement", {"deployed_at": deployed.isoformat()})
        if fate > 0.42 and age > 60:
            await attest(author, reviewer, path, deployed)


async def attest(author: Caller, reviewer: Caller, path: str, deployed: datetime) -> None:
    seen = {
        "statement": "The fault was injected twice in production; the service degraded and recovered by itself.",
        "observation": "drill", "window_start": (deployed + timedelta(days=1)).isoformat(),
        "window_end": (deployed + timedelta(days=32)).isoformat(), "link": "https://drills.example.org/runs/17",
    }  # fmt: skip
    check = await author.post(f"{path}/evidence", seen)
    await reviewer.post(f"{path}/evidence/{check['id']}/review", {"accept": True, "comment": "Watched the second one."})


async def until(check: Callable[[], Awaitable[Any]], seconds: float = 60) -> Any:
    """Wait for what the worker does by itself."""
    async with asyncio.timeout(seconds):
        while not (found := await check()):
            await asyncio.sleep(0.05)
    return found


async def side_by_side(works: Iterable[Awaitable[None]]) -> None:
    """Some at once, with a line that says how far it is."""
    gate, done, all_works = asyncio.Semaphore(AT_ONCE), 0, list(works)

    async def one(work: Awaitable[None]) -> None:
        nonlocal done
        async with gate:
            await work
        done += 1
        if sys.stdout.isatty() or done == len(all_works):
            print(f"\r  {done} of {len(all_works)} incidents", end="", flush=True)

    await asyncio.gather(*map(one, all_works))
    print()


async def live_through(org: Organisation) -> None:
    rng = random.Random(20)  # the same organisation every time
    planned = strikes(rng)
    print(f"{len(planned)} incidents over {MONTHS} months")

    async def happen(strike: Strike, own: random.Random) -> None:
        incident = await report(org, strike, own)
        if strike.severity != "P3" or own.random() < 0.6:
            await write_postmortem(org, strike, incident, own)

    await side_by_side(happen(strike, random.Random(number)) for number, strike in enumerate(planned))


async def show(admin: Caller, url: str) -> None:
    """The sprint feed, the metrics, and where to look."""
    print("\n" + await admin.text("/v1/sprint-planning?limit=8", "text/markdown"))
    metrics = await admin.get("/v1/metrics?lookback_days=365")
    recurrence, done = metrics["recurrence"], metrics["completion"]
    detection, severe = metrics["detection"]["detected_at"], metrics["severity"]
    print("Metrics of the last 365 days")
    print(f"  root cause struck again within six months   {shown(recurrence['recurred'])}")
    print(f"  action items closed of those due            {shown(done['closed_of_due'])}")
    print(f"  median time to detection                    {minutes(detection['overall'])}, {detection['verdict']}")
    print(f"  incidents that were P1 or P2                {shown(severe['severe'])}, {severe['verdict']}")
    print(f"\nLook at\n  {url}/            links, health, version\n  {url}/docs        the REST reference")
    print(f"  {url}/graphql     the GraphQL explorer\n  {url}/v1/sprint-planning (with your key)")


def shown(measure: dict[str, Any]) -> str:
    value = "unknown" if measure["value"] is None else f"{measure['value']:.0%}"
    return f"{value} (n = {measure['n']}, {measure['n_missing']} not counted)"


def minutes(measure: dict[str, Any]) -> str:
    return "unknown" if measure["value"] is None else f"{measure['value'] / 60:.0f} min (n = {measure['n']})"


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
        try:
            await http.get("/health/live")
        except httpx2.TransportError as error:
            raise SystemExit(f"Nothing answers at {url}; start it with `make run` first.") from error
        yield http


async def main() -> None:
    key = os.environ.get("NOREPEAT_KEY") or os.environ.get("NOREPEAT_ADMIN_KEY")
    if not key:
        raise SystemExit("Give the admin key that `make run` printed: NOREPEAT_KEY=nr_... make demo")
    port = os.environ.get("NOREPEAT_PORT") or os.environ.get("PORT") or "8000"
    url = sys.argv[1].rstrip("/") if len(sys.argv) > 1 else f"http://127.0.0.1:{port}"
    async with connected(url) as http:
        admin = Caller(http, key)
        if (await admin.get("/v1/services?limit=1"))["items"]:
            print("This service has data already; nothing is added.")
        else:
            await live_through(await build_organisation(admin, http))
        await show(admin, url)


if __name__ == "__main__":
    asyncio.run(main())
