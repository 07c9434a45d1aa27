"""Every repository's promises are tested on its fake and on PostgreSQL."""

import pytest

from app.domain.learning.taxonomy import FACTORS
from app.domain.ports import OpenUnitOfWork, Ports
from tests import make
from tests.fakes import FakeUnitOfWork


@pytest.fixture(params=["fake", "sql"])
def uow(request: pytest.FixtureRequest) -> OpenUnitOfWork:
    if request.param == "fake":
        fake = FakeUnitOfWork()
        fake.seed(make.undetermined(), *FACTORS)
        return fake
    ports: Ports = request.getfixturevalue("ports")
    return ports.uow


@pytest.fixture
def sql(ports: Ports) -> OpenUnitOfWork:
    return ports.uow
