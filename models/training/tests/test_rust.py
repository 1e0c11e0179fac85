"""With the same weights, the networks here and those of the Rust crates compute the same."""

import pytest
import torch

from portrait_training import reproducible, rust
from portrait_training.networks import BiRefNet, BirefnetConfig, Yolov8, decode


@torch.no_grad()
@pytest.mark.parametrize("attention", ["aspp", "aspp-deformable", "none"])
@pytest.mark.parametrize("window, side", [(7, (160, 224)), (8, (256, 256))])
def test_birefnet_nano(rust_command, attention, window, side):
    config = BirefnetConfig(window=window, decoder_attention=attention)
    network = reproducible.fill(BiRefNet(config)).eval()
    image = torch.from_numpy(reproducible.tensor("input", (1, 3, *side)))
    logits = network(image)
    assert logits.std() > 0.1, "the comparison would say little"
    worst = (rust.run_network(network, image) - logits).abs().max().item()
    print(f"{attention}, window {window}: std {logits.std():.3f}, difference {worst:.2e}")
    assert worst < 5e-5


@torch.no_grad()
def test_yolov8n_with_one_class(rust_command):
    network = reproducible.fill(Yolov8(1)).eval()
    image = torch.from_numpy(reproducible.tensor("input", (1, 3, 320, 448)))
    image = (image / 2 + 1) / 2
    output = decode(network(image), 320, 448)
    got = rust.run_network(network, image)
    assert got.shape == output.shape
    worst = (got - output).abs()
    print(f"boxes {worst[:, :4].max():.2e} px, scores {worst[:, 4:].max():.2e}")
    assert worst[:, :4].max() < 5e-3
    assert worst[:, 4:].max() < 2e-5
