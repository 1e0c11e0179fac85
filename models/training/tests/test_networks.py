"""The networks have the published parameter names and compute what the official ones compute."""

import numpy as np
import pytest
import torch

from portrait_training import reproducible
from portrait_training.networks import BiRefNet, BirefnetConfig, Yolov8, decode
from portrait_training.networks.birefnet import resize


def published(path):
    """Name -> shape, from a list of a published checkpoint."""
    rows = (line.split("\t") for line in path.read_text().splitlines() if line)
    sides = lambda shape: () if shape == "scalar" else tuple(map(int, shape.split("x")))
    return {row[0]: sides(row[1]) for row in rows if len(row) > 1}


@pytest.mark.parametrize(
    "name, build",
    [
        ("yolov8n", lambda: Yolov8(80)),
        ("birefnet_lite", lambda: BiRefNet(BirefnetConfig.lite())),
    ],
)
def test_names_and_shapes(parity, name, build):
    wanted = published(parity / f"names/{name}_state_dict.txt")
    got = {key: tuple(value.shape) for key, value in build().state_dict().items()}
    assert got == wanted


def test_nano_has_the_names_of_lite_but_for_blocks_it_lacks(parity):
    wanted = published(parity / "names/birefnet_lite_state_dict.txt")
    network = BiRefNet(BirefnetConfig(decoder_attention="aspp-deformable"))
    missing = set(wanted) - set(network.state_dict())
    assert set(network.state_dict()) <= set(wanted)
    assert all(key.startswith(tuple(f"bb.layers.2.blocks.{i}." for i in range(2, 6))) for key in missing)


def test_reproducible_weights_have_their_known_values():
    known = [
        ("bb.patch_embed.proj.weight", (96, 3, 4, 4), 4607, 0x3E7804B0),
        ("bb.layers.0.blocks.0.attn.relative_position_bias_table", (169, 3), 100, 0x3E74E820),
        ("squeeze_module.0.bn_in.running_var", (64,), 3, 0x3F88FF64),
        ("decoder.decoder_block1.conv_out.bias", (96,), 11, 0xBD410ED8),
        ("model.0.conv.weight", (16, 3, 3, 3), 42, 0xBF0B9314),
        ("input", (1, 3, 256, 256), 196607, 0x3FBF3B94),
    ]
    for name, shape, index, bits in known:
        assert reproducible.tensor(name, shape).ravel()[index].view(np.uint32) == bits, name


def difference(got, path):
    return (got - torch.from_numpy(np.load(path))).abs().max().item()


@torch.no_grad()
def test_birefnet_equals_the_official_one(parity):
    network = reproducible.fill(BiRefNet(BirefnetConfig.lite())).eval()
    image = torch.from_numpy(reproducible.tensor("input", (1, 3, 256, 256)))
    stages = {}
    logits = network(image, stages)
    assert difference(logits, parity / "goldens/lite_256x256_logits.npy") < 2e-5
    compared = 0
    for name, value in stages.items():
        path = parity / f"goldens/lite_256_{name}.npy"
        if path.is_file():
            assert difference(value, path) < 5e-5, name
            compared += 1
    assert compared == 13


@torch.no_grad()
def test_yolov8n_equals_the_official_one(parity):
    network = reproducible.fill(Yolov8(80)).eval()
    image = torch.from_numpy(reproducible.tensor("input", (1, 3, 640, 640)))
    image = (image / 2 + 1) / 2
    output = decode(network(image), 640, 640)
    golden = parity / "goldens"
    assert difference(output[:, :4], golden / "yolov8n_640x640_box.npy") < 5e-3
    assert difference(output[:, 4:, ::7], golden / "yolov8n_640x640_score_a7.npy") < 2e-5


@torch.no_grad()
def test_the_folded_output_equals_the_layers_one_by_one():
    network = reproducible.fill(BiRefNet(BirefnetConfig())).eval()
    decoder = network.decoder
    image = torch.from_numpy(reproducible.tensor("input", (2, 3, 64, 96)))
    x = torch.from_numpy(reproducible.tensor("input_map", (2, 32, 16, 24)))
    patches = decoder.ipt_blk1(image, image)
    wanted = decoder.conv_out1(torch.cat([resize(x, image), patches], 1))
    got = decoder.folded_logits(x, image)
    assert (got - wanted).abs().max() < 1e-5 * wanted.abs().max(), "also at the border"


@torch.no_grad()
def test_a_pooled_branch_that_is_added_equals_one_that_is_spread():
    pyramid = reproducible.fill(BiRefNet(BirefnetConfig())).decoder.decoder_block2.dec_att.eval()
    x = torch.from_numpy(reproducible.tensor("input_map", (2, 32, 16, 24)))
    wanted = pyramid(x)
    parts = [branch(x) for branch in pyramid.branches()]
    got = pyramid.bn1(pyramid.joined(parts, pyramid.global_avg_pool(x))).relu()
    assert (got - wanted).abs().max() < 1e-5 * wanted.abs().max()
