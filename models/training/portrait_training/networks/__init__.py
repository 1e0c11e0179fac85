"""The two networks, with the parameter names of the published checkpoints."""

from .birefnet import BiRefNet, BirefnetConfig
from .yolov8 import Yolov8, decode

__all__ = ["BiRefNet", "BirefnetConfig", "Yolov8", "decode"]
