"""GraphQL reads the same records as REST, under the same rules, in few statements."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.domain.access import Caller
from app.domain.ports import Ports, PreparedRead, Reads
from app.domain.selection import Filter, Page, Selection
from app.main import create_app
from app.settings import Settings
from tests.api.graphql_world import code_of, data, make_world
from tests.conftest import ADMIN_KEY

ITEMS = 50


class CountingReads:
    """The real reads, counted."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.statements = 0

    def prepare(self, read: Selection | Page) -> PreparedRead | None:
        prepared = self.reads.prepare(read)
        assert prepared is not None

        async def counted(variables: Mapping[str, object], caller: Caller) -> bytes:
            self.statements += 1
            return await prepared(variables, caller)

        return counted

    async def count(
        self, kind: str, filters: tuple[Filter, ...], variables: Mapping[str, object], caller: Caller, at_most: int
    ) -> int:
        self.statements += 1
        return await self.reads.count(kind, filters, variables, caller, at_most)


@pytest.fixture
async def world(client: httpx2.AsyncClient) -> dict[str, Any]:
    return await make_world(client)


@pytest.fixture
async def counted(settings: Settings, client: httpx2.AsyncClient, ports: Ports) -> AsyncIterator[Any]:
    """A client whose reads are counted."""
    reads = CountingReads(ports.reads)
    app = create_app(settings)
    app.state.ports = replace(ports, reads=reads)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
    async with httpx2.AsyncClient(transport=transport, base_url="http://norepeat.test", headers=headers) as http:
        yield http, reads


async def test_a_portal_page_is_one_query(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    page = await data(
        client,
        """{ me { name role } service(slug: "checkout") {
          name team { slug people { email } }
          incidents(first: 5) { totalCount edges { node { title momentSources { moment source } } } }
          actionItems(first: 5, orderBy: {field: RISK, descending: true}) {
            edges { cursor node { title risk ticket { key } rootCause { slug } incident { title }
              postmortem { tier timeline { text } sections { name text } readiness { ready missing { code } }
                versions { edges { node { number signedBy { name } } } } } } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
          } } factors { code } }""",
    )
    service = page["service"]
    assert service["team"] == {"slug": "payments", "people": [{"email": "owner@example.org"}]}
    assert service["incidents"]["totalCount"] == 1
    node = service["incidents"]["edges"][0]["node"]
    assert node["momentSources"] == [{"moment": "started_at", "source": "pagerduty"}]
    (edge,) = service["actionItems"]["edges"]
    assert edge["node"]["incident"] == {"title": "Checkout is down"}
    assert not edge["node"]["postmortem"]["readiness"]["ready"]
    info = service["actionItems"]["pageInfo"]
    assert info == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": edge["cursor"],
        "endCursor": edge["cursor"],
    }
    assert len(page["factors"]) > 5


