"""The table beside PyTorch on a card, as far as it needs no card."""

import re
from dataclasses import replace

import gpu
import pytest
import torch
from peers import paths
from peers.cases import CASES, FULL

torch.set_num_threads(1)


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


@pytest.mark.parametrize("name", ["yolov8n-640", "birefnet-lite-512"])
@torch.inference_mode()
def test_both_networks_run_in_each_precision_and_give_the_same(name):
    # The smallest of both kinds, on a small picture: the types along the way are those of the others.
    case = replace(CASES[name], side=64)
    module = gpu.network(case, "cpu")
    reference = module(gpu.networks.network_input(case))
    # Each precision in one of the layouts: they differ in nothing but the order in memory.
    for layout, (precision, dtype) in enumerate(gpu.TYPES.items()):
        label, run = list(gpu.variants(case, module, dtype, "cpu"))[layout % 2]
        found = gpu.difference(run(), reference)
        print(name, precision, label, found)
        assert found <= gpu.DIFFERENCES[precision], (precision, label)


def test_noise_and_what_is_no_number_are_told():
    torch.manual_seed(0)
    right = torch.randn(100)
    assert gpu.difference(torch.randn(100), right) > max(gpu.DIFFERENCES.values())
    assert not gpu.difference(right * float("nan"), right) <= 1
