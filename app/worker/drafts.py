"""Making drafts: what is queued, and what was cut off."""

from collections.abc import Callable

from app.domain.drafting.use_cases.drafting import Drafting, make_due_drafts
from app.domain.ports import Ports


async def write_drafts(ports: Ports, go_on: Callable[[], bool] = lambda: True) -> int:
    """How many drafts there were to make."""
    drafting = Drafting(
        sources=ports.draft_sources,
        find_phones=ports.find_phones,
        drafter=ports.drafter,
        policy=ports.draft_policy,
        redaction=ports.redaction_policy,
    )
    return await make_due_drafts(ports.uow, ports.clock, ports.policy, drafting, go_on=go_on)
