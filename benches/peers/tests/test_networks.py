"""Counting arithmetic, the networks' names, and that nothing the bench does to them changes them."""

import pytest
import torch
from torch import nn

from peers import flops, networks
from peers.cases import CASES
from portrait_training import paths, reproducible
from portrait_training.networks import Yolov8, decode
from portrait_training.networks.aspp import DeformableConv2d
from portrait_training.networks.swin import WindowAttention

torch.set_num_threads(1)


def test_flops_of_a_convolution_and_a_linear_layer():
    build = lambda: nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(5, 7))
    found = flops.count(build, (2, 3, 10, 10))
    assert found["convolutions"]["flops"] == 2 * 27 * 2 * 8 * 5 * 5
    assert found["convolutions"]["bytes"] == 4 * (600 + 216 + 400)
    assert found["linear layers"]["flops"] == 2 * 5 * 2 * 8 * 5 * 7


def test_flops_of_a_deformable_convolution():
    found = flops.count(lambda: DeformableConv2d(4, 6, 3), (1, 4, 5, 5))
    assert found["deformable products"]["flops"] == 2 * 9 * 4 * 6 * 25
    assert found["deformable products"]["bytes"] == 4 * (100 + 216 + 150 + 27 * 25)
    assert found["offset and modulator convolutions"]["flops"] == 2 * 9 * 4 * 27 * 25


def test_flops_of_attention():
    class Windows(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = WindowAttention(6, 2, 2)

        def forward(self, x):
            return self.attention(x, None)

    found = flops.count(Windows, (3, 4, 6))
    assert found["attention products"]["flops"] == 2 * (2 * 3 * 4 * 4 * 6)
    assert found["linear layers"]["flops"] == 2 * 6 * (18 + 6) * 12


@pytest.mark.parametrize(
    "name, gflop",
    [("yolov8n-640", 8.7), ("yolov8m-640", 78.9), ("birefnet-lite-1024", 642.0)],
)
def test_flops_of_the_networks(name, gflop):
    found = flops.of_case(CASES[name])
    assert sum(kind["flops"] for kind in found.values()) / 1e9 == pytest.approx(gflop, abs=0.05)


@pytest.mark.parametrize(
    "network, names",
    [
        ("yolov8n", "yolov8n"),
        ("yolov8m", "yolov8m"),
        ("birefnet-lite", "birefnet_lite"),
        ("birefnet-swin-l", "birefnet_large"),
    ],
)
def test_names_and_shapes_are_the_published_ones(network, names):
    folder = paths.shared("parity/names")
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set PORTRAIT_TEST_DATA")
    rows = [row.split("\t") for row in (folder / f"{names}_state_dict.txt").read_text().splitlines()]
    shape = lambda text: () if text == "scalar" else tuple(map(int, text.split("x")))
    wanted = {row[0]: shape(row[1]) for row in rows if len(row) > 1}
    with torch.device("meta"):
        module = networks.NETWORKS[network].build()
    assert {name: tuple(value.shape) for name, value in module.state_dict().items()} == wanted


@torch.no_grad()
def test_folding_and_decoding_keep_the_output():
    plain = reproducible.fill(Yolov8(80)).eval()
    sized = networks.NETWORKS["yolov8n"].build()
    sized.load_state_dict(plain.state_dict())
    detector = networks.Detector(networks.fuse(sized), 96).eval()
    image = torch.rand(1, 3, 96, 96)
    wanted = decode(plain(image), 96, 96)
    difference = (detector(image) - wanted).abs()
    assert difference[:, :4].max() < 5e-3 and difference[:, 4:].max() < 2e-5
