"""Exports for onnxruntime and OpenVINO."""

import warnings

import torch
from torch.onnx import register_custom_op_symbolic, symbolic_helper

from .reason import reason

OPSET = 19  # the first with DeformConv


def deformable_convolution(g, image, weight, offset, mask, bias, *numbers):
    """torchvision's operation as the standard one of ONNX; both order offsets alike."""
    constant = lambda value: symbolic_helper._maybe_get_const(value, "i")
    # use_mask, the last number, is always set here.
    sy, sx, py, px, dy, dx, groups, offset_groups = map(constant, numbers[:8])
    return g.op(
        "DeformConv", image, weight, offset, bias, mask,
        kernel_shape_i=weight.type().sizes()[2:],
        strides_i=[sy, sx],
        pads_i=[py, px, py, px],
        dilations_i=[dy, dx],
        group_i=groups,
        offset_group_i=offset_groups,
    )


def to_onnx(module, example, path):
    """By the exporter on TorchScript: it takes custom operations, and gives a flat graph."""
    register_custom_op_symbolic("torchvision::deform_conv2d", deformable_convolution, OPSET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (example,), path, dynamo=False, opset_version=OPSET,
            input_names=["input"], output_names=["output"],
        )


def to_openvino(module, example, path):
    """By OpenVINO's own front end for PyTorch."""
    import openvino

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = openvino.convert_model(module, example_input=example, input=list(example.shape))
    openvino.save_model(model, path, compress_to_fp16=False)


def why_openvino_cannot_read(path):
    """None if OpenVINO reads the ONNX file, else its reason in a line."""
    import openvino

    try:
        openvino.Core().read_model(path)
    except RuntimeError as error:
        return reason(error)
    return None
