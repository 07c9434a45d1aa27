"""Follow-through over REST and GraphQL: a team's digest, how far findings went, and Slack's challenge."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI

from app.adapters.chat.slack_webhooks import SlackEvents, sign
from app.domain.actions.model import Status
from app.domain.follow_through.sweeping import apply_item_rules
from app.domain.incidents.model import Visibility
from app.domain.policy import FollowThroughPolicy, Policy
from app.domain.ports import ChatSource, Ports
from tests import make

NOW = datetime.now(UTC)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
POLICY = Policy(follow_through=FollowThroughPolicy(applies_from_default=(NOW - timedelta(days=400)).date()))


async def late_items(ports: Ports) -> None:
    """Two late items of one team, one of them of a restricted incident."""
    ada = make.person("ada")
    team = make.team("payments", name="Pay_ments", working_days=EVERY_DAY, lead_id=ada.id)
    service = make.service(team_id=team.id)
    async with ports.uow() as u:
        await u.people.add(ada)
        await u.teams.add(team)
        await u.services.add(service)
        for title, visibility in (("Alert [1]", Visibility.ORGANIZATION), ("Secret", Visibility.RESTRICTED)):
            incident = replace(make.incident(service), visibility=visibility)
            postmortem = make.postmortem(incident)
            item = make.action_item(
                postmortem, title=title, status=Status.OPEN, team_id=team.id, owner_id=ada.id, incident_id=incident.id,
                opened_at=NOW - timedelta(days=60), committed_due_on=(NOW - timedelta(days=10)).date(),
            )  # fmt: skip
            await u.incidents.add(incident)
            await u.postmortems.add(postmortem)
            await u.action_items.add(item)
            await u.tickets.add(make.ticket(item, external_id=str(item.id), key=str(item.id)))
        await u.commit()
    await apply_item_rules(ports.uow, ports.clock, POLICY)


async def test_a_digest_can_be_previewed_as_json_and_markdown_without_anything_restricted(
    client: httpx2.AsyncClient, ports: Ports
) -> None:
    await late_items(ports)
    answer = await client.get("/v1/teams/payments/digest")
    assert answer.status_code == 200, answer.text
    groups = {group["name"]: group for group in answer.json()["groups"]}
    assert [line["title"] for line in groups["overdue"]["lines"]] == ["Alert [1]"]
    assert groups["overdue"]["total"] == 1
    text = (await client.get("/v1/teams/payments/digest", headers={"accept": "text/markdown"})).text
    assert text.startswith("# Pay\\_ments: the week from")
    assert "- [Alert \\[1\\]](/v1/action-items/" in text
    assert "Secret" not in text
    assert (await client.get("/v1/teams/nobody/digest")).status_code == 404


async def test_findings_say_how_far_they_went_in_rest_and_graphql(client: httpx2.AsyncClient, ports: Ports) -> None:
    await late_items(ports)
    found = (await client.get("/v1/findings", params={"code": "item_overdue"})).json()["items"]
    assert {one["reached"] for one in found} == {"team_lead"}
    query = "{ findings(first: 5) { edges { node { code reached escalatedAt } } } }"
    answer = (await client.post("/graphql", json={"query": query})).json()
    assert "errors" not in answer, answer
    nodes = [edge["node"] for edge in answer["data"]["findings"]["edges"]]
    assert {(one["code"], one["reached"]) for one in nodes} == {("ITEM_OVERDUE", "team_lead")}
    events = (await client.get("/v1/events", params={"type": "finding.escalated.v1"})).json()["items"]
    assert all(one["data"]["step"] == "team_lead" for one in events)


@pytest.fixture
def slack(client: httpx2.AsyncClient, application: FastAPI, ports: Ports) -> None:
    application.state.ports = replace(ports, chats={"slack": ChatSource(SlackEvents(), ("s3cret",))})


async def test_slacks_challenge_is_answered_and_a_forgery_is_not(client: httpx2.AsyncClient, slack: None) -> None:
    body, stamp = b'{"type": "url_verification", "challenge": "abc"}', str(int(NOW.timestamp()))
    headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": sign(body, "s3cret", stamp)}
    answer = await client.post("/v1/inbound/slack", content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "abc"})
    event = b'{"type": "event_callback", "event": {"type": "reaction_added"}}'
    headers["x-slack-signature"] = sign(event, "s3cret", stamp)
    answer = await client.post("/v1/inbound/slack", content=event, headers=headers)
    assert (answer.status_code, answer.json()["accepted"]) == (200, True)
    assert (await client.post("/v1/inbound/slack", content=body, headers=headers)).status_code == 401


async def test_slacks_route_is_closed_without_a_secret(client: httpx2.AsyncClient) -> None:
    assert (await client.post("/v1/inbound/slack", content=b"{}")).status_code == 404
