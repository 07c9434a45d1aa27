"""Who may see a row: the one predicate that every read and every load of a derived record gets."""

import sqlalchemy as sa

from app.adapters.db.statements import table
from app.adapters.db.tables import IncidentRow, IncidentViewerRow
from app.domain.access import Caller

# Under a name of its own, so that a statement over the incidents themselves does not correlate it away.
_incidents = table(IncidentRow).alias("restricting")
_viewers = table(IncidentViewerRow)


def visible_to(caller: Caller, incident_id: sa.ColumnElement[object]) -> sa.ColumnElement[bool]:
    """True for rows that derive from no incident, from an open one, or from one whose list the caller is on."""
    if caller.sees_everything:
        return sa.true()
    listed = sa.exists().where(_viewers.c.incident_id == _incidents.c.id, _viewers.c.person_id == caller.person_id)
    hidden = sa.exists().where(_incidents.c.id == incident_id, _incidents.c.restricted, ~listed)
    return ~hidden
