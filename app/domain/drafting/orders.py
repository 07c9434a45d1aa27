"""Evidence that gives a model orders: it changes nothing, since evidence is data, but people should know of it."""

import re
import unicodedata
from collections.abc import Iterable

from app.domain.drafting.evidence import Evidence

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow)\b[^.\n]{0,40}"
    r"\b(?:instructions?|prompts?|rules?|guidelines?|directives?|told (?:you )?before"
    r"|(?:all|everything) (?:above|before))\b"
    r"|\b(?:new|updated|real|actual|important) (?:system )?instructions?\s*:"
    r"|\bsystem prompt\b|\bdeveloper mode\b|\bjailbreak\b"
    r"|\byou are (?:now|no longer)\b|\bpretend (?:to be|you are)\b|\bas an? (?:ai|language model|llm)\b"
    r"|\b(?:ai|llm|language model|assistant|claude)\b\s*[,:]\s*(?:please\s+)?"
    r"(?:ignore|write|say|state|output|omit|add|include|leave)\b"
    r"|\b(?:reveal|print|repeat|output|show) (?:me )?(?:your|the) (?:prompt|instructions)\b"
    r"|\b(?:when|if) (?:you are )?(?:writing|summari[sz]ing|drafting)\b[^.\n]{0,40}"
    r"\b(?:say|state|write|omit|blame|claim)\b"
    r"|\b(?:omit|leave out|do not mention|don't mention)\b[^.\n]{0,60}"
    r"\b(?:summary|postmortem|draft|report|root cause)\b"
    r"|</?(?:evidence|incident|system|instructions?|timeline|assistant|user|human)\b[^>]*>"
    r"|<\|[a-z_]+\|>|\[/?inst\]|(?:^|\n)\s*(?:system|assistant|human)\s*:",
    re.IGNORECASE,
)


def gives_orders(text: str) -> bool:
    """Whether a text speaks to a model rather than to people; hidden and look-alike characters do not disguise it."""
    if _TAGS.search(text):
        return True
    return bool(_ORDER.search(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text))))


def orders_in(evidence: Iterable[Evidence]) -> tuple[str, ...]:
    """The ids of what gives orders."""
    return tuple(one.id for one in evidence if gives_orders(f"{one.author or ''} {one.text}"))