async def test_values_are_written_as_in_rest(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    found = await data(client, "{ incidents { edges { node { databaseId startedAt createdAt updatedAt } } } }")
    node = found["incidents"]["edges"][0]["node"]
    rest = (await client.get(f"/v1/incidents/{node['databaseId']}")).json()
    assert [node["startedAt"], node["createdAt"], node["updatedAt"]] == [
        rest["started_at"], rest["created_at"], rest["updated_at"],
    ]  # fmt: skip
    assert node["startedAt"] == "2026-01-01T00:00:00+00:00"


async def test_a_record_is_found_by_its_global_id_and_its_bare_one(
    client: httpx2.AsyncClient, world: dict[str, Any]
) -> None:
    item = world["item"]
    query = "query ($id: ID!) { actionItem(id: $id) { title } }"
    for id in (item["id"], item["databaseId"]):
        assert (await data(client, query, id=id))["actionItem"] == {"title": "Set a timeout"}
    node = "query ($id: ID!) { node(id: $id) { __typename id databaseId ... on ActionItem { title } } }"
    assert (await data(client, node, id=item["id"]))["node"] == {
        "__typename": "ActionItem", "id": item["id"], "databaseId": item["databaseId"], "title": "Set a timeout",
    }  # fmt: skip
    missing = "00000000-0000-7000-8000-000000000000"
    assert (await data(client, query, id=missing))["actionItem"] is None
    assert await code_of(client, query, id="nonsense") == "invalid"
    assert await code_of(client, query, id=world["team"]["id"]) == "invalid"
    assert await code_of(client, node, id=item["databaseId"]) == "invalid"


async def test_pages_continue_at_any_cursor(client: httpx2.AsyncClient) -> None:
    for name in "abcde":
        await data(client, f'mutation {{ createTeam(input: {{slug: "{name}", name: "Team"}}) {{ id }} }}')
    query = """query ($first: Int!, $after: String, $by: TeamOrderField!) {
      teams(first: $first, after: $after, orderBy: {field: $by, descending: true}) {
        totalCount edges { cursor node { slug } } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    for by in ("SLUG", "NAME"):
        seen: list[str] = []
        after = None
        while True:
            page = (await data(client, query, first=2, after=after, by=by))["teams"]
            assert page["totalCount"] == 5
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            seen += [edge["node"]["slug"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        assert sorted(seen) == list("abcde")
        first = (await data(client, query, first=3, after=None, by=by))["teams"]["edges"]
        middle = (await data(client, query, first=2, after=first[1]["cursor"], by=by))["teams"]["edges"]
        assert middle[0]["node"] == first[2]["node"]
    assert await code_of(client, query, first=2, after=first[1]["cursor"], by="SLUG") == "invalid_cursor"
    assert await code_of(client, query, first=0, after=None, by="SLUG") == "invalid"
    assert await code_of(client, query, first=201, after=None, by="SLUG") == "invalid"


async def test_lists_are_filtered_as_in_rest(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    async def found(filter: dict[str, Any]) -> int:
        query = "query ($filter: ActionItemFilter) { actionItems(filter: $filter) { edges { node { id } } } }"
        return len((await data(client, query, filter=filter))["actionItems"]["edges"])

    assert await found({"status": ["CANDIDATE", "OPEN"], "owner": ["owner@example.org"], "overdue": False}) == 1
    assert await found({"postmortemId": world["postmortem"]["id"], "search": "TIMEOUT"}) == 1
    assert await found({"incidentId": world["incident"]["id"], "dueBefore": "2026-12-31"}) == 0
    assert await found({"createdAfter": "2026-01-01T00:00:00Z", "controlType": None}) == 1
    assert await found({"overdue": True}) == 0


async def test_a_filter_never_leads_out_of_the_parent(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    await data(client, 'mutation { createService(input: {slug: "search", name: "Search"}) { id } }')
    found = await data(
        client,
        """{ service(slug: "search") { actionItems(filter: {service: ["checkout"]}) { edges { node { id } } } } }""",
    )
    assert found["service"]["actionItems"]["edges"] == []


async def test_the_number_of_statements_does_not_grow_with_the_rows(
    client: httpx2.AsyncClient, world: dict[str, Any], counted: Any
) -> None:
    item = {"postmortem_id": world["postmortem"]["databaseId"], "control_type": "prevent", "owner": "owner@example.org"}
    for number in range(ITEMS - 1):
        response = await client.post("/v1/action-items", json=item | {"title": f"Do {number}"})
        assert response.status_code == 201, response.text
    http, reads = counted
    query = """query ($first: Int!) { actionItems(first: $first) { edges { node { title
      owner { email team { slug } } ticket { key } service { slug } postmortem { status }
      evidence { verdict } } } } }"""
    used = {}
    for first in (1, ITEMS):
        reads.statements = 0
        edges = (await data(http, query, first=first))["actionItems"]["edges"]
        assert len(edges) == first
        assert all(edge["node"]["owner"]["team"] == {"slug": "payments"} for edge in edges)
        used[first] = reads.statements
    assert used[1] == used[ITEMS] <= 8


async def test_a_restricted_incident_does_not_exist_for_others(
    client: httpx2.AsyncClient, world: dict[str, Any]
) -> None:
    made = await data(client, 'mutation { issueApiKey(input: {person: "owner@example.org"}) { token } }')
    owner = {"Authorization": f"Bearer {made['issueApiKey']['token']}"}
    await data(
        client,
        """mutation ($id: ID!) { updateIncident(incidentId: $id, expectedVersion: 1, input: {visibility: RESTRICTED}) {
          visibility } }""",
        id=world["incident"]["id"],
    )
    query = """query ($item: ID!, $incident: ID!) {
      incident(id: $incident) { id } actionItem(id: $item) { id } node(id: $item) { id }
      service(slug: "checkout") { incidents { totalCount edges { node { id } } } actionItems { edges { node { id } } } }
      sprintPlanning { edges { node { id } } olderOpenCount } }"""
    asked = {"query": query, "variables": {"item": world["item"]["id"], "incident": world["incident"]["id"]}}
    found = (await client.post("/graphql", json=asked, headers=owner)).json()
    assert found["data"] == {
        "incident": None, "actionItem": None, "node": None,
        "service": {"incidents": {"totalCount": 0, "edges": []}, "actionItems": {"edges": []}},
        "sprintPlanning": {"edges": [], "olderOpenCount": 0},
    }  # fmt: skip


async def test_the_sprint_feed_and_the_metrics(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    await data(
        client, "mutation ($id: ID!) { acceptActionItem(itemId: $id, input: {}) { id } }", id=world["item"]["id"]
    )
    found = await data(
        client,
        """{ sprintPlanning(team: ["payments"], days: 30) { days olderOpenCount totalCount
            edges { node { title riskDetail { p reasons { text } } } } }
          metrics(severities: [P1], interval: WEEK, lookbackDays: 60) {
            recurrence { recurred { value n nMissing missingBecause { reason n } } interval { low } }
            completion { implementedOnTime { n } declined }
            detection { detectedAt { overall { value } verdict buckets { startsOn } } }
            severity { severe { n } buckets { startsOn bySeverity { severity n } } } } }""",
    )
    assert found["sprintPlanning"]["totalCount"] == 1
    assert found["sprintPlanning"]["days"] == 30
    assert found["metrics"]["detection"]["detectedAt"]["verdict"] == "INSUFFICIENT_DATA"
    assert found["metrics"]["recurrence"]["recurred"]["n"] + found["metrics"]["recurrence"]["recurred"]["nMissing"] == 1
    assert await code_of(client, '{ metrics(service: "nothing") { severity { verdict } } }') == "invalid"
    assert await code_of(client, "{ metrics(lookbackDays: 0) { severity { verdict } } }") == "invalid"
    assert await code_of(client, "{ sprintPlanning(days: 731) { days } }") == "invalid"
