"""REST: the effectiveness report as Markdown, as a page and as a sheet; its JSON is `GET /v1/metrics`."""

from fastapi import APIRouter, Response

from app.api.deps import PortsDep, ReaderDep
from app.api.report_answers import csv_answer, html_answer, markdown_answer, shown_as
from app.api.reports.effectiveness import EffectivenessView, effectiveness_csv, effectiveness_markdown
from app.api.reports.effectiveness_html import effectiveness_html
from app.api.rest.metrics import Asked, Question
from app.domain.access import Caller
from app.domain.learning.use_cases import metrics
from app.domain.ports import Ports

router = APIRouter(prefix="/reports", tags=["metrics"])


async def effectiveness_view(ports: Ports, caller: Caller, asked: Question) -> EffectivenessView:
    """Every metric over the window."""
    found = await metrics.compute_postmortem_metrics(
        ports.facts, ports.metrics_policy, caller=caller, where=asked.where, window=asked.window
    )
    return EffectivenessView(found, asked.window, asked.where)


@router.get("/effectiveness.md", response_class=Response, responses=shown_as("text/markdown"))
async def get_effectiveness_markdown(ports: PortsDep, caller: ReaderDep, asked: Asked) -> Response:
    """Whether postmortems change anything, as Markdown."""
    return markdown_answer(effectiveness_markdown(await effectiveness_view(ports, caller, asked)))


@router.get("/effectiveness.html", response_class=Response, responses=shown_as("text/html"))
async def get_effectiveness_page(ports: PortsDep, caller: ReaderDep, asked: Asked) -> Response:
    """The same as one self-contained page with charts."""
    return html_answer(effectiveness_html(await effectiveness_view(ports, caller, asked)))


@router.get("/effectiveness.csv", response_class=Response, responses=shown_as("text/csv"))
async def get_effectiveness_csv(ports: PortsDep, caller: ReaderDep, asked: Asked) -> Response:
    """A row for each number, over the window and by bucket."""
    return csv_answer(effectiveness_csv(await effectiveness_view(ports, caller, asked)))
