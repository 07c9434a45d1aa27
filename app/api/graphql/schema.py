"""The schema, and its text."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from app.api.graphql.extension import Prepared
from app.api.graphql.fields import value_of
from app.api.graphql.mutations import Mutation
from app.api.graphql.query import Query
from app.api.graphql.records import RECORDS
from app.api.graphql.scalars import SCALARS
from app.api.graphql.subscriptions.schema import Subscription


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """The route logs what is unexpected; refusals are not worth a line."""


def _built() -> _Schema:
    types: list[Any] = list(RECORDS.values())
    config = StrawberryConfig(default_resolver=value_of, scalar_map=SCALARS)
    return _Schema(
        query=Query, mutation=Mutation, subscription=Subscription, types=types, extensions=[Prepared], config=config
    )


SCHEMA = _built()


def schema_sdl() -> str:
    """The schema in the language of schemas."""
    return SCHEMA.as_str() + "\n"
