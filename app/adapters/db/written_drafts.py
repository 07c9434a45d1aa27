"""What a model wrote before from the same prompt, so that nobody pays for it twice."""

import asyncpg
from pydantic import TypeAdapter

from app.domain.drafting.proposal import ProposedSections

_SECTIONS = TypeAdapter(ProposedSections)
_LATEST = """
select sections::text from drafts
where sections->>'writing' = 'written' and sections->'provenance'->>'prompt_hash' = $1
order by created_at desc limit 1
"""


class WrittenDrafts:
    """Found by the hash of the prompt, which holds every piece of evidence: the same hash is the same incident."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def recall(self, prompt_hash: str) -> ProposedSections | None:
        found = await self._pool.fetchval(_LATEST, prompt_hash)
        return None if found is None else _SECTIONS.validate_json(found)
