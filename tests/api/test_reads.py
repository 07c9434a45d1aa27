"""Compiled reads on a real database: every field, edge, filter and order there is, and pages that lose nothing."""

from datetime import UTC, datetime

import orjson
import pytest
import sqlalchemy as sa
from sqlmodel import SQLModel

from app.adapters.db.reads.catalog import KINDS
from app.domain.access import SYSTEM, Caller, Role
from app.domain.errors import InvalidCursor
from app.domain.ids import new_id
from app.domain.ports import Ports
from app.domain.selection import Edge, Filter, Leaf, Op, Selection, Sort
from app.wiring import Opened

READER = Caller(Role.READER, person_id=new_id())
FED = {"in_feed": [90], "out_of_feed": [90]}


@pytest.mark.parametrize("name", KINDS)
async def test_every_field_edge_and_condition_of_a_kind_is_sql_that_runs(name: str, ports: Ports) -> None:
    kind = KINDS[name]
    edges = {**kind.one, **kind.many}
    leaves = tuple(Leaf(column, column) for column in kind.columns)
    fields = leaves + tuple(
        Edge(edge, edge, (Leaf(next(iter(KINDS[target.kind].columns)), "x"),)) for edge, target in edges.items()
    )
    for condition, sql in kind.conditions.items():
        value = FED.get(condition) or ([True] if "boolean" in sql else ["a"])
        read = ports.reads.prepare(Selection(name, fields, (Filter(condition, Op.EQ, "v"),)))
        assert read is not None
        for caller in (SYSTEM, READER):
            assert orjson.loads(await read({"v": value, "limit": 5}, caller))["next_cursor"] is None


@pytest.mark.parametrize("name", KINDS)
async def test_every_column_can_be_sorted_by_and_filtered_for_nothing(name: str, ports: Ports) -> None:
    for column, declared in KINDS[name].columns.items():
        if declared.type == "jsonb":
            continue
        selection = Selection(name, (Leaf(column, column),), (Filter(column, Op.IS_NULL, "v"),), (Sort(column, True),))
        read = ports.reads.prepare(selection)
        assert read is not None
        assert b"items" in await read({"v": True, "limit": 5}, SYSTEM)


async def items(opened: Opened, count: int) -> None:
    now = datetime.now(UTC)
    rows = [
        {
            "id": new_id(), "version": 1, "created_at": now, "updated_at": now, "title": f"“{i}”\n\\ \"",
            "description": "",
            "control_type": "prevent", "systemic": False, "status": "open", "slips": 0, "base_priority": 2,
            "effective_priority": 1, "times_passed_over": 0, "risk": None if i % 3 else i / 7,
        }
        for i in range(count)
    ]  # fmt: skip
    async with opened.engine.begin() as connection:
        await connection.execute(sa.insert(SQLModel.metadata.tables["action_items"]), rows)


@pytest.mark.parametrize(
    "sort", [Sort("risk", True), Sort("risk"), Sort("title"), Sort("due_on"), Sort("created_at", True)]
)
async def test_pages_give_every_record_once_in_order(sort: Sort, ports: Ports, opened: Opened) -> None:
    await items(opened, 23)
    read = ports.reads.prepare(Selection("action_item", (Leaf("id", "id"), Leaf("title", "title")), (), (sort,)))
    whole = ports.reads.prepare(Selection("action_item", (Leaf("id", "id"), Leaf("title", "title")), (), (sort,)))
    assert read is not None
    assert whole is not None
    found: list[dict[str, str]] = []
    after = None
    while True:
        page = orjson.loads(await read({"limit": 5, "after": after}, SYSTEM))
        found += page["items"]
        after = page["next_cursor"]
        if after is None:
            break
    assert found == orjson.loads(await whole({"limit": 200}, SYSTEM))["items"]
    assert len({item["id"] for item in found}) == 23


async def test_a_cursor_belongs_to_its_list(ports: Ports, opened: Opened) -> None:
    await items(opened, 3)
    by_title = ports.reads.prepare(Selection("action_item", (Leaf("id", "id"),), (), (Sort("title"),)))
    by_risk = ports.reads.prepare(Selection("action_item", (Leaf("id", "id"),), (), (Sort("risk"),)))
    assert by_title is not None
    assert by_risk is not None
    cursor = orjson.loads(await by_title({"limit": 1}, SYSTEM))["next_cursor"]
    for nonsense in (cursor, "x", "é", "W10", "bnVsbA", "e30"):
        with pytest.raises(InvalidCursor):
            await by_risk({"limit": 1, "after": nonsense}, SYSTEM)


async def test_counting_stops_where_it_is_told_to(ports: Ports, opened: Opened) -> None:
    await items(opened, 9)
    selection = Selection("action_item", (Leaf("id", "id"),), (Filter("status", Op.IN, "status"),))
    assert await ports.reads.count(selection, {"status": ["open"]}, SYSTEM, 100) == 9
    assert await ports.reads.count(selection, {"status": ["open"]}, SYSTEM, 4) == 4
    assert await ports.reads.count(selection, {"status": ["closed"]}, SYSTEM, 4) == 0
