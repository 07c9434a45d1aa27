"""Asking GraphQL in tests, and a small world to ask about, made by mutations."""

from typing import Any

import httpx2


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


async def make_world(client: httpx2.AsyncClient) -> dict[str, Any]:
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
