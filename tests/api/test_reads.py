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
from app.domain.selection import Edge, Fact, Filter, Leaf, Op, Page, Place, Records, Selection, Slice, Sort
from app.wiring import Opened

READER = Caller(Role.READER, person_id=new_id())
ID = (Leaf("id", "id"),)
FED = {"in_feed": [90], "out_of_feed": [90]}


def page(
    kind: str,
    fields: tuple[Leaf | Edge, ...],
    filters: tuple[Filter, ...],
    sort: Sort,
    size: int = 5,
    *,
    after: bool = False,
    backward: bool = False,
) -> Page:
    shown = (Records("items", fields), Place("next", Fact.NEXT))
    return Page(kind, shown, filters, sort, Slice(size, "cursor" if after else None, backward))


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
            assert orjson.loads(await read({"v": value}, caller)) == []


@pytest.mark.parametrize("name", KINDS)
async def test_every_column_can_be_sorted_by_and_filtered_for_nothing(name: str, ports: Ports) -> None:
    for column, declared in KINDS[name].columns.items():
        if declared.type == "jsonb":
            continue
        filters = (Filter(column, Op.IS_NULL, "v"),)
        read = ports.reads.prepare(page(name, (Leaf(column, column),), filters, Sort(column, True)))
        assert read is not None
        assert b"items" in await read({"v": True}, SYSTEM)


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
    fields = (Leaf("id", "id"), Leaf("title", "title"))
    whole = ports.reads.prepare(page("action_item", fields, (), sort, 200))
    assert whole is not None
    expected = orjson.loads(await whole({}, SYSTEM))["items"]
    assert len({item["id"] for item in expected}) == 23
    for backward in (False, True):
        found: list[dict[str, str]] = []
        cursor = None
        while len(found) < 23:
            read = ports.reads.prepare(
                page("action_item", fields, (), sort, 5, after=cursor is not None, backward=backward)
            )
            assert read is not None
            answer = orjson.loads(await read({"cursor": cursor}, SYSTEM))
            found = answer["items"] + found if backward else found + answer["items"]
            cursor = answer["next"]
            assert (cursor is None) is (len(found) == 23)
        assert found == expected


async def test_a_cursor_belongs_to_its_list(ports: Ports, opened: Opened) -> None:
    await items(opened, 3)
    by_title = ports.reads.prepare(page("action_item", ID, (), Sort("title"), 1))
    by_risk = ports.reads.prepare(page("action_item", ID, (), Sort("risk"), 1, after=True))
    assert by_title is not None
    assert by_risk is not None
    cursor = orjson.loads(await by_title({}, SYSTEM))["next"]
    for nonsense in (cursor, "x", "é", "W10", "bnVsbA", "e30"):
        with pytest.raises(InvalidCursor):
            await by_risk({"cursor": nonsense}, SYSTEM)


async def test_counting_stops_where_it_is_told_to(ports: Ports, opened: Opened) -> None:
    await items(opened, 9)
    asked = "action_item", (Filter("status", Op.IN, "status"),)
    assert await ports.reads.count(*asked, {"status": ["open"]}, SYSTEM, 100) == 9
    assert await ports.reads.count(*asked, {"status": ["open"]}, SYSTEM, 4) == 4
    assert await ports.reads.count(*asked, {"status": ["closed"]}, SYSTEM, 4) == 0
