"""Metrics as Prometheus reads them: the text format 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class MetricType(StrEnum):
    """What a metric's values do: go up and down, or only up until the process ends."""

    GAUGE = "gauge"
    COUNTER = "counter"


class Sample(Struct, frozen=True):
    """A value, and the labels that tell it from the metric's others."""

    value: float
    labels: Mapping[str, str] = {}


class Metric(Struct, frozen=True):
    """A metric: its name (a counter's ends in `_total`), what it says, and its values, each with its own labels."""

    name: str
    says: str
    samples: Iterable[Sample]
    type: MetricType = MetricType.GAUGE


def exposition(metrics: Iterable[Metric]) -> str:
    """Return metrics as text, in their order."""
    return "".join(f"{line}\n" for metric in metrics for line in _lines(metric))


def _lines(metric: Metric) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.says.translate(_HELP)}"
    yield f"# TYPE {metric.name} {metric.type}"
    for sample in metric.samples:
        labels = ",".join(f'{name}="{value.translate(_LABEL)}"' for name, value in sample.labels.items())
        yield f"{metric.name}{{{labels}}} {sample.value!r}" if labels else f"{metric.name} {sample.value!r}"
