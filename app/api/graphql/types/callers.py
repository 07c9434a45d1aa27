"""Who asks."""

from typing import Any

import strawberry
from strawberry import Parent

from app.api.graphql.fields import Asked
from app.api.graphql.records import described
from app.api.graphql.types.organisation import PersonType, ServiceAccountType
from app.domain.access import Caller, Role


async def _person(caller: Parent[Caller], info: Asked) -> Any:
    return caller.person_id and await info.context.loaders.one("person", caller.person_id)


async def _account(caller: Parent[Caller], info: Asked) -> Any:
    return caller.service_account_id and await info.context.loaders.one("service_account", caller.service_account_id)


def _scopes(caller: Parent[Caller]) -> list[str]:
    return sorted(caller.scopes)


@described
class CallerType:
    """The person or program behind the credential."""

    name: str = strawberry.field(description="Name for people.")
    role: Role = strawberry.field(description="What the caller may do.")
    scopes: list[str] = strawberry.field(
        resolver=_scopes, description="What the key is narrowed to; empty if to nothing."
    )
    person: PersonType | None = strawberry.field(resolver=_person, description="The person, if it is one.")
    service_account: ServiceAccountType | None = strawberry.field(
        resolver=_account, description="The program, if it is one."
    )
