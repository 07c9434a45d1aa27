"""A postmortem as Markdown: a pure function from its view (the REST record, or a frozen version) to text.

Every text in it was written by somebody: it is escaped, so that it shows as it is and can be neither markup nor HTML.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

View = Mapping[str, Any]

TEXTS = (("summary", "Summary"), ("impact", "Impact"), ("root_cause", "Root cause"), ("lessons", "Lessons"))
TIERS = {1: "1 (full)", 2: "2 (standard)", 3: "3 (summary)"}


def postmortem_markdown(view: View) -> str:
    """The whole page. Parts that are empty are left out."""
    parts = [
        [f"# Postmortem: {line(view['incident']['title'])}"],
        _facts(view),
        *(_text(view, name, title) for name, title in TEXTS[:2]),
        _timeline(view),
        _text(view, *TEXTS[2]),
        _whys(view["whys"]),
        _factors(view["factors"]),
        _text(view, *TEXTS[3]),
        _items("Action items", view["action_items"]),
        _items("Action items of earlier postmortems", view["linked_items"]),
        _review(view),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _facts(view: View) -> list[str]:
    incident, cause = view["incident"], view["incident"]["root_cause"]
    services = ", ".join(line(service["name"]) for service in incident["services"])
    moments = [f"{name.removesuffix('_at')} {_at(incident[name])}" for name in _MOMENTS if incident[name]]
    rows = (
        ("Status", line(view["status"].replace("_", " "))),
        ("Severity", f"{line(incident['severity'])}, customer impact {line(incident['customer_impact'])}"),
        ("Tier", f"{TIERS[view['tier']]}: {line('; '.join(view['tier_reasons']))}"),
        ("Services", services),
        ("Incident", ", ".join(moments)),
        ("Root cause", f"{line(cause['title'])} ({line(incident['root_cause_status'])})" if cause else ""),
        ("Author", _name(view["author"])),
        ("Facilitator", _name(view["facilitator"])),
    )
    return [f"- **{name}:** {value}" for name, value in rows if value]


_MOMENTS = ("started_at", "detected_at", "mitigated_at", "resolved_at")


def _text(view: View, name: str, title: str) -> list[str]:
    section = view["sections"].get(name)
    if section is None or not section["text"].strip():
        return []
    unreviewed = section["machine_written"] and not section["reviewed"]
    mark = ["*Written by a machine and not yet reviewed.*", ""] if unreviewed else []
    return [f"## {title}", "", *mark, block(section["text"])]


def _timeline(view: View) -> list[str]:
    entries = [f"- {_at(e['occurred_at'])}, **{line(e['kind'])}:** {line(e['text'])}" for e in view["timeline"]]
    explained = [
        f"- No {line(phase)} in order: {line(text)}" for phase, text in sorted(view["phase_explanations"].items())
    ]
    return ["## Timeline", "", *entries, *explained] if entries or explained else []


def _whys(whys: Sequence[View]) -> list[str]:
    lines = [f"{number}. {line(why['text'])}" for number, why in enumerate(whys, 1)]
    return ["## Five whys", "", *lines] if lines else []


def _factors(factors: Sequence[View]) -> list[str]:
    lines = []
    for factor in factors:
        code = line(factor["code"]) + (f" ({line(factor['sub_code'])})" if factor["sub_code"] else "")
        lines.append(f"- **{code}**" + (f": {line(factor['why'])}" if factor["why"] else ""))
    return ["## Contributing factors", "", *lines] if lines else []


def _items(title: str, items: Sequence[View]) -> list[str]:
    return [f"## {title}", "", *map(_item, items)] if items else []


def _item(item: View) -> str:
    kind = line(item["control_type"]) + (", systemic" if item["systemic"] else "")
    facts = [
        kind,
        _name(item["owner"]) or "no owner",
        f"due {item['due_on']}" if item["due_on"] else "no due date",
        line(item["status"].replace("_", " ")),
        _ticket(item["ticket"]),
    ]
    box = "x" if item["status"] == "closed" else " "
    return f"- [{box}] {line(item['title'])}: {'; '.join(filter(None, facts))}"


def _ticket(ticket: View | None) -> str:
    if ticket is None or not ticket["key"]:
        return "no ticket yet"
    return link(ticket["key"], ticket["url"])


def _review(view: View) -> list[str]:
    review = view["review"]
    held = [f"- Reviewed on {review['held_on']} ({line(review['forum'].replace('_', ' '))})"] if review else []
    signed = [f"- Signed by {_name(s['person'])} on {_at(s['at'])}" for s in view["sign_offs"]]
    return ["## Review", "", *held, *signed] if held or signed else []


def _name(person: View | None) -> str:
    return line(person["name"]) if person else ""


def _at(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


# ── Escaping ─────────────────────────────────────────────────────────────────────────────────────────────────────

_URL = re.compile(r"https?://[^\s<>\"'`\\|\[\]{}]*[^\s<>\"'`\\|\[\]{}.,;:!?()*_~]", re.IGNORECASE)
_INLINE = re.compile(r"([\\`*_\[\]<>&~|$@{}]|:(?=//)|!(?=\[))")
_BLOCK = re.compile(r"^(#|[-+=>:]|\d{1,9}(?=[.)]))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def line(text: str) -> str:
    """One line of text as it is; web addresses become links, nothing else means anything."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    parts, end = [], 0
    for url in _URL.finditer(flat):
        parts += [_escaped(flat[end : url.start()]), f"<{url.group()}>"]
        end = url.end()
    return _at_line_start("".join([*parts, _escaped(flat[end:])]))


def _escaped(text: str) -> str:
    return _INLINE.sub(r"\\\1", text)


def _at_line_start(text: str) -> str:
    """What opens a heading, list, quote or rule at the start of a line does not."""
    found = _BLOCK.match(text)
    if found is None:
        return text
    mark = found.group()
    return f"{mark}\\{text[len(mark) :]}" if mark[0].isdigit() else f"\\{text}"


def block(text: str) -> str:
    """Several lines; empty ones part paragraphs."""
    return "\n".join(line(one) for one in text.splitlines())


def link(text: str, url: str | None) -> str:
    """A link to a web address; to anything else only its text."""
    if url is None or not _URL.fullmatch(url) or _CONTROL.search(url):
        return line(text)
    return f"[{_escaped(_CONTROL.sub(' ', text))}](<{url}>)"
