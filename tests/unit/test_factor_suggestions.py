"""Reading prose, finding cues, suggesting factors."""

import pytest

from app.adapters.models.weights import shipped_models
from app.domain.learning.cues import CUES
from app.domain.learning.factors import FactorModel, prior_weights, read_cues, suggest_factors
from app.domain.learning.prose import Prose, Zone
from app.domain.learning.taxonomy import FACTORS

WRITTEN = FactorModel({code: prior_weights(code, 1.7, -3.0) for code in CUES}, 0.3)


def test_every_factor_has_cues() -> None:
    assert set(CUES) == {factor.code for factor in FACTORS}


def test_prose_is_sentences_without_markup_and_knows_where_they_stood() -> None:
    given = "An outage\n\n## Root cause\nWe *did* not [renew\nthe key](https://x.example/y) (e.g. by hand). It ended!\n- one\n- [ ] two **three**\n"  # noqa: E501
    prose = Prose.of(given)
    assert prose.text == ("An outage\nRoot cause\nWe did not renew the key (e.g. by hand).\nIt ended!\none\ntwo three ")
    start, end = prose.span(prose.text.index("renew"), prose.text.index(" (e.g"))
    assert given[start:end] == "renew\nthe key"


def test_headings_and_labels_say_what_a_part_is_about() -> None:
    given = "Title\n\nWhat went well:\ngood\n## Timeline\n09:00\n**Action items**\ndo\n## Other\nrest\nSome words\nmore"
    prose = Prose.of(given)
    zones = {word: prose.zone_at(prose.text.index(word)) for word in ("Title", "good", "09:00", "do", "rest", "more")}
    assert zones == {
        "Title": Zone.BODY, "good": Zone.WELL, "09:00": Zone.TIMELINE, "do": Zone.LESSONS, "rest": Zone.BODY,
        "more": Zone.BODY,
    }  # fmt: skip


def test_nothing_is_read_in_nothing() -> None:
    for empty in ("", "\n\n", "*** |", "https://example.org"):
        assert Prose.of(empty).text.strip() == ""
        assert suggest_factors(WRITTEN, empty) == ()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("cert-credential-expiry", "The TLS certificate expired over night."),
        ("capacity", "The nodes ran out of memory because traffic had doubled."),
        ("dns", "DNS records were deleted and names could not be resolved."),
        ("time-clock", "The leap second froze every scheduler."),
        ("missing-alerting", "There was no alert, nobody was notified; we must add monitoring."),
        ("bad-release", "After the deployment of the new version requests failed, so we rolled back the release."),
        ("security", "An attacker exploited a vulnerability and stole tokens."),
        ("cascading-failure", "Clients retried at once; the retry storm caused a cascading failure."),
        ("single-point-of-failure", "It was a single point of failure with only one replica and no failover."),
        ("data-loss-backup", "Rows were deleted, the backup had failed and data was lost."),
        ("timeout-misconfiguration", "The timeout was too short, so we increased the timeout."),
        ("access-permission", "The role had lacked permissions and responders were locked out."),
    ],
)
def test_plain_words_of_a_factor_suggest_it_with_a_phrase_of_the_text(code: str, text: str) -> None:
    for model in (WRITTEN, shipped_models().factors):
        found = {one.code: one for one in suggest_factors(model, text)}
        assert code in found
        assert text[found[code].start : found[code].end] == found[code].phrase
        assert 0 < found[code].confidence < 1


def test_the_surest_factor_comes_first() -> None:
    found = suggest_factors(WRITTEN, "The certificate expired. The certificate had not been renewed. Disk is full.")
    assert [one.confidence for one in found] == sorted((one.confidence for one in found), reverse=True)


def test_what_went_well_speaks_less() -> None:
    said = "no alert fired and nobody was notified"
    code = "missing-alerting"
    bad, well = (read_cues(f"Title\n\n## {heading}\n{said}") for heading in ("What went wrong", "What went well"))
    assert WRITTEN.probability(bad, code) > WRITTEN.probability(well, code)


def test_a_factor_without_a_phrase_is_not_suggested() -> None:
    certain = FactorModel({code: (*(0.0,) * (2 * len(cues) + 1), 9.0) for code, cues in CUES.items()}, 0.5)
    assert suggest_factors(certain, "The certificate expired.") == ()
