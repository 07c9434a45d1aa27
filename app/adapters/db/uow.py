"""The unit of work: one transaction with every repository in it, and the worker's wake-up at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncEngine

from app.adapters.db.action_items import SqlActionItems
from app.adapters.db.answering import answering
from app.adapters.db.api_keys import SqlApiKeys
from app.adapters.db.boosts import SqlBoosts
from app.adapters.db.checks import SqlChecks
from app.adapters.db.events import SqlEvents
from app.adapters.db.findings import SqlFindings
from app.adapters.db.inbox_items import SqlInboxItems
from app.adapters.db.incidents import SqlIncidents
from app.adapters.db.organisation import SqlPeople, SqlServiceAccounts, SqlServices, SqlTeams
from app.adapters.db.postmortems import SqlPostmortems
from app.adapters.db.risks import SqlRisks
from app.adapters.db.root_causes import SqlFactors, SqlRootCauses
from app.adapters.db.slos import SqlSlos
from app.adapters.db.statements import Statements
from app.adapters.db.tickets import SqlDeliveries, SqlTickets
from app.adapters.history.store import SqlHistory
from app.adapters.queue import wake
from app.domain.ports import OpenUnitOfWork, UnitOfWork


class SqlUnitOfWork:
    """Repositories that share one connection. Leaving it without `commit` rolls back."""

    def __init__(self, statements: Statements) -> None:
        self._statements = statements
        self.teams = SqlTeams(statements)
        self.services = SqlServices(statements)
        self.people = SqlPeople(statements)
        self.service_accounts = SqlServiceAccounts(statements)
        self.api_keys = SqlApiKeys(statements)
        self.root_causes = SqlRootCauses(statements)
        self.factors = SqlFactors(statements)
        self.incidents = SqlIncidents(statements)
        self.postmortems = SqlPostmortems(statements)
        self.action_items = SqlActionItems(statements)
        self.checks = SqlChecks(statements)
        self.tickets = SqlTickets(statements)
        self.deliveries = SqlDeliveries(statements)
        self.inbox = SqlInboxItems(statements)
        self.findings = SqlFindings(statements)
        self.events = SqlEvents(statements)
        self.risks = SqlRisks(statements)
        self.boosts = SqlBoosts(statements)
        self.slos = SqlSlos(statements)
        self.history = SqlHistory(statements)

    async def commit(self) -> None:
        """Make it happen; the wake-up is part of the transaction, so it comes if and only if the state does."""
        if self.events.added:
            await wake(self._statements.connection, "events")
        if self.deliveries.added:
            await wake(self._statements.connection, "deliveries")
        await self._statements.connection.commit()


def open_unit_of_work(engine: AsyncEngine) -> OpenUnitOfWork:
    """A factory: each call opens a transaction of its own."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[UnitOfWork]:
        connection = engine.connect()
        with answering():
            await connection.start()
        try:
            await connection.begin()
            yield SqlUnitOfWork(Statements(connection))
        finally:
            await connection.close()

    return opened
