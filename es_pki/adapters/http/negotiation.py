"""Which form of an answer a client prefers (RFC 9110 sections 12.4.2 and 12.5.1)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

_ELEMENT = re.compile(r'(?:[^,"]|"(?:\\.|[^"\\])*"?)+')
_PARAMETER = re.compile(r';\s*([^;=\s]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;\s]*)')
_WEIGHT = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")


class _Range(NamedTuple):
    """A media range, how specific it is (0: everything; parameters count), and its weight."""

    type: str
    specificity: int
    weight: float

    def holds(self, media_type: str) -> bool:
        """Tell whether a media type lies in the range; of parameters of its own it knows nothing."""
        main, _, sub = self.type.partition("/")
        return self.type in {"*/*", media_type} or (sub == "*" and media_type.startswith(f"{main}/"))


def preferred(accept: Sequence[str], offers: Iterable[str]) -> str | None:
    """Return the offered media type that the lines of `Accept` weigh most, None when they take none of them.

    Each offer gets the weight of the most specific range that it lies in; of equal ones the first wins. Without any
    range the first offer is as good as another. An element that can't be read counts for nothing.
    """
    ranges = [found for line in accept for found in _ranges(line)]
    if not ranges:
        return next(iter(offers))
    weighed = [(_weight(offer, ranges), offer) for offer in offers]
    weight, offer = max(weighed, key=lambda pair: pair[0])
    return offer if weight > 0 else None


def _weight(media_type: str, ranges: Sequence[_Range]) -> float:
    holding = [each for each in ranges if each.holds(media_type)]
    return max(holding, key=lambda each: (each.specificity, each.weight)).weight if holding else 0.0


def _ranges(line: str) -> Iterator[_Range]:
    for element in _ELEMENT.findall(line):
        media_type = element.partition(";")[0].strip().lower()
        parameters = [(name.lower(), value) for name, value in _PARAMETER.findall(element)]
        weight = next((value for name, value in parameters if name == "q"), "1")
        if "/" in media_type and _WEIGHT.fullmatch(weight):
            of_its_own = sum(name != "q" for name, _ in parameters)
            specificity = 0 if media_type == "*/*" else 1 if media_type.endswith("/*") else 2 + of_its_own
            yield _Range(media_type, specificity, float(weight))
