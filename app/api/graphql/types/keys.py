"""API keys."""

from datetime import datetime

import strawberry

from app.api.graphql.fields import column, edge
from app.api.graphql.records import described, record
from app.api.graphql.types.organisation import PersonType, ServiceAccountType


@record("api_key")
class ApiKeyType:
    """A credential of exactly one person or one program, without its secret."""

    key_id: str = column("The part between `nr_` and the secret.", of="id")
    scopes: list[str] = column("What it is narrowed to; empty if to nothing.")
    created_at: datetime = column("When it was made.")
    expires_at: datetime | None = column("When it ends by itself.")
    revoked_at: datetime | None = column("When it was revoked.")
    last_used_at: datetime | None = column("When it was last used, to the minute.")
    person: PersonType | None = edge("The person it speaks for.", "person")
    service_account: ServiceAccountType | None = edge("The program it speaks for.", "service_account")


@described
class IssuedKeyType:
    """A new credential. The token is shown here and never again."""

    id: str = strawberry.field(description="The part between `nr_` and the secret.")
    token: str = strawberry.field(description="`nr_<id>_<secret>`, to be sent as `Authorization: Bearer`.")
    scopes: list[str] = strawberry.field(description="What it is narrowed to; empty if to nothing.")
    created_at: datetime = strawberry.field(description="When it was made.")
    expires_at: datetime | None = strawberry.field(description="When it ends by itself.")
