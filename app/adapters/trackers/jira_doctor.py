"""A live check of Jira: the token, and what it may do in each project that tickets go to. It writes nothing."""

from collections.abc import AsyncIterator, Sequence

import httpx2

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.trackers.jira_client import JiraClient

NEEDED = (
    "BROWSE_PROJECTS", "CREATE_ISSUES", "EDIT_ISSUES", "ASSIGN_ISSUES", "TRANSITION_ISSUES", "ADD_COMMENTS",
    "LINK_ISSUES",
)  # fmt: skip


async def check_jira(
    client: httpx2.AsyncClient,
    *,
    base_url: str,
    token: str,
    email: str | None,
    data_center: bool,
    projects: Sequence[str],
) -> AsyncIterator[Diagnosis]:
    """The token first; with a wrong one nothing else can be seen."""
    jira = JiraClient(client, base_url=base_url, token=token, email=email, data_center=data_center)
    credentials = await examined("jira credentials", _credentials(jira))
    yield credentials
    if credentials.ok:
        for project in projects:
            yield await examined(f"jira {project}", _project(jira, project))


async def _credentials(jira: JiraClient) -> str:
    me = await jira.call("GET", "/myself", about="the token's account")
    return f"The token belongs to {me.get('displayName') or me.get('accountId') or me.get('name')}."


async def _project(jira: JiraClient, project: str) -> str:
    about = f"the project {project}"
    found = await jira.call("GET", f"/project/{project}", about=about)
    require(not found.get("archived"), f"{project} is archived. Restore it, or give the route another project.")
    asked = {"projectKey": project, "permissions": ",".join(NEEDED)}
    held = (await jira.call("GET", "/mypermissions", about=about, params=asked))["permissions"]
    lacking = [name for name in NEEDED if not (held.get(name) or {}).get("havePermission")]
    require(not lacking, f"The token's account lacks {', '.join(lacking)} in {project}. Grant them in its scheme.")
    return "Tickets can be created, edited, assigned, moved, commented on and linked."
