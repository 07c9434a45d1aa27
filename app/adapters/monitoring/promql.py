"""Whether a PromQL query reads any series: a constant such as `vector(1)` would show nothing about production."""

import re

_NOISE = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*""")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
_RANGES = re.compile(r"\[[^\]]*\]")
_OFFSETS = re.compile(r"\boffset\s+-?\s*[0-9smhdwy]+|@\s*\S+", re.IGNORECASE)
_NUMBERS = re.compile(r"\b(?:0x[0-9a-f]+|[0-9][0-9.]*(?:e[+-]?[0-9]+|[smhdwy0-9]+)?)\b", re.IGNORECASE)
_NAMES = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=\s*(\()?)")
_WORDS = frozenset(
    {
        "and", "or", "unless", "atan2", "bool", "by", "without", "on", "ignoring", "group_left", "group_right",
        "offset", "inf", "nan", "start", "end", "sum", "min", "max", "avg", "group", "stddev", "stdvar", "count",
        "count_values", "bottomk", "topk", "quantile", "limitk", "limit_ratio",
    }
)  # fmt: skip


def reads_series(query: str) -> bool:
    """A selector is there: braces, or a name that is neither a function nor a word of the language."""
    text = _NOISE.sub('""', query)
    if "{" in text:
        return True
    for pattern in (_LABELS, _RANGES, _OFFSETS, _NUMBERS):
        text = pattern.sub(" ", text)
    found = ((match.group(0), match.group(1)) for match in _NAMES.finditer(text))
    return any(called is None and name.lower() not in _WORDS for name, called in found)


_COUNTED = re.compile(
    r"\b(?:increase|rate|irate)\s*\(\s*((?:[a-zA-Z_:][a-zA-Z0-9_:]*\s*)?(?:\{[^{}]*\})?)\s*\[", re.IGNORECASE
)


def counters(query: str) -> tuple[str, ...]:
    """The selectors of which a query counts the growth."""
    return tuple(dict.fromkeys(found.strip() for found in _COUNTED.findall(query) if found.strip()))
