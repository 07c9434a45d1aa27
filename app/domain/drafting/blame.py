"""Wording that blames a person; people's names become their role."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.drafting.evidence import Bundle

_MENTION = re.compile(r"(?<![\w@.])@([A-Za-z][\w.-]{1,40})")
_GROUPS = frozenset({"here", "channel", "everyone", "all", "oncall", "on-call", "team"})
_WORDS = frozenset({
    "will", "mark", "grace", "may", "june", "april", "august", "hope", "faith", "bill", "rob", "chase", "drew", "art",
    "grant", "sue", "dean", "miles", "rose", "dawn", "summer", "jack", "pat", "max", "ray", "guy", "frank", "earnest",
    "joy", "sunny", "page", "cliff", "rich", "ward", "the", "on", "call", "team", "oncall",
})  # fmt: skip
"""Parts of names that are words too: alone they name nobody."""
_MACHINES = frozenset({
    "bot", "app", "alert", "alerts", "alertmanager", "prometheus", "grafana", "pagerduty", "slack", "slackbot",
    "github", "gitlab", "jira", "datadog", "jenkins", "service", "webhook", "sre", "ci", "deploy", "deployer",
    "system", "monitoring",
})  # fmt: skip
_PERSON = (
    r"(?:engineers?|developers?|operators?|responders?(?:-\d+)?|persons?|authors?|reviewers?|admins?|administrators?"
    r"|somebody|someone|he|she|they|team members?|employees?|colleagues?|whoever|on-?call(?: engineer)?)"
)
_FAULT = re.compile(
    r"\b(?:human|operator|user|pilot|engineer|personal) (?:error|fault|mistake|failure)s?\b"
    r"|\b(?:careless|negligen|reckless|sloppy|incompeten|lazy|irresponsib|inattenti|thoughtless)\w*"
    r"|\b(?:to blame|at fault|fault of|blame (?:lies|falls|rests)|fat-?finger\w*|(?:screw|mess)ed (?:\w+ )?up"
    r"|forgot|neglected to)\b"
    r"|\b(?:his|her|their) (?:mistake|error|fault|carelessness|negligence|failure)\b"
    rf"|\b{_PERSON}\b[^.;]{{0,40}}?\b(?:failed to|should(?: not)? have|should've|could have|ignored|overlooked"
    r"|missed|broke"
    r"|made (?:a|the|an) (?:\w+ )?(?:mistake|error)"
    r"|(?:did not|didn't) (?:check|test|verify|notice|follow|read|think|bother)"
    r"|caused (?:the|this|an) (?:incident|outage))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class People:
    """Those who wrote or were spoken to in a bundle."""

    pattern: re.Pattern[str] | None

    @classmethod
    def of(cls, bundle: Bundle) -> "People":
        """Authors by their whole name, by its parts where those are no words, and whoever was mentioned by `@`."""
        authors = {one.author for one in bundle.evidence if one.by_a_person and one.author}
        mentioned = {name for one in bundle.evidence for name in _MENTION.findall(one.text)}
        names = {form for name in authors for form in _forms(name)} | {
            name.rstrip(".-") for name in mentioned if name.lower().rstrip(".-") not in _GROUPS | _WORDS
        }
        return cls(_any_of(names))

    def named_in(self, text: str) -> bool:
        return self.pattern is not None and self.pattern.search(text) is not None

    def by_role(self, text: str) -> str:
        """The text with “a responder” for every person."""
        if self.pattern is None:
            return text
        return self.pattern.sub(lambda m: "A responder" if _begins(text, m.start()) else "a responder", text)


def blames(text: str) -> str | None:
    """The wording that makes it a person's fault, if there is any."""
    found = _FAULT.search(text)
    return found[0] if found else None


def _forms(name: str) -> Iterable[str]:
    whole = name.strip().lstrip("@")
    parts = [part for part in re.split(r"[\s._-]+", whole) if part]
    if (
        len(whole) < 2
        or whole.startswith("[")
        or whole.lower() in _WORDS | _GROUPS
        or _MACHINES & {*map(str.lower, parts)}
    ):
        return
    yield whole
    yield from (part.capitalize() for part in parts if len(part) > 2 and part.isalpha() and part.lower() not in _WORDS)


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    if not longest_first:
        return None
    return re.compile(r"(?<![\w/.@-])@?(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w/-]|\.\w)")


def _begins(text: str, at: int) -> bool:
    return not text[:at].strip() or text[:at].rstrip().endswith((".", "!", "?"))
