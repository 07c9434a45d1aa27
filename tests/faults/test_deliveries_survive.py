"""The promise of deliveries under faults: nothing is lost, nothing is doubled, everything settles."""

from pathlib import Path

from tests.faults.fault_run import CI, fault_run


def test_no_delivery_is_lost_or_doubled_whatever_is_killed(tmp_path: Path) -> None:
    outcome = fault_run(CI, tmp_path)
    assert str(outcome) == "faults: deliveries=300 lost=0 doubled=0 unsettled=0"
    assert outcome.settled_after <= 60
    assert set(outcome.faults) == {"none", "before", "applied_502", "applied_hang", "late", "limited"}
