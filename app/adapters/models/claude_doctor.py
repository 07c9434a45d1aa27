"""A live check of Claude: whether the key is accepted and the model is one of its own. It asks for no text."""

from collections.abc import AsyncIterator

import anthropic
import httpx2

from app.adapters.diagnosis import Diagnosis, Wrong, examined, require
from app.adapters.models.claude_client import claude_client
from app.adapters.models.claude_failures import FAILURES, failure_of

_MODELS = 1000


async def check_claude(
    key: str, url: str, model: str, *, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Diagnosis]:
    """The key first; with a wrong one no model can be seen."""
    client = claude_client(key, url, timeout=15.0, retries=0, transport=transport)
    try:
        yield await examined("anthropic model", _model(client, model))
    finally:
        await client.close()


async def _model(client: anthropic.AsyncAnthropic, model: str) -> str:
    try:
        known = {one.id: one async for one in client.models.list(limit=_MODELS)}
    except FAILURES as error:
        raise Wrong(failure_of(error).reason) from error
    shown = ", ".join(sorted(known)[:8]) or "none"
    mine = any(name == model or name.startswith(f"{model}-2") for name in known)
    require(mine, f"The account has no model {model}. Set NOREPEAT_ANTHROPIC_MODEL to one of: {shown}.")
    return f"The key is accepted; {model} writes."
