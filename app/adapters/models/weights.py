"""The weights that were learnt, as a file beside this module: read when first needed, written by `norepeat train`."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.errors import Invalid
from app.domain.learning.cues import CUES
from app.domain.learning.factors import FactorModel
from app.domain.learning.resemblance import ResemblanceModel
from app.domain.learning.training import Models
from app.domain.learning.words import Rarity

SHIPPED = Path(__file__).with_name("weights.json")
FORMAT = 1


class UnusableWeights(Invalid):
    """The file of learnt weights does not fit this version; run `make train`."""

    code = "unusable_weights"


@cache
def shipped_models() -> Models:
    """What this version came with."""
    return read_models(SHIPPED)


def read_models(file: Path) -> Models:
    """Raises UnusableWeights if it was learnt for other cues than these."""
    try:
        models = _models(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableWeights(f"{file.name} cannot be used ({error}); run `make train`.") from error
    fits = {code: 2 * len(cues) + 2 for code, cues in CUES.items()}
    if {code: len(weights) for code, weights in models.factors.weights.items()} != fits:
        raise UnusableWeights
    return models


def _models(stored: dict[str, Any]) -> Models:
    if stored["format"] != FORMAT:
        raise ValueError(f"format {stored['format']}")
    factors, resemblance = stored["factors"], stored["resemblance"]
    return Models(
        FactorModel({code: tuple(weights) for code, weights in factors["weights"].items()}, factors["threshold"]),
        ResemblanceModel(
            tuple(resemblance["weights"]),
            resemblance["prevalence"],
            Rarity(0, {}, resemblance["texts"], tuple(resemblance["word_buckets"])),
        ),
    )


def write_models(file: Path, models: Models, *, source: str) -> None:
    """Rounded, so that the same examples give the same file on every machine."""
    factors, resemblance = models.factors, models.resemblance
    stored = {
        "format": FORMAT,
        "source": source,
        "factors": {
            "threshold": factors.threshold,
            "weights": {code: [round(w, 4) for w in weights] for code, weights in factors.weights.items()},
        },
        "resemblance": {
            "weights": [round(weight, 4) for weight in resemblance.weights],
            "prevalence": {code: round(share, 4) for code, share in resemblance.prevalence.items()},
            "texts": resemblance.rarity.learnt_texts,
            "word_buckets": list(resemblance.rarity.learnt),
        },
    }
    file.write_text(json.dumps(stored, separators=(",", ":")) + "\n", encoding="utf-8")
