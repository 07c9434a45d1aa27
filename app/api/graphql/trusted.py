"""Documents known by their SHA-256: trusted ones from a release of a portal, and those that a client announced."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.api.errors import ApiError
from app.domain.errors import Forbidden, Invalid

_ANNOUNCED = 512
_LONGEST_ANNOUNCED = 20_000


class NotTrusted(Forbidden):
    """Only trusted documents are executed here; have this one trusted with `norepeat graphql trust`."""

    code = "document_not_trusted"


class UnknownDigest(Invalid):
    """No document with this hash is known; send its text with it."""

    code = "persisted_query_not_found"

    def __init__(self) -> None:
        super().__init__("PersistedQueryNotFound")  # what clients of the protocol compare with


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class Trusted:
    """Texts by hash; with `only`, no other text is executed."""

    documents: Mapping[str, str] = field(default_factory=dict)
    only: bool = False
    _announced: OrderedDict[str, str] = field(default_factory=OrderedDict)
    _texts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self._texts = frozenset(self.documents.values())

    def allows(self, text: str) -> bool:
        return not self.only or text in self._texts

    def text(self, given: object, digest: str) -> str:
        """The text behind a hash; a text that comes with its hash is remembered. Raises UnknownDigest."""
        if given is None:
            return self._known(digest)
        if not isinstance(given, str) or digest_of(given) != digest:
            raise ApiError(400, "The SHA-256 is not that of `query`.")
        if digest not in self.documents and len(given) <= _LONGEST_ANNOUNCED and self.allows(given):
            self._announced[digest] = given
            if len(self._announced) > _ANNOUNCED:
                self._announced.popitem(last=False)
        return given

    def _known(self, digest: str) -> str:
        found = self.documents.get(digest) or self._announced.get(digest)
        if found is None:
            raise UnknownDigest
        return found


def digest_in(given: Mapping[str, Any], extensions: Mapping[str, Any]) -> str | None:
    """`documentId` (`sha256:…` or the bare hash), or `extensions.persistedQuery.sha256Hash`."""
    persisted = extensions.get("persistedQuery")
    id = given.get("documentId")
    if id is None and isinstance(persisted, dict):
        id = persisted.get("sha256Hash")
    if id is None:
        return None
    if not isinstance(id, str):
        raise ApiError(400, "`documentId` and `sha256Hash` are the SHA-256 of a document, in hexadecimal.")
    return id.removeprefix("sha256:").lower()
