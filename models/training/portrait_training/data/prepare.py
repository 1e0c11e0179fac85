"""Packs the photo sets into tar files small enough to carry to the machine that trains.

    python -m portrait_training.data.prepare --out packs

Photos become WebP (or JPEG), masks PNG with 16 levels. Every tenth photo of each set by file name
order is for validation; what shows the same scene as one of those is left out. Each part is a plain
tar with its own index.json and can be read alone.

`--objects` adds pictures of things and animals with a transparent ground, such as the stamps of Tux
Paint (Debian's package tuxpaint-stamps-default, /usr/share/tuxpaint/stamps).
"""

import argparse
import io
import json
import tarfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from ..paths import shared

SETS = ("ccp", "eg1800", "backgrounds")
OBJECTS = "objects"
# Folders of objects that show no people, and the files in them that do, or might pass for one.
OBJECT_FOLDERS = ("animals", "food", "hobbies", "household", "medical", "plants", "sports", "vehicles")
PEOPLE_AMONG_OBJECTS = ("tux_tractor", "indycar", "cylinder", "spider_", "wings")
SMALLEST_OBJECT = 96  # pixels of the longer side
HELD_OUT = 10  # every tenth
# Photos to train on that are a held-out one once more, by another name or from the same minutes.
RELATIVES = {
    ("ccp", "0907"): "0990",  # the same picture
    ("ccp", "0984"): "0078",  # the same person, clothes and wall
}


def cleaned(mask):
    """Closes pinholes and slits of a few pixels and drops specks."""
    mask = mask.point(lambda value: 255 if value > 127 else 0)
    mask = mask.filter(ImageFilter.MedianFilter(3))
    return mask.filter(ImageFilter.MaxFilter(5)).filter(ImageFilter.MinFilter(5))


