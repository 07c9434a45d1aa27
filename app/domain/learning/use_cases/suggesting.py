"""Suggesting causes, factors and earlier incidents, and keeping what people answer."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from app.domain.access import Action, Caller, authorize, require_person
from app.domain.events import Event, EventType
from app.domain.ids import new_id
from app.domain.learning.factors import FactorSuggestion
from app.domain.learning.model import UnknownFactor
from app.domain.learning.remembering import Accounts
from app.domain.learning.resemblance import Account, Comparer, Likeness, ResemblanceReason, Story, account_of
from app.domain.learning.suggestions import (
    KnownCause,
    KnownIncident,
    SimilarIncident,
    Suggested,
    SuggestedCause,
    SuggestionAnswer,
    SuggestionPolicy,
    SuggestionVerdict,
    SuggestsItself,
)
from app.domain.learning.training import Models
from app.domain.learning.words import vector
from app.domain.ports import Clock, FactorSuggester, Neighbours, OpenUnitOfWork, UnitOfWork
from app.domain.references import the_root_cause


async def find_similar_incidents(
    neighbours: Neighbours,
    models: Callable[[], Models],
    accounts: Accounts,
    policy: SuggestionPolicy,
    *,
    caller: Caller,
    incident_id: UUID,
    limit: int,
) -> tuple[SimilarIncident, ...]:
    """Earlier incidents that may have had the same cause, the likeliest first, with what was left undone.

    Raises NotFound. Nothing of an incident that the caller may not see is in the answer.
    """
    authorize(caller, Action.READ)
    asked = await neighbours.incident(incident_id, caller)
    ranked = (await _ranked(neighbours, models, accounts, policy, caller, asked.story, asked))[:limit]
    causes = await neighbours.causes([one.root_cause_id for one, _ in ranked if one.root_cause_id])
    unfinished = await neighbours.unfinished([one.id for one, _ in ranked])
    return tuple(
        SimilarIncident(
            known, likeness.score, likeness.reasons, causes.get(known.root_cause_id), unfinished.get(known.id, ())
        )
        for known, likeness in ranked
    )


async def suggest_root_causes(
    neighbours: Neighbours,
    models: Callable[[], Models],
    accounts: Accounts,
    policy: SuggestionPolicy,
    *,
    caller: Caller,
    story: Story,
    limit: int,
) -> tuple[SuggestedCause, ...]:
    """Entries of the catalogue that may be behind a text, the likeliest first. A human confirms one."""
    authorize(caller, Action.READ)
    ranked = await _ranked(neighbours, models, accounts, policy, caller, story, None)
    found: dict[UUID, list[tuple[KnownIncident, Likeness]]] = {}
    for known, likeness in ranked:
        if known.root_cause_id is not None:
            found.setdefault(known.root_cause_id, []).append((known, likeness))
    causes = await neighbours.causes(list(found))
    by_incidents = [_cause_of(causes[id], known) for id, known in found.items() if id in causes]
    by_words = await _by_description(neighbours, models, policy, story, frozenset(found))
    return tuple(sorted([*by_incidents, *by_words], key=lambda one: -one.score)[:limit])


def _cause_of(cause: KnownCause, known: Sequence[tuple[KnownIncident, Likeness]]) -> SuggestedCause:
    best = known[0][1]
    told = f"Earlier incidents with this cause that are like it: {len(known)}."
    reasons = (ResemblanceReason("earlier_incidents", told), *best.reasons)
    return SuggestedCause(cause, best.score, reasons, tuple(one.id for one, _ in known))


async def _by_description(
    neighbours: Neighbours, models: Callable[[], Models], policy: SuggestionPolicy, story: Story, but: frozenset[UUID]
) -> list[SuggestedCause]:
    """Entries that no similar incident names: their own words are all there is to compare."""
    account = await asyncio.to_thread(account_of, models().factors, story)
    terms = _terms(models(), account, policy.terms)
    causes = [one for one in await neighbours.described(terms, policy.compared) if one.id not in but]
    stories = [
        Story(one.description, one.title, one.title, frozenset(filter(None, [one.factor_code]))) for one in causes
    ]
    likely = await asyncio.to_thread(
        lambda: _likeness(models(), account, [account_of(models().factors, one) for one in stories])
    )
    pairs = zip(causes, likely, strict=True)
    return [SuggestedCause(one, like.score, like.reasons) for one, like in pairs if like.score >= policy.least_score]


async def _ranked(
    neighbours: Neighbours,
    models: Callable[[], Models],
    accounts: Accounts,
    policy: SuggestionPolicy,
    caller: Caller,
    story: Story,
    asked: KnownIncident | None,
) -> list[tuple[KnownIncident, Likeness]]:
    """Some hundreds are found by an index, the most promising are read and compared."""
    account = await asyncio.to_thread(
        lambda: accounts.of(asked, models().factors) if asked else account_of(models().factors, story)
    )
    terms = _terms(models(), account, policy.terms)
    known = await neighbours.near(
        terms,
        story,
        caller,
        but=asked.id if asked else None,
        before=story.at,
        most=policy.candidates,
        read=policy.compared,
    )
    likely = await asyncio.to_thread(
        lambda: _likeness(models(), account, [accounts.of(one, models().factors) for one in known])
    )
    pairs = [(one, like) for one, like in zip(known, likely, strict=True) if like.score >= policy.least_score]
    return sorted(pairs, key=lambda pair: -pair[1].score)


def _terms(models: Models, account: Account, most: int) -> tuple[str, ...]:
    """The words that say most about the cause: what candidates are looked up by."""
    weights = vector(account.causal, models.resemblance.rarity)
    return tuple(sorted(weights, key=lambda word: (-weights[word], word))[:most])


def _likeness(models: Models, account: Account, others: Sequence[Account]) -> list[Likeness]:
    comparer = Comparer(models.resemblance, [account, *others])
    return [comparer.likeness(account, other) for other in others]


async def suggest_factors(
    suggester: FactorSuggester, policy: SuggestionPolicy, *, caller: Caller, text: str
) -> tuple[FactorSuggestion, ...]:
    """Factors that a text speaks of, each with the phrase it rests on. A human accepts or rejects them."""
    authorize(caller, Action.READ)
    return await suggester.suggest(text[: policy.longest_text])


async def answer_suggestion(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    incident_id: UUID,
    verdict: SuggestionVerdict,
    factor_code: str | None = None,
    root_cause: str | None = None,
    similar_incident_id: UUID | None = None,
    confidence: float | None = None,
) -> SuggestionAnswer:
    """A person accepts or rejects what was suggested. Answering the same again is the same answer.

    Raises NotFound, UnknownFactor, UnknownReference, UnclearSuggestion, SuggestsItself.
    """
    authorize(caller, Action.ANSWER_SUGGESTION)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        await u.incidents.get(incident_id, caller)
        cause_id = (await the_root_cause(u, root_cause)).id if root_cause is not None else None
        suggested = Suggested(factor_code, cause_id, similar_incident_id)
        await _require_known(u, caller, incident_id, suggested)
        old = await u.suggestion_answers.find(incident_id, suggested)
        if old is None:
            new = SuggestionAnswer(new_id(), incident_id, suggested, verdict, person_id, now, now, confidence)
            await u.suggestion_answers.add(new)
        else:
            new = old.answered(verdict, person_id, now)
            if new is old:
                return old
            new = await u.suggestion_answers.save(new)
        data = {"kind": suggested.kind, "verdict": verdict}
        await u.events.add(Event(EventType.SUGGESTION_ANSWERED, new.id, now, caller.actor, incident_id, data))
        await u.commit()
    return new


async def _require_known(u: UnitOfWork, caller: Caller, incident_id: UUID, suggested: Suggested) -> None:
    assert suggested.kind
    if suggested.factor_code is not None and await u.factors.find(suggested.factor_code) is None:
        raise UnknownFactor(f"There is no factor “{suggested.factor_code}”; GET /v1/factors lists them.")
    if suggested.similar_incident_id == incident_id:
        raise SuggestsItself
    if suggested.similar_incident_id is not None:
        await u.incidents.get(suggested.similar_incident_id, caller)
