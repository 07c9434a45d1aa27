"""Factors from text in this process: no network, no key, no heavy library."""

import asyncio
from collections.abc import Callable

from app.domain.learning.factors import FactorSuggestion, suggest_factors
from app.domain.learning.training import Models


class OfflineSuggester:
    """The port `FactorSuggester` by the learnt weights."""

    source = "offline"

    def __init__(self, models: Callable[[], Models]) -> None:
        self._models = models

    async def suggest(self, text: str) -> tuple[FactorSuggestion, ...]:
        """In a thread, so that a long text holds nobody up."""
        return await asyncio.to_thread(lambda: suggest_factors(self._models().factors, text))
