"""Drafts by Claude: within limits of time and cost, told as they come, checked; what fails is a state, not an error."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
from pydantic import ValidationError

from app.adapters.models.claude_client import claude_client
from app.adapters.models.claude_failures import FAILURES, BrokenOff, Failure, TooCostly, failure_of
from app.adapters.models.drafting_answer import PARTS, SCHEMA, DraftAnswer
from app.adapters.models.drafting_prompt import SYSTEM, Prompt, build_prompt
from app.adapters.models.spending import Spending, SpendingLimits
from app.domain.drafting.checking import CheckPolicy, check, warnings_of
from app.domain.drafting.evidence import Bundle
from app.domain.drafting.proposal import (
    Brief,
    ProposedSections,
    ProposedTimeline,
    Provenance,
    Writing,
    WritingProgress,
)
from app.domain.drafting.sources import Sources

Recall = Callable[[str], Awaitable[ProposedSections | None]]
"""What was written before from a prompt with this hash."""
Progress = Callable[[WritingProgress], Awaitable[None]]
_PART = re.compile(r'(?<!\\)"(' + "|".join(PARTS) + r')"\s*:\s*\[')
_UNFINISHED = {
    "max_tokens": "The answer was longer than NOREPEAT_DRAFTING_MAX_OUTPUT_TOKENS or the cost limit allows.",
    "model_context_window_exceeded": "The evidence and the answer are longer than the model's context.",
}


@dataclass(frozen=True, slots=True)
class ClaudeConfig:
    """`timeout` in seconds is for the whole draft with its retries, `patience` for each wait for more of an answer."""

    key: str
    url: str
    model: str
    limits: SpendingLimits
    timeout: float
    patience: float = 60.0
    attempts: int = 3
    tell_every: float = 2.0
    transport: httpx2.AsyncBaseTransport | None = None
    checks: CheckPolicy = field(default_factory=CheckPolicy)


class ClaudeDrafter:
    """The port `Drafter` by the Messages API."""

    def __init__(self, config: ClaudeConfig, recall: Recall) -> None:
        self._config, self._recall = config, recall
        self._client = claude_client(config.key, config.url, config.patience, retries=0, transport=config.transport)

    async def write(
        self, brief: Brief, bundle: Bundle, timeline: ProposedTimeline, progress: Progress
    ) -> ProposedSections:
        prompt = await asyncio.to_thread(build_prompt, brief, bundle, timeline, self._config.limits.max_input_tokens)
        asked = Provenance(self._config.model, prompt.hash(self._config.model))
        known = await self._recall(str(asked.prompt_hash))
        if known is not None:
            spent_before = replace(asked, model=known.provenance.model, from_cache=True)
            return replace(known, provenance=spent_before)
        writing = _Writing(Spending(self._config.limits))
        outcome = await self._told(self._outcome(prompt, writing), writing, progress)
        provenance = replace(
            asked, input_tokens=writing.spending.input_tokens, output_tokens=writing.spending.output_tokens,
            cost_usd=round(writing.spending.usd, 6),
        )  # fmt: skip
        return await asyncio.to_thread(self._proposed, outcome, prompt, bundle, brief, provenance)

    async def close(self) -> None:
        await self._client.close()

    def _proposed(
        self, outcome: "DraftAnswer | Failure", prompt: Prompt, bundle: Bundle, brief: Brief, provenance: Provenance
    ) -> ProposedSections:
        if isinstance(outcome, Failure):
            warnings = warnings_of(bundle, Sources(bundle, brief))
            found = ProposedSections(outcome.writing, outcome.reason, warnings=warnings, provenance=provenance)
        else:
            found = check(outcome.written(), bundle, brief, self._config.checks, provenance)
        if prompt.left_out:
            message = f"evidence_left_out: {prompt.left_out} pieces of evidence had no room in the prompt."
            found = replace(found, warnings=(*found.warnings, message))
        return found

    async def _told(
        self, work: "Awaitable[DraftAnswer | Failure]", writing: "_Writing", progress: Progress
    ) -> "DraftAnswer | Failure":
        """Tell how far it is every so often, also while nothing comes: that holds the draft's lease."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await progress(writing.progress)
                await asyncio.wait({task}, timeout=self._config.tell_every)
            await progress(writing.progress)
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _outcome(self, prompt: Prompt, writing: "_Writing") -> "DraftAnswer | Failure":
        limits = self._config.limits
        try:
            async with asyncio.timeout(self._config.timeout):
                return await self._attempted(prompt, writing)
        except TimeoutError:
            reason = f"The model did not finish within {self._config.timeout:g} s (NOREPEAT_DRAFTING_TIMEOUT)."
            return Failure(Writing.TIMED_OUT, reason)
        except TooCostly:
            reason = f"It would cost more than {limits.max_usd:g} US dollars (NOREPEAT_DRAFTING_MAX_COST_USD)."
            return Failure(Writing.TOO_COSTLY, reason)

    async def _attempted(self, prompt: Prompt, writing: "_Writing") -> "DraftAnswer | Failure":
        """Ask until there is an answer, asking again cannot help, or there is no time to wait for it."""
        ends = asyncio.get_running_loop().time() + self._config.timeout
        attempt = 0
        while True:
            attempt += 1
            try:
                return _read(await self._ask(prompt, writing))
            except FAILURES as error:
                failure = failure_of(error)
            except ValueError as error:  # the SDK itself could not read a part of the stream
                failure = failure_of(error)
            wait = failure.wait(attempt)
            if not failure.passes or attempt >= self._config.attempts:
                return failure
            if asyncio.get_running_loop().time() + wait >= ends:
                return replace(failure, reason=f"{failure.reason} It asks to wait for {wait:.0f} s.")
            await asyncio.sleep(wait)

    async def _ask(self, prompt: Prompt, writing: "_Writing") -> Any:
        most = writing.spending.affordable(prompt.tokens)
        if not most:
            raise TooCostly
        writing.attempt()
        async with self._client.messages.stream(
            model=self._config.model,
            max_tokens=most,
            system=SYSTEM,
            messages=[{"role": "user", "content": prompt.text}],
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        ) as stream:
            async for event in stream:
                writing.take(event)
                if writing.spending.is_over:
                    raise TooCostly
            if not writing.is_ended:
                raise BrokenOff
            return await stream.get_final_message()


