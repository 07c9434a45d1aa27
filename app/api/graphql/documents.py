"""Query texts: parsed, measured and validated once each, and remembered."""

from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)

from app.api.graphql.cost import MAX_TOKENS, TooExpensive, require_shape
from app.api.graphql.trusted import NotTrusted, Trusted

_REMEMBERED = 512
_LONGEST_REMEMBERED = 20_000
_MAX_ERRORS = 20


@dataclass(frozen=True, slots=True)
class Document:
    """A text and what is wrong with it; without errors it is valid."""

    ast: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()


class Documents:
    """The documents of one schema. Without introspection nothing of the schema shows in an error either."""

    def __init__(self, schema: GraphQLSchema, *, introspection: bool, trusted: Trusted | None = None) -> None:
        self._schema = schema
        self._trusted = trusted or Trusted()
        self._hide = not introspection
        self._rules = [*specified_rules, *([NoSchemaIntrospectionCustomRule] if self._hide else [])]
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._read)

    def read(self, text: str) -> Document:
        if not self._trusted.allows(text):
            error = NotTrusted()
            return Document(None, (GraphQLError(error.message, original_error=error),))
        return self._remembered(text) if len(text) <= _LONGEST_REMEMBERED else self._read(text)

    def _read(self, text: str) -> Document:
        try:
            ast = parse(text, no_location=False, max_tokens=MAX_TOKENS)
            require_shape(ast)
        except GraphQLError as error:
            return Document(None, (error,))
        except TooExpensive as error:
            return Document(None, (GraphQLError(error.message, original_error=error),))
        except RecursionError:
            return Document(None, (GraphQLError("The query is nested too deeply.", original_error=TooExpensive()),))
        found = validate(self._schema, ast, self._rules, max_errors=_MAX_ERRORS, hide_suggestions=self._hide)
        return Document(ast, tuple(found))
