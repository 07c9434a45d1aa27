"""Imported records as rows, a batch at a time: found with one query per table, written with COPY."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.adapters.db import action_items, postmortems
from app.adapters.db.statements import Row, Statements, table
from app.adapters.db.tables import (
    ActionItemRow,
    EventRow,
    IncidentRefRow,
    IncidentRow,
    IncidentServiceRow,
    PersonRow,
    PostmortemFactorRow,
    PostmortemRow,
    RootCauseRow,
    ServiceRow,
    TeamRow,
    TimelineEntryRow,
)
from app.domain.errors import AlreadyExists, Invalid, UnknownReference
from app.domain.incidents.catalogue import Additions, Known, Names, slug_of
from app.domain.incidents.model import ExternalRef, Incident
