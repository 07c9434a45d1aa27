"""What people decided becomes examples; nothing of a restricted incident does."""

import asyncio
import json
from typing import Any

import asyncpg
import httpx2

from app.adapters.db.teaching import taught
from tests.api.callers import Person, staff
from tests.conftest import ADMIN_KEY


async def exported(dsn: str) -> list[dict[str, Any]]:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=1)
    try:
        return [json.loads(line) async for line in taught(pool, "ours")]
    finally:
        await asyncio.wait_for(pool.close(), 5)


async def test_answers_and_confirmed_causes_are_examples(client: httpx2.AsyncClient, dsn: str) -> None:
    admin = Person(client, f"Bearer {ADMIN_KEY}")
    (owner,) = await staff(admin, "owner")
    await admin.post("/v1/services", {"slug": "checkout", "name": "Checkout"}, expect=201)
    await admin.post("/v1/root-causes", {"slug": "pool", "title": "Pool"}, expect=201)
    ids = []
    for month, visibility in ((1, "organization"), (2, "organization"), (3, "organization"), (4, "restricted")):
        given = {
            "title": f"Down {month}", "summary": "Pool exhausted.", "severity": "P3", "services": ["checkout"],
            "started_at": f"2026-{month:02}-01T00:00:00Z", "root_cause": "pool", "visibility": visibility,
            "root_cause_status": "proposed" if month == 3 else "confirmed",
        }  # fmt: skip
        ids.append((await admin.post("/v1/incidents", given, expect=201))["id"])
    for verdict, named in (("accepted", {"factor_code": "capacity"}), ("rejected", {"factor_code": "dns"})):
        await owner.post("/v1/suggestion-answers", {"incident_id": ids[0], "verdict": verdict} | named)
    about = {"incident_id": ids[2], "verdict": "rejected", "similar_incident_id": ids[0]}
    await owner.post("/v1/suggestion-answers", about)
    lines = await exported(dsn)
    assert [line["id"] for line in lines if "text" in line] == ids[:3]
    assert all(line["company"] == "ours" for line in lines if "text" in line)
    assert [line for line in lines if "codes" in line] == [
        {"id": ids[0], "codes": ["capacity"], "sampling": "random", "read": "partly"}
    ]
    assert sorted((line["a"], line["b"], line["relation"]) for line in lines if "relation" in line) == sorted(
        [(ids[0], ids[1], "same-root-cause"), (ids[0], ids[2], "not-same-cause")]
    )
