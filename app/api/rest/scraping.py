"""`/metrics`: what Prometheus scrapes."""

from fastapi import APIRouter, Response

from app.api.deps import BearerDep, PortsDep
from app.domain.access import Action, authorize
from app.domain.errors import Unauthenticated

router = APIRouter(tags=["metrics"])
_TEXT = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/metrics", response_class=Response, responses=_TEXT)  # type: ignore[arg-type]
async def scrape_metrics(ports: PortsDep, credentials: BearerDep) -> Response:
    """Prometheus' text format, for `NOREPEAT_METRICS_TOKEN` or a reader's key. The worker computes it beforehand."""
    if credentials is None:
        raise Unauthenticated
    if not ports.scrape_page.admits(credentials.credentials):
        authorize(await ports.credentials.authenticate(credentials.credentials), Action.READ)
    page, content_type = await ports.scrape_page.render()
    return Response(page, media_type=content_type)
