"""The whole command on one photo with the starter models: decode, detect, matte, refine, PNG."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from peers import paths

from . import routes

PHOTO = paths.REPOSITORY / "examples/photos/grace_hopper.jpg"
PIXELS = 12e6


def enlarge(photo, path):
    """The photo as a JPEG of 12 megapixels."""
    with Image.open(photo) as image:
        factor = (PIXELS / (image.width * image.height)) ** 0.5
        size = round(image.width * factor), round(image.height * factor)
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(path, quality=90)


def sizes(png):
    """Bytes of a PNG as it is, and as Python's libraries write the same picture."""
    with Image.open(png) as image:
        rgba = image.convert("RGBA")
    bgra = cv2.cvtColor(np.asarray(rgba), cv2.COLOR_RGBA2BGRA)
    return {
        "portrait": png.stat().st_size,
        "Pillow": len(routes.png_pillow(rgba)),
        "Pillow, level 1": len(routes.png_pillow(rgba, compress_level=1)),
        "OpenCV": len(routes.png_opencv(bgra)),
    }


def measure(command, photo, threads, repeats):
    """What the page tells: milliseconds from starting the process to its end, each time, the models
    loaded too; the size of the photo before it was enlarged; the sizes of the PNG."""
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
        found = list(out.glob("*.png"))
        if len(found) != 1:
            raise ValueError(f"{photo}: {len(found)} persons were cut out; give a photo with one")
        png = sizes(found[0])
    with Image.open(photo) as image:
        size = image.size
    return {"times": times[1:], "photo": size, "png": png}
