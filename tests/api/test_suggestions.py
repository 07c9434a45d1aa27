"""Suggestions through HTTP: similar incidents, root causes, factors, and what people answer."""

from typing import Any

import httpx2
import pytest

from tests.api.callers import Person, staff
from tests.api.graphql_world import code_of, data
from tests.conftest import ADMIN_KEY

EXPIRED = "The TLS certificate of the gateway expired, because nobody renewed it; no alert fired before it ended."
FULL = "The disk of the primary database ran out of space after a long schema migration and every write failed."


@pytest.fixture
async def admin(client: httpx2.AsyncClient) -> Person:
    admin = Person(client, f"Bearer {ADMIN_KEY}")
    for slug in ("gateway", "ledger"):
        await admin.post("/v1/services", {"slug": slug, "name": slug.title()}, expect=201)
    await admin.post(
        "/v1/root-causes",
        {"slug": "cert-expired", "title": "Certificate expired", "factor_code": "cert-credential-expiry"},
        expect=201,
    )
    return admin


async def incident(admin: Person, title: str, summary: str, month: int, service: str = "gateway", **more: Any) -> Any:
    given = {"title": title, "severity": "P2", "services": [service], "summary": summary} | more
    return await admin.post("/v1/incidents", given | {"started_at": f"2026-{month:02}-01T08:00:00Z"}, expect=201)


async def recurring(admin: Person) -> tuple[Any, Any]:
    """A certificate that expired twice, and two incidents about something else."""
    known = {"root_cause": "cert-expired", "root_cause_status": "confirmed"}
    first = await incident(admin, "Handshakes fail", EXPIRED, 1, **known)
    await incident(admin, "Ledger refuses writes", FULL, 2, "ledger")
    second = await incident(admin, "Clients cannot connect", "An expired certificate: the renewal never ran.", 3)
    return first, second


async def test_the_earlier_incident_with_the_same_cause_comes_first(admin: Person) -> None:
    first, second = await recurring(admin)
    items = (await admin.get(f"/v1/incidents/{second['id']}/similar"))["items"]
    assert items[0]["id"] == first["id"]
    assert items[0]["root_cause"]["slug"] == "cert-expired"
    assert items[0]["root_cause_status"] == "confirmed"
    assert {reason["code"] for reason in items[0]["reasons"]} >= {"shared_factors", "shared_wording", "same_service"}
    assert [one["score"] for one in items] == sorted((one["score"] for one in items), reverse=True)


async def test_a_later_incident_is_not_suggested_to_an_earlier_one(admin: Person) -> None:
    first, second = await recurring(admin)
    items = (await admin.get(f"/v1/incidents/{first['id']}/similar"))["items"]
    assert second["id"] not in {one["id"] for one in items}


async def test_what_was_promised_and_never_finished_is_shown_with_who_declined_it(admin: Person) -> None:
    first, second = await recurring(admin)
    (owner,) = await staff(admin, "owner")
    postmortem = await owner.post("/v1/postmortems", {"incident_id": first["id"]}, expect=201)
    for title in ("Alert before certificates end", "Renew by machine"):
        given = {"postmortem_id": postmortem["id"], "title": title, "control_type": "prevent"}
        await owner.post("/v1/action-items", given | {"owner": "owner@example.org", "due_on": "2026-12-01"}, expect=201)
    items = (await owner.get(f"/v1/action-items?incident_id={first['id']}&sort=created_at"))["items"]
    for item in items:
        await owner.post(f"/v1/action-items/{item['id']}/accept", {})
    reason = {"code": "accepted_risk", "reason": "Too dear.", "next_review_at": "2027-01-01T00:00:00Z"}
    await owner.post(f"/v1/action-items/{items[1]['id']}/decline", reason)
    (found, *_) = (await admin.get(f"/v1/incidents/{second['id']}/similar"))["items"]
    assert [(one["title"], one["status"]) for one in found["unfinished"]] == [
        ("Alert before certificates end", "open"),
        ("Renew by machine", "declined"),
    ]
    declined = found["unfinished"][1]["declined"]
    assert (declined["by"], declined["reason"]) == ("owner@example.org", "Too dear.")


