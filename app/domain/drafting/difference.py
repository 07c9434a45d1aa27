"""What people made of a proposal: each part, what was proposed, what was decided, and the lines that differ."""

import difflib
from dataclasses import dataclass

from app.domain.drafting.model import Draft, Verb


@dataclass(frozen=True, slots=True)
class PartDifference:
    """One part; `verb` is None while nobody decided. `changes` is a unified difference, empty if nothing changed."""

    part: str
    proposed: str
    verb: Verb | None
    accepted: str | None
    changes: tuple[str, ...]


def differences(draft: Draft) -> tuple[PartDifference, ...]:
    return tuple(_difference(draft, part, text) for part, text in _proposed(draft).items())


def _proposed(draft: Draft) -> dict[str, str]:
    sections = draft.sections
    return (
        {
            f"timeline:{entry.id}": f"{entry.occurred_at.isoformat()} {entry.kind} {entry.text}"
            for entry in draft.timeline.entries
        }
        | {f"section:{section.name}": section.text for section in sections.sections}
        | {f"factor:{factor.code}": factor.why.text for factor in sections.factors}
        | {f"item:{number}": item.title for number, item in enumerate(sections.items)}
    )


def _difference(draft: Draft, part: str, proposed: str) -> PartDifference:
    decision = draft.decided.get(part)
    if decision is None:
        return PartDifference(part, proposed, None, None, ())
    accepted = None if decision.verb is Verb.REJECT else proposed
    if decision.verb is Verb.EDIT:
        accepted = _edited(draft, part, proposed)
    changes = difflib.unified_diff(
        proposed.splitlines(), (accepted or "").splitlines(), "proposed", "accepted", lineterm=""
    )
    return PartDifference(part, proposed, decision.verb, accepted, tuple(changes))


def _edited(draft: Draft, part: str, proposed: str) -> str:
    decision = draft.decided[part]
    sort, _, name = part.partition(":")
    if sort != "timeline":
        return decision.text or proposed
    entry = next(one for one in draft.timeline.entries if one.id == name)
    at, kind = decision.occurred_at or entry.occurred_at, decision.kind or entry.kind
    return f"{at.isoformat()} {kind} {decision.text or entry.text}"
