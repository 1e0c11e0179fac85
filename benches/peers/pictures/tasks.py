"""The pieces of work, each with the Criterion bench of the same work and the routes in Python."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from PIL import Image

from . import inputs, routes


@dataclass(frozen=True)
class Route:
    """`same` is false where the result is of another kind; such a route is shown, not raced."""

    label: str
    run: object
    same: bool = True


@dataclass(frozen=True)
class Task:
    """`bench` is the folder of the bench below `target/criterion`; None where there is none."""

    title: str
    bench: str | None
    routes: tuple


def preprocessing():
    rgb = inputs.photo(inputs.TWELVE_MEGAPIXELS)
    image = Image.fromarray(rgb)
    for name in ("rect", "square"):
        run = partial(routes.letterbox, rgb, 640, name == "square")
        title = f"letterbox of 12 megapixels to 640, {name}"
        way = Route("OpenCV, numpy, PyTorch", run)
        yield Task(title, f"preprocessing/letterbox-{name}-640", (way,))
    yield Task("stretch of 12 megapixels to 1024²", "preprocessing/stretch-1024", (
        Route("Pillow, bilinear", partial(routes.stretch_pillow, image, 1024)),
        Route("OpenCV, area", partial(routes.stretch_area, rgb, 1024), same=False),
        Route("OpenCV, linear (aliases)", partial(routes.stretch_linear, rgb, 1024), same=False),
    ))
    torchvision = routes.normalise_torchvision(1024)
    yield Task(
        "stretch of 12 megapixels to 1024² and normalise",
        "preprocessing/stretch-and-normalise-1024",
        (
            Route("torchvision on Pillow", lambda: torchvision(image)),
            Route("Pillow, numpy", partial(routes.normalise_numpy, image, 1024)),
        ),
    )


def refine():
    sizes = (("1-megapixel", inputs.ONE_MEGAPIXEL), ("12-megapixels", inputs.TWELVE_MEGAPIXELS))
    for name, size in sizes:
        rgb, alpha = inputs.photo(size), inputs.matte(size)
        yield Task(f"refine {name.replace('-', ' ')}", f"refine/{name}", (
            Route("OpenCV, numpy, float64", partial(routes.refine, rgb, alpha, np.float64)),
            Route("OpenCV, numpy, float32", partial(routes.refine, rgb, alpha, np.float32)),
        ))


def encode():
    rgba = inputs.cut_out(inputs.ONE_MEGAPIXEL)
    image, bgra = Image.fromarray(rgba), cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA)
    yield Task("PNG of 1 megapixel, RGBA", "encode/png_1-megapixel", (
        Route("Pillow", partial(routes.png_pillow, image)),
        Route("Pillow, level 1", partial(routes.png_pillow, image, compress_level=1)),
        Route("OpenCV", partial(routes.png_opencv, bgra)),
    ))


def decode():
    data = routes.jpeg(inputs.photo(inputs.TWELVE_MEGAPIXELS))
    yield Task("decode a JPEG of 12 megapixels", None, (
        Route("Pillow", partial(routes.decode_pillow, data)),
        Route("OpenCV", partial(routes.decode_opencv, data)),
    ))


# By the file of Criterion benches that each is compared with.
GROUPS = {"preprocessing": preprocessing, "refine": refine, "encode": encode, "decode": decode}