def encoded(job):
    """(photo, PNG of the mask or None) as bytes."""
    photo_path, mask_path, side, form, quality = job
    photo = ImageOps.exif_transpose(Image.open(photo_path))
    if mask_path == photo_path:
        return encoded_object(photo.convert("RGBA"), side, form, quality)
    photo = photo.convert("RGB")
    scale = min(1.0, side / max(photo.size))
    size = tuple(max(1, round(length * scale)) for length in photo.size)
    data, png = io.BytesIO(), None
    photo.resize(size, Image.Resampling.LANCZOS).save(data, form, quality=quality)
    if mask_path:
        mask = Image.open(mask_path).convert("L")
        if mask.size != photo.size:
            raise ValueError(f"{mask_path}: {mask.size}, but the photo is {photo.size}")
        mask = cleaned(mask).resize(size, Image.Resampling.BOX)
        png = io.BytesIO()
        mask.point(lambda value: (value + 8) // 17 * 17).save(png, "PNG", optimize=True)
    return data.getvalue(), png and png.getvalue()


def encoded_object(picture, side, form, quality):
    """(picture on a ground of its own mean colour, PNG of its alpha) as bytes."""
    picture = picture.crop(picture.getchannel("A").getbbox())
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    colours = np.asarray(picture, np.float32)
    weights = colours[..., 3:]
    mean = (colours[..., :3] * weights).sum((0, 1)) / weights.sum()
    ground = Image.new("RGBA", picture.size, (*mean.round().astype(int).tolist(), 255))
    data, png = io.BytesIO(), io.BytesIO()
    Image.alpha_composite(ground, picture).convert("RGB").save(data, form, quality=quality)
    picture.getchannel("A").point(lambda value: (value + 8) // 17 * 17).save(png, "PNG", optimize=True)
    return data.getvalue(), png.getvalue()


def objects_of(folder):
    """Pictures with a transparent ground, of no people, in the order of their paths."""
    found = []
    for path in sorted(path for name in OBJECT_FOLDERS for path in (folder / name).rglob("*.png")):
        if path.stem.startswith(PEOPLE_AMONG_OBJECTS):
            continue
        with Image.open(path) as picture:
            alpha = picture.convert("RGBA").getchannel("A")
            box = alpha.getbbox()
        if box and alpha.getextrema()[0] < 128 and max(box[2] - box[0], box[3] - box[1]) >= SMALLEST_OBJECT:
            found.append(path)
    if not found:
        raise FileNotFoundError(f"no pictures with a transparent ground in {folder}/{{{','.join(OBJECT_FOLDERS)}}}")
    return found


def listed(options):
    """(set, stem, split, job) of every photo."""
    for name in SETS:
        folder = options.datasets / name
        images = folder if name == "backgrounds" else folder / "images"
        photos = sorted(path for path in images.iterdir() if path.suffix in (".jpg", ".png"))
        if not photos:
            raise FileNotFoundError(f"no photos in {images}")
        for i, path in enumerate(photos[: options.limit]):
            split = "validation" if i % HELD_OUT == HELD_OUT - 1 else "training"
            if split == "training" and (name, path.stem) in RELATIVES:
                continue
            people = name != "backgrounds"
            mask = folder / "masks" / f"{path.stem}.png" if people else None
            side = options.side if people else options.background_side
            yield name, path.stem, split, (path, mask, side, options.format, options.quality)
    for i, path in enumerate(objects_of(options.objects)[: options.limit] if options.objects else ()):
        split = "validation" if i % HELD_OUT == HELD_OUT - 1 else "training"
        name = "-".join(path.relative_to(options.objects).with_suffix("").parts)
        yield OBJECTS, name, split, (path, path, options.object_side, options.format, options.quality)


class Part:
    """One tar file being written."""

    def __init__(self, path):
        self.path, self.index, self.bytes = path, [], 0
        self.tar = tarfile.open(path, "w")

    def add(self, name, data):
        info = tarfile.TarInfo(name)
        info.size = len(data)
        self.tar.addfile(info, io.BytesIO(data))
        self.bytes += 512 + -(-len(data) // 512) * 512

    def close(self):
        self.add("index.json", json.dumps(self.index).encode())
        self.tar.close()
        print(f"{self.path}: {self.path.stat().st_size / 2**20:.1f} MiB, {len(self.index)} photos")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--datasets", type=Path, default=shared("datasets"))
    parser.add_argument("--out", type=Path, required=True, help="folder for the parts")
    parser.add_argument("--objects", type=Path, help="folder of objects with a transparent ground (optional)")
    parser.add_argument("--object-side", type=int, default=320, help="longer side of objects")
    parser.add_argument("--side", type=int, default=512, help="longer side of photos of people")
    parser.add_argument("--background-side", type=int, default=640)
    parser.add_argument("--format", choices=("webp", "jpeg"), default="webp")
    parser.add_argument("--quality", type=int, default=75)
    parser.add_argument("--part-mb", type=float, default=60, help="largest part in MiB")
    parser.add_argument("--limit", type=int, help="only the first photos of each set (for trials)")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)

    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("pack-*.tar"):
        old.unlink()
    photos = list(listed(options))
    # Shuffled, so that any one part is a fair sample of every set.
    photos = [photos[i] for i in np.random.default_rng(0).permutation(len(photos))]
    part, count = None, 0
    with ProcessPoolExecutor(options.jobs) as pool:
        results = pool.map(encoded, [photo[3] for photo in photos], chunksize=16)
        for (name, stem, split, _), (data, png) in zip(photos, results):
            if part is None or part.bytes + len(data) + 300_000 > options.part_mb * 2**20:
                if part:
                    part.close()
                part = Part(options.out / f"pack-{count}.tar")
                count += 1
            part.add(f"{name}/{stem}.{options.format}", data)
            if png:
                part.add(f"{name}/{stem}.png", png)
            part.index.append({"set": name, "stem": stem, "split": split})
    part.close()


if __name__ == "__main__":
    main()
