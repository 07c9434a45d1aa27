"""What a draft costs: estimated before it is asked for, counted while it comes, over every attempt."""

from dataclasses import dataclass

from app.adapters.models.drafting_prompt import CHARS_PER_TOKEN

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class SpendingLimits:
    """Per draft; prices in US dollars per million tokens."""

    max_usd: float
    max_input_tokens: int
    max_output_tokens: int
    input_usd: float
    output_usd: float
    least_output_tokens: int = 1_000

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / MILLION


@dataclass(slots=True)
class Spending:
    """One draft's, so far. `chars` of the attempt in hand stand for its output until it is told."""

    limits: SpendingLimits
    input_tokens: int = 0
    ended_output_tokens: int = 0
    told_output_tokens: int | None = None
    chars: int = 0

    @property
    def output_tokens(self) -> int:
        told = self.told_output_tokens
        return self.ended_output_tokens + (int(self.chars / CHARS_PER_TOKEN) if told is None else told)

    @property
    def usd(self) -> float:
        return self.limits.cost(self.input_tokens, self.output_tokens)

    def affordable(self, input_tokens: int) -> int:
        """How many tokens of output one more attempt with this input may have; 0 if too few to be worth it."""
        left = self.limits.max_usd - self.usd - self.limits.cost(input_tokens, 0)
        room = int(left * MILLION / self.limits.output_usd) if self.limits.output_usd else self.limits.max_output_tokens
        most = min(room, self.limits.max_output_tokens)
        return most if left >= 0 and most >= self.limits.least_output_tokens else 0

    def attempt(self) -> None:
        """What came until now was paid for."""
        self.ended_output_tokens = self.output_tokens
        self.told_output_tokens, self.chars = None, 0

    @property
    def is_over(self) -> bool:
        return self.usd > self.limits.max_usd
