"""Counts the arithmetic of a network by kind of layer, from the shapes alone."""

import math

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from . import paths  # noqa: F401 (finds the library)
from portrait_training.networks.aspp import DeformableConv2d
from portrait_training.networks.swin import WindowAttention, shift_mask

FLOAT = 4  # bytes


def elements(shape):
    return math.prod(shape)


def cost(name, module, given, made):
    """(kind, operations, bytes) of a call; 2 operations for a multiplication with its addition.

    Bytes are those that must be moved at least: input, weights and output once.
    """
    if isinstance(module, DeformableConv2d):
        weight = module.regular_conv.weight
        kind, taps = "deformable products", elements(weight.shape[1:])
        moved = elements(given) + elements(weight.shape) + elements(made)
        # Its offsets (two for a tap) and its modulation are read as well.
        moved += 3 * elements(weight.shape[2:]) * elements(made[2:]) * made[0]
        return kind, 2 * taps * elements(made), FLOAT * moved
    if isinstance(module, WindowAttention):
        windows, tokens, channels = given
        operations = 2 * 2 * windows * tokens**2 * channels
        return "attention products", operations, FLOAT * 4 * elements(given)
    moved = elements(given) + elements(module.weight.shape) + elements(made)
    if isinstance(module, nn.Linear):
        return "linear layers", 2 * module.in_features * elements(made), FLOAT * moved
    beside = name.endswith(("offset_conv", "modulator_conv"))
    kind = "offset and modulator convolutions" if beside else "convolutions"
    return kind, 2 * elements(module.weight.shape[1:]) * elements(made), FLOAT * moved


def count(build, image_shape):
    """{kind: {"flops": …, "bytes": …}} of one pass of the module that `build` makes.

    Its tensors have shapes but no values, and nothing is computed.
    """
    total = {}

    def hook(name):
        def add(module, given, made):
            kind, operations, moved = cost(name, module, given[0].shape, made.shape)
            row = total.setdefault(kind, {"flops": 0, "bytes": 0})
            row["flops"] += operations
            row["bytes"] += moved

        return add

    counted = (nn.Conv2d, nn.Linear, DeformableConv2d, WindowAttention)
    with FakeTensorMode(), torch.no_grad():
        module = build().eval()
        for name, child in module.named_modules():
            if isinstance(child, counted):
                child.register_forward_hook(hook(name))
        module(torch.empty(image_shape))
    shift_mask.cache_clear()  # what it keeps has no values either
    return total


def of_case(case):
    from .networks import NETWORKS

    return count(NETWORKS[case.network].build, (1, 3, case.side, case.side))
