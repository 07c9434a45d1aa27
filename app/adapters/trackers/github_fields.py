"""Due dates and priorities in GitHub, where a route has a place for them: milestones, date fields, labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from app.adapters.trackers.github_client import GitHubClient
from app.domain.organisation.model import MILESTONE, PRIORITY_NAMES, Route
from app.domain.tracking.errors import TrackerRefused

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """The fields of a request, and what had no place in them: it stays a line of the text."""

    fields: Fields = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


class GitHubFields:
    """The places that a route names, looked up or made."""

    def __init__(self, github: GitHubClient) -> None:
        self._github = github

    async def due(self, route: Route, due_on: date | None) -> Placed:
        """The due date as a milestone or field; where that may not be, it is reported and stays a line."""
        if due_on is None or route.due_field is None:
            return Placed()
        try:
            if route.due_field == MILESTONE:
                return Placed({"milestone": await self._milestone(route.project, due_on)})
            return Placed({"issue_field_values": [await self._date_field(route, due_on)]})
        except TrackerRefused as refusal:
            return Placed(dropped=(f"due date:{due_on} ({refusal.message})",))

    async def _milestone(self, project: str, due_on: date) -> int:
        """The number of an open milestone of that day, ours before others'; a new one if there is none."""
        if (number := await self._of_day(project, due_on)) is not None:
            return number
        made = {"title": title_of(due_on), "due_on": f"{due_on}T12:00:00Z"}
        try:
            about = f"the milestones of {project}"
            return int((await self._github.call("POST", _milestones(project), about=about, json=made))["number"])
        except TrackerRefused:  # Another attempt was faster: titles are unique.
            if (number := await self._of_day(project, due_on)) is not None:
                return number
            raise

    async def _of_day(self, project: str, due_on: date) -> int | None:
        query = {"state": "open", "sort": "due_on"}
        listed = self._github.pages(_milestones(project), about=f"the milestones of {project}", params=query)
        fitting = {str(one["title"]): int(one["number"]) async for one in listed if due_of(one) == due_on}
        return fitting.get(title_of(due_on), next(iter(fitting.values()), None))

    async def _date_field(self, route: Route, due_on: date) -> Fields:
        organisation, wanted = route.project.partition("/")[0], str(route.due_field).casefold()
        about = f"the issue fields of {organisation}"
        known = await self._github.call("GET", f"/orgs/{organisation}/issue-fields", about=about)
        for one in known:
            if wanted in (str(one["id"]), str(one["name"]).casefold()) and one["data_type"] == "date":
                return {"field_id": int(one["id"]), "value": due_on.isoformat()}
        raise TrackerRefused(f"{organisation} has no date field {route.due_field}; change due_field in the route.")


def _milestones(project: str) -> str:
    return f"/repos/{project}/milestones"


def title_of(due_on: date) -> str:
    """How we call a milestone that only stands for a day."""
    return f"Due {due_on}"


def due_of(milestone: Mapping[str, Any] | None) -> date | None:
    """GitHub keeps the day, at the hour when it begins on its west coast."""
    due_on = (milestone or {}).get("due_on")
    return date.fromisoformat(due_on[:10]) if due_on else None


def due_on_of(issue: Mapping[str, Any], route: Route) -> date | None:
    """The due date where the route has it; a line of the text is nobody's due date."""
    if route.due_field is None:
        return None
    if route.due_field == MILESTONE:
        return due_of(issue.get("milestone"))
    wanted = route.due_field.casefold()
    for value in issue.get("issue_field_values") or ():
        if wanted in (str(value["issue_field_id"]), str(value.get("issue_field_name")).casefold()) and value["value"]:
            return date.fromisoformat(str(value["value"])[:10])
    return None


def labels_of(issue: Mapping[str, Any]) -> list[str]:
    labels = issue.get("labels") or []
    return [label if isinstance(label, str) else label.get("name") or "" for label in labels]


def priority_of(issue: Mapping[str, Any], route: Route) -> str | None:
    """By the route's labels; without them GitHub has no priorities."""
    return route.called_here(labels_of(issue))


def relabelled(labels: list[str], priority: str, route: Route) -> list[str]:
    """The same labels with this priority's instead of the others'."""
    ours = {route.priorities[name].casefold() for name in PRIORITY_NAMES if name in route.priorities}
    kept = [label for label in labels if label.casefold() not in ours]
    label = route.called_there(priority)
    return [*kept, label] if label else kept
