"""Where the tickets of a service or team go, as it goes over the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.schemas import Body, Json, Line, Out
from app.domain.organisation.model import Provider, Route

Label = Annotated[Line, StringConstraints(max_length=100)]
_PROJECT = "`owner/repository` for GitHub, a project key for Jira, a team's key or id for Linear."
_TYPE = "The name of a Jira issue type, such as Bug; null: Task, or the project's first type."


class RouteBody(Body):
    """Where tickets go. Those of restricted incidents go only to a `restricted` route, else they stay here."""

    provider: Provider
    project: Line = Field(description=_PROJECT)
    labels: list[Label] = Field(default=[], max_length=20, description="Every ticket gets them.")
    restricted: bool = Field(default=False, description="Only few people can read this project.")
    issue_type: Line | None = Field(default=None, description=_TYPE)

    def route(self) -> Route:
        return Route(self.provider, self.project, tuple(self.labels), self.restricted, self.issue_type)


class RouteOut(Out):
    """Where tickets go."""

    model_config = Json
    provider: Provider
    project: str = Field(description=_PROJECT)
    labels: list[str]
    restricted: bool
    issue_type: str | None = Field(description=_TYPE)
