"""GraphQL reads and writes the same records as REST, under the same rules."""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from app.domain.access import Caller
from app.domain.ports import Ports, PreparedRead, Reads
from app.domain.selection import Selection
from app.main import create_app
from app.settings import Settings
from tests.conftest import ADMIN_KEY

ITEMS = 50


class CountingReads:
    """The real reads, counted."""

    def __init__(self, reads: Reads) -> None:
        self.reads = reads
        self.statements = 0

    def prepare(self, selection: Selection) -> PreparedRead | None:
        prepared = self.reads.prepare(selection)
        assert prepared is not None

        async def counted(variables: Mapping[str, object], caller: Caller) -> bytes:
            self.statements += 1
            return await prepared(variables, caller)

        return counted

    async def count(self, selection: Selection, variables: Mapping[str, object], caller: Caller, at_most: int) -> int:
        self.statements += 1
        return await self.reads.count(selection, variables, caller, at_most)


async def ask(http: httpx2.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    response = await http.post("/graphql", json={"query": query, "variables": variables})
    assert response.status_code == 200, response.text
    body: dict[str, Any] = response.json()
    return body


async def data(http: httpx2.AsyncClient, query: str, **variables: Any) -> Any:
    body = await ask(http, query, **variables)
    assert "errors" not in body, body["errors"]
    return body["data"]


async def code_of(http: httpx2.AsyncClient, query: str, **variables: Any) -> str:
    body = await ask(http, query, **variables)
    return str(body["errors"][0]["extensions"]["code"])


@pytest.fixture
async def world(client: httpx2.AsyncClient) -> dict[str, Any]:
    """A team with a service, an incident with its postmortem, and one action item, all made by mutations."""
    made: dict[str, Any] = await data(
        client,
        """mutation ($incident: IncidentCreateInput!) {
          team: createTeam(input: {slug: "payments", name: "Payments", workingDays: [1, 2, 3]}) { id slug }
          service: createService(input: {slug: "checkout", name: "Checkout", team: "payments"}) { id slug }
          person: createPerson(input: {
            email: "owner@example.org", name: "Owner", role: RESPONDER, team: "payments",
            handles: [{name: GITHUB, value: "octo"}]
          }) { id email role handles { provider handle } team { slug } }
          cause: createRootCause(input: {slug: "no-timeout", title: "No timeout"}) { id }
          incident: createIncident(input: $incident) { id severity services { slug } change { role } }
        }""",
        incident={
            "title": "Checkout is down",
            "severity": "P1",
            "services": ["checkout"],
            "startedAt": "2026-01-01T00:00:00Z",
            "momentSources": [{"name": "STARTED_AT", "value": "pagerduty"}],
            "change": {"role": "CAUSED"},
        },
    )
    made |= await data(
        client,
        "mutation ($id: ID!) { postmortem: createPostmortem(input: {incidentId: $id}) { id databaseId tier status } }",
        id=made["incident"]["id"],
    )
    made |= await data(
        client,
        """mutation ($id: ID!) { item: createActionItem(input: {
          postmortemId: $id, title: "Set a timeout", controlType: PREVENT, owner: "owner@example.org",
          dueOn: "2026-12-31"
        }) { id databaseId version status basePriority owner { email } } }""",
        id=made["postmortem"]["id"],
    )
    return made


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


async def test_mutations_make_what_they_say(world: dict[str, Any]) -> None:
    assert world["person"]["handles"] == [{"provider": "github", "handle": "octo"}]
    assert world["person"]["team"] == {"slug": "payments"}
    assert world["incident"]["severity"] == "P1"
    assert world["incident"]["change"] == {"role": "CAUSED"}
    assert world["postmortem"]["status"] == "DRAFT"
    assert world["item"]["status"] == "CANDIDATE"
    assert world["item"]["basePriority"] == "MEDIUM"
    assert world["item"]["owner"] == {"email": "owner@example.org"}


async def test_a_portal_page_is_one_query(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    page = await data(
        client,
        """{ me { name role } service(slug: "checkout") {
          name team { slug people { email } }
          incidents(first: 5) { totalCount edges { node { title momentSources { moment source } } } }
          actionItems(first: 5, orderBy: {field: RISK, descending: true}) {
            edges { cursor node { title risk ticket { key } rootCause { slug } incident { title }
              postmortem { tier timeline { text }
                versions { edges { node { number signedBy { name } } } } sections { name text } readiness { ready missing { code } } } } }
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


async def test_an_item_goes_its_way_by_mutations(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    item = world["item"]
    changed = await data(
        client,
        """mutation ($id: ID!, $version: Int!) {
          accepted: acceptActionItem(itemId: $id, input: {}) { status committedDueOn }
          edited: updateActionItem(itemId: $id, input: {description: "x", plannedIn: "S1"}, expectedVersion: $version) {
            version description plannedIn title history { field new } }
          started: startActionItem(itemId: $id) { status }
        }""",
        id=item["id"],
        version=item["version"] + 1,
    )
    assert changed["accepted"] == {"status": "OPEN", "committedDueOn": "2026-12-31"}
    assert (changed["edited"]["description"], changed["edited"]["title"]) == ("x", "Set a timeout")
    assert {"field": "description", "new": "x"} in changed["edited"]["history"]
    assert changed["started"] == {"status": "IN_PROGRESS"}


async def test_absent_and_null_differ(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    query = """mutation ($input: ServicePatchInput!, $version: Int!) {
      updateService(service: "checkout", input: $input, expectedVersion: $version) { name version team { slug } } }"""
    kept = (await data(client, query, input={"name": "Check-out"}, version=1))["updateService"]
    assert kept == {"name": "Check-out", "version": 2, "team": {"slug": "payments"}}
    gone = (await data(client, query, input={"team": None}, version=2))["updateService"]
    assert gone == {"name": "Check-out", "version": 3, "team": None}


async def test_refusals_carry_the_codes_of_rest(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    item = world["item"]
    update = """mutation ($id: ID!, $input: ActionItemPatchInput!, $version: Int!) {
      updateActionItem(itemId: $id, input: $input, expectedVersion: $version) { id } }"""
    assert await code_of(client, update, id=item["id"], input={"title": "y"}, version=7) == "stale_version"
    assert (
        await code_of(client, update, id=item["id"], input={"owner": "nobody@example.org"}, version=1)
        == "unknown_reference"
    )
    implement = "mutation ($id: ID!) { implementActionItem(itemId: $id, input: {}) { id } }"
    assert await code_of(client, implement, id=item["id"]) == "verification_plan_required"
    missing = "00000000-0000-7000-8000-000000000000"
    assert (
        await code_of(client, "mutation ($id: ID!) { startActionItem(itemId: $id) { id } }", id=missing) == "not_found"
    )
    for title in ("", "a\x00b", "x" * 301):
        body = await ask(client, update, id=item["id"], input={"title": title}, version=1)
        (error,) = body["errors"]
        assert error["extensions"]["code"] == "invalid_request"
        assert error["extensions"]["problems"][0]["pointer"] == "/title"
        assert error["path"] == ["updateActionItem"]
    publish = "mutation ($id: ID!) { publishPostmortem(postmortemId: $id) { id } }"
    body = await ask(client, publish, id=world["postmortem"]["id"])
    assert body["data"] is None
    assert {"section_missing"} <= {p["code"] for p in body["errors"][0]["extensions"]["problems"]}


async def test_a_postmortem_is_written_by_mutations(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    id = world["postmortem"]["id"]
    added = await data(
        client,
        """mutation ($id: ID!) { addTimelineEntry(postmortemId: $id, input: {
          occurredAt: "2026-01-01T00:05:00Z", kind: DETECTION, text: "Noticed" }) { id occurredAt kind source } }""",
        id=id,
    )
    entry = added["addTimelineEntry"]
    assert (entry["occurredAt"], entry["kind"], entry["source"]) == ("2026-01-01T00:05:00+00:00", "DETECTION", "manual")
    version = (await data(client, "query ($id: ID!) { postmortem(id: $id) { version } }", id=id))["postmortem"][
        "version"
    ]
    written = await data(
        client,
        """mutation ($id: ID!, $version: Int!) { updatePostmortem(postmortemId: $id, expectedVersion: $version, input: {
          sections: [{name: SUMMARY, value: {text: "It broke."}}], whys: ["Because."],
          factors: [{code: "missing-alerting"}], phaseExplanations: [{name: MITIGATION, value: "None."}]
        }) { version sections { name text } whys { text } factors { code } phaseExplanations { phase text } } }""",
        id=id,
        version=version,
    )
    postmortem = written["updatePostmortem"]
    assert postmortem["sections"] == [{"name": "SUMMARY", "text": "It broke."}]
    assert postmortem["phaseExplanations"] == [{"phase": "MITIGATION", "text": "None."}]
    assert postmortem["factors"] == [{"code": "missing-alerting"}]
    removed = await data(
        client,
        """mutation ($id: ID!, $entry: ID!, $version: Int!) { removeTimelineEntry(
          postmortemId: $id, entryId: $entry, expectedVersion: $version) { timeline { id } } }""",
        id=id,
        entry=entry["id"],
        version=postmortem["version"],
    )
    assert removed["removeTimelineEntry"] == {"timeline": []}


async def test_a_new_key_is_shown_once_and_can_be_revoked(client: httpx2.AsyncClient, world: dict[str, Any]) -> None:
    made = await data(
        client, 'mutation { issueApiKey(input: {person: "owner@example.org", scopes: ["read"]}) { id token scopes } }'
    )
    key = made["issueApiKey"]
    owner = {"Authorization": f"Bearer {key['token']}"}
    me = (await client.post("/graphql", json={"query": "{ me { role person { email } } }"}, headers=owner)).json()
    assert me["data"]["me"] == {"role": "RESPONDER", "person": {"email": "owner@example.org"}}
    delivery = base64.b64encode(b"Delivery:00000000-0000-7000-8000-000000000000").decode()
    for query in (
        "{ deliveries { edges { cursor } } }",
        "{ deliveries { totalCount } }",
        "{ apiKeys { edges { cursor } } }",
        f'{{ node(id: "{delivery}") {{ id }} }}',
    ):
        refused = (await client.post("/graphql", json={"query": query}, headers=owner)).json()
        assert refused["errors"][0]["extensions"]["code"] == "forbidden"
    revoked = await data(
        client, "mutation ($id: String!) { revokeApiKey(keyId: $id) { keyId revokedAt } }", id=key["id"]
    )
    assert revoked["revokeApiKey"]["revokedAt"] is not None


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
