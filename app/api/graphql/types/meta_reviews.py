"""The quarter's review, its patterns and its themes."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

from app.api.graphql.fields import column, edge, edges, page
from app.api.graphql.records import described, record
from app.api.graphql.types.connections import Connection
from app.api.graphql.types.incidents import IncidentType
from app.api.graphql.types.metrics import MissingType
from app.api.graphql.types.node import Node, VersionedType
from app.api.graphql.types.organisation import PersonType
from app.domain.meta_reviews.model import BuildState, BuildStep, MetaReviewStatus
from app.domain.meta_reviews.pattern import Direction, PatternKind
from app.domain.meta_reviews.theme import ThemeStatus

if TYPE_CHECKING:
    from app.api.graphql.types.action_items import ActionItemType

ActionItem = Annotated["ActionItemType", strawberry.lazy("app.api.graphql.types.action_items")]


@described
class BuildType:
    """How far counting is."""

    state: BuildState = strawberry.field(description="Whether there is something to wait for.")
    done: int = strawberry.field(description="Steps done.")
    of: int = strawberry.field(description="Steps in all.")
    step: BuildStep | None = strawberry.field(description="What is done at the moment.")
    error: str | None = strawberry.field(description="What went wrong, if it did.")


@described
class HeatCellType:
    """How many of a factor's incidents struck one service."""

    pattern: str = strawberry.field(description="The factor's code.")
    service: str = strawberry.field(description="The service's slug.")
    name: str = strawberry.field(description="The service's name.")
    n: int = strawberry.field(description="How many.")


@described
class PatternPartType:
    """A form of a pattern: a sub-code, or how a change was rolled out."""

    name: str = strawberry.field(description="The form; `unspecified` where nobody said.")
    n: int = strawberry.field(description="In the quarter.")
    previous_n: int = strawberry.field(description="In the quarter before.")


@described
class QuoteType:
    """What a postmortem said, and which."""

    text: str = strawberry.field(description="In its words.")
    incident_id: UUID = strawberry.field(description="Its incident.")
    postmortem_id: UUID = strawberry.field(description="The postmortem.")
    incident: str = strawberry.field(description="The incident's title.")


@described
class ExposedServiceType:
    """A service that a pattern struck."""

    service: str = strawberry.field(description="Its slug.")
    name: str = strawberry.field(description="Its name.")
    n: int = strawberry.field(description="Incidents of the pattern on it.")
    revenue_per_hour_usd: float | None = strawberry.field(description="What an hour without it costs, if known.")


@record("meta_review_pattern")
class MetaReviewPatternType(Node):
    """What several incidents have in common."""

    kind: PatternKind = column("What makes an incident part of it.")
    key: str = column("A factor code, `deployment`, or `theme-…`.")
    title: str = column("What it is called.")
    period: str = column("The quarter.")
    n: int = column("Postmortems that show it.")
    of: int = column("Postmortems reviewed.")
    low: float | None = column("Lower end of the share's 95 % interval.")
    high: float | None = column("Upper end of it.")
    previous_n: int = column("In the quarter before.")
    previous_of: int = column("Postmortems reviewed then.")
    p: float | None = column("Fisher's exact p that both quarters have the same share.")
    direction: Direction = column("Whether it became more.")
    parts: list[PatternPartType] = column("Its forms.")
    quotes: list[QuoteType] = column("What postmortems said, those you may see.")
    services: list[ExposedServiceType] = column("The services it struck most.")
    revenue_per_hour_usd: float | None = column("The revenue behind them.")
    fix: str = column("The proposed systemic fix.")
    fix_is_edited: bool = column("Whether a person worded it.")
    meta_review: "MetaReviewType" = edge("The review.", "meta_review")
    incidents: Connection[IncidentType] = page("The incidents you may see.", "incident", within=("pattern", "id"))
    action_items: list[ActionItem] = edges("What was promised about it.", "action_item")


@record("meta_review_theme")
class MetaReviewThemeType(Node):
    """Wording that repeats across postmortems under no factor yet."""

    phrase: str = column("The wording.")
    n: int = column("Postmortems without a factor that say it.")
    n_elsewhere: int = column("Postmortems with factors that say it.")
    z: float = column("z-score of its log-odds against the others' wording.")
    quotes: list[QuoteType] = column("Where it is said.")
    status: ThemeStatus = column("What a person made of it.")
    factor_code: str | None = column("The factor it may be a form of.")
    reason: str = column("Why it was dismissed.")
    decided_at: datetime | None = column("When that was decided.")
    decided_by: PersonType | None = edge("Who decided.", "person")


def _missing(given: dict[str, int] | None) -> list[dict[str, Any]]:
    return [{"reason": reason, "n": n} for reason, n in (given or {}).items()]


@record("meta_review")
class MetaReviewType(VersionedType):
    """The review of one quarter. Its numbers change until it is published, and never again after that."""

    period: str = column("The quarter, such as 2026-Q1.")
    status: MetaReviewStatus = column("Where it stands.")
    preliminary: bool = column("Whether it was counted before the quarter had ended.")
    time_zone: str = column("Whose calendar it is.")
    starts_at: datetime = column("Its first instant.")
    ends_at: datetime = column("The first instant after it.")
    build: BuildType = column("How far counting is.")
    built_at: datetime | None = column("When it was counted.")
    content_hash: str | None = column("Of numbers and fixes; publishing takes it.")
    n: int | None = column("Published postmortems of standard incidents that started in the quarter.")
    n_missing: int | None = column("Required ones that are not published.")
    missing_because: list[MissingType] = column("Why they are missing.", shape=_missing)
    waived: int | None = column("Waived ones.")
    other_modes: int | None = column("Published ones of test and tutorial incidents, which never count.")
    previous_n: int | None = column("Postmortems of the quarter before.")
    heat: list[HeatCellType] | None = column("Factors against services.")
    published_at: datetime | None = column("When its numbers were frozen.")
    submitted_by: PersonType | None = edge("Who submitted it.", "person")
    published_by: PersonType | None = edge("Who published it.", "person")
    patterns: list[MetaReviewPatternType] = edges("The most frequent first.", "meta_review_pattern")
    themes: list[MetaReviewThemeType] = edges("What repeats under no factor yet.", "meta_review_theme")
    action_items: list[ActionItem] = edges("What was promised.", "action_item")
