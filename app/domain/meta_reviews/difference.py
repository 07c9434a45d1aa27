"""What a published number would be today: the frozen pattern beside the same count over the records as they are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.meta_reviews.counting import Seen, Totals
from app.domain.meta_reviews.pattern import Pattern


@dataclass(frozen=True, slots=True)
class PatternDifference:
    """One pattern whose incidents are others now than in the numbers of the review."""

    key: str
    title: str
    kept_n: int
    live_n: int
    added_ids: tuple[UUID, ...]
    removed_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Kept: as in the review. Live: counted over the records as they are now."""

    kept_of: int
    live_of: int
    patterns: tuple[PatternDifference, ...]

    @property
    def is_none(self) -> bool:
        return self.kept_of == self.live_of and not self.patterns


def difference_of(kept_of: int, kept: Sequence[Pattern], totals: Totals, live: Iterable[Seen]) -> Difference:
    """Only patterns that differ. Themes are not compared: they are wording, counted when somebody accepts them."""
    now = {one.key: one for one in live}
    then = {one.key: one for one in kept if not one.key.startswith("theme-")}
    rows = []
    for key in sorted(now.keys() | then.keys()):
        old = set(then[key].incident_ids) if key in then else set()
        new = set(now[key].incident_ids) if key in now else set()
        if old != new:
            title = now[key].title if key in now else then[key].title
            rows.append(
                PatternDifference(key, title, len(old), len(new), tuple(sorted(new - old)), tuple(sorted(old - new)))
            )
    return Difference(kept_of, totals.n, tuple(rows))
