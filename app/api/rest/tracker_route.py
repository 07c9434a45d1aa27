"""Where the tickets of a service or team go, as it goes over the wire."""

from typing import Annotated

from pydantic import Field, StringConstraints

from app.api.schemas import Body, Json, Line, Out
from app.domain.organisation.model import Provider, Route

Label = Annotated[Line, StringConstraints(max_length=100)]
_PROJECT = "`owner/repository` for GitHub, a project key for Jira, a team's key or id for Linear."
_TYPE = "The name of a Jira issue type, such as Bug; null: Task, or the project's first type."
_DUE = (
    "Where the due date goes. Jira: a field's id or name (null: `duedate`). GitHub: `milestone`, or the name or id of "
    "an organisation's date field (null: a line of the text). Linear and local tickets have their own."
)
_PRIORITIES = (
    "What our priorities are called there: names or ids in Jira, labels in GitHub, Linear's own names. "
    "Those left out have their usual name."
)


class PriorityNames(Body):
    """What each priority is called in the tracker."""

    urgent: Label | None = Field(default=None, description="What we call urgent.")
    high: Label | None = Field(default=None, description="What we call high.")
    medium: Label | None = Field(default=None, description="What we call medium.")
    low: Label | None = Field(default=None, description="What we call low.")


class PriorityNamesOut(Out):
    """What each priority is called in the tracker; null: its usual name."""

    urgent: str | None
    high: str | None
    medium: str | None
    low: str | None


class RouteBody(Body):
    """Where tickets go. Those of restricted incidents go only to a `restricted` route, else they stay here."""

    provider: Provider
    project: Line = Field(description=_PROJECT)
    labels: list[Label] = Field(default=[], max_length=20, description="Every ticket gets them.")
    restricted: bool = Field(default=False, description="Only few people can read this project.")
    issue_type: Line | None = Field(default=None, description=_TYPE)
    priorities: PriorityNames | None = Field(default=None, description=_PRIORITIES)
    due_field: Label | None = Field(default=None, description=_DUE)

    def route(self) -> Route:
        """Raises InvalidRoute."""
        names = self.priorities.model_dump(exclude_none=True) if self.priorities else {}
        return Route(
            self.provider, self.project, tuple(self.labels), self.restricted, self.issue_type, names, self.due_field
        )


class RouteOut(Out):
    """Where tickets go."""

    model_config = Json
    provider: Provider
    project: str = Field(description=_PROJECT)
    labels: list[str]
    restricted: bool
    issue_type: str | None = Field(description=_TYPE)
    priorities: PriorityNamesOut = Field(description=_PRIORITIES)
    due_field: str | None = Field(description=_DUE)
