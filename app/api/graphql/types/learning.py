"""Root causes and the taxonomy of contributing factors."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from app.api.graphql.fields import column, edge, embedded, page
from app.api.graphql.records import record
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.node import VersionedType

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType
    from app.api.graphql.types.incidents import IncidentType


@record("factor")
class FactorType:
    """A contributing-factor code of the taxonomy."""

    code: str = column("Stable name.")
    title: str = column("Name for people.")
    description: str = column("When it applies.")
    sub_codes: list[str] = column("Finer codes, where there are some.")


@record("root_cause")
class RootCauseType(VersionedType):
    """A catalogue entry: "the same root cause" means the same entry."""

    slug: str = column("Unique name in addresses.")
    title: str = column("The cause in a sentence.")
    description: str = column("More about it.")
    factor_code: str | None = column("The code of the factor it belongs to.")
    factor: FactorType | None = embedded("The factor it belongs to.", "factor")
    merged_into: "RootCauseType | None" = edge("The entry that counts instead, once merged.", "root_cause")
    incidents: Connection[Annotated["IncidentType", strawberry.lazy("app.api.graphql.types.incidents")]] = page(
        "Incidents with this cause, proposed or confirmed.", "incident", within=("root_cause", "slug")
    )
    action_items: Connection[Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]] = page(
        "What was promised against it.", "action_item", within=("root_cause", "slug")
    )
