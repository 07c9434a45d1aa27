"""What happened before an incident with its confirmed cause: one statement."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.adapters.db.statements import table
from app.adapters.db.tables import ActionItemRow, CheckRow, IncidentRow, IncidentServiceRow
from app.domain.incidents.model import Incident, Mode

_incidents, _places = table(IncidentRow), table(IncidentServiceRow)
_items, _checks = table(ActionItemRow), table(CheckRow)


def cause_history(incident: Incident, window_days: int) -> sa.Select[int, int, int, bool, int]:
    """The fields of `CauseHistory`; the incident itself need not be stored as it is given here."""
    start, services = incident.occurred_at, sa.literal(list(incident.service_ids), sa.ARRAY(sa.Uuid))
    at = sa.func.coalesce(
        _incidents.c.started_at, _incidents.c.detected_at, _incidents.c.resolved_at, _incidents.c.created_at
    )
    here = sa.exists().where(_places.c.incident_id == _incidents.c.id, _places.c.service_id == sa.any_(services))
    earlier = (
        sa.select(at.label("at"), _incidents.c.root_cause_id, _incidents.c.root_cause_status, here.label("here"))
        .where(_incidents.c.mode == Mode.STANDARD, _incidents.c.id != incident.id, at < start)
        .where(here | (_incidents.c.root_cause_id == incident.confirmed_cause_id))
        .subquery("earlier")
    )
    same = (earlier.c.root_cause_id == incident.confirmed_cause_id) & (earlier.c.root_cause_status == "confirmed")
    in_window = earlier.c.at >= start - timedelta(days=window_days)
    first_here = sa.func.coalesce(sa.func.min(earlier.c.at).filter(earlier.c.here), start)
    return sa.select(
        sa.func.count().filter(same).label("seen_anywhere"),
        sa.func.count().filter(same & earlier.c.here).label("seen_on_services"),
        sa.func.count().filter(same & earlier.c.here & in_window).label("on_services_in_window"),
        _was_fixed(incident, services).label("fix_was_verified"),
        sa.cast(sa.func.floor(sa.extract("epoch", start - first_here) / 86_400), sa.Integer).label(
            "service_history_days"
        ),
    )


def _was_fixed(incident: Incident, services: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """A fix of this cause on one of these services had been shown to work before the incident started."""
    start = incident.occurred_at
    accepted = sa.exists().where(_checks.c.action_item_id == _items.c.id, _checks.c.closed_item_at < start)
    return sa.exists().where(
        _items.c.root_cause_id == incident.confirmed_cause_id,
        _items.c.service_id == sa.any_(services),
        (_items.c.closed_at < start) | accepted,
    )
