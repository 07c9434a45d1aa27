"""Reviewing a postmortem: its depth, its way through review, and the signature."""

from uuid import UUID

from app.domain.access import Action, Caller, Role, authorize, require_person
from app.domain.events import EventType
from app.domain.ids import new_id
from app.domain.policy import Policy
from app.domain.ports import Clock, OpenUnitOfWork
from app.domain.postmortems.assessing import load_work
from app.domain.postmortems.model import Postmortem, PostmortemStatus, SignOff, Tier, TierOverride, Waiver
from app.domain.postmortems.readiness import Readiness, readiness
from app.domain.postmortems.readiness import content_hash as current_hash
from app.domain.postmortems.recording import keep


async def get_readiness(
    uow: OpenUnitOfWork, clock: Clock, policy: Policy, *, caller: Caller, postmortem_id: UUID
) -> tuple[Readiness, str]:
    """What is missing before it can be published, and the hash of the content that a signature would be under."""
    authorize(caller, Action.READ)
    async with uow() as u:
        work = await load_work(u, await u.postmortems.get(postmortem_id, caller))
    return readiness(work, policy=policy.tiers, now=clock()), current_hash(work)


async def override_tier(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, postmortem_id: UUID, tier: Tier, reason: str
) -> Postmortem:
    """A reviewer who is not the author decides against the proposed depth and says why."""
    authorize(caller, Action.OVERRIDE_TIER)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        new = old.override_tier(TierOverride(tier, reason, person_id, now))
        data = {"old_tier": int(old.tier), "revised": old.status is PostmortemStatus.PUBLISHED}
        saved = await keep(u, new, EventType.POSTMORTEM_TIER_CHANGED, caller=caller, now=now, data=data)
        await u.commit()
    return saved


async def submit_postmortem(uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, postmortem_id: UUID) -> Postmortem:
    """draft → in_review."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        saved = await keep(u, old.submit(), EventType.POSTMORTEM_SUBMITTED, caller=caller, now=clock())
        await u.commit()
    return saved


async def request_changes(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, postmortem_id: UUID, reason: str
) -> Postmortem:
    """in_review or approved → draft; the reason is in the event."""
    authorize(caller, Action.WRITE_POSTMORTEM)
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        event = EventType.POSTMORTEM_CHANGES_REQUESTED
        saved = await keep(u, old.request_changes(), event, caller=caller, now=clock(), data={"reason": reason})
        await u.commit()
    return saved


async def sign_off_postmortem(
    uow: OpenUnitOfWork,
    clock: Clock,
    *,
    caller: Caller,
    postmortem_id: UUID,
    content_hash: str,
    confirm_whys: bool = False,
) -> Postmortem:
    """Sign exactly the content that was seen: tiers 1 and 2 a reviewer who is not the author, tier 3 its author."""
    authorize(caller, Action.SIGN_OFF)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        new = old.sign_off(
            SignOff(new_id(), person_id, content_hash, now),
            current_hash=current_hash(await load_work(u, old)),
            is_reviewer=caller.role.includes(Role.REVIEWER),
            confirm_whys=confirm_whys,
        )
        data = {"content_hash": content_hash, "signed_by_id": str(person_id)}
        saved = await keep(u, new, EventType.POSTMORTEM_APPROVED, caller=caller, now=now, data=data)
        await u.commit()
    return saved


async def waive_postmortem(
    uow: OpenUnitOfWork, clock: Clock, *, caller: Caller, postmortem_id: UUID, reason: str
) -> Postmortem:
    """A reviewer who is not the author decides that none is written, and says why."""
    authorize(caller, Action.WAIVE)
    person_id, now = require_person(caller), clock()
    async with uow() as u:
        old = await u.postmortems.get(postmortem_id, caller)
        new = old.waive(Waiver(reason, person_id, now))
        saved = await keep(u, new, EventType.POSTMORTEM_WAIVED, caller=caller, now=now)
        await u.commit()
    return saved