async def test_a_restricted_incident_is_suggested_only_to_who_may_see_it(admin: Person) -> None:
    first, second = await recurring(admin)
    (reader, owner) = await staff(admin, "reader", "owner")
    path = f"/v1/incidents/{second['id']}/similar"
    assert first["id"] in {one["id"] for one in (await reader.get(path))["items"]}
    await admin.patch(f"/v1/incidents/{first['id']}", {"visibility": "restricted", "viewers": ["owner@example.org"]})
    assert first["id"] not in {one["id"] for one in (await reader.get(path))["items"]}
    assert first["id"] in {one["id"] for one in (await owner.get(path))["items"]}
    await reader.call("GET", f"/v1/incidents/{first['id']}/similar", expect=404)
    asked = {"text": EXPIRED}
    told = (await reader.post("/v1/root-causes/suggest", asked))["items"]
    assert all(first["id"] not in one["incident_ids"] for one in told)
    await reader.post("/v1/factors/suggest", {"incident_id": first["id"]}, expect=404)
    answer = {"incident_id": second["id"], "verdict": "accepted", "similar_incident_id": first["id"]}
    kept = await owner.post("/v1/suggestion-answers", answer)
    assert kept["similar_incident_id"] == first["id"]
    (seen,) = (await reader.get("/v1/suggestion-answers"))["items"]
    assert seen["similar_incident_id"] is None
    (hidden,) = await staff(admin, "witness")
    await hidden.post("/v1/suggestion-answers", answer, expect=404)


async def test_known_root_causes_are_suggested_for_a_text(admin: Person) -> None:
    first, _ = await recurring(admin)
    asked = {"text": "Connections fail since the certificate expired.", "service": "gateway", "factors": ["dns"]}
    (best, *_) = (await admin.post("/v1/root-causes/suggest", asked))["items"]
    assert best["root_cause"]["slug"] == "cert-expired"
    assert best["incident_ids"] == [first["id"]]
    assert best["reasons"][0]["code"] == "earlier_incidents"
    await admin.post("/v1/root-causes/suggest", {"text": "x", "service": "nowhere"}, expect=422)
    await admin.post("/v1/root-causes/suggest", {"text": "x", "factors": ["nothing"]}, expect=422)


async def test_an_entry_that_no_incident_names_is_suggested_by_its_words(admin: Person) -> None:
    asked = {"text": "The certificate expired because nobody renewed it."}
    (best, *_) = (await admin.post("/v1/root-causes/suggest", asked))["items"]
    assert (best["root_cause"]["slug"], best["incident_ids"]) == ("cert-expired", [])


async def test_an_empty_organisation_has_no_suggestions(client: httpx2.AsyncClient) -> None:
    admin = Person(client, f"Bearer {ADMIN_KEY}")
    assert (await admin.post("/v1/root-causes/suggest", {"text": "The certificate expired."}))["items"] == []
    assert (await admin.post("/v1/root-causes/suggest", {"text": "!"}))["items"] == []


async def test_factors_come_with_the_phrase_they_rest_on(admin: Person) -> None:
    found = await admin.post("/v1/factors/suggest", {"text": EXPIRED})
    assert found["source"] == "offline"
    (best, *_) = found["items"]
    assert best["code"] == "cert-credential-expiry"
    assert EXPIRED[best["start"] : best["end"]] == best["phrase"]
    assert "expired" in best["phrase"]
    first, _ = await recurring(admin)
    read = await admin.post("/v1/factors/suggest", {"incident_id": first["id"]})
    assert read["text"].startswith("Handshakes fail")
    assert read["items"][0]["code"] == "cert-credential-expiry"
    for wrong in ({}, {"text": "x", "incident_id": first["id"]}, {"text": ""}):
        await admin.post("/v1/factors/suggest", wrong, expect=422)


