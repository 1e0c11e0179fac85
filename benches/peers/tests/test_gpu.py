"""The table beside PyTorch on a card, as far as it needs no card."""

import re

import gpu
from peers import paths
from peers.cases import CASES, FULL


def test_rows_of_the_rust_bench_are_read():
    text = "| network | precision | one pass, ms | passes in a row, ms each |\n|---|---|---|---|\n"
    text += "| YOLOv8n 640² | F16 | 1.20 | 0.90 | 41 |\n| BiRefNet Swin-L 1024² | Bf16 | 21.30 | 20.10 | 1200 |\n"
    rows = [m.group("title", "precision", "alone", "row", "peak") for m in gpu.ROW.finditer(text)]
    assert rows == [
        ("YOLOv8n 640²", "F16", "1.20", "0.90", "41"), ("BiRefNet Swin-L 1024²", "Bf16", "21.30", "20.10", "1200"),
    ]


def test_the_rust_bench_times_every_case():
    source = (paths.REPOSITORY / "benches/benches/gpu/main.rs").read_text()
    timed = {f"{name} {side}²" for name, side in re.findall(r'\("([^"]+)", (\d+)\)', source)}
    assert {CASES[name].title for name in FULL} <= timed
