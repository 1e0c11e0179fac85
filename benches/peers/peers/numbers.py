"""What the tables are made of: medians and shares of a case's record in `results.json`."""

import statistics


def runs(contender):
    return [time for turn in contender["rounds"] for time in turn]


def median(contender):
    """The median over the rounds of each round's median, in milliseconds; None if it did not run."""
    if contender.get("error") or not contender["rounds"]:
        return None
    return statistics.median(statistics.median(turn) for turn in contender["rounds"])


def best(contender):
    return min(runs(contender))


def medians(record):
    """{name: median} of the contenders of a case that ran."""
    found = {name: median(contender) for name, contender in record["contenders"].items()}
    return {name: value for name, value in found.items() if value is not None}


def gflop(record):
    return sum(kind["flops"] for kind in record["flops"].values()) / 1e9


def matrix_peak(record):
    """GFLOP/s of the best size of matrix; the median over the rounds of a case."""
    return statistics.median(max(peak["gflops"].values()) for peak in record["peaks"])


def bandwidth(record):
    """GB/s of copying; the median over the rounds."""
    return statistics.median(peak["bandwidth_gbs"] for peak in record["peaks"])


def speed(record, name="portrait"):
    """GFLOP/s over the whole network, of its arithmetic as PyTorch does it."""
    return gflop(record) / medians(record)[name] * 1e3
