"""Who reads texts for factors, the learnt weights or Claude, and who writes drafts: Claude, where a key is set."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from importlib import import_module

from app.adapters.models.offline import OfflineSuggester
from app.adapters.models.weights import shipped_models
from app.domain.drafting.proposal import ProposedSections
from app.domain.ports import Drafter, FactorSuggester
from app.settings import Settings


def suggester(settings: Settings, stack: AsyncExitStack) -> FactorSuggester:
    """Claude's library is heavy, so it is loaded only for those who use it."""
    if settings.anthropic_api_key is None:
        return OfflineSuggester(shipped_models)
    claude = import_module("app.adapters.models.claude")
    made = claude.ClaudeSuggester(
        settings.anthropic_api_key.get_secret_value(),
        settings.anthropic_model,
        settings.anthropic_url,
        settings.anthropic_timeout,
    )
    stack.push_async_callback(made.close)
    found: FactorSuggester = made
    return found


def drafter(
    settings: Settings, stack: AsyncExitStack, recall: Callable[[str], Awaitable[ProposedSections | None]]
) -> Drafter | None:
    """None without a key or where it is switched off: drafts then have a timeline and no analysis."""
    if settings.anthropic_api_key is None or not settings.drafting_by_model:
        return None
    claude = import_module("app.adapters.models.claude_drafter")
    spending = import_module("app.adapters.models.spending")
    config = claude.ClaudeConfig(
        key=settings.anthropic_api_key.get_secret_value(),
        url=settings.anthropic_url,
        model=settings.anthropic_model,
        timeout=settings.drafting_timeout,
        limits=spending.SpendingLimits(
            max_usd=settings.drafting_max_cost_usd,
            max_input_tokens=settings.drafting_max_input_tokens,
            max_output_tokens=settings.drafting_max_output_tokens,
            input_usd=settings.anthropic_input_usd,
            output_usd=settings.anthropic_output_usd,
        ),
    )
    made = claude.ClaudeDrafter(config, recall)
    stack.push_async_callback(made.close)
    found: Drafter = made
    return found
