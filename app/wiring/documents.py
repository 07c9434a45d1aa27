"""Trusted GraphQL documents: a file of texts by SHA-256, as code generators for portals write it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.domain.errors import Invalid
from app.settings import Settings


class NoDocument(Invalid):
    """This file holds no GraphQL documents: neither a text, nor a manifest of texts by hash."""

    code = "no_document"


def trusted_file(settings: Settings) -> Path:
    return settings.graphql_trusted_documents or settings.data_dir / "trusted-documents.json"


def trusted_documents(settings: Settings) -> Mapping[str, str]:
    """Texts by hash. Raises NoDocument if only trusted ones may run and there are none."""
    file = trusted_file(settings)
    if not file.is_file():
        if settings.graphql_trusted_only:
            raise NoDocument(f"NOREPEAT_GRAPHQL_TRUSTED_ONLY is set, but {file} is not there.")
        return {}
    return _by_hash(file, _parsed(file))


def texts_in(file: Path) -> list[str]:
    """The documents of a file: one text, an object of texts by hash, or a manifest with `operations`."""
    if file.suffix != ".json":
        return [_text(file)]
    content = _parsed(file)
    if isinstance(content, dict) and isinstance(content.get("operations"), list):
        found = [one.get("body") for one in content["operations"] if isinstance(one, dict)]
    else:
        found = list(content.values()) if isinstance(content, dict) else []
    if not found or not all(isinstance(text, str) for text in found):
        raise NoDocument(f"{file}: {NoDocument.__doc__}")
    return [str(text) for text in found]


def write_trusted(settings: Settings, documents: Iterable[tuple[str, str]]) -> int:
    """Add documents to those that are trusted; how many are new."""
    file = trusted_file(settings)
    known = dict(_by_hash(file, _parsed(file))) if file.is_file() else {}
    before = len(known)
    known |= dict(documents)
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.new")
    written.write_bytes(orjson.dumps(known, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    written.replace(file)
    return len(known) - before


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NoDocument(f"{file}: This is no text in UTF-8.") from error


def _parsed(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise NoDocument(f"{file}: This is no JSON.") from error


def _by_hash(file: Path, content: Any) -> dict[str, str]:
    if not isinstance(content, dict) or not all(isinstance(text, str) for text in content.values()):
        raise NoDocument(f"{file}: Trusted documents are one JSON object of texts by hash.")
    return content