async def test_an_answer_is_kept_once_and_can_change(admin: Person) -> None:
    first, second = await recurring(admin)
    (owner,) = await staff(admin, "owner")
    answer = {"incident_id": second["id"], "verdict": "accepted", "similar_incident_id": first["id"]}
    kept = await owner.post("/v1/suggestion-answers", answer)
    assert (kept["kind"], kept["answered_by"]["email"]) == ("similar_incident", "owner@example.org")
    assert await owner.post("/v1/suggestion-answers", answer) == kept
    changed = await owner.post("/v1/suggestion-answers", answer | {"verdict": "rejected"})
    assert (changed["id"], changed["version"], changed["verdict"]) == (kept["id"], 2, "rejected")
    await owner.post(
        "/v1/suggestion-answers", {"incident_id": second["id"], "verdict": "accepted", "root_cause": "cert-expired"}
    )
    await owner.post(
        "/v1/suggestion-answers", {"incident_id": second["id"], "verdict": "rejected", "factor_code": "dns"}
    )
    listed = (await owner.get(f"/v1/suggestion-answers?incident_id={second['id']}&verdict=rejected"))["items"]
    assert {one["kind"] for one in listed} == {"factor", "similar_incident"}


async def test_unclear_answers_and_answers_of_programs_are_refused(admin: Person) -> None:
    first, second = await recurring(admin)
    (owner, reader) = await staff(admin, "owner", "reader")
    about = {"incident_id": second["id"], "verdict": "accepted"}
    for given, code in (
        ({}, "unclear_suggestion"),
        ({"factor_code": "dns", "similar_incident_id": first["id"]}, "unclear_suggestion"),
        ({"factor_code": "nothing"}, "unknown_factor"),
        ({"root_cause": "nothing"}, "unknown_reference"),
        ({"similar_incident_id": second["id"]}, "suggests_itself"),
    ):
        assert (await owner.post("/v1/suggestion-answers", about | given, expect=422))["code"] == code
    await reader.post("/v1/suggestion-answers", about | {"factor_code": "dns"}, expect=403)


async def test_graphql_suggests_the_same(client: httpx2.AsyncClient, admin: Person) -> None:
    first, second = await recurring(admin)
    client.headers["Authorization"] = f"Bearer {ADMIN_KEY}"
    found = await data(
        client,
        """query ($id: ID!, $text: String!) {
          similarIncidents(incidentId: $id) { incident { id title service } score reasons { code }
            rootCause { slug } unfinished { title declined { by } } }
          suggestedRootCauses(text: $text) { rootCause { slug factorCode } score incidentIds }
          suggestedFactors(text: $text) { code phrase confidence start end }
        }""",
        id=second["id"],
        text=EXPIRED,
    )
    assert found["similarIncidents"][0]["incident"]["id"] == first["id"]
    assert found["suggestedRootCauses"][0]["rootCause"]["slug"] == "cert-expired"
    assert found["suggestedFactors"][0]["code"] == "cert-credential-expiry"
    few = "query ($id: ID!) { similarIncidents(incidentId: $id, first: 0) { score } }"
    assert await code_of(client, few, id=second["id"]) == "invalid"
    (owner,) = await staff(admin, "owner")
    client.headers.update(owner.headers)
    answered = await data(
        client,
        """mutation ($id: ID!) { answerSuggestion(input: {incidentId: $id, verdict: ACCEPTED, factorCode: "dns"}) {
          kind verdict factorCode answeredBy { email } } }""",
        id=second["id"],
    )
    assert answered["answerSuggestion"] == {
        "kind": "FACTOR", "verdict": "ACCEPTED", "factorCode": "dns", "answeredBy": {"email": "owner@example.org"},
    }  # fmt: skip
    listed = await data(client, "{ suggestionAnswers(filter: {kind: [FACTOR]}) { edges { node { factorCode } } } }")
    assert listed["suggestionAnswers"]["edges"] == [{"node": {"factorCode": "dns"}}]
