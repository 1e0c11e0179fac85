"""The whole command on one photo with the starter models: decode, detect, matte, refine, PNG."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from PIL import Image

from peers import paths

PHOTO = paths.REPOSITORY / "examples/photos/grace_hopper.jpg"
PIXELS = 12e6


def enlarge(photo, path):
    """The photo as a JPEG of 12 megapixels."""
    with Image.open(photo) as image:
        factor = (PIXELS / (image.width * image.height)) ** 0.5
        size = round(image.width * factor), round(image.height * factor)
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, quality=90)


def measure(command, photo, threads, repeats):
    """Milliseconds from starting the process to its end, each time; the models are loaded too."""
    environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder) / "photo.jpg", Path(folder) / "out"
        enlarge(photo, given)
        arguments = [
            command, "cutout", given, "--output", out, "--quiet", "--device", "cpu",
            "--models", paths.MODELS, "--model", "birefnet-nano",
            "--detection-model", "yolov8n-portrait",
        ]
        times = []
        for _ in range(repeats + 1):
            start = time.perf_counter()
            subprocess.run(
                list(map(str, arguments)), check=True, env=environment, stdout=subprocess.DEVNULL
            )
            times.append((time.perf_counter() - start) * 1e3)
        count = len(list(out.glob("*.png")))
    if count != 1:
        raise ValueError(f"{photo}: {count} persons were cut out; give a photo with one")
    return times[1:]
