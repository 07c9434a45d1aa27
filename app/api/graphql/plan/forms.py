"""A leaf's type in the schema → how its value is written."""

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
)

from app.api.graphql.plan.collecting import Uncovered, Use
from app.domain.selection import Code, Constant, Form, Items, Leaf, Parts, Scalar

_SCALARS = {
    **dict.fromkeys(("String", "ID", "DateTime", "Date", "UUID"), Scalar.TEXT),
    "Int": Scalar.WHOLE,
    "Float": Scalar.FRACTION,
    "Boolean": Scalar.FLAG,
    "JSON": Scalar.DOCUMENT,
}


def is_required(type: GraphQLOutputType) -> bool:
    """Whether null is a mistake there."""
    return isinstance(type, GraphQLNonNull)


def form_of(type: GraphQLOutputType, inner: tuple[Use | Constant, ...]) -> Form:
    """How a value of this type is written, as far as its inside is used. Raises Uncovered."""
    match type:
        case GraphQLNonNull():
            return form_of(type.of_type, inner)
        case GraphQLList():
            return Items(form_of(type.of_type, inner), is_required(type.of_type))
        case GraphQLEnumType():
            return Code(tuple((str(value.value), name) for name, value in type.values.items()))
        case GraphQLScalarType() if type.name in _SCALARS:
            return _SCALARS[type.name]
        case GraphQLObjectType():
            return Parts(tuple(_part(use) for use in inner))
        case _:
            raise Uncovered


def _part(use: Use | Constant) -> Leaf | Constant:
    if isinstance(use, Constant):
        return use
    if use.shown.base_resolver is not None:
        raise Uncovered
    type = use.definition.type
    return Leaf(use.shown.python_name, use.key, form_of(type, use.inner), is_required(type))
