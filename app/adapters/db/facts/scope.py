"""Which records a metric is about: the window, and the filters as conditions with their parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from app.domain.learning.facts import FactFilter
from app.domain.learning.measures import Window
from app.domain.learning.taxonomy import UNDETERMINED_ID

Rows = Sequence[Mapping[str, Any]]
STANDARD = "i.mode = 'standard'"
BEGUN = "coalesce(i.started_at, i.created_at)"
CONFIRMED = "j.mode = 'standard' and j.root_cause_status = 'confirmed'"
UNDETERMINED = f"'{UNDETERMINED_ID}'::uuid"


class Scope:
    """Parameters `$1` since, `$2` as_of, `$3` the buckets' bounds, and one for each filter and number that is given."""

    def __init__(self, where: FactFilter, window: Window) -> None:
        self.args: list[Any] = [window.since, window.as_of, window.bounds()]
        self._team = where.team and f"(select id from teams where slug = {self.value(where.team)})"
        self._service = where.service and f"(select id from services where slug = {self.value(where.service)})"
        self._severities = where.severities and f"any({self.value(list(where.severities))}::int[])"

    def value(self, given: Any) -> str:
        """Its place among the parameters."""
        self.args.append(given)
        return f"${len(self.args)}"

    def incidents(self) -> str:
        """Conditions on `i`, an incident: the team of its primary service, any of its services, its severity."""
        team = f"i.primary_service_id in (select id from services where team_id = {self._team})"
        service = f"i.id in (select incident_id from incident_services where service_id = {self._service})"
        return _given(
            (self._team, team), (self._service, service), (self._severities, f"i.severity = {self._severities}")
        )

    def items(self) -> str:
        """Conditions on `a`, an action item: not from a test, its own team and service, its incident's severity."""
        # Few incidents are tests, so they are looked up once, not joined.
        standard = (
            " and (a.incident_id is null or a.incident_id not in (select id from incidents where mode <> 'standard'))"
        )
        severity = f"exists (select from incidents i where i.id = a.incident_id and i.severity = {self._severities})"
        return standard + _given(
            (self._team, f"a.team_id = {self._team}"),
            (self._service, f"a.service_id = {self._service}"),
            (self._severities, severity),
        )

    async def fetch(self, pool: "asyncpg.Pool[asyncpg.Record]", sql: str) -> Rows:
        rows: Rows = await pool.fetch(sql, *self.args)
        return rows


def whole_days(from_: str, to: str) -> str:
    """A difference of instants has days and hours, never months."""
    return f"extract(day from {to} - {from_})::int"


def bucket(at: str) -> str:
    """The number of an instant's bucket, from 0."""
    return f"width_bucket({at}, $3::timestamptz[]) - 1"


def _given(*conditions: tuple[object, str]) -> str:
    return "".join(f" and {text}" for asked, text in conditions if asked)
