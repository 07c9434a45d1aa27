"""What silence after a fix says."""

from datetime import UTC, datetime

from app.domain.actions.evidence import Verdict
from app.domain.ids import new_id
from app.domain.learning.risk import Exposure
from app.domain.learning.silence import SilenceOutcome, silence_verdict
from app.domain.learning.statistics import GammaPrior
from app.domain.policy import EvidencePolicy

OFTEN, RARELY = Exposure(n=6, days=180), Exposure(n=0, days=700)


def verdict(before_fix: Exposure, *, days: int = 30, over: bool = True, recurred: bool = False) -> SilenceOutcome:
    seen = ((new_id(), datetime(2026, 3, 1, tzinfo=UTC)),) if recurred else ()
    return silence_verdict(
        recurrences=seen,
        prior=GammaPrior(1, 400),
        before_fix=before_fix,
        window_days=days,
        window_is_over=over,
        policy=EvidencePolicy(),
    )


def test_a_recurrence_in_the_window_is_a_failure() -> None:
    assert verdict(OFTEN, recurred=True).verdict is Verdict.FAILED


def test_silence_shows_something_where_an_incident_was_to_be_expected() -> None:
    outcome = verdict(OFTEN, days=90)
    assert outcome.verdict is Verdict.PASSED
    assert 0 < float(str(outcome.detail["probability_of_silence"])) <= 0.5


def test_an_open_window_shows_nothing_yet() -> None:
    assert verdict(OFTEN, days=90, over=False).verdict is Verdict.INCONCLUSIVE


def test_too_short_a_window_is_lengthened() -> None:
    outcome = verdict(OFTEN, days=7)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.longer_window_days is not None
    assert 7 < outcome.longer_window_days <= 183


def test_where_it_struck_too_rarely_silence_is_no_evidence() -> None:
    outcome = verdict(RARELY)
    assert (outcome.verdict, outcome.longer_window_days) == (Verdict.INCONCLUSIVE, None)
    assert "attestation" in str(outcome.detail["reason"])
