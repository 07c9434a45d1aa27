"""Postmortems over REST, on a real database: from the first word to the frozen version and its page."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest

from app.api.rest.postmortem_schemas import PostmortemBrief, PostmortemOut, ReadinessOut
from app.api.rest.versions import VersionDetailOut
from app.domain.access import SYSTEM
from app.domain.incidents.model import Visibility
from app.domain.ports import Ports
from app.domain.postmortems.use_cases.reactions import propose_tier_again, require_postmortem
from app.domain.tracking.model import SyncState

PHASES = ("detection", "response", "mitigation", "resolution")
RESOLVED = datetime.now(UTC) - timedelta(days=2)


class Shop:
    """Ada writes, Rae reviews, checkout broke."""

    def __init__(self, http: httpx2.AsyncClient, ports: Ports) -> None:
        self.http, self.ports = http, ports
        self.keys: dict[str, str] = {}

    async def call(
        self, method: str, path: str, body: Any = None, *, by: str = "", expect: int = 200, seen: str = ""
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.keys[by]}"} if by else {}
        headers |= {"If-Match": seen} if seen else {}
        answer = await self.http.request(method, f"/v1{path}", json=body, headers=headers)
        assert answer.status_code == expect, (answer.status_code, answer.text)
        self.etag = answer.headers.get("ETag", "")
        self.text = answer.text
        return answer.json() if "json" in answer.headers.get("Content-Type", "") else answer.text

    async def post(self, path: str, body: Any = None, *, by: str = "", expect: int = 201) -> Any:
        return await self.call("POST", path, body, by=by, expect=expect)

    async def open(self) -> None:
        for name, role in (("ada", "responder"), ("rae", "reviewer"), ("rob", "reader")):
            await self.post("/people", {"email": f"{name}@example.org", "name": name.title(), "role": role})
            self.keys[name] = (await self.post("/api-keys", {"person": f"{name}@example.org"}))["token"]
        await self.post("/services", {"slug": "checkout", "name": "Checkout"})
        await self.post("/root-causes", {"slug": "no-limit", "title": "The pool has no limit"})

    async def incident(self, severity: str = "P2", **fields: Any) -> Any:
        given = {
            "title": "Checkout <b>fails</b>", "severity": severity, "services": ["checkout"],
            "root_cause": "no-limit", "root_cause_status": "confirmed",
            "started_at": (RESOLVED - timedelta(hours=1)).isoformat(), "resolved_at": RESOLVED.isoformat(),
        }  # fmt: skip
        return await self.post("/incidents", given | fields, by="ada")

    async def written(self, severity: str = "P2") -> str:
        """A postmortem of which only the signature is missing."""
        incident = await self.incident(severity)
        pm = await self.post("/postmortems", {"incident_id": incident["id"]}, by="ada")
        await self.call("PATCH", f"/postmortems/{pm['id']}", FULL, by="ada", seen=self.etag)
        for minutes, kind in enumerate(PHASES):
            at = RESOLVED + timedelta(minutes=minutes)
            entry = {"occurred_at": at.isoformat(), "kind": kind, "text": f"the {kind}"}
            await self.post(f"/postmortems/{pm['id']}/timeline", entry, by="ada")
        for title in ("Add a limit", "Alert on the pool"):
            due = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
            item = {
                "postmortem_id": pm["id"],
                "title": title,
                "control_type": "prevent",
                "systemic": True,
                "due_on": due,
            }
            made = await self.post("/action-items", {**item, "owner": "ada@example.org"}, by="ada")
            await self.post(f"/action-items/{made['id']}/accept", {}, by="ada", expect=200)
            await self.sync(UUID(made["id"]))
        return str(pm["id"])

    async def sync(self, item_id: UUID) -> None:
        """What the worker does with a ticket."""
        async with self.ports.uow() as u:
            ticket = await u.tickets.get_of_item(item_id)
            url = "https://norepeat.test/t/1"
            synced = replace(ticket, sync_state=SyncState.SYNCED, key="LOCAL-1", url=url, external_id=str(item_id))
            await u.tickets.save(synced)
            await u.commit()

    async def sign(self, id: str, by: str = "rae") -> Any:
        hash = (await self.call("GET", f"/postmortems/{id}/readiness", by=by))["content_hash"]
        return await self.post(f"/postmortems/{id}/sign-offs", {"content_hash": hash, "confirm_whys": True}, by=by)

    async def published(self) -> str:
        id = await self.written()
        await self.post(f"/postmortems/{id}/submit", by="ada", expect=200)
        await self.sign(id)
        await self.post(f"/postmortems/{id}/publish", by="ada", expect=200)
        return id


FULL = {
    "sections": {
        name: {"text": f"The {name}, see https://example.org/a_b."} for name in ("summary", "impact", "root_cause")
    },
    "whys": ["The pool was full", "It had no limit"],
    "factors": [{"code": "capacity", "why": "the pool"}, {"code": "missing-alerting"}],
    "review": {"held_on": RESOLVED.date().isoformat(), "forum": "leadership"},
}


@pytest.fixture
async def shop(client: httpx2.AsyncClient, ports: Ports) -> Shop:
    shop = Shop(client, ports)
    await shop.open()
    return shop


async def test_a_postmortem_goes_from_the_first_word_to_a_frozen_version(shop: Shop) -> None:
    id = await shop.written("P1")
    state = ReadinessOut.model_validate(await shop.call("GET", f"/postmortems/{id}/readiness", by="rob"))
    assert [problem.code for problem in state.missing] == ["whys_not_confirmed", "not_signed"]
    refused = await shop.post(f"/postmortems/{id}/publish", by="ada", expect=409)
    assert [error["code"] for error in refused["errors"]] == ["whys_not_confirmed", "not_signed"]
    await shop.post(f"/postmortems/{id}/submit", by="ada", expect=200)
    assert (await shop.sign(id))["status"] == "approved"
    done = PostmortemOut.model_validate(await shop.post(f"/postmortems/{id}/publish", by="ada", expect=200))
    assert (done.status, done.published_number, done.overdue) == ("published", 1, False)
    version = VersionDetailOut.model_validate(await shop.call("GET", f"/postmortems/{id}/versions/1", by="rob"))
    assert version.content_hash == state.content_hash
    assert version.audience == "organisation"


async def test_a_frozen_version_has_the_names_of_the_record(shop: Shop) -> None:
    id = await shop.published()
    record = await shop.call("GET", f"/postmortems/{id}")
    frozen = (await shop.call("GET", f"/postmortems/{id}/versions/1"))["content"]
    assert frozen.pop("published_without_tickets") is None
    assert PostmortemOut.model_validate(record | frozen) == PostmortemOut.model_validate(record)
    assert set(record) - set(frozen) == {
        "version", "status", "proposed_tier", "waiver", "due_on", "overdue", "published_at", "published_number",
        "created_at", "updated_at", "publications",
    }  # fmt: skip
    page = await shop.call("GET", f"/postmortems/{id}.md?number=1")
    assert page == await shop.call("GET", f"/postmortems/{id}.md")


async def test_a_revision_is_written_while_the_signed_version_stays(shop: Shop) -> None:
    id = await shop.published()
    record = await shop.call("GET", f"/postmortems/{id}")
    edit = {"sections": {"summary": {"text": "Rewritten."}}}
    etag = shop.etag
    revision = await shop.call("PATCH", f"/postmortems/{id}", edit, by="ada", seen=etag)
    assert (revision["status"], revision["version"]) == ("draft", record["version"] + 1)
    frozen = await shop.call("GET", f"/postmortems/{id}/versions/1", by="rob")
    assert frozen["content"]["sections"]["summary"]["text"].startswith("The summary")
    listed = await shop.call("GET", f"/postmortems/{id}/versions")
    assert [version["number"] for version in listed["items"]] == [1]
    await shop.call("GET", f"/postmortems/{id}/versions/2", expect=404)
    await shop.call("PATCH", f"/postmortems/{id}", edit, by="ada", expect=412, seen=etag)
    await shop.call("PATCH", f"/postmortems/{id}", edit, by="ada", expect=428)


async def test_the_timeline_is_written_under_the_postmortems_version(shop: Shop) -> None:
    pm = await shop.post("/postmortems", {"incident_id": (await shop.incident())["id"]}, by="ada")
    path = f"/postmortems/{pm['id']}/timeline"
    entry = await shop.post(path, {"occurred_at": RESOLVED.isoformat(), "kind": "note", "text": "seen"}, by="ada")
    assert shop.etag == '"2"'
    patched = await shop.call("PATCH", f"{path}/{entry['id']}", {"text": "heard"}, by="ada", seen='"2"')
    assert (patched["text"], shop.etag) == ("heard", '"3"')
    assert (await shop.call("GET", f"/postmortems/{pm['id']}"))["timeline"] == [patched]
    await shop.call("DELETE", f"{path}/{entry['id']}", by="ada", expect=412, seen='"2"')
    await shop.call("DELETE", f"{path}/{entry['id']}", by="ada", expect=204, seen='"3"')
    await shop.call("DELETE", f"{path}/{entry['id']}", by="ada", expect=404, seen='"4"')
    assert (await shop.call("GET", f"/postmortems/{pm['id']}"))["timeline"] == []


async def test_a_list_is_filtered_and_holds_no_texts(shop: Shop) -> None:
    first = await shop.post("/postmortems", {"incident_id": (await shop.incident("P1"))["id"]}, by="ada")
    second = await shop.post("/postmortems", {"incident_id": (await shop.incident("P3"))["id"]}, by="rae")

    async def ids(query: str) -> set[str]:
        page = await shop.call("GET", f"/postmortems?{query}", by="rob")
        return {str(PostmortemBrief.model_validate(item).id) for item in page["items"]}

    assert await ids("service=checkout&sort=due_on") == {first["id"], second["id"]}
    assert await ids("tier=1,2") == {first["id"]}
    assert await ids("author=rae@example.org&status=draft,required") == {second["id"]}
    assert await ids(f"incident_id={first['incident']['id']}&overdue=false") == {first["id"]}
    assert await ids("overdue=true") == await ids("team=payments") == await ids("due_before=2020-01-01") == set()
    assert await ids("created_after=2020-01-01T00:00:00Z") == {first["id"], second["id"]}
    await shop.call("GET", "/postmortems?status=lost", expect=422)
    await shop.call("GET", "/postmortems?tier=4", expect=422)
    await shop.call("GET", "/postmortems?sort=text", expect=422)


async def test_reviewing_steps_and_their_refusals(shop: Shop) -> None:
    pm = await shop.post("/postmortems", {"incident_id": (await shop.incident())["id"]}, by="ada")
    path = f"/postmortems/{pm['id']}"
    assert (await shop.post("/postmortems", {"incident_id": pm["incident"]["id"]}, expect=409))[
        "code"
    ] == "already_exists"
    over = await shop.post(f"{path}/tier-override", {"tier": 1, "reason": "a large customer"}, by="rae", expect=200)
    assert (over["tier"], over["proposed_tier"], over["override"]["reason"]) == (1, 2, "a large customer")
    await shop.post(f"{path}/tier-override", {"tier": 1, "reason": "mine"}, by="ada", expect=403)
    await shop.post(f"{path}/submit", by="ada", expect=200)
    refused = await shop.post(f"{path}/sign-offs", {"content_hash": "0" * 64}, by="rae", expect=409)
    assert refused["code"] == "content_changed"
    assert (await shop.post(f"{path}/request-changes", {"reason": "thin"}, by="rae", expect=200))["status"] == "draft"
    assert (await shop.post(f"{path}/waive", {"reason": "a drill"}, by="rae", expect=200))["status"] == "waived"
    refused = await shop.post(f"{path}/submit", by="ada", expect=409)
    assert refused["code"] == "postmortem_wrong_state"


async def test_bad_bodies_are_refused_with_their_codes(shop: Shop) -> None:
    pm = await shop.post("/postmortems", {"incident_id": (await shop.incident())["id"]}, by="ada")
    for body, code in (
        ({"factors": [{"code": "gremlins"}]}, "unknown_factor"),
        ({"factors": [{"code": "dns"}, {"code": "dns"}]}, "duplicate_factor"),
        ({"author": "nobody@example.org"}, "unknown_reference"),
        ({"linked_action_items": [pm["id"]]}, "unknown_reference"),
        ({"sections": {"prose": {"text": "x"}}}, "invalid_request"),
        ({"sections": {"summary": {"text": "\x00"}}}, "invalid_request"),
        ({"phase_explanations": {"note": "x"}}, "invalid_request"),
        ({"review": {"held_on": "2199-01-01", "forum": "team"}}, "invalid"),
        ({"status": "published"}, "invalid_request"),
    ):
        refused = await shop.call("PATCH", f"/postmortems/{pm['id']}", body, expect=422, seen='"1"')
        assert refused["code"] == code
    await shop.call("GET", "/postmortems/not-an-id", expect=422)
    await shop.call("GET", f"/postmortems/{pm['incident']['id']}.md", expect=404)


async def test_what_is_restricted_does_not_exist_for_others(shop: Shop) -> None:
    id = await shop.published()
    pm = await shop.call("GET", f"/postmortems/{id}")
    async with shop.ports.uow() as u:
        incident = await u.incidents.get(UUID(pm["incident"]["id"]), SYSTEM)
        await u.incidents.save(replace(incident, visibility=Visibility.RESTRICTED))
        await u.commit()
    for path in ("", ".md", "/readiness", "/versions/1"):
        await shop.call("GET", f"/postmortems/{id}{path}", by="rae", expect=404)
        await shop.call("GET", f"/postmortems/{id}{path}")
    for path in ("", f"/{id}/versions"):
        assert (await shop.call("GET", f"/postmortems{path}", by="rae"))["items"] == []


async def test_a_linked_item_shows_only_to_who_may_see_its_incident(shop: Shop) -> None:
    earlier = await shop.published()
    linked = (await shop.call("GET", f"/postmortems/{earlier}"))["action_items"][0]["id"]
    id = await shop.written()
    await shop.call("GET", f"/postmortems/{id}")
    await shop.call("PATCH", f"/postmortems/{id}", {"linked_action_items": [linked]}, by="ada", seen=shop.etag)
    await shop.post(f"/postmortems/{id}/submit", by="ada", expect=200)
    await shop.sign(id)
    await shop.post(f"/postmortems/{id}/publish", by="ada", expect=200)
    assert [item["id"] for item in (await shop.call("GET", f"/postmortems/{id}", by="rob"))["linked_items"]] == [linked]
    async with shop.ports.uow() as u:
        item = await u.action_items.get(UUID(linked), SYSTEM)
        assert item.incident_id is not None
        incident = await u.incidents.get(item.incident_id, SYSTEM)
        await u.incidents.save(replace(incident, visibility=Visibility.RESTRICTED))
        await u.commit()
    for path in ("", ".md?number=1", ".md", "/versions/1", "/readiness"):
        await shop.call("GET", f"/postmortems/{id}{path}", by="rob")
        assert linked not in shop.text
        assert "earlier postmortems" not in shop.text
    assert (await shop.call("GET", f"/postmortems/{id}/versions/1"))["content"]["linked_items"][0]["id"] == linked


async def test_the_page_holds_no_markup_of_what_people_wrote(shop: Shop) -> None:
    id = await shop.published()
    page = await shop.call("GET", f"/postmortems/{id}.md", by="rob")
    assert page.startswith("# Postmortem: Checkout \\<b\\>fails\\</b\\>\n")
    assert "<https://example.org/a_b>" in page
    assert "[LOCAL-1](<https://norepeat.test/t/1>)" in page


async def test_the_worker_requires_one_and_follows_the_incident(shop: Shop) -> None:
    incident = await shop.incident()
    ports, id = shop.ports, UUID(incident["id"])
    required = await require_postmortem(ports.uow, ports.clock, ports.policy, incident_id=id)
    assert required is not None
    assert await require_postmortem(ports.uow, ports.clock, ports.policy, incident_id=id) is None
    assert await propose_tier_again(ports.uow, ports.clock, ports.policy, incident_id=id) is None
    await shop.call("GET", f"/incidents/{id}")
    await shop.call("PATCH", f"/incidents/{id}", {"severity": "P1"}, by="ada", seen=shop.etag)
    changed = await propose_tier_again(ports.uow, ports.clock, ports.policy, incident_id=id)
    assert changed is not None
    assert (await shop.call("GET", f"/postmortems/{required.id}"))["tier"] == 1


async def test_of_two_who_write_at_once_one_reads_again(shop: Shop) -> None:
    pm = await shop.post("/postmortems", {"incident_id": (await shop.incident())["id"]}, by="ada")
    answers = await asyncio.gather(
        *(
            shop.http.patch(f"/v1/postmortems/{pm['id']}", json={"whys": [f"why {n}"]}, headers={"If-Match": '"1"'})
            for n in range(8)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


async def test_of_two_who_begin_at_once_one_is_told_so(shop: Shop) -> None:
    body = {"incident_id": (await shop.incident())["id"]}
    ada = {"Authorization": f"Bearer {shop.keys['ada']}"}
    begun = (shop.http.post("/v1/postmortems", json=body, headers=ada) for _ in range(4))
    assert sorted(answer.status_code for answer in await asyncio.gather(*begun)) == [201, 409, 409, 409]
