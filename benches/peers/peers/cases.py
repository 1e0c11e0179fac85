"""What is timed: a network, the side of its square input, who runs it, how close they must be."""

from dataclasses import dataclass

EVERYBODY = (
    "portrait", "portrait-tf32", "portrait-int8", "torch", "torch-channels-last", "onnxruntime", "openvino",
)

LABELS = {
    "portrait": "portrait",
    "portrait-tf32": "portrait, products rounded (tf32)",
    "portrait-int8": "portrait, products of bytes (int8)",
    "torch": "PyTorch eager",
    "torch-channels-last": "PyTorch eager, channels last",
    "onnxruntime": "onnxruntime",
    "openvino": "OpenVINO",
}


@dataclass(frozen=True)
class Case:
    """`tolerances` are the largest absolute differences to PyTorch for each part of the output."""

    name: str
    title: str
    network: str  # a key of `networks.NETWORKS`
    side: int
    contenders: tuple
    tolerances: dict

    @property
    def detects(self):
        return self.network.startswith("yolov8")


# Those of portrait, whose arithmetic is asked for by this name.
PRECISIONS = {"portrait": "f32", "portrait-tf32": "tf32", "portrait-int8": "int8"}
# How many times the tolerances the output may differ by. Weights of a formula tell nothing of what bytes do
# to a trained network: a test of the pipeline compares mattes and boxes of photos instead.
TOLERATED = {"portrait-tf32": 4, "portrait-int8": None}

# Boxes in pixels of the input, and probabilities. Float32 leaves 0.0015 and 0.000004 open.
DETECTION = {"boxes": 5e-3, "scores": 2e-5}
# Logits. The half-size copy of white noise is sampled at coordinates that tools round differently,
# which alone moves logits by 0.00025 at 1024 pixels; Swin-L has more layers to add to it.
LOGITS = {"logits": 5e-4}
LARGE_LOGITS = {"logits": 1e-3}

CASES = {
    case.name: case
    for case in (
        Case("yolov8n-640", "YOLOv8n 640²", "yolov8n", 640, EVERYBODY, DETECTION),
        Case("yolov8m-640", "YOLOv8m 640²", "yolov8m", 640, EVERYBODY, DETECTION),
        Case("birefnet-lite-256", "BiRefNet lite 256²", "birefnet-lite", 256, EVERYBODY, LOGITS),
        Case("birefnet-lite-512", "BiRefNet lite 512²", "birefnet-lite", 512, EVERYBODY, LOGITS),
        Case("birefnet-lite-1024", "BiRefNet lite 1024²", "birefnet-lite", 1024, EVERYBODY, LOGITS),
        Case(
            "birefnet-swin-l-1024", "BiRefNet Swin-L 1024²", "birefnet-swin-l", 1024, EVERYBODY,
            LARGE_LOGITS,
        ),
    )
}

QUICK = ("yolov8n-640", "birefnet-lite-256")
FULL = tuple(name for name in CASES if name != "birefnet-lite-256")
