"""The pages for people with a browser: where links from tickets lead, and signing in and out.

A browser signs in with an API key and holds, in a strict cookie, a key of a day that opens these pages alone: every
other route wants a bearer token, so no other site can make a browser do anything.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import orjson
from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from app.api.deps import get_ports
from app.api.errors import STATUS
from app.api.reading import as_id, read_list, read_one
from app.api.report_answers import html_answer
from app.api.reports.action_item_html import action_item_html
from app.api.reports.effectiveness_html import effectiveness_html
from app.api.reports.meta_review_html import meta_reviews_html, pattern_html
from app.api.reports.postmortem_html import postmortem_html
from app.api.reports.sign_in_html import bounce_html, message_html, sign_in_html
from app.api.rest.action_items import ActionItemOut
from app.api.rest.meta_review_reports import review_page, review_view
from app.api.rest.meta_reviews import INCIDENTS
from app.api.rest.meta_reviews import LISTING as META_REVIEWS
from app.api.rest.metrics import require_names, window_asked
from app.api.rest.postmortem_schemas import PostmortemOut
from app.api.rest.reports import effectiveness_view
from app.api.rest.sprint_planning import sprint_page
from app.domain.access import Caller
from app.domain.errors import DomainError, NotFound, Unauthenticated
from app.domain.organisation import sessions
from app.domain.ports import Ports

COOKIE: Final = "norepeat_pages"
FIRST: Final = "/sprint-planning"
SHOWN: Final = 50
MAX_FORM: Final = 8192
Render = Callable[[Ports, Caller], Awaitable[str]]

router = APIRouter(include_in_schema=False)


async def _shown(request: Request, render: Render) -> Response:
    """The page, or what this browser needs first: its cookie, or to sign in."""
    ports = get_ports(request)
    try:
        caller = await _visitor(request, ports)
    except Unauthenticated:
        return _sign_in_first(request)
    try:
        return html_answer(await render(ports, caller))
    except DomainError as error:
        status = STATUS[error.kind]
        return html_answer(message_html("Not found" if status == 404 else "Not possible", error.message), status=status)


async def _visitor(request: Request, ports: Ports) -> Caller:
    token = request.cookies.get(COOKIE)
    if token is None:
        raise Unauthenticated
    return sessions.reader_of_pages(await ports.credentials.authenticate(token))


def _sign_in_first(request: Request) -> Response:
    """A strict cookie does not come along from another site's link: ask again from here before asking for a key."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site") == "cross-site" and COOKIE not in request.cookies:
        return html_answer(bounce_html(path))
    return RedirectResponse(f"/login?next={quote(path, safe='')}", 303)


def own_path(text: str) -> str:
    """A path of ours to go on to; anything that could lead elsewhere becomes the first page."""
    parts = urlsplit(text)
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return text if is_ours and text.isprintable() and "\\" not in text else FIRST


@router.get("/login")
async def login_page(request: Request) -> Response:
    return html_answer(sign_in_html(own_path(request.query_params.get("next", FIRST))))


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Exchange a key for the cookie."""
    form = await _form(request)
    following = own_path(form.get("next", FIRST))
    if not _is_same_site(request):
        return html_answer(message_html("Not possible", "Sign in from this site's own form."), status=403)
    ports = get_ports(request)
    try:
        caller = await ports.credentials.authenticate(form.get("key", "").strip())
        _, token = await sessions.sign_in(ports.uow, ports.clock, caller=caller)
    except DomainError as error:
        said = (
            "This key is not known, or it is not valid any more." if error.code == "unauthenticated" else error.message
        )
        return html_answer(sign_in_html(following, error=said), status=STATUS[error.kind])
    response = RedirectResponse(following, 303)
    secure = request.url.scheme == "https" or ports.policy.public_url.startswith("https:")
    response.set_cookie(
        COOKIE, token, max_age=int(sessions.SESSION.total_seconds()), httponly=True, samesite="strict", secure=secure
    )
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """The key in the cookie opens nothing any more."""
    if not _is_same_site(request):
        return html_answer(message_html("Not possible", "Sign out from this site's own pages."), status=403)
    ports, token = get_ports(request), request.cookies.get(COOKIE)
    if token is not None:
        with suppress(Unauthenticated):
            await sessions.sign_out(ports.uow, ports.clock, caller=await ports.credentials.authenticate(token))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return response


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    text = body[:MAX_FORM].decode("utf-8", errors="replace")
    return {name: values[-1] for name, values in parse_qs(text).items()}


def _is_same_site(request: Request) -> bool:
    """Browsers say where a form stands; programs that say nothing carry no cookie worth stealing."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


@router.get("/sprint-planning")
async def sprint_planning_page(request: Request) -> Response:
    asked = request.query_params

    async def render(ports: Ports, caller: Caller) -> str:
        return await sprint_page(ports, caller, team=asked.get("team"), service=asked.get("service"))

    return await _shown(request, render)


@router.get("/effectiveness")
async def effectiveness_page(request: Request) -> Response:
    asked = request.query_params

    async def render(ports: Ports, caller: Caller) -> str:
        named = (asked.get("team"), asked.get("service"), asked.get("severity"))
        question = window_asked(ports, None, None, "month", *named)
        await require_names(ports, question.where)
        return effectiveness_html(await effectiveness_view(ports, caller, question))

    return await _shown(request, render)


@router.get("/postmortems/{postmortem_id}")
async def postmortem_page(request: Request, postmortem_id: str) -> Response:
    async def render(ports: Ports, caller: Caller) -> str:
        return postmortem_html(await _record(ports, caller, "postmortem", PostmortemOut, postmortem_id))

    return await _shown(request, render)


@router.get("/action-items/{item_id}")
async def action_item_page(request: Request, item_id: str) -> Response:
    async def render(ports: Ports, caller: Caller) -> str:
        return action_item_html(await _record(ports, caller, "action_item", ActionItemOut, item_id))

    return await _shown(request, render)


@router.get("/meta-reviews")
async def meta_reviews_page(request: Request) -> Response:
    async def render(ports: Ports, caller: Caller) -> str:
        found = orjson.loads(await read_list(ports, caller, META_REVIEWS, filters={}, limit=SHOWN))
        return meta_reviews_html(found["items"])

    return await _shown(request, render)


@router.get("/meta-reviews/{ref}")
async def meta_review_page(request: Request, ref: str) -> Response:
    async def render(ports: Ports, caller: Caller) -> str:
        return await review_page(ports, caller, ref)

    return await _shown(request, render)


@router.get("/meta-reviews/{ref}/patterns/{key}")
async def pattern_page(request: Request, ref: str, key: str) -> Response:
    async def render(ports: Ports, caller: Caller) -> str:
        view = await review_view(ports, caller, ref)
        pattern = next((one for one in view["patterns"] if one["key"] == key), None)
        if pattern is None:
            raise NotFound(f"The review has no pattern “{key}”.")
        filters = {"pattern": pattern["id"]}
        found = orjson.loads(await read_list(ports, caller, INCIDENTS, filters=filters, limit=SHOWN))
        return pattern_html(view, pattern, found["items"], more=found["next_cursor"] is not None)

    return await _shown(request, render)


async def _record(ports: Ports, caller: Caller, kind: str, model: type[Any], ref: str) -> dict[str, Any]:
    id = as_id(ref)
    if id is None:
        raise NotFound(f"There is no {kind.replace('_', ' ')} with the id {ref}.")
    view: dict[str, Any] = orjson.loads(await read_one(ports, caller, kind, model, id))
    return view
