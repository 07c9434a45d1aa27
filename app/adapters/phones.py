"""Phone numbers in texts, by Google's library: a candidate counts only if it is a number that exists."""

import re
from collections.abc import Sequence

import phonenumbers

_INTERNATIONAL = re.compile(r"(?<![\w+.-])(?:\+|00)[1-9](?:[ ()./-]{0,2}\d){6,14}(?![\w-])")
_NATIONAL = re.compile(
    r"(?<![\w.:/+-])(?:\(\d{2,5}\)[ -]?\d{2,5}[ .-]\d{2,6}(?:[ .-]\d{2,6})?"
    r"|0\d{1,4}(?P<s>[ ./-])\d{2,5}(?:(?P=s)\d{2,6}){0,4}|\d{3}(?P<d>[.-])\d{3}(?P=d)\d{4})(?![\w:/-]|\.\d)"
)
_ANNOUNCED = re.compile(
    r"(?:\btel:|\b(?:phone|mobile|cell|call me at|call me on|tel\.?):?\s+)(\(?\d[\d ().-]{6,18}\d)", re.I
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[.-]\d{1,2}[.-]\d{4}")
LEAST_DIGITS = 9


class PhoneFinder:
    """Numbers with a country code anywhere; numbers without one as they are written in these regions."""

    def __init__(self, regions: Sequence[str] = ("US", "GB", "DE", "FR")) -> None:
        self._regions = tuple(regions)

    def __call__(self, text: str) -> Sequence[tuple[int, int]]:
        found: dict[int, int] = {}
        for form in (_INTERNATIONAL, _ANNOUNCED, _NATIONAL):
            for match in form.finditer(text):
                group = 1 if form is _ANNOUNCED else 0
                start, end = match.span(group)
                if not any(a < end and start < b for a, b in found.items()) and self._is_number(match[group], form):
                    found[start] = end
        return list(found.items())

    def _is_number(self, text: str, form: re.Pattern[str]) -> bool:
        if form is _INTERNATIONAL:
            return self._is_valid(re.sub(r"^00", "+", text), None)
        digits = sum(one.isdigit() for one in text)
        if form is _NATIONAL and (digits < LEAST_DIGITS or _DATE.match(text)):
            return False
        return any(self._is_valid(text, region) for region in self._regions)

    @staticmethod
    def _is_valid(text: str, region: str | None) -> bool:
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
        except phonenumbers.NumberParseException:
            return False
