import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def record(milliseconds, peak=100e6, **more):
    """A contender of `results.json` with two rounds around a median."""
    rounds = [[milliseconds * 0.9, milliseconds * 0.9], [milliseconds * 1.1, milliseconds * 1.1]]
    difference = {"difference": {"boxes": 1e-3, "scores": 1e-6}, "within_tolerance": True}
    return {"label": "x", "rounds": rounds, "peak_resident_bytes": peak, **difference, **more}


@pytest.fixture
def results():
    """As the bench writes them, of one case."""
    times = {"portrait": 80, "torch": 200, "torch-channels-last": 160, "onnxruntime": 100}
    contenders = {name: record(time) for name, time in times.items()}
    contenders["openvino"] = record(90, note="read twice")
    peaks = [{"gflops": {"1024": 150.0, "2048": 200.0}, "bandwidth_gbs": 12.0}]
    return {
        "date": "2026-01-31",
        "machine": {"cpu": "a CPU", "instructions": ["avx2"], "cores": 2, "memory_bytes": 2**34},
        "versions": {"PyTorch": "2"},
        "threads": 2,
        "rounds": 2,
        "cases": {
            "yolov8n-640": {
                "contenders": contenders,
                "flops": {"convolutions": {"flops": 8_000_000_000, "bytes": 1}},
                "peaks": peaks,
                "busy_share_between_rounds": [0.01],
            }
        },
    }
