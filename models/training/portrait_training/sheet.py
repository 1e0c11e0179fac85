"""Contact sheets for a person to look at: training scenes, or what the networks find in photos.

    python -m portrait_training.sheet scenes --packs packs --task segmentation --out scenes.png
    python -m portrait_training.sheet photos --photos DIR --out sheet.jpg \\
        [--segmentation ../birefnet-nano] [--detection ../yolov8n-portrait]
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps

from .data import photos
from .data.recipes import DETECTION, SEGMENTATION
from .data.scenes import SceneMaker


def picture(tensor):
    """(3, height, width) of 0 to 1 as a Pillow picture."""
    return Image.fromarray((tensor.clamp(0, 1) * 255).byte().permute(1, 2, 0).cpu().numpy())


def over_checks(rgb, matte):
    """A cut-out on a checkerboard, so that the edge shows."""
    y, x = np.indices(matte.shape)
    checks = np.where((y // 12 + x // 12) % 2, 235, 190).astype(np.float32)[..., None]
    alpha = matte[..., None]
    return Image.fromarray((rgb * alpha + checks * (1 - alpha)).astype(np.uint8))


def grid(tiles, columns, background="white"):
    """Pictures of about one size, row by row."""
    width, height = max(t.width for t in tiles), max(t.height for t in tiles)
    sheet = Image.new("RGB", (columns * width, -(-len(tiles) // columns) * height), background)
    for i, tile in enumerate(tiles):
        sheet.paste(tile, (i % columns * width, i // columns * height))
    return sheet


def draw_scenes(options):
    recipe = SEGMENTATION if options.task == "segmentation" else DETECTION
    data = photos.load(options.packs, options.split, limit=options.limit)
    scenes = SceneMaker(data, recipe, options.seed).batch(options.count, options.side)
    tiles = []
    for i in range(options.count):
        tile = picture(scenes.pictures[i])
        if options.task == "segmentation":
            matte = picture(scenes.mattes[i].expand(3, -1, -1))
            tiles.append(grid([tile, matte], 2))
            continue
        pen = ImageDraw.Draw(tile)
        for box, valid in zip(scenes.boxes[i].tolist(), scenes.valid[i].tolist()):
            if valid:
                pen.rectangle(box, outline="lime", width=2)
        tiles.append(tile)
    grid(tiles, options.columns).save(options.out)


def draw_photos(options):
    from .predict import Detector, Segmenter

    detector = options.detection and Detector.load(options.detection)
    segmenter = options.segmentation and Segmenter.load(options.segmentation)
    tiles = []
    for path in sorted(options.photos.iterdir()):
        if path.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
            continue
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        photo.thumbnail((1024, 1024))
        shown, row = photo.copy(), []
        if detector:
            pen = ImageDraw.Draw(shown)
            for *box, score in detector.find(photo, options.threshold):
                pen.rectangle(box, outline="red", width=3)
                pen.text((box[0] + 4, box[1] + 4), f"{score:.2f}", fill="red")
        row.append(shown)
        if segmenter:
            matte = segmenter.matte(photo)
            row.append(Image.fromarray((matte * 255).astype(np.uint8)).convert("RGB"))
            row.append(over_checks(np.asarray(photo, dtype=np.float32), matte))
        height = options.side
        row = [tile.resize((max(1, round(tile.width * height / tile.height)), height)) for tile in row]
        joined = Image.new("RGB", (sum(tile.width for tile in row), height))
        x = 0
        for tile in row:
            joined.paste(tile, (x, 0))
            x += tile.width
        tiles.append(joined)
    grid(tiles, options.columns).save(options.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers(required=True)
    scenes = kinds.add_parser("scenes", help="what the training sees")
    scenes.add_argument("--packs", type=Path, required=True)
    scenes.add_argument("--task", choices=("segmentation", "detection"), required=True)
    scenes.add_argument("--split", default="training")
    scenes.add_argument("--count", type=int, default=24)
    scenes.add_argument("--seed", type=int, default=0)
    scenes.add_argument("--limit", type=int, help="photos to draw from")
    scenes.set_defaults(run=draw_scenes)
    found = kinds.add_parser("photos", help="what the networks find")
    found.add_argument("--photos", type=Path, required=True)
    found.add_argument("--segmentation", type=Path, help="folder with manifest.toml")
    found.add_argument("--detection", type=Path, help="folder with manifest.toml")
    found.add_argument("--threshold", type=float, default=0.25)
    found.set_defaults(run=draw_photos)
    for kind in (scenes, found):
        kind.add_argument("--out", type=Path, required=True)
        kind.add_argument("--columns", type=int, default=4)
        kind.add_argument("--side", type=int, default=256, help="height of a tile")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.run(options)


if __name__ == "__main__":
    main()
