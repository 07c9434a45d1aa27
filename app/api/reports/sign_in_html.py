"""The form at /login, and the step that a link from another site needs."""

from app.api.reports.html import tag
from app.api.reports.page import page


def sign_in_html(next_path: str, *, error: str | None = None) -> str:
    """One field: an API key. It is sent once; the browser then holds a key that only reads these pages."""
    form = tag(
        "form",
        tag("input", type="hidden", name="next", value=next_path),
        tag("label", "API key", for_="key"),
        tag("input", id="key", name="key", type="password", autocomplete="current-password", required=True,
            spellcheck="false", aria_describedby="hint error" if error else "hint"),
        tag("p", error, class_="error", id="error", role="alert") if error else None,
        tag("p", "It begins with nr_. You stay signed in for a day, for reading only.", class_="muted", id="hint"),
        tag("button", "Sign in", type="submit"),
        method="post",
        action="/login",
    )  # fmt: skip
    return page(
        "Sign in",
        tag("div", tag("h1", "Sign in"), tag("p", "These pages are for people of your organisation.", class_="lead"),
            tag("div", form, class_="card"), class_="narrow"),
        signed_in=False,
    )  # fmt: skip


def bounce_html(path: str) -> str:
    """A browser that comes from another site leaves its strict cookie behind; asked again from here it brings it."""
    return page("One moment", tag("p", tag("a", "Continue", href=path)), signed_in=False, onward=True)


def message_html(title: str, text: str) -> str:
    """What went wrong, for a person."""
    return page(
        title,
        tag(
            "div",
            tag("h1", title),
            tag("p", text, class_="lead"),
            tag("p", tag("a", "Start page", href="/")),
            class_="narrow",
        ),
        signed_in=False,
    )
