"""Everything that runs is broken while it is written to: what was acknowledged is there, once."""

from pathlib import Path

from tests.faults.soak import soak


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    outcome = soak(24, tmp_path)
    print(f"recovered {outcome.recovered_after:.1f} s after the last fault; {outcome.faults}")
    assert str(outcome) == "soak: lost=0 doubled=0 unsettled=0"
    assert outcome.acknowledged > 20
    assert set(outcome.faults) == {"api", "worker", "postgres", "black hole"}
