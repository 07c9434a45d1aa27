"""Histories of (root cause, service) pairs, the stored fit, and the risk on open items."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import (
    ActionItemRow,
    IncidentRow,
    IncidentServiceRow,
    RiskFitRow,
    RootCauseRow,
    ServiceRow,
)
from app.domain.actions.model import NOT_CLOSED
from app.domain.incidents.model import CauseStatus, Mode
from app.domain.learning.facts import PatternItem, RiskyItem, StoredFit, StoredRisk
from app.domain.learning.model import UNDETERMINED
from app.domain.learning.risk import PairHistory, RiskPolicy
from app.domain.learning.statistics import GammaPrior
from app.domain.learning.taxonomy import UNDETERMINED_ID

_items, _incidents = table(ActionItemRow), table(IncidentRow)
_at, _services, _causes = table(IncidentServiceRow), table(ServiceRow), table(RootCauseRow)
_fits = table(RiskFitRow)
_WORST_WITHIN = timedelta(days=RiskPolicy().lookback_days)


_PATTERN_ITEMS = sa.text("""
select a.id, a.service_id, coalesce(s.slug, '') as service, r.ends_at,
       (select min(i.severity) from incidents i where i.id = any(p.incident_ids)) as worst,
       array(select distinct i.root_cause_id::text || ' ' || x.service_id::text
             from incidents i join incident_services x on x.incident_id = i.id
             where i.id = any(p.incident_ids) and i.mode = 'standard' and i.root_cause_status = 'confirmed'
               and i.root_cause_id <> :undetermined) as pairs
from action_items a join meta_review_patterns p on p.id = a.pattern_id join meta_reviews r on r.id = p.review_id
left join services s on s.id = a.service_id
where a.status not in ('closed', 'declined') and (:item_id is null or a.id = :item_id)
""").bindparams(sa.bindparam("item_id", type_=sa.Uuid), sa.bindparam("undetermined", type_=sa.Uuid))


class SqlRisks:
    """What risk is computed from and where it is kept."""

    def __init__(self, statements: Statements) -> None:
        self._run = statements

    async def histories(self, as_of: datetime, causes: Sequence[UUID] | None) -> tuple[PairHistory, ...]:
        recent = _incidents.c.started_at > as_of - _WORST_WITHIN
        statement = (
            sa.select(
                _incidents.c.root_cause_id,
                _at.c.service_id,
                _services.c.slug,
                sa.func.array_agg(_incidents.c.started_at).label("started_at"),
                sa.func.min(_incidents.c.severity).filter(recent).label("worst"),
            )
            .join(_at, _at.c.incident_id == _incidents.c.id)
            .join(_services, _services.c.id == _at.c.service_id)
            .where(_incidents.c.started_at <= as_of, *_counted(), *_only(_incidents.c.root_cause_id, causes))
            .group_by(_incidents.c.root_cause_id, _at.c.service_id, _services.c.slug)
        )
        return tuple(
            PairHistory(r["root_cause_id"], r["service_id"], r["slug"], tuple(r["started_at"]), r["worst"])
            for r in await self._run.all(statement)
        )

    async def open_items(self, causes: Sequence[UUID] | None) -> tuple[RiskyItem, ...]:
        statement = (
            sa.select(
                _items.c.id, _items.c.root_cause_id, _items.c.service_id, _services.c.slug, _incidents.c.severity,
                sa.func.coalesce(_incidents.c.started_at, _incidents.c.created_at).label("originated_at"),
            )
            .join(_services, _services.c.id == _items.c.service_id)
            .join(_incidents, _incidents.c.id == _items.c.incident_id)
            .join(_causes, _causes.c.id == _items.c.root_cause_id)
            .where(
                _items.c.status.in_([str(s) for s in NOT_CLOSED]),
                _causes.c.slug != UNDETERMINED,
                *_only(_items.c.root_cause_id, causes),
            )
        )  # fmt: skip
        return tuple(
            RiskyItem(r["id"], r["root_cause_id"], r["service_id"], r["slug"], r["severity"], r["originated_at"])
            for r in await self._run.all(statement)
        )

    async def pattern_items(self, item_id: UUID | None) -> tuple[PatternItem, ...]:
        rows = await self._run.all(_PATTERN_ITEMS.bindparams(item_id=item_id, undetermined=UNDETERMINED_ID))
        return tuple(_to_pattern_item(row) for row in rows)

    async def causes_on(self, service_id: UUID) -> tuple[UUID, ...]:
        statement = (
            sa.select(_items.c.root_cause_id)
            .where(
                _items.c.service_id == service_id,
                _items.c.root_cause_id.is_not(None),
                _items.c.status.in_([str(s) for s in NOT_CLOSED]),
            )
            .distinct()
        )
        return tuple(row["root_cause_id"] for row in await self._run.all(statement))

    async def store(self, risks: Sequence[StoredRisk]) -> None:
        if not risks:
            return
        statement = (
            sa.update(_items)
            .where(_items.c.id == sa.bindparam("item_id"))
            .values(
                risk=sa.bindparam("score"),
                risk_detail=sa.bindparam("detail"),
                risk_as_of=sa.bindparam("as_of"),
                cause_recurred_at=sa.bindparam("recurred_at"),
            )
        )
        await self._run.execute(statement, [_stored(risk) for risk in risks])

    async def fit(self) -> StoredFit | None:
        row = await self._run.first(sa.select(_fits))
        if row is None:
            return None
        known = row["catalogue_shape"] is not None
        catalogue = GammaPrior(row["catalogue_shape"], row["catalogue_days"]) if known else None
        return StoredFit(row["fitted_at"], catalogue, row["shape"])

    async def save_fit(self, fit: StoredFit) -> None:
        values = {
            "fitted_at": fit.fitted_at,
            "catalogue_shape": fit.catalogue and fit.catalogue.shape,
            "catalogue_days": fit.catalogue and fit.catalogue.days,
            "shape": fit.shape,
        }
        statement = insert(_fits).values(id=1, **values)
        await self._run.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def _counted() -> tuple[sa.ColumnElement[bool], ...]:
    """Standard incidents with a confirmed cause that can recur."""
    recurs = _incidents.c.root_cause_id.not_in(sa.select(_causes.c.id).where(_causes.c.slug == UNDETERMINED))
    return _incidents.c.mode == Mode.STANDARD, _incidents.c.root_cause_status == CauseStatus.CONFIRMED, recurs


def _only(column: sa.ColumnElement[Any], ids: Sequence[UUID] | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if ids is None else (column == sa.any_(sa.literal(list(ids), sa.ARRAY(sa.Uuid))),)


def _to_pattern_item(row: Row) -> PatternItem:
    pairs = tuple((UUID(cause), UUID(service)) for cause, service in (pair.split() for pair in row["pairs"]))
    worst = row["worst"] or len(RiskPolicy().severity_weights)
    return PatternItem(row["id"], pairs, worst, row["ends_at"], row["service_id"], row["service"])


def _stored(risk: StoredRisk) -> dict[str, Any]:
    score = risk.score
    detail = {
        "p": score.p,
        "n": score.n,
        "exposure_days": score.exposure_days,
        "prior": score.prior and {"shape": score.prior.shape, "days": score.prior.days},
        "severity_weight": score.severity_weight,
        "budget_factor": score.budget_factor,
        "reasons": [{"code": reason.code, "text": reason.text} for reason in score.reasons],
    }
    return {
        "item_id": risk.item_id,
        "score": score.score,
        "detail": detail,
        "as_of": risk.as_of,
        "recurred_at": risk.recurred_at,
    }
