"""REST: how we will know that a fix works: plans as they come and go, and trying one before it is saved."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from pydantic import Field

from app.api.deps import CallerDep, PortsDep
from app.api.schemas import Body, Json, Out, Text
from app.domain.actions.evidence import (
    CheckKind,
    Comparison,
    Exercise,
    MetricMode,
    MetricPlan,
    Verdict,
    VerificationPlan,
)
from app.domain.actions.use_cases import preview
from app.domain.monitoring import Backend
from app.domain.policy import EvidencePolicy

router = APIRouter(prefix="/verification-plans", tags=["action items"])

_QUERY = (
    "Answers with exactly one series; `$window` becomes the window, such as `30d`. A counter that first appears at 1"
    " adds nothing to `increase()`: let it start at 0."
)


class Metric(Body):
    """One monitoring query and what its answer is compared with."""

    query: Text = Field(min_length=1, description=_QUERY)
    backend: Backend = Field(default=Backend.PROMETHEUS, description="Which monitoring system is asked.")
    comparison: str = Field(pattern="^(>=|>|<=|<)$", description="`>=`, `>`, `<=` or `<`.")
    threshold: float = Field(description="What the observed value is compared with.")
    mode: str = Field(
        default="at_end",
        pattern="^(at_end|every_point)$",
        description="`at_end`: at the end of the window; `every_point`: throughout it, for a bound.",
    )
    exercised: str = Field(
        default="bound",
        pattern="^(bound|demonstration)$",
        description="`bound`: not holding means failed; `demonstration`: it has not come yet, the window extends.",
    )

    def metric(self) -> MetricPlan:
        return MetricPlan(
            self.query,
            Comparison(self.comparison),
            self.threshold,
            MetricMode(self.mode),
            Exercise(self.exercised),
            self.backend,
        )


class Plan(Body):
    """How we will know that the fix works in production."""

    checks: list[CheckKind] = Field(min_length=1, max_length=3, description="Each at most once.")
    window_days: int = Field(default=EvidencePolicy().window_days, ge=1, le=183, description="Days from `deployed_at`.")
    description: Text = Field(default="", description="In words.")
    metric: Metric | None = Field(default=None, description="What the check `metric` asks the monitoring.")

    def plan(self) -> VerificationPlan:
        metric = self.metric.metric() if self.metric else None
        return VerificationPlan(tuple(self.checks), self.window_days, self.description, metric)


class MetricOut(Out):
    """One monitoring query and what its answer is compared with."""

    model_config = Json
    query: str
    backend: Backend
    comparison: Comparison
    threshold: float
    mode: MetricMode
    exercised: Exercise


class PlanOut(Out):
    """How we will know."""

    model_config = Json
    checks: list[CheckKind]
    window_days: int
    description: str
    metric: MetricOut | None = None


class PreviewOut(Out):
    """What the plan's metric would have said of the window that ends now."""

    verdict: Verdict
    window_start: datetime
    window_end: datetime
    detail: dict[str, Any] = Field(description="The query as asked, the observed values, the reason, and `doubts`.")
    link: str | None = Field(description="The graph.")


@router.post("/preview", response_model=PreviewOut)
async def preview_verification_plan(ports: PortsDep, caller: CallerDep, body: Plan) -> PreviewOut:
    """Try a plan's metric over the window that ends now; nothing is kept. An invalid query is refused with the
    backend's own message (`invalid_query`)."""
    window, seen = await preview.preview_verification_plan(
        ports.clock, ports.policy, ports.monitoring, caller=caller, plan=body.plan()
    )
    return PreviewOut(
        verdict=seen.verdict,
        window_start=window.start,
        window_end=window.end,
        detail=dict(seen.detail),
        link=seen.link,
    )
