"""What every request passes: limits, deadline, hosts, other sites' pages, headers for browsers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import httpx2
import pytest
from limits.aio.storage import MemoryStorage

from app.adapters.rate_limits import MovingWindows, StoreNotPossible
from app.domain.organisation.use_cases import bootstrap_admin
from app.domain.ports import Bucket, Ports
from app.main import create_app
from app.settings import Settings
from tests.conftest import ADMIN_KEY

Opened = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]
AUTHORIZATION = {"Authorization": f"Bearer {ADMIN_KEY}"}


@pytest.fixture
async def opened(ports: Ports, settings: Settings) -> Opened:
    """An application with settings and ports of its own."""
    await bootstrap_admin(ports.uow, ports.clock, given_key=ADMIN_KEY)

    @asynccontextmanager
    async def make(
        limits: dict[Bucket, int] | None = None, store: str | None = None, **changes: Any
    ) -> AsyncIterator[httpx2.AsyncClient]:
        app = create_app(settings.model_copy(update=changes))
        app.state.ports = replace(ports, rate_limits=MovingWindows(limits or {}, store))
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test") as http:
            yield http

    return make


def is_refused(response: httpx2.Response) -> bool:
    if response.status_code != 429:
        return False
    assert response.json()["code"] == "too_many_requests"
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["x-request-id"]
    return True


async def test_a_credential_has_a_limit_and_is_told_what_is_left(opened: Opened) -> None:
    async with opened({Bucket.CREDENTIAL: 3}) as http:
        answers = [await http.get("/v1/teams", headers=AUTHORIZATION) for _ in range(4)]
        assert [is_refused(one) for one in answers] == [False, False, False, True]
        assert [one.headers["ratelimit"].partition(";t=")[0] for one in answers] == [
            '"default";r=2', '"default";r=1', '"default";r=0', '"default";r=0',
        ]  # fmt: skip
        assert answers[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
        other = {"Authorization": "Bearer nr_other_" + "x" * 43}
        assert (await http.get("/v1/teams", headers=other)).status_code == 401  # another one's bucket is full


async def test_an_address_has_a_limit_before_it_says_who_it_is(opened: Opened) -> None:
    async with opened({Bucket.ADDRESS: 2}) as http:
        answers = [await http.get("/", headers={"Authorization": f"Bearer {n}"}) for n in range(3)]
        assert [is_refused(one) for one in answers] == [False, False, True]
        for _ in range(5):
            assert (await http.get("/health/live")).status_code == 200


async def test_who_guesses_keys_waits_even_with_a_good_one(opened: Opened) -> None:
    async with opened({Bucket.FAILURES: 3}) as http:
        for n in range(3):
            guess = {"Authorization": f"Bearer nr_tests_{n}" + "x" * 43}
            assert (await http.get("/v1/teams", headers=guess)).status_code == 401
        assert is_refused(await http.get("/v1/teams", headers=AUTHORIZATION))


async def test_good_requests_never_fill_the_bucket_of_failures(opened: Opened) -> None:
    async with opened({Bucket.FAILURES: 1}) as http:
        for _ in range(3):
            assert (await http.get("/v1/teams", headers=AUTHORIZATION)).status_code == 200


async def test_webhooks_have_a_bucket_of_their_own(opened: Opened) -> None:
    async with opened({Bucket.WEBHOOKS: 2, Bucket.ADDRESS: 1, Bucket.FAILURES: 1}) as http:
        answers = [await http.post("/v1/inbound/github", content=b"{}") for _ in range(3)]
        assert [is_refused(one) for one in answers] == [False, False, True]
        assert (await http.get("/v1/teams", headers=AUTHORIZATION)).status_code == 200


class DownStorage(MemoryStorage):
    """A store in another process that is down."""

    STORAGE_SCHEME: ClassVar[list[str]] = ["async+down"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    async def acquire_entry(self, *_: Any, **__: Any) -> bool:
        raise ConnectionRefusedError

    async def get_moving_window(self, *_: Any, **__: Any) -> tuple[float, int]:
        raise ConnectionRefusedError


def test_a_store_whose_package_is_missing_is_said() -> None:
    with pytest.raises(StoreNotPossible, match="coredis"):
        MovingWindows({}, "redis://localhost")


async def test_a_store_that_does_not_answer_lets_everybody_in(opened: Opened) -> None:
    async with opened({Bucket.CREDENTIAL: 1, Bucket.FAILURES: 1}, "down://") as http:
        for _ in range(3):
            assert (await http.get("/v1/teams", headers=AUTHORIZATION)).status_code == 200


async def test_an_answer_that_does_not_begin_in_time_is_given_up(
    opened: Opened, ports: Ports, dsn: str, settings: Settings
) -> None:
    class Stuck:
        async def problems(self) -> tuple[str, ...]:
            await asyncio.Event().wait()
            return ()

    app = create_app(settings.model_copy(update={"request_seconds": 0.05}))
    app.state.ports = replace(ports, health=Stuck())
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test") as http:
        response = await http.get("/health/ready")
    assert (response.status_code, response.json()["code"]) == (503, "timeout")
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("host", ["evil.example.org", "norepeat.test.evil.example.org", "norepeat.test@evil", ""])
async def test_a_host_that_is_not_ours_reaches_nothing(opened: Opened, host: str) -> None:
    async with opened(trusted_hosts=["norepeat.test"]) as http:
        response = await http.get("/v1/teams", headers=AUTHORIZATION | {"Host": host})
        assert (response.status_code, response.json()["code"]) == (400, "unreadable")
        for ours in ("norepeat.test", "NoRepeat.Test:8443"):
            assert (await http.get("/v1/teams", headers=AUTHORIZATION | {"Host": ours})).status_code == 200
        assert (await http.get("/health/live", headers={"Host": "10.0.0.7:8000"})).status_code == 200


async def test_other_sites_may_call_only_where_they_are_listed(opened: Opened) -> None:
    portal, evil = "https://portal.example.org", "https://evil.example.org"
    asking = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    async with opened(cors_origins=[portal]) as http:
        allowed = await http.options("/v1/teams", headers=asking | {"Origin": portal})
        assert allowed.headers["access-control-allow-origin"] == portal
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await http.options("/v1/teams", headers=asking | {"Origin": evil})
        assert "access-control-allow-origin" not in refused.headers
        answer = await http.get("/v1/teams", headers=AUTHORIZATION | {"Origin": portal})
        assert answer.headers["access-control-allow-origin"] == portal
        assert "ETag" in answer.headers["access-control-expose-headers"]
    async with opened() as http:
        answer = await http.get("/v1/teams", headers=AUTHORIZATION | {"Origin": portal})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/docs", "/graphql", "/login", "/v1/teams", "/nowhere", "/health/live"])
async def test_every_answer_tells_browsers_what_they_may(opened: Opened, path: str) -> None:
    async with opened(public_url="https://norepeat.test") as http:
        response = await http.get(path, headers=AUTHORIZATION | {"Accept": "text/html"})
        policy = response.headers["content-security-policy"]
        assert "default-src" in policy
        assert "unsafe-eval" not in policy
        assert "*" not in policy
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["referrer-policy"] in ("no-referrer", "same-origin")
        assert response.headers["strict-transport-security"] == "max-age=31536000"


async def test_docs_and_introspection_are_closed_where_that_is_set(opened: Opened) -> None:
    async with opened(docs=False) as http:
        for path in ("/docs", "/openapi.json"):
            assert (await http.get(path)).status_code == 404
        asked = {"query": "{ __schema { queryType { name } } }"}
        answer = (await http.post("/graphql", json=asked, headers=AUTHORIZATION)).json()
        assert "errors" in answer
        assert answer.get("data") is None
