"""Reads packs: photos of people with masks and photos of places, as tensors ready to sample."""

import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .prepare import OBJECTS

# A mask reaches the border of its photo where this part of its box's side lies on it.
TOUCHES = 0.02


@dataclass
class Person:
    """Where the person of a photo can be cut out; in pixels of the photo."""

    set: str
    stem: str
    size: tuple  # width, height
    box: tuple  # x0, y0, x1, y1 of the mask
    free: tuple | None  # the box of the part that no border but the lower edge of the part cuts
    is_cut: bool  # whether that part ends where the photo ends, and not the person
    share: float  # of the photo's pixels that are person


@dataclass
class Photos:
    """One split of the sets on a device."""

    people: list  # of Person
    objects: list  # of Person, though they are none: what can be pasted that is no person
    pixels: torch.Tensor  # uint8 (people and then objects, 4, S, S): RGB continued over the border, mask
    places: torch.Tensor  # uint8 (places, 3, S', S')
    place_sizes: list


def read(folder, split, limit=None):
    """(set, stem, photo, mask or None) of every photo of a split as numpy arrays."""
    jobs = []
    for path in sorted(Path(folder).glob("pack-*.tar")):
        with tarfile.open(path) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar}
        names = {Path(name).with_suffix("").as_posix(): name for name in files if not name.endswith(".png")}
        for entry in json.loads(files["index.json"]):
            key = f"{entry['set']}/{entry['stem']}"
            if entry["split"] == split:
                jobs.append((entry["set"], entry["stem"], files[names[key]], files.get(f"{key}.png")))
    if not jobs:
        raise FileNotFoundError(f"no pack-*.tar with photos for {split} in {folder}")
    jobs.sort(key=lambda job: job[:2])
    if limit:
        jobs = [jobs[i] for i in np.linspace(0, len(jobs) - 1, min(limit, len(jobs))).astype(int)]

    def decoded(job):
        name, stem, photo, mask = job
        photo = np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"))
        return name, stem, photo, mask and np.asarray(Image.open(io.BytesIO(mask)).convert("L"))

    with ThreadPoolExecutor() as pool:
        return list(pool.map(decoded, jobs))


def box_of(mask):
    """x0, y0, x1, y1 around what is set; None where nothing is."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def describe(name, stem, mask):
    """The `Person` of a mask; None for an empty one."""
    height, width = mask.shape
    solid = mask > 127
    box = box_of(solid)
    if box is None:
        return None
    x0, y0, x1, y1 = box
    free, is_cut = box, solid[-1].sum() > TOUCHES * (x1 - x0)
    sides = solid[:, 0] | solid[:, -1]
    if solid[0].sum() > TOUCHES * (x1 - x0):
        free = None  # The head is cut off.
    elif sides.sum() > TOUCHES * (y1 - y0):
        # Shoulders often leave the photo; the part above is whole.
        last, is_cut = int(np.flatnonzero(sides)[0]), True
        above = solid.copy()
        above[last:] = False
        free = box_of(above)
        if free is None or last - y0 < 0.3 * height:
            free = None
    return Person(name, stem, (width, height), box, free, bool(is_cut), float(solid.mean()))


def padded(arrays, device):
    """Pictures of several sizes in one tensor; colours continue over the border, masks do not."""
    side = max(max(array.shape[:2]) for array in arrays)
    side += -side % 32
    channels = arrays[0].shape[2]
    pixels = torch.zeros(len(arrays), channels, side, side, dtype=torch.uint8, device=device)
    for i, array in enumerate(arrays):
        height, width = array.shape[:2]
        margins = ((0, side - height), (0, side - width), (0, 0))
        full = np.pad(array, margins, mode="edge")
        if channels == 4:
            full[height:, :, 3] = 0
            full[:, width:, 3] = 0
        pixels[i] = torch.from_numpy(full).permute(2, 0, 1).to(device)
    return pixels


def load(folder, split, device="cpu", limit=None):
    """The photos of a split, "training" or "validation"."""
    people, objects, arrays, object_arrays, places = [], [], [], [], []
    for name, stem, photo, mask in read(folder, split, limit):
        if mask is None:
            places.append(photo)
            continue
        person = describe(name, stem, mask)
        if name == OBJECTS:
            objects.append(replace(person, free=person.box, is_cut=False))
            object_arrays.append(np.dstack([photo, mask]))
        elif person:
            people.append(person)
            arrays.append(np.dstack([photo, mask]))
    sizes = [(place.shape[1], place.shape[0]) for place in places]
    return Photos(people, objects, padded(arrays + object_arrays, device), padded(places, device), sizes)
