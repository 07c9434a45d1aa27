"""Linear's own schema as a judge of documents and variables, built once for the whole run."""

import functools
from collections.abc import Mapping
from typing import Any

from graphql import DocumentNode, ExecutionResult, GraphQLSchema, build_schema, execute, parse, validate

from tests.contract.openapi_contract import BrokenContract, contract_file


@functools.cache
def linear_schema() -> GraphQLSchema:
    return build_schema(contract_file("linear.schema.graphql").read_text(), assume_valid=True)


@functools.cache
def checked(document: str) -> DocumentNode:
    """The document, if the schema knows everything it names. Raises BrokenContract."""
    parsed = parse(document)
    if errors := validate(linear_schema(), parsed):
        raise BrokenContract("; ".join(error.message for error in errors))
    return parsed


def run(document: str, root: object, variables: Mapping[str, Any]) -> ExecutionResult:
    """The result of executing it on `root`, whose methods are the schema's root fields."""
    result = execute(linear_schema(), checked(document), root, variable_values=dict(variables))
    assert isinstance(result, ExecutionResult)
    wrong = [error for error in result.errors or () if error.path is None]
    if wrong:
        raise BrokenContract("; ".join(error.message for error in wrong))
    return result
