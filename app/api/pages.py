"""The pages a browser opens: start page, REST reference, GraphQL editor, and their files."""

import base64
import hashlib
import re
from functools import cache
from html import escape
from pathlib import Path
from typing import Final

import fastapi_offline
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

PAGES: Final = Path(__file__).parent / "static"
GRAPHIQL: Final = PAGES / "graphiql"
SWAGGER_UI: Final = Path(fastapi_offline.__file__).parent / "static"

HASHED_NAMES: Final = "public, max-age=31536000, immutable"
FIXED_NAMES: Final = "no-cache"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": FIXED_NAMES,
}
THIS_HOST_ONLY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
)
# Monaco, GraphiQL's editor, writes style elements of its own and starts three workers.
GRAPHIQL_POLICY: Final = THIS_HOST_ONLY + "script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'"


def pages_router(*, version: str, docs_enabled: bool = True) -> APIRouter:
    """The start page, the REST reference and every file that a page loads."""
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def start_page() -> Response:
        return _page(_start_html(version, docs_enabled))

    _serve_files(router, "/static/graphiql/assets", GRAPHIQL / "assets", HASHED_NAMES)
    if docs_enabled:
        _serve_docs(router)
    return router


def graphql_page(request: Request) -> Response:  # noqa: ARG001 - the signature of an endpoint
    """What a browser gets from `GET /graphql`: GraphiQL if it is built, else a small explorer."""
    return editor_page(GRAPHIQL)


def editor_page(built: Path) -> Response:
    """GraphiQL from the folder it was built into, or the explorer when the folder has none."""
    index = built / "index.html"
    if not index.is_file():
        return _page(_html("explorer.html"))
    # Read each time: a build made while the service runs gives the files new names.
    headers = {**HEADERS, "Content-Security-Policy": GRAPHIQL_POLICY}
    return HTMLResponse(index.read_text(encoding="utf-8"), headers=headers)


def _serve_docs(router: APIRouter) -> None:
    @router.get("/docs")
    async def docs_page() -> Response:
        return _page(_html("docs.html"))

    _serve_files(router, "/static/docs", SWAGGER_UI, FIXED_NAMES)


def _serve_files(router: APIRouter, at: str, folder: Path, cache_control: str) -> None:
    files = StaticFiles(directory=folder, check_dir=False)
    # The policy is for workers, which take theirs from their own file.
    headers = {
        **HEADERS,
        "Cache-Control": cache_control,
        "Content-Security-Policy": "default-src 'self'",
    }

    @router.get(at + "/{path:path}")
    async def static_file(path: str, request: Request) -> Response:
        response = await files.get_response(path, request.scope)
        response.headers.update(headers)
        return response


def _page(html: str) -> Response:
    return HTMLResponse(html, headers={**HEADERS, "Content-Security-Policy": _policy(html)})


@cache
def _policy(html: str) -> str:
    """Allow the inline script and style that we wrote, by their hashes, and nothing unsafe."""
    scripts, styles = (" ".join(_hashes(html, element)) for element in ("script", "style"))
    return THIS_HOST_ONLY + f"script-src 'self' {scripts}; style-src 'self' {styles}"


def _hashes(html: str, element: str) -> list[str]:
    inline = re.findall(f"<{element}>(.*?)</{element}>", html, re.DOTALL)
    digests = (hashlib.sha256(text.encode()).digest() for text in inline)
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]


@cache
def _start_html(version: str, docs_enabled: bool) -> str:
    html = _html("home.html").replace("{{version}}", escape(version))
    return html if docs_enabled else re.sub("<!-- docs -->.*<!-- /docs -->", "", html, flags=re.S)


@cache
def _html(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")
