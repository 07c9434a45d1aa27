"""REST: which review a caller names, and what of it is read together."""

from uuid import UUID

import orjson

from app.api.reading import as_id, fields_of, read_one
from app.api.rest.meta_review_schemas import MetaReviewDifferenceOut, MetaReviewRef, PatternDifferenceOut
from app.api.schemas import IncidentRef
from app.domain.access import Caller
from app.domain.errors import NotFound
from app.domain.meta_reviews.period import Quarter
from app.domain.meta_reviews.use_cases import drafting
from app.domain.ports import Ports
from app.domain.selection import Filter, Op, Selection

SHOWN_CHANGES = 500
_NAMED = Selection("incident", fields_of(IncidentRef), (Filter("id", Op.IN, "ids"),))


async def review_id(ports: Ports, ref: str) -> UUID:
    """The id behind an id or a period. Raises InvalidPeriod, NotFound."""
    id = as_id(ref)
    if id is not None:
        return id
    period = Quarter.parse(ref)
    async with ports.uow() as u:
        found = await u.meta_reviews.find_by_period(period)
    return found.id if found else _none(period)


def _none(period: Quarter) -> UUID:
    raise NotFound(f"There is no meta-review of {period}; POST /v1/meta-reviews begins it.")


async def difference(ports: Ports, caller: Caller, id: UUID) -> MetaReviewDifferenceOut:
    """With the incidents' titles, as far as the caller may see them."""
    found = await drafting.compare_meta_review(ports.uow, ports.clock, caller=caller, review_id=id)
    review = orjson.loads(await read_one(ports, caller, "meta_review", MetaReviewRef, id))
    ids = {id for row in found.patterns for id in (*row.added_ids, *row.removed_ids)}
    known = await _incidents(ports, caller, sorted(ids)[:SHOWN_CHANGES])
    rows = [
        PatternDifferenceOut(
            key=row.key, title=row.title, kept_n=row.kept_n, live_n=row.live_n,
            added=[known[id] for id in row.added_ids if id in known],
            removed=[known[id] for id in row.removed_ids if id in known],
        )
        for row in found.patterns
    ]  # fmt: skip
    return MetaReviewDifferenceOut(period=review["period"], kept_of=found.kept_of, live_of=found.live_of, patterns=rows)


async def _incidents(ports: Ports, caller: Caller, ids: list[UUID]) -> dict[UUID, IncidentRef]:
    read = ports.reads.prepare(_NAMED)
    assert read is not None, "an incident's name has no column"
    return {UUID(row["id"]): IncidentRef(**row) for row in orjson.loads(await read({"ids": ids}, caller))}


async def known_id(ports: Ports, caller: Caller, ref: str) -> str:
    """The id as the filters take it. Raises NotFound."""
    id = await review_id(ports, ref)
    await read_one(ports, caller, "meta_review", MetaReviewRef, id)
    return str(id)
