"""SLO definitions: what a service promises, as imported from the files that define it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from app.domain.errors import Invalid


class InvalidSlo(Invalid):
    """The file does not define an SLO as OpenSLO v1 or Sloth do."""

    code = "invalid_slo"


@dataclass(frozen=True, slots=True)
class SloDefinition:
    """An SLO as a file says it; `service` is the slug there, `objective` a share such as 0.999."""

    service: str
    name: str
    objective: float
    window_days: float
    source: str
    title: str = ""
    description: str = ""
    spec: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.service and self.name):
            raise InvalidSlo("An SLO names its service and itself.")
        if not 0 < self.objective < 1:
            raise InvalidSlo(f"The objective of “{self.name}” must lie between 0 and 100 %, without them.")
        if not 0 < self.window_days <= 366:
            raise InvalidSlo(f"The window of “{self.name}” must be at most a year.")


@dataclass(frozen=True, slots=True)
class Slo:
    """An SLO that we know; its name is unique within its service."""

    id: UUID
    service_id: UUID
    name: str
    objective: float
    window_days: float
    source: str
    created_at: datetime
    updated_at: datetime
    title: str = ""
    description: str = ""
    spec: Mapping[str, object] = field(default_factory=dict)
    version: int = 1
