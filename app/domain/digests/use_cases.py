"""The weekly digest and the list before planning: planned once in each period, then claim (commit), call, record."""

import asyncio
import random
from datetime import date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from app.domain.access import Action, Caller, authorize
from app.domain.digests.model import (
    ChatPost,
    Digest,
    PostKind,
    PostState,
    digest_day,
    planning_to_announce,
)
from app.domain.errors import DomainError, NotFound
from app.domain.follow_through.rules import Calendar
from app.domain.ids import new_id
from app.domain.organisation.model import Team
from app.domain.policy import Policy
from app.domain.ports import ChatRoom, Clock, OpenUnitOfWork, UnitOfWork
from app.domain.providers import ProviderOutcomeUnknown, ProviderUnavailable
from app.domain.tracking.backoff import Jitter, next_try

LEASE_SHARE_OF_A_CALL = 0.6
BATCH = 50


async def team_digest(uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, caller: Caller, slug: str) -> Digest:
    """What the team's channel would be told if it were told now: nothing of restricted incidents, whoever asks."""
    authorize(caller, Action.READ)
    async with uow() as u:
        team = await u.teams.find_by_slug(slug)
        if team is None:
            raise NotFound(f"There is no team with the slug {slug}.")
        until = Calendar.of(team, policy.organisation_time_zone).day(clock())
        return await _of_week(u, team, until, policy)


async def plan_posts(uow: OpenUnitOfWork, clock: Clock, policy: Policy) -> int:
    """Queue what is due by each team's calendar, once in each period; how many that are."""
    now = clock()
    async with uow() as u:
        posts = [post for team in await u.digests.teams() for post in _of_team(team, now, policy)]
        added = [await u.digests.add(post) for post in [*posts, *_of_leadership(now, policy)]]
        await u.commit()
    return sum(added)


def _of_team(team: Team, now: datetime, policy: Policy) -> list[ChatPost]:
    rules, calendar = policy.follow_through, Calendar.of(team, policy.organisation_time_zone)
    assert team.chat_channel is not None, "only teams with a channel are planned for"
    posts = []
    day = digest_day(calendar, now, rules)
    if day is not None:
        posts.append(_post(PostKind.DIGEST, team.id, day, team.chat_channel, calendar, now))
    first = rules.plannings.get(team.slug)
    planning = planning_to_announce(calendar, first, now, rules) if first else None
    if planning is not None:
        posts.append(_post(PostKind.SPRINT_LIST, team.id, planning, team.chat_channel, calendar, now))
    return posts


def _of_leadership(now: datetime, policy: Policy) -> list[ChatPost]:
    calendar, channel = Calendar(policy.organisation_time_zone), policy.follow_through.leadership_channel
    day = digest_day(calendar, now, policy.follow_through)
    return [_post(PostKind.LEADERSHIP, None, day, channel, calendar, now)] if day and channel else []


def _post(kind: PostKind, team_id: UUID | None, day: date, place: str, calendar: Calendar, now: datetime) -> ChatPost:
    end = datetime.combine(day, time(), ZoneInfo(calendar.time_zone))
    return ChatPost(new_id(), kind, f"{kind}:{team_id or 'organization'}:{day}", end, team_id, place, uuid4(), now)


async def deliver_posts(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, room: ChatRoom, *, jitter: Jitter = random.random
) -> int:
    """Attempt what is due, each once; how many were attempted."""
    async with uow() as u:
        due = await u.digests.due(clock(), BATCH)
    for id in due:
        await _deliver(uow, clock, policy, room, id, jitter)
    return len(due)


async def _deliver(uow: OpenUnitOfWork, clock: Clock, policy: Policy, room: ChatRoom, id: UUID, jitter: Jitter) -> None:
    now = clock()
    async with uow() as u:
        waiting = await u.digests.claimable(id, now)
        if waiting is None:
            return
        post, digest = waiting.claim(now, policy.delivery), await _content(u, waiting, policy)
        await u.digests.save(post.ended(PostState.EMPTY, now) if digest.is_empty else post)
        await u.commit()
    if digest.is_empty:
        return
    outcome = await _call(room, post, digest, policy)
    async with uow() as u:
        await u.digests.save(_after(post, outcome, clock(), policy, jitter))
        await u.commit()


async def _content(u: UnitOfWork, post: ChatPost, policy: Policy) -> Digest:
    """Made anew for each attempt; a message that is there already stays as it is."""
    rules = policy.follow_through
    if post.team_id is None:
        day = post.period_end.astimezone(ZoneInfo(policy.organisation_time_zone)).date()
        groups = await u.digests.leadership(rules.digest_lines)
        return Digest(PostKind.LEADERSHIP, None, day - timedelta(days=rules.digest_days), day, groups)
    team = await u.teams.get(post.team_id)
    day = Calendar.of(team, policy.organisation_time_zone).day(post.period_end)
    if post.kind is PostKind.DIGEST:
        return await _of_week(u, team, day, policy)
    groups = await u.digests.planning(team, post.created_at, rules.digest_lines)
    return Digest(post.kind, team.name, day, day + timedelta(days=rules.planning_days), groups)


async def _of_week(u: UnitOfWork, team: Team, until: date, policy: Policy) -> Digest:
    rules, zone = policy.follow_through, ZoneInfo(team.time_zone)
    since = until - timedelta(days=rules.digest_days)
    start, end = (datetime.combine(day, time(), zone) for day in (since, until))
    groups = await u.digests.week(team, start, end, rules.digest_lines)
    return Digest(PostKind.DIGEST, team.name, since, until, groups)


async def _call(room: ChatRoom, post: ChatPost, digest: Digest, policy: Policy) -> str | DomainError:
    try:
        async with asyncio.timeout(policy.delivery.lease.total_seconds() * LEASE_SHARE_OF_A_CALL):
            there = await room.find(post.place, post.marker, post.created_at)
            return there or await room.post(post.place, post.marker, digest, policy.public_url)
    except DomainError as error:
        return error
    except Exception as error:  # Whatever broke may have broken after it was written.
        return ProviderOutcomeUnknown(f"{type(error).__name__}: {error}")


def _after(tried: ChatPost, outcome: str | DomainError, now: datetime, policy: Policy, jitter: Jitter) -> ChatPost:
    """Did not take it, or perhaps did: later, and it is looked for first. Refused: given up, with the reason."""
    if isinstance(outcome, str):
        return tried.ended(PostState.POSTED, now, name=outcome)
    if isinstance(outcome, ProviderUnavailable):
        wait = timedelta(seconds=outcome.retry_after or 0)
    elif isinstance(outcome, ProviderOutcomeUnknown):
        wait = policy.delivery.settle.get("slack", timedelta(0))
    else:
        return tried.ended(PostState.DEAD, now, error=outcome.message)
    retry_at = next_try(now, tried.attempts, policy.delivery, jitter=jitter, at_least=wait)
    return tried.failed(outcome.message, retry_at, now, policy.delivery)
