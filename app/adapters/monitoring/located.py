"""YAML (and JSON, which is a part of it) whose every piece knows the line where it stands."""

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from app.domain.budgets.slos import InvalidSlo

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Dates stay text, as in JSON; a key that stands twice is refused and not overwritten."""

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own attribute)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value != "<<" and key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"“{key.value}” stands twice", problem_mark=key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a file. What it lacks is refused with its line."""

    content: Any
    node: yaml.Node

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def wrong(self, message: str) -> InvalidSlo:
        return InvalidSlo(f"line {self.line}: {message}")

    def has(self, name: str) -> bool:
        return isinstance(self.content, dict) and self.content.get(name) is not None

    def part(self, name: str) -> "Part":
        if not isinstance(self.content, dict):
            raise self.wrong("A mapping is expected here.")
        if not self.has(name):
            raise self.wrong(f"“{name}” is missing.")
        nodes = {key.value: value for key, value in self.node.value if isinstance(key, yaml.ScalarNode)}
        return Part(self.content[name], nodes.get(name, self.node))

    def parts(self) -> list["Part"]:
        if not isinstance(self.content, list):
            raise self.wrong("A list is expected here.")
        return [Part(content, node) for content, node in zip(self.content, self.node.value, strict=True)]

    def text(self, name: str) -> str:
        found = self.part(name)
        if isinstance(found.content, dict | list | bool):
            raise found.wrong(f"“{name}” must be a text.")
        return str(found.content)

    def text_or(self, name: str, default: str) -> str:
        return self.text(name) if self.has(name) else default

    def number(self, name: str) -> float:
        found = self.part(name)
        try:
            return float(found.content)
        except (TypeError, ValueError):
            raise found.wrong(f"“{name}” must be a number.") from None

    def mapping(self) -> dict[str, Any]:
        """What it holds, if JSON can hold that too."""
        try:
            json.dumps(self.content, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.wrong(f"This cannot be kept: {error}.") from error
        if not isinstance(self.content, dict):
            raise self.wrong("A mapping is expected here.")
        return self.content


def documents(text: str) -> Iterator[Part]:
    """Every document of a file; those of a list count one by one, and empty ones not at all. Raises InvalidSlo."""
    try:
        loader = _Loader(text)
        while loader.check_node() and (node := loader.get_node()) is not None:
            whole = Part(loader.construct_document(node), node)
            yield from whole.parts() if isinstance(whole.content, list) else [] if whole.content is None else [whole]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ": ".join(part for part in (error.context, error.problem) if part)
        raise InvalidSlo(f"line {mark.line + 1 if mark else 1}: This is neither YAML nor JSON: {said}.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise InvalidSlo(f"This is neither YAML nor JSON: {error}") from error