def _read(message: Any) -> DraftAnswer | Failure:
    """By why it stopped, then by its shape: a schema that was asked for is not yet a schema that was kept to."""
    if message.stop_reason == "refusal":
        details = message.stop_details
        said = f" ({details.category})" if details and details.category else ""
        return Failure(Writing.REFUSED, f"The model refused to write this{said}; write the analysis by hand.")
    if message.stop_reason in _UNFINISHED:
        return Failure(Writing.TRUNCATED, _UNFINISHED[message.stop_reason])
    text = "".join(block.text for block in message.content if block.type == "text")
    try:
        return DraftAnswer.model_validate_json(text)
    except ValidationError as error:
        reason = (
            f"The answer has another shape than was asked for ({error.error_count()} errors); ask for another draft."
        )
        return Failure(Writing.INVALID, reason)


class _Writing:
    """What came so far."""

    def __init__(self, spending: Spending) -> None:
        self.spending = spending
        self.is_ended = False
        self._text: list[str] = []

    def attempt(self) -> None:
        self.spending.attempt()
        self.is_ended = False
        self._text = []

    def take(self, event: Any) -> None:
        if event.type == "message_start":
            usage = event.message.usage
            cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
            self.spending.input_tokens += usage.input_tokens + cached
        elif event.type == "text":
            self._text.append(event.text)
            self.spending.chars += len(event.text)
        elif event.type == "message_delta":
            self.spending.told_output_tokens = event.usage.output_tokens
            self.is_ended = event.delta.stop_reason is not None

    @property
    def progress(self) -> WritingProgress:
        parts = _PART.findall("".join(self._text))
        return WritingProgress(self.spending.chars, parts[-1] if parts else None)
