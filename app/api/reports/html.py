"""HTML from escaped parts: whatever is not marked as HTML already is text, so nothing a user wrote can be markup."""

import re
from collections.abc import Iterable
from html import escape

_URL = re.compile(r"https?://[^\s<>\"'`\\|\[\]{}]*[^\s<>\"'`\\|\[\]{}.,;:!?()*_~]", re.IGNORECASE)
_PATH = re.compile(r"/(?![/\\])[^\s\\]*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_EMPTY = frozenset({"meta", "link", "br", "input", "hr", "col"})


class Html(str):
    """Markup that is safe to show as it is."""

    __slots__ = ()


Part = str | int | float | Html | None


def html(part: Part) -> Html:
    """A part as markup: text is escaped, what is marked stays, None is nothing."""
    if isinstance(part, Html):
        return part
    return Html("" if part is None else escape(_CONTROL.sub(" ", str(part))))


def tag(name: str, /, *children: Part, **attributes: str | int | float | bool | None) -> Html:
    """An element; `class_` is the attribute `class`, `aria_label` is `aria-label`, None and False leave it out."""
    given = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _EMPTY:
        return Html(f"<{name}{given}>")
    return Html(f"<{name}{given}>{''.join(map(html, children))}</{name}>")


def _attribute(key: str, value: str | float | bool) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(_CONTROL.sub(" ", str(value)))}"'


def joined(parts: Iterable[Part], between: str = "") -> Html:
    """Parts after one another."""
    return Html(escape(between).join(map(html, parts)))


def link(text: Part, href: str | None) -> Html:
    """A link to a page of ours or to a web address; to anything else only its text."""
    if href is None or _CONTROL.search(href):
        return html(text)
    if _PATH.fullmatch(href):
        return tag("a", text, href=href)
    if _URL.fullmatch(href):
        return tag("a", text, href=href, rel="noopener noreferrer nofollow")
    return html(text)


def prose(text: str) -> Html:
    """Paragraphs as they were written; web addresses become links, nothing else means anything."""
    paragraphs = [one for one in re.split(r"\n\s*\n", text.strip()) if one.strip()]
    return joined(tag("p", _linked(one)) for one in paragraphs)


def _linked(text: str) -> Html:
    parts: list[Part] = []
    end = 0
    for found in _URL.finditer(text):
        parts += [_broken(text[end : found.start()]), link(found.group(), found.group())]
        end = found.end()
    return joined([*parts, _broken(text[end:])])


def _broken(text: str) -> Html:
    """Line ends stay line ends."""
    return Html("<br>".join(map(html, text.replace("\r\n", "\n").split("\n"))))


def table(caption: str, columns: Iterable[Part], rows: Iterable[Iterable[Part]], *, class_: str | None = None) -> Html:
    """A table whose first column names its rows; it scrolls by itself where the page is narrow."""
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    body = []
    for row in rows:
        first, *rest = row
        body.append(tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)))
    made = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), class_=class_)
    return tag("div", made, class_="scroll", tabindex=0, role="region", aria_label=caption)


def details(summary: str, *children: Part) -> Html:
    """Something to open."""
    return tag("details", tag("summary", summary), *children)
