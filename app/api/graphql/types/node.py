"""What every record has: a global id, its own id, and, where it changes, a version and two instants."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from app.api.graphql.fields import column, global_id_field
from app.api.graphql.records import described


@strawberry.interface(description="A record that can be read again by its global id.")
class Node:
    id: strawberry.ID = global_id_field("Its id among all types: opaque, stable.")
    database_id: UUID = column("Its own id, as in REST.", of="id")

    @classmethod
    def resolve_type(cls, row: dict[str, Any], *_: object) -> str:
        return str(row["__typename"])

    @classmethod
    def is_type_of(cls, *_: object) -> bool:
        """Rows are plain: the field that read them knows their type."""
        return True


@described
class VersionedType(Node):
    """A record that changes."""

    version: int = column("Counts its changes; mutations take it as `expectedVersion`.")
    created_at: datetime = column("When it was recorded.")
    updated_at: datetime = column("When it last changed.")
