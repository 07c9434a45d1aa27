"""The frame of every report: one self-contained page, light or dark as the reader's system, that also prints."""

from pathlib import Path

from app.api.reports.html import Html, Part, html, joined, tag

STYLE = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
"""The only style there is; no colour, font or size stands anywhere else."""

WATCH = """
setInterval(async () => {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("counting");
  if (found) document.getElementById("counting").replaceChildren(...found.children);
  else location.reload();
}, 2000);
"""
"""The only script there is, and only while something is counted; without it there is a link."""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32'"
    " rx='8' fill='%230f766e'/%3E%3Cpath d='m10 16 4 4 9-9' fill='none' stroke='%23fff' stroke-width='3'/%3E%3C/svg%3E"
)
PLACES = (
    ("/sprint-planning", "Sprint planning"),
    ("/effectiveness", "Effectiveness"),
    ("/meta-reviews", "Meta-reviews"),
)


def page(
    title: str,
    *content: Part,
    here: str | None = None,
    signed_in: bool = True,
    watched: bool = False,
    onward: bool = False,
) -> str:
    """A whole document. `here` is the place in the navigation; a `watched` one shows its progress, `onward` asks once
    more from this site."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="refresh", content=0) if onward else None,
        tag("title", f"{title} · norepeat"),
        tag("link", rel="icon", href=ICON),
        tag("style", Html(STYLE)),
        tag("script", Html(WATCH)) if watched else None,
    )
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _top(here) if signed_in else None,
        tag("main", *content, id="content"),
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en")


def _top(here: str | None) -> Html:
    places = [tag("a", name, href=path, aria_current="page" if path == here else None) for path, name in PLACES]
    leave = tag("form", tag("button", "Sign out", class_="plain", type="submit"), method="post", action="/logout")
    brand = tag("a", "norepeat", href="/", class_="brand")
    return tag("header", tag("div", brand, tag("nav", *places, aria_label="Reports"), leave), class_="top")


def tiles(*given: tuple[Part, str]) -> Html:
    """Numbers that stand out, each with what it is."""
    return tag("ul", *(tag("li", tag("strong", number), tag("span", said)) for number, said in given), class_="tiles")


def badge(text: str, kind: str = "") -> Html:
    return tag("span", text, class_=f"badge {kind}".strip())


def facts(*given: tuple[str, Part]) -> Html:
    """Names and values; a value that is empty is left out."""
    rows = [(name, html(value)) for name, value in given]
    return tag("dl", *(joined([tag("dt", name), tag("dd", value)]) for name, value in rows if value))
