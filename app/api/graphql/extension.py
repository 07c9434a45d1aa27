"""Strawberry executes what the route has parsed and validated already."""

from collections.abc import Iterator

from strawberry.extensions import SchemaExtension


class Prepared(SchemaExtension):
    """Hands the request's document over, so that it is neither parsed nor validated again."""

    def on_parse(self) -> Iterator[None]:
        self.execution_context.graphql_document = self.execution_context.context.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = []
        yield
