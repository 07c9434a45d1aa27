"""REST: a meta-review as Markdown, as a page, and as a sheet."""

from typing import Any

import orjson
from fastapi import APIRouter, Response

from app.api.deps import PortsDep, ReaderDep
from app.api.reading import read_one
from app.api.report_answers import csv_answer, html_answer, markdown_answer, shown_as
from app.api.reports.meta_review import meta_review_csv, meta_review_markdown
from app.api.reports.meta_review_html import meta_review_html
from app.api.rest.meta_review_reading import difference, review_id
from app.api.rest.meta_review_schemas import MetaReviewOut
from app.domain.access import Caller
from app.domain.ports import Ports

router = APIRouter()


async def review_view(ports: Ports, caller: Caller, ref: str) -> dict[str, Any]:
    """The record of a review, by id or period."""
    id = await review_id(ports, ref)
    view: dict[str, Any] = orjson.loads(await read_one(ports, caller, "meta_review", MetaReviewOut, id))
    return view


async def review_page(ports: Ports, caller: Caller, ref: str) -> str:
    """As a page; a published one shows what its numbers would be now."""
    view = await review_view(ports, caller, ref)
    changed = None
    if view["published_at"] is not None:
        changed = (await difference(ports, caller, await review_id(ports, view["id"]))).model_dump(mode="json")
    return meta_review_html(view, difference=changed)


@router.get("/{meta_review_id}.md", response_class=Response, responses=shown_as("text/markdown"))
async def get_meta_review_markdown(ports: PortsDep, caller: ReaderDep, meta_review_id: str) -> Response:
    """The review as Markdown: numbered patterns with quotes and systemic fixes, then the action items."""
    view = await review_view(ports, caller, meta_review_id)
    return markdown_answer(meta_review_markdown(view, base_url=ports.policy.public_url))


@router.get("/{meta_review_id}.html", response_class=Response, responses=shown_as("text/html"))
async def get_meta_review_page(ports: PortsDep, caller: ReaderDep, meta_review_id: str) -> Response:
    """The review as one self-contained page with charts."""
    return html_answer(await review_page(ports, caller, meta_review_id))


@router.get("/{meta_review_id}.csv", response_class=Response, responses=shown_as("text/csv"))
async def get_meta_review_csv(ports: PortsDep, caller: ReaderDep, meta_review_id: str) -> Response:
    """One row a pattern; no cell is run as a formula."""
    return csv_answer(meta_review_csv(await review_view(ports, caller, meta_review_id)))
