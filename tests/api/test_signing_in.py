"""Signing in to the pages: what the cookie opens, what it does not, and who can make a browser do anything."""

from datetime import timedelta
from urllib.parse import urlencode

import httpx2
import pytest

from app.domain.organisation.sessions import KEPT, SESSION, forget_sessions
from app.domain.ports import Ports
from tests import make
from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
async def browser(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Without the admin's bearer token."""
    del client.headers["Authorization"]
    return client


async def log_in(
    browser: httpx2.AsyncClient, key: str = ADMIN_KEY, following: str = "/effectiveness", **headers: str
) -> httpx2.Response:
    body = urlencode({"key": key, "next": following})
    return await browser.post("/login", content=body, headers={**FORM, **headers})


async def test_a_key_is_exchanged_for_a_strict_cookie(browser: httpx2.AsyncClient) -> None:
    response = await log_in(browser)
    assert (response.status_code, response.headers["location"]) == (303, "/effectiveness")
    cookie = response.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ADMIN_KEY not in cookie
    page = await browser.get("/effectiveness")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["cache-control"] == "no-store"


async def test_the_cookie_opens_pages_and_no_other_door(browser: httpx2.AsyncClient) -> None:
    await log_in(browser)
    assert (await browser.get("/v1/services")).status_code == 401
    token = browser.cookies["norepeat_pages"]
    for path in ("/v1/services", "/v1/metrics"):
        assert (await browser.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 403
    browser.cookies.clear()
    browser.cookies.set("norepeat_pages", ADMIN_KEY)
    assert (await browser.get("/effectiveness")).status_code == 303


async def test_a_key_that_may_not_read_signs_nobody_in(client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["Authorization"])
    await staff(admin, "owner")
    key = await admin.post("/v1/api-keys", {"person": "owner@example.org", "scopes": ["boosts:write"]}, expect=201)
    assert (await log_in(client, key["token"])).status_code == 403
    wrong = await log_in(client, "nr_x_" + "y" * 43)
    assert wrong.status_code == 401
    assert "not known" in wrong.text
    assert "set-cookie" not in wrong.headers


async def test_a_session_ends_with_the_key_it_was_made_with(ports: Ports, client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["Authorization"])
    await staff(admin, "reader")
    key = await admin.post("/v1/api-keys", {"person": "reader@example.org"}, expect=201)
    await log_in(client, key["token"])
    assert (await client.get("/meta-reviews")).status_code == 200
    await admin.call("DELETE", f"/v1/api-keys/{key['id']}", expect=204)
    await ports.credentials.close()  # type: ignore[attr-defined]  # as five seconds later
    assert (await client.get("/meta-reviews")).status_code == 303


async def test_a_session_ends_no_later_than_its_key(ports: Ports, client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["Authorization"])
    await staff(admin, "reader")
    soon = ports.clock() + timedelta(hours=1)
    body = {"person": "reader@example.org", "expires_at": soon.isoformat()}
    key = await admin.post("/v1/api-keys", body, expect=201)
    await log_in(client, key["token"])
    id = client.cookies["norepeat_pages"].split("_")[1]
    async with ports.uow() as u:
        session = await u.api_keys.get(id)
    assert (session.expires_at, session.parent_id, session.scopes) == (soon, key["id"], frozenset({"pages"}))


async def test_another_site_cannot_sign_a_browser_in_or_out(browser: httpx2.AsyncClient) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        assert (await log_in(browser, **headers)).status_code == 403
    await log_in(browser, Origin="http://norepeat.test")
    assert (await browser.post("/logout", headers={"Sec-Fetch-Site": "same-site"})).status_code == 403
    assert (await browser.get("/meta-reviews")).status_code == 200


async def test_signing_out_revokes_the_browsers_key_and_no_other(ports: Ports, browser: httpx2.AsyncClient) -> None:
    await log_in(browser)
    id = browser.cookies["norepeat_pages"].split("_")[1]
    response = await browser.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    async with ports.uow() as u:
        assert (await u.api_keys.get(id)).revoked_at is not None
    browser.cookies.clear()
    browser.cookies.set("norepeat_pages", ADMIN_KEY)
    await browser.post("/logout")
    browser.cookies.clear()
    browser.cookies.set("norepeat_pages", "nonsense")
    await browser.post("/logout")
    browser.cookies.clear()
    await browser.post("/logout")
    async with ports.uow() as u:
        assert (await u.api_keys.get("tests")).revoked_at is None


async def test_who_is_not_signed_in_is_led_to_the_form_and_back(browser: httpx2.AsyncClient) -> None:
    response = await browser.get("/action-items/1?a=b")
    assert response.headers["location"] == "/login?next=%2Faction-items%2F1%3Fa%3Db"
    form = await browser.get(response.headers["location"])
    assert 'name="next" value="/action-items/1?a=b"' in form.text
    bounced = await browser.get("/action-items/1", headers={"Sec-Fetch-Site": "cross-site"})
    assert '<meta http-equiv="refresh" content="0">' in bounced.text
    led = await log_in(browser, following="https://evil.example/")
    assert led.headers["location"] == "/sprint-planning"


async def test_pages_show_what_their_reader_may_see(client: httpx2.AsyncClient) -> None:
    admin = Person(client, client.headers["Authorization"])
    await admin.post("/v1/services", {"slug": "checkout", "name": "Checkout"}, expect=201)
    body = {"title": "Leaked tokens", "severity": "P1", "services": ["checkout"], "visibility": "restricted"}
    incident = await admin.post("/v1/incidents", body, expect=201)
    postmortem = await admin.post("/v1/postmortems", {"incident_id": incident["id"]}, expect=201)
    (reader,) = await staff(admin, "reader")
    await log_in(client)
    assert "Leaked tokens" in (await client.get(f"/postmortems/{postmortem['id']}")).text
    await log_in(client, reader.headers["Authorization"].removeprefix("Bearer "))
    hidden = await client.get(f"/postmortems/{postmortem['id']}")
    assert hidden.status_code == 404
    assert "Leaked" not in hidden.text


async def test_reports_of_nothing_say_so_in_every_format(client: httpx2.AsyncClient) -> None:
    for path in ("/v1/reports/effectiveness.md", "/v1/reports/effectiveness.html", "/v1/reports/effectiveness.csv"):
        response = await client.get(path)
        assert response.status_code == 200, response.text
    assert "no data" in (await client.get("/v1/reports/effectiveness.md")).text
    page = await client.get("/v1/sprint-planning", headers={"Accept": "text/html"})
    assert "Nothing is open" in page.text
    missing = await client.get("/v1/reports/effectiveness.html?team=nobody")
    assert missing.status_code == 422


async def test_keys_of_old_sign_ins_are_forgotten(ports: Ports, browser: httpx2.AsyncClient) -> None:
    await log_in(browser)
    later = make.FixedClock(ports.clock() + SESSION + KEPT - timedelta(minutes=1))
    assert await forget_sessions(ports.uow, later) == 0
    later.forward(hours=1)
    assert await forget_sessions(ports.uow, later) == 1
