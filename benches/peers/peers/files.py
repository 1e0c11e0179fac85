"""The work folder: checkpoints, inputs and exports, made once and kept."""

import os
from importlib.metadata import version
from pathlib import Path

FORMAT = 1  # raise it when a file of the same name would hold something else


class Files:
    """Names of the files of each case."""

    def __init__(self, work):
        versions = "-".join(version(name) for name in ("torch", "onnx", "openvino"))
        self.folder = Path(work) / f"{FORMAT}-{versions}".replace("+", "-")
        self.folder.mkdir(parents=True, exist_ok=True)

    def checkpoint(self, case):
        return self.folder / f"{case.network}.safetensors"

    def input(self, case):
        return self.folder / f"{case.name}-input.safetensors"

    def onnx(self, case):
        return self.folder / f"{case.name}.onnx"

    def openvino(self, case):
        """OpenVINO's own format, made only where it cannot read the ONNX file."""
        return self.folder / f"{case.name}.xml"

    def openvino_note(self, case):
        """Why that was needed."""
        return self.folder / f"{case.name}.openvino.txt"

    def output(self, case, contender):
        return self.folder / f"{case.name}-{contender}-output.safetensors"

    def log(self, name):
        return self.folder / f"{name}.log"


def write_whole(path, write):
    """Lets `write` fill a file beside `path` and moves it there when it is complete."""
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    write(part)
    os.replace(part, path)
