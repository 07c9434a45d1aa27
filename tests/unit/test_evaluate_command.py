"""`norepeat evaluate` and `norepeat train`: files in, figures out."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.adapters.models.examples import BadExamples, read_examples
from app.adapters.models.weights import SHIPPED, UnusableWeights, read_models
from app.cli import learning  # noqa: F401 (registers the commands)
from app.cli.root import cli
from app.domain.learning.taxonomy import FACTORS
from tests.conftest import CONTRACTS

CORPUS = CONTRACTS.parent / "corpus"
MEASURES = {
    "factor_micro_f1", "factor_macro_f1", "prevalence_error", "recurrence_recall_at_1", "recurrence_pair_order",
    "timeline_recall", "timeline_ungrounded",
}  # fmt: skip
CAUSES = {
    "cert-credential-expiry": "The certificate of the {} expired because nobody renewed it.",
    "capacity": "The {} ran out of memory because traffic doubled.",
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    incidents, labels, pairs = [], [], []
    for n, place in enumerate(("gateway", "ledger", "search")):
        for code, text in CAUSES.items():
            id = f"{code}-{n}"
            incidents.append({"id": id, "company": "ours", "date": f"2026-0{n + 1}-01", "text": text.format(place)})
            labels.append({"id": id, "codes": [code], "sampling": "random"})
            if n:
                pairs.append({"a": f"{code}-{n - 1}", "b": id, "relation": "same-root-cause"})
    pairs.append({"a": "capacity-0", "b": "cert-credential-expiry-2", "relation": "not-same-cause"})
    made = {}
    for name, lines in (("incidents", incidents), ("labels", labels), ("pairs", pairs)):
        made[name] = tmp_path / f"{name}.jsonl"
        made[name].write_text("\n".join(json.dumps(line) for line in lines) + "\n\n", encoding="utf-8")
    return made


def run(*arguments: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(cli, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def evaluated(files: dict[str, Path], *names: str, more: tuple[str | Path, ...] = ()) -> dict[str, Any]:
    options = [part for name in names for part in (f"--{name}", files[name])]
    found: dict[str, Any] = json.loads(run("evaluate", *options, "--json", *more))
    return found


def test_the_shipped_weights_answer_every_part(files: dict[str, Path]) -> None:
    found = evaluated(files, "incidents", "labels", "pairs")
    assert set(found) == MEASURES
    assert found["factor_micro_f1"] > 0.6
    assert found["recurrence_recall_at_1"] == 1.0
    assert found["timeline_recall"] is None


def test_a_part_that_is_left_out_is_null(files: dict[str, Path], tmp_path: Path) -> None:
    found = evaluated(files, "incidents", "labels", more=("--transcripts", tmp_path))
    assert found["recurrence_recall_at_1"] is None
    assert found["factor_macro_f1"] is not None
    assert set(evaluated(files).values()) == {None}


def test_it_learns_only_from_the_files_it_is_given(files: dict[str, Path]) -> None:
    given = tuple(part for file in files.values() for part in ("--train", file))
    assert evaluated(files, "incidents", "labels", "pairs", more=given)["factor_micro_f1"] > 0.8
    found = evaluated(files, "incidents", "labels", "pairs", more=("--cross-validation",))
    assert set(found) == {"by organisation", "five parts"}
    assert "factor_micro_f1" in run("evaluate", "--incidents", files["incidents"], "--labels", files["labels"])


def test_the_same_files_give_the_same_weights(files: dict[str, Path], tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    for into in (first, second):
        run("train", *files.values(), "--into", into)
    assert first.read_bytes() == second.read_bytes()
    assert read_models(first).factors.threshold > 0
    run("train", files["incidents"], "--into", first, code=2)


def test_labels_of_incidents_that_are_not_here_are_refused(files: dict[str, Path]) -> None:
    run("evaluate", "--labels", files["labels"], code=2)


@pytest.mark.parametrize(
    "line",
    [
        "{", "[]", "{}", '{"text": "x"}', '{"text": 1, "id": "a"}', '{"id": "a", "codes": "dns"}',
        '{"id": "a", "codes": ["aliens"]}', '{"codes": []}', '{"a": "x", "b": "y", "relation": "cousins"}',
        '{"a": 1, "b": "y", "relation": "not-same-cause"}',
    ],
)  # fmt: skip
def test_a_bad_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(BadExamples, match=r"bad\.jsonl, line 2"):
        read_examples([file])


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(BadExamples, match=r"bad\.jsonl"):
        read_examples([file])


def test_a_label_can_name_its_incident_by_a_hash(tmp_path: Path) -> None:
    file = tmp_path / "hashed.jsonl"
    incident = {"id": "a", "text": "x", "summary": "s", "labels": {"cause": "c"}}
    label = {"sha256": sha256(b"a").hexdigest(), "codes": ["dns"], "read": "partly"}
    other = {"sha256": "0" * 64, "codes": ["dns"]}
    file.write_text("\n".join(map(json.dumps, (label, incident, other))), encoding="utf-8")
    examples = read_examples([file]).known()
    assert [(one.report_id, one.partial) for one in examples.labels] == [("a", True)]
    assert (examples.reports["a"].story.text, examples.reports["a"].story.stated_cause) == ("s\n\nx", "c")


def test_weights_for_other_cues_are_refused(tmp_path: Path) -> None:
    stored = json.loads(SHIPPED.read_text(encoding="utf-8"))
    for change in ({"format": 0}, {"factors": {}}, {"factors": {"threshold": 0.3, "weights": {"dns": [1.0]}}}):
        file = tmp_path / "weights.json"
        file.write_text(json.dumps(stored | change), encoding="utf-8")
        with pytest.raises(UnusableWeights):
            read_models(file)
    with pytest.raises(UnusableWeights):
        read_models(tmp_path / "none.json")


def test_the_shipped_file_holds_numbers_and_no_text() -> None:
    def words(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {word for one in value.values() for word in words(one)}
        if isinstance(value, list):
            return {word for one in value for word in words(one)}
        return {value} if isinstance(value, str) else set()

    stored = json.loads(SHIPPED.read_text(encoding="utf-8"))
    source = stored.pop("source")
    assert "licences" in source
    names = {
        "format", "factors", "threshold", "weights", "resemblance", "prevalence", "texts", "word_buckets",
    }  # fmt: skip
    assert words(stored) == names | {factor.code for factor in FACTORS}
    assert SHIPPED.stat().st_size < 2_000_000


def test_the_shipped_weights_suit_the_published_incidents() -> None:
    if not CORPUS.exists():
        pytest.skip("the published incidents are not here")
    files = {"incidents": CORPUS / "incidents.jsonl", "labels": CORPUS / "labels.jsonl"}
    found = evaluated(files, "incidents", "labels")
    assert found["factor_micro_f1"] > 0.7
    assert found["factor_macro_f1"] > 0.65
