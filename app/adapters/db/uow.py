"""The unit of work: one transaction with every repository in it, and the worker's wake-up at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.acceptances import SqlAcceptances
from app.adapters.db.action_items import SqlActionItems
from app.adapters.db.annotations import SqlAnnotations
from app.adapters.db.announcements import SqlAnnouncements
from app.adapters.db.answering import answering, is_gone
from app.adapters.db.api_keys import SqlApiKeys
from app.adapters.db.boosts import SqlBoosts
from app.adapters.db.checks import SqlChecks
from app.adapters.db.deployments import SqlDeployments
from app.adapters.db.digests import SqlDigests
from app.adapters.db.drafts import SqlDrafts
from app.adapters.db.engine import started
from app.adapters.db.events import SqlEvents
from app.adapters.db.findings import SqlFindings
from app.adapters.db.follow_through import SqlFollowThrough
from app.adapters.db.inbox_items import SqlInboxItems
from app.adapters.db.incident_facts import SqlIncidentFacts
from app.adapters.db.incidents import SqlIncidents
from app.adapters.db.meta_reviews import SqlMetaReviews
from app.adapters.db.organisation import SqlPeople, SqlServiceAccounts, SqlServices, SqlTeams
from app.adapters.db.postmortems import SqlPostmortems
from app.adapters.db.quarters import SqlQuarters
from app.adapters.db.risks import SqlRisks
from app.adapters.db.root_causes import SqlFactors, SqlRootCauses
from app.adapters.db.slos import SqlSlos
from app.adapters.db.statements import Statements
from app.adapters.db.suggestion_answers import SqlSuggestionAnswers
from app.adapters.db.tickets import SqlDeliveries, SqlTickets
from app.adapters.db.webhooks import SqlWebhookDeliveries, SqlWebhookEndpoints
from app.adapters.history.store import SqlHistory
from app.adapters.queue import wake
from app.domain.errors import Unavailable
from app.domain.ports import OpenUnitOfWork, UnitOfWork


class Once(Protocol):
    """An idempotency key, which `app/adapters/db/once.py` makes part of every transaction under it."""

    async def hold(self, statements: Statements) -> None: ...
    async def record(self, statements: Statements) -> None: ...


class SqlUnitOfWork:
    """Repositories that share one connection. Leaving it without `commit` rolls back."""

    def __init__(self, statements: Statements, once: Once | None = None) -> None:
        self._statements = statements
        self._once = once
        self.teams = SqlTeams(statements)
        self.services = SqlServices(statements)
        self.people = SqlPeople(statements)
        self.service_accounts = SqlServiceAccounts(statements)
        self.api_keys = SqlApiKeys(statements)
        self.root_causes = SqlRootCauses(statements)
        self.factors = SqlFactors(statements)
        self.incidents = SqlIncidents(statements)
        self.incident_facts = SqlIncidentFacts(statements)
        self.drafts = SqlDrafts(statements)
        self.deployments = SqlDeployments(statements)
        self.annotations = SqlAnnotations(statements)
        self.announcements = SqlAnnouncements(statements)
        self.postmortems = SqlPostmortems(statements)
        self.action_items = SqlActionItems(statements)
        self.checks = SqlChecks(statements)
        self.tickets = SqlTickets(statements)
        self.deliveries = SqlDeliveries(statements)
        self.inbox = SqlInboxItems(statements)
        self.findings = SqlFindings(statements)
        self.follow_through = SqlFollowThrough(statements)
        self.digests = SqlDigests(statements)
        self.events = SqlEvents(statements)
        self.risks = SqlRisks(statements)
        self.acceptances = SqlAcceptances(statements)
        self.boosts = SqlBoosts(statements)
        self.slos = SqlSlos(statements)
        self.meta_reviews = SqlMetaReviews(statements)
        self.quarters = SqlQuarters(statements)
        self.suggestion_answers = SqlSuggestionAnswers(statements)
        self.history = SqlHistory(statements)
        self.webhook_endpoints = SqlWebhookEndpoints(statements)
        self.webhook_deliveries = SqlWebhookDeliveries(statements)

    async def commit(self) -> None:
        """Make it happen; the wake-up is part of the transaction, so it comes if and only if the state does."""
        if self.events.added:
            await wake(self._statements.connection, "events")
        if self.deliveries.added:
            await wake(self._statements.connection, "deliveries")
        if self.drafts.added:
            await wake(self._statements.connection, "drafts")
        if self.announcements.added:
            await wake(self._statements.connection, "announcements")
        if self.webhook_deliveries.added:
            await wake(self._statements.connection, "outbound")
        if self._once is not None:
            await self._once.record(self._statements)
        await self._statements.connection.commit()


def open_unit_of_work(engine: AsyncEngine, once: Once | None = None) -> OpenUnitOfWork:
    """A factory: each call opens a transaction of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[UnitOfWork]:
        with answering():
            connection = await started(engine)
        try:
            await connection.begin()
            statements = Statements(connection)
            if once is not None:
                await once.hold(statements)
            yield SqlUnitOfWork(statements, once)
        except Unavailable:
            await connection.invalidate()  # Rolling back would wait for it once more.
            raise
        except (TimeoutError, DBAPIError) as error:
            if isinstance(error, DBAPIError) and not is_gone(error):
                raise
            await connection.invalidate()
            raise Unavailable("The database stopped answering; try again.") from error
        finally:
            await connection.close()

    return opened
