"""What portrait is to reach in each case."""

from dataclasses import dataclass

from . import numbers
from .cases import CASES, LABELS, TOLERATED

ANY_PEER = ("torch", "torch-channels-last", "onnxruntime", "openvino")


@dataclass(frozen=True)
class Time:
    """Median time at most `limit` times that of the fastest of some peers."""

    case: str
    peers: tuple
    limit: float

    def text(self):
        who = " and ".join(LABELS[name] for name in self.peers)
        who = "the fastest peer" if self.peers == ANY_PEER else who
        return f"time ≤ {self.limit:.2f} × {who}"

    def measure(self, record, by="portrait"):
        found = numbers.medians(record)
        if not {by, *self.peers} <= found.keys():
            return None
        return found[by] / min(found[name] for name in self.peers)

    def show(self, value):
        return f"{value:.2f}"

    def met(self, value):
        return value <= self.limit


@dataclass(frozen=True)
class Share:
    """At least this share of the matrix peak of the same rounds, over the whole network."""

    case: str
    limit: float

    def text(self):
        return f"≥ {self.limit:.0%} of the matrix peak"

    def measure(self, record, by="portrait"):
        if by not in numbers.medians(record):
            return None
        return numbers.speed(record, by) / numbers.matrix_peak(record)

    def show(self, value):
        return f"{value:.0%}"

    def met(self, value):
        return value >= self.limit


@dataclass(frozen=True)
class Memory:
    """Peak resident memory of at most `limit` bytes."""

    case: str
    limit: float

    def text(self):
        return f"peak memory ≤ {self.limit / 1e6:,.0f} MB"

    def measure(self, record, by="portrait"):
        contender = record["contenders"].get(by, {})
        return contender.get("peak_resident_bytes")

    def show(self, value):
        return f"{value / 1e6:,.0f} MB"

    def met(self, value):
        return value <= self.limit


TARGETS = (
    Time("yolov8n-640", ANY_PEER, 0.9),
    Time("yolov8m-640", ANY_PEER, 0.9),
    Time("birefnet-lite-512", ("torch",), 0.30),
    Time("birefnet-lite-512", ("onnxruntime",), 0.5),
    Share("birefnet-lite-512", 0.55),
    Time("birefnet-lite-1024", ("torch",), 0.30),
    Time("birefnet-lite-1024", ("onnxruntime",), 0.5),
    Share("birefnet-lite-1024", 0.55),
    Memory("birefnet-lite-1024", 900e6),
    Time("birefnet-swin-l-1024", ("torch",), 0.45),
    Memory("birefnet-swin-l-1024", 2.2e9),
)


@dataclass(frozen=True)
class Outcome:
    """`met` is None where something that the target needs was not measured; `others` are the same with
    products that round."""

    case: str
    text: str
    measured: str
    met: bool | None
    others: tuple = ()


def outcomes(results, targets=TARGETS):
    """Those of the cases that were run."""
    found = []
    for target in targets:
        record = results["cases"].get(target.case)
        if record is None:
            continue
        value = target.measure(record)
        shown, met = ("–", None) if value is None else (target.show(value), target.met(value))
        others = [target.measure(record, name) for name in TOLERATED]
        others = tuple("–" if other is None else target.show(other) for other in others)
        found.append(Outcome(CASES[target.case].title, target.text(), shown, met, others))
    return found


def all_met(results):
    """Whether every target of the cases that were run is met, and all outputs are right."""
    wrong = any(
        contender.get("within_tolerance") is False
        for record in results["cases"].values()
        for contender in record["contenders"].values()
    )
    return not wrong and all(outcome.met for outcome in outcomes(results))
