"""A live check of Linear: the token, and each team that tickets go to. It writes nothing."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import httpx2

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.trackers.linear_client import LinearClient

VIEWER = "query { viewer { id name email } }"
TEAM = """
query ($filter: TeamFilter!) {
  teams(filter: $filter, first: 1) { nodes { id key archivedAt states(first: 100) { nodes { type } } } }
}
"""


async def check_linear(
    client: httpx2.AsyncClient, *, token: str, url: str, projects: Sequence[str]
) -> AsyncIterator[Diagnosis]:
    """The token first; with a wrong one nothing else can be seen."""
    linear = LinearClient(client, token, url)
    credentials = await examined("linear credentials", _credentials(linear))
    yield credentials
    if credentials.ok:
        for project in projects:
            yield await examined(f"linear {project}", _team(linear, project))


async def _credentials(linear: LinearClient) -> str:
    viewer = (await linear.run(VIEWER, {}, about="the token's account"))["viewer"]
    return f"The token belongs to {viewer['name'] or viewer['email']}."


async def _team(linear: LinearClient, project: str) -> str:
    by = {"id": {"eq": project}} if _is_id(project) else {"key": {"eq": project.upper()}}
    found = (await linear.run(TEAM, {"filter": by}, about=f"the team {project}"))["teams"]["nodes"]
    require(bool(found), f"There is no team {project}, or the token may not see it. Correct the route's project.")
    require(
        not found[0]["archivedAt"], f"The team {project} is archived. Restore it, or give the route another project."
    )
    types = {state["type"] for state in found[0]["states"]["nodes"]}
    lacking = [type for type in ("started", "completed", "canceled") if type not in types]
    require(not lacking, f"The team {project} has no workflow state of the type {', '.join(lacking)}. Add one.")
    return "The team is there and has the workflow states that are needed."


def _is_id(project: str) -> bool:
    try:
        UUID(project)
    except ValueError:
        return False
    return True
