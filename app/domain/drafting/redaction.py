"""Secrets and personal data out of texts, before they are stored or sent anywhere: each value one stable name."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.domain.drafting.patterns import CARD, PERSONAL, SECRETS, Addresses, Pattern, address_patterns

FindPhones = Callable[[str], Sequence[tuple[int, int]]]
"""Where phone numbers stand in a text, from and to."""


def no_phones(_: str) -> Sequence[tuple[int, int]]:
    """For where no library that knows phone numbers is at hand."""
    return ()


_NAMED = re.compile(r"\[([a-z]+(?:-[a-z]+)*)-(\d+)\]")


@dataclass(frozen=True, slots=True)
class RedactionPolicy:
    """What is replaced besides secrets."""

    addresses: Addresses = Addresses.PUBLIC


class Redactor:
    """One bundle's: the same value has the same name (`[email-1]`) wherever it stands. Values are never stored."""

    def __init__(self, policy: RedactionPolicy, find_phones: FindPhones) -> None:
        self._find_phones = find_phones
        self._patterns = (*SECRETS, *PERSONAL, *address_patterns(policy.addresses), CARD)
        self._names: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """How many different values were replaced, by kind."""
        return dict(self._counts)

    def redact(self, text: str) -> str:
        """The text with a name for each secret; redacted again it stays the same."""
        if not text:
            return text
        for pattern in self._patterns:
            lowered = text.lower()
            if not pattern.needles or any(needle in lowered for needle in pattern.needles):
                text = self._replaced(pattern, text)
        return self._without_phones(text)

    def adopt(self, text: str, of: str) -> str:
        """A text that was redacted on its own, such as a transcript: its names become names of this bundle."""
        adopted = _NAMED.sub(lambda m: self._name(m[1], f"{of}\0{m[0]}") if m[1] in KINDS else m[0], text)
        return self.redact(adopted)

    def _replaced(self, pattern: Pattern, text: str) -> str:
        group = "v" if "v" in pattern.form.groupindex else 0

        def name(match: re.Match[str]) -> str:
            value = match[group]
            if not pattern.holds(value):
                return match[0]
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            return match[0][:start] + self._name(pattern.name, value.strip("'\"`")) + match[0][end:]

        return pattern.form.sub(name, text)

    def _without_phones(self, text: str) -> str:
        for start, end in sorted(self._find_phones(text), reverse=True):
            value = re.sub(r"\D", "", text[start:end])
            text = text[:start] + self._name("phone", value) + text[end:]
        return text

    def _name(self, kind: str, value: str) -> str:
        found = self._names.get((kind, value))
        if found is None:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            found = self._names[kind, value] = f"[{kind}-{self._counts[kind]}]"
        return found


KINDS = frozenset({pattern.name for pattern in (*SECRETS, *PERSONAL, CARD)} | {"ip", "phone"})
"""Every kind that a name can have."""
