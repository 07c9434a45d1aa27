"""Putting a review together from what was counted: pure, so that a test can say what comes out of what."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from uuid import UUID

from app.domain.ids import new_id
from app.domain.meta_reviews.counting import Quotes, Seen, Struck, Totals
from app.domain.meta_reviews.model import HeatCell, MetaReviewPolicy, Numbers
from app.domain.meta_reviews.pattern import Counted, Exposed, Part, Pattern, PatternKind, Quote, pattern_of
from app.domain.meta_reviews.theme import Theme
from app.domain.meta_reviews.wording import Repeated


def counted_patterns(seen: Iterable[Seen], quotes: Quotes, services: Struck, policy: MetaReviewPolicy) -> list[Counted]:
    """What was counted of each pattern, with its quotes and the services it struck most."""
    return [
        Counted(
            kind=one.kind,
            key=one.key,
            title=one.title,
            n=one.n,
            previous_n=one.previous_n,
            incident_ids=one.incident_ids,
            parts=_parts(one),
            quotes=quotes.get(one.key, ()),
            services=services.get(one.key, ())[: policy.exposed_services],
        )
        for one in seen
    ]


def _parts(seen: Seen) -> tuple[Part, ...]:
    """The forms of a pattern; one that has only unspecified ones has no forms."""
    return (
        ()
        if {part.name for part in seen.parts} == {"unspecified"} and seen.kind is not PatternKind.CHANGE
        else (tuple(part for part in seen.parts if part.n))
    )


def theme_counted(theme: Theme, ids: Sequence[UUID], previous_n: int, services: Sequence[Exposed]) -> Counted:
    """An accepted theme as a pattern: how many postmortems without a factor say it."""
    return Counted(
        PatternKind.THEME, theme_key(theme.phrase), f"“{theme.phrase}”", len(ids), previous_n, tuple(ids), (),
        theme.quotes, tuple(services),
    )  # fmt: skip


def theme_key(phrase: str) -> str:
    """The pattern's name in addresses."""
    return "theme-" + re.sub(r"[\W_]+", "-", phrase).strip("-")


def renewed(
    review_id: UUID, known: Sequence[Pattern], counted: Iterable[Counted], totals: Totals, policy: MetaReviewPolicy
) -> list[Pattern]:
    """Every counted pattern: one that is known keeps its id and what somebody wrote."""
    old = {pattern.key: pattern for pattern in known}
    return [
        old[one.key].counted_as(one, totals.n, totals.previous_n, policy)
        if one.key in old
        else pattern_of(new_id(), review_id, one, totals.n, totals.previous_n, policy)
        for one in counted
        if one.n or one.key in old
    ]


def vanished(pattern: Pattern, totals: Totals, policy: MetaReviewPolicy) -> Pattern:
    """A pattern that no incident shows any more, kept because something was written or promised about it."""
    gone = Counted(pattern.kind, pattern.key, pattern.title, 0, 0)
    return pattern.counted_as(gone, totals.n, totals.previous_n, policy)


def renewed_themes(
    review_id: UUID, known: Sequence[Theme], repeated: Iterable[Repeated], quotes: Mapping[str, tuple[Quote, ...]]
) -> list[Theme]:
    """What repeats now; a phrase that was decided on keeps its decision and is not offered again."""
    old = {theme.phrase: theme for theme in known}
    found = []
    for one in repeated:
        theme = old.get(one.phrase) or Theme(new_id(), review_id, one.phrase, 0, 0, 0.0)
        found.append(
            replace(
                theme,
                n=len(one.incident_ids),
                n_elsewhere=one.n_elsewhere,
                z=round(one.z, 3),
                incident_ids=one.incident_ids,
                quotes=quotes.get(one.phrase, ()),
            )
        )
    return found


def heat_of(seen: Iterable[Seen], services: Struck, policy: MetaReviewPolicy) -> tuple[HeatCell, ...]:
    """Factors against the services that are struck most."""
    factors = {one.key for one in seen if one.kind is PatternKind.FACTOR}
    cells = [
        HeatCell(key, one.service, one.name, one.n)
        for key, struck in services.items()
        if key in factors
        for one in struck
    ]
    totals: dict[str, int] = {}
    for cell in cells:
        totals[cell.service] = totals.get(cell.service, 0) + cell.n
    most = sorted(totals, key=lambda slug: (-totals[slug], slug))[: policy.heat_services]
    return tuple(cell for cell in cells if cell.service in most)


def numbers_of(totals: Totals, heat: tuple[HeatCell, ...]) -> Numbers:
    return Numbers(
        n=totals.n,
        missing_because=totals.missing_because,
        previous_n=totals.previous_n,
        waived=totals.waived,
        other_modes=totals.other_modes,
        heat=heat,
    )


def hash_of(numbers: Numbers, patterns: Iterable[Pattern]) -> str:
    """A fingerprint of the numbers and the proposed fixes: what a publisher has seen."""
    shown = [
        {"key": p.key, "n": p.n, "of": p.of, "previous_n": p.previous_n, "fix": p.fix,
         "incident_ids": sorted(map(str, p.incident_ids))}
        for p in sorted(patterns, key=lambda p: p.key)
    ]  # fmt: skip
    text = json.dumps([asdict(numbers), shown], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
