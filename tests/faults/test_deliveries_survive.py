"""The promise of deliveries under faults: nothing is lost, nothing is doubled, everything settles."""

from dataclasses import replace
from pathlib import Path

from tests.conftest import CONTRACTS
from tests.faults.fault_run import CI, fault_run


def test_no_delivery_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    """To GitHub, and to Jira and Linear beside it where their official contracts are."""
    size = CI if CONTRACTS.exists() else replace(CI, jira=0, linear=0)
    outcome = fault_run(size, tmp_path)
    assert str(outcome) == f"faults: deliveries={len(size.routes)} lost=0 doubled=0 unsettled=0"
    assert outcome.settled_after <= 60
    assert set(outcome.faults) == {"none", "before", "applied_502", "applied_hang", "late", "limited"}
