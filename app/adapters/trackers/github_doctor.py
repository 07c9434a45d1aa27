"""A live check of GitHub: the token, and each repository that tickets go to. It writes nothing."""

from collections.abc import AsyncIterator, Sequence

import httpx2

from app.adapters.diagnosis import Diagnosis, examined, require
from app.adapters.trackers.github_client import SETTING, GitHubClient
from app.domain.tracking.errors import TrackerRefused

LOGIN = "NOREPEAT_GITHUB_LOGIN"


async def check_github(
    client: httpx2.AsyncClient, *, token: str, base_url: str, login: str | None, projects: Sequence[str]
) -> AsyncIterator[Diagnosis]:
    """The token first; with a wrong one nothing else can be seen."""
    github = GitHubClient(client, token, base_url)
    credentials = await examined("github credentials", _credentials(github, login))
    yield credentials
    if credentials.ok:
        for project in projects:
            yield await examined(f"github {project}", _repository(github, project))


async def _credentials(github: GitHubClient, login: str | None) -> str:
    try:
        name = str((await github.call("GET", "/user", about="the token's account"))["login"])
    except TrackerRefused as refusal:
        if "(403" not in refusal.message:
            raise
        return f"{SETTING} is an app's."  # An installation token has no account, and may not ask for one.
    require(
        login is None or login.casefold() == name.casefold(),
        f"{SETTING} belongs to {name}, but {LOGIN} says {login}: our own changes would come back as news. "
        f"Set {LOGIN}={name}.",
    )
    return f"{SETTING} belongs to {name}."


async def _repository(github: GitHubClient, project: str) -> str:
    about = f"the repository {project}"
    found = await github.call("GET", f"/repos/{project}", about=about)
    require(not found.get("archived"), f"{project} is archived. Unarchive it, or give the route another project.")
    require(
        bool(found.get("has_issues", True)),
        f"{project} has its issues switched off. Switch them on, or give the route another project.",
    )
    await github.call("GET", f"/repos/{project}/issues", about=about, params={"per_page": "1"})
    may = found.get("permissions") or {}
    require(
        not may or any(may.get(name) for name in ("triage", "push", "maintain", "admin")),
        f"The token's account may only read {project}: labels and assignees would be dropped. "
        "Give it the role triage or write there.",
    )
    return "Issues can be read, and the account may label and assign them."
