"""Reproducible weights: every value is a function of the parameter's name, shape and index.

Both this program and the Rust one can make them, so that two networks are compared at full size
without any file of weights. The noise is splitmix64 seeded by FNV-1a of the name.
"""

import numpy as np
import torch

# Part of a name, factor on its weights, factor on its biases; the first that fits counts.
GAINS = (
    (".offset_conv.", 2.5, 20.0),
    (".modulator_conv.", 1.5, 10.0),
    ("gdt_convs_attn_", 1.0, 10.0),
    (".dec_att.", 1.7, 1.0),
    ("decoder.ipt_blk", 0.7, 1.0),
    ("decoder.conv_out1.", 2.0, 1.0),
    ("decoder.lateral_block", 0.7, 1.0),
    (".conv_out.", 1.6, 1.0),
    ("relative_position_bias_table", 4.0, 1.0),
    (".attn.qkv.", 1.4, 4.0),
    (".attn.proj.", 2.0, 1.0),
    ("model.", 1.7, 4.0),
)


def noise(name, count):
    """Uniform in [-1, 1), in float64; exact in float32."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float64) / 2**23 - 1


def tensor(name, shape):
    """The float32 values of a parameter; None for one that is not generated."""
    shape = tuple(shape)
    count = int(np.prod(shape))
    if name.endswith(("num_batches_tracked", "relative_position_index")):
        return None
    if name.endswith("dfl.conv.weight"):
        return np.arange(count, dtype=np.float32).reshape(shape)
    gain, bias_gain = next((g[1:] for g in GAINS if g[0] in name), (1.0, 1.0))
    values = noise(name, count)
    base = 0.0
    if name.endswith("relative_position_bias_table"):
        scale = 0.2 * gain
    elif name.endswith("running_mean"):
        scale = 0.1
    elif name.endswith("running_var"):
        base, scale, values = 1.0, 0.5, np.abs(values)
    elif name.endswith("bias"):
        scale = 0.05 * bias_gain
    elif name.endswith("weight") and len(shape) == 1:
        base, scale = 1.0, 0.1
    elif name.endswith("weight"):
        scale = np.sqrt(3.0 / np.prod(shape[1:])) * gain
    elif name.startswith("input"):
        scale = 2.0
    else:
        raise ValueError(f"no rule for {name} of shape {shape}")
    return (base + scale * values).astype(np.float32).reshape(shape)


@torch.no_grad()
def fill(module):
    """Gives every parameter of a module its reproducible value; returns the module."""
    for name, parameter in module.state_dict().items():
        values = tensor(name, parameter.shape)
        if values is not None:
            parameter.copy_(torch.from_numpy(values))
    return module
