import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from portrait_training import paths  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def parity():
    """The folder of golden tensors; a test without it says that it skips."""
    folder = paths.shared("parity")
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set PORTRAIT_TEST_DATA")
    return folder


@pytest.fixture
def rust_command():
    if not paths.command().is_file():
        pytest.skip(f"no {paths.command()}: cargo build --release, or set PORTRAIT_COMMAND")


def draw_sets(folder, count=20):
    """Photo sets of the expected layout: a striped figure on noise, and places of noise."""
    rng = np.random.default_rng(0)
    noise = lambda w, h: Image.fromarray(rng.integers(90, 160, (h, w, 3), dtype=np.uint8))
    for name, size in (("ccp", (60, 96)), ("eg1800", (72, 96))):
        for kind in ("images", "masks"):
            (folder / name / kind).mkdir(parents=True)
        for i in range(count):
            width, height = size
            photo, mask = noise(*size), Image.new("L", size)
            bottom = height - 8 if name == "ccp" else height
            box = (width // 3, 12, 2 * width // 3, bottom)
            ImageDraw.Draw(mask).rounded_rectangle(box, 8, fill=255)
            if name == "eg1800":
                ImageDraw.Draw(mask).rectangle((width // 4, bottom - 30, 3 * width // 4, bottom), fill=255)
            photo.paste((220, 40 + 5 * i, 30), mask=mask)
            photo.save(folder / name / "images" / f"{i:03}.jpg", quality=95)
            mask.save(folder / name / "masks" / f"{i:03}.png")
    for name in ("animals/mammals", "people"):
        (folder / "stamps" / name).mkdir(parents=True)
        for i in range(count):
            thing = Image.new("RGBA", (130, 120))
            ImageDraw.Draw(thing).ellipse((10, 10, 120, 70 + i), fill=(30, 60, 200, 255))
            thing.save(folder / "stamps" / name / f"{i:03}.png")
    (folder / "backgrounds").mkdir()
    for i in range(count):
        noise(120, 80).save(folder / "backgrounds" / f"{i:03}.jpg")


@pytest.fixture(scope="session")
def packs(tmp_path_factory):
    """A folder of packs made of drawn photos."""
    from portrait_training.data import prepare

    sets, out = tmp_path_factory.mktemp("sets"), tmp_path_factory.mktemp("packs")
    draw_sets(sets)
    stamps = str(sets / "stamps")
    prepare.main(["--datasets", str(sets), "--objects", stamps, "--out", str(out), "--part-mb", "0.4", "--jobs", "1"])
    return out
