"""Packs, cut-outs and scenes."""

import dataclasses
import io
import tarfile
import tomllib

import numpy as np
import pytest
import torch
from conftest import draw_sets
from PIL import Image

from portrait_training import export, paths
from portrait_training.data import photometric, photos, plan, prepare, recipes
from portrait_training.data.images import cut_out, filled, sample
from portrait_training.data.scenes import SceneMaker, boxes_of
from portrait_training.tasks import TASKS


def test_packs_keep_every_tenth_for_validation(packs):
    training = photos.load(packs, "training")
    held_out = photos.load(packs, "validation")
    assert len(training.people) == 36 and len(training.places) == 18
    assert sorted((p.set, p.stem) for p in held_out.people) == [
        ("ccp", "009"), ("ccp", "019"), ("eg1800", "009"), ("eg1800", "019"),
    ]
    assert [len(split.objects) for split in (training, held_out)] == [18, 2]
    parts = list(packs.glob("pack-*.tar"))
    assert len(parts) > 1
    assert all(part.stat().st_size < 0.45 * 2**20 for part in parts)
    assert all("index.json" in tarfile.open(part).getnames() for part in parts)


def test_what_shows_the_scene_of_a_held_out_photo_is_not_trained_on(tmp_path, monkeypatch):
    draw_sets(tmp_path / "sets", 10)
    monkeypatch.setattr(prepare, "RELATIVES", {("ccp", "003"): "009", ("ccp", "009"): "009"})
    prepare.main(["--datasets", str(tmp_path / "sets"), "--out", str(tmp_path / "packs"), "--jobs", "1"])
    stems = {split: [p.stem for p in photos.load(tmp_path / "packs", split).people if p.set == "ccp"]
             for split in ("training", "validation")}
    assert stems == {"training": ["000", "001", "002", "004", "005", "006", "007", "008"], "validation": ["009"]}


def test_relatives_are_trained_on_and_theirs_held_out():
    folder = paths.shared("datasets")
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set PORTRAIT_TEST_DATA")
    for (name, stem), held_out in prepare.RELATIVES.items():
        stems = sorted(path.stem for path in (folder / name / "images").iterdir())
        places = [stems.index(one) % prepare.HELD_OUT == prepare.HELD_OUT - 1 for one in (stem, held_out)]
        assert places == [False, True]


@pytest.mark.parametrize("task", ["segmentation", "detection"])
def test_what_is_exported_says_of_the_photos_what_the_manifests_say(task):
    model = TASKS[task].model_id
    stated = tomllib.loads((paths.REPOSITORY / "models" / model / "manifest.toml").read_text())
    assert stated["licence"]["notice"] == export.NOTICE
    for text in (export.NOTICE, export.TRAINING_DATA, stated["training_data"]):
        assert "ImageNet" in text and "Tux Paint" in text


def test_where_a_person_can_be_cut_out():
    mask = np.zeros((100, 60), np.uint8)
    mask[20:80, 20:40] = 255
    whole = photos.describe("s", "whole", mask)
    assert (whole.box, whole.free, whole.is_cut) == ((20, 20, 40, 80), (20, 20, 40, 80), False)
    mask[20:, 20:40] = 255
    assert photos.describe("s", "legs cut", mask).is_cut
    mask[70:, :] = 255
    shoulders = photos.describe("s", "shoulders cut", mask)
    assert (shoulders.box, shoulders.free, shoulders.is_cut) == ((0, 20, 60, 100), (20, 20, 40, 70), True)
    mask[:, 20:40] = 255
    assert photos.describe("s", "head cut", mask).free is None
    assert photos.describe("s", "nobody", np.zeros((9, 9), np.uint8)) is None


def test_objects_are_cut_to_what_is_seen_and_none_is_a_person(packs, tmp_path):
    training = photos.load(packs, "training")
    assert all(thing.stem.startswith("animals-mammals-") for thing in training.objects)
    first = training.objects[0]
    assert first.size == first.free[2:] == (111, 61)
    pixels = training.pixels[len(training.people)]
    assert pixels[3, 30, 55] == 255 and pixels[3, 0, 0] == 0
    assert (pixels[:3, 30, 55].int() - torch.tensor([30, 60, 200])).abs().max() < 12
    with pytest.raises(FileNotFoundError, match="transparent ground"):
        prepare.objects_of(tmp_path)


def test_scenes_of_objects_alone_hold_nobody(packs):
    data = photos.load(packs, "training")
    nobody = dataclasses.replace(recipes.DETECTION, kinds=(0, 1, 0, 0), pasted=(1,), objects_alone=1, decoys=0, mosaics=0)
    scenes = SceneMaker(data, nobody, 3).batch(8, 64)
    assert scenes.mattes.max() == 0 and not scenes.valid.any()
    # The thing is blue, which the grey noise behind is not.
    blue = scenes.pictures[:, 2] - scenes.pictures[:, 0]
    bare = SceneMaker(data, dataclasses.replace(nobody, objects_alone=0), 3).batch(8, 64).pictures
    assert (blue.flatten(1) > 0.2).float().mean() > 2 * ((bare[:, 2] - bare[:, 0]) > 0.2).float().mean() + 0.02


def test_people_in_a_row_stand_side_by_side(packs):
    data = photos.load(packs, "training")
    planner = plan.Planner(data, dataclasses.replace(recipes.DETECTION, rows=1.0), np.random.default_rng(0))
    for _ in range(20):
        scene = planner.behind(plan.PROCEDURAL, 64, 1.0)
        planner.paste(scene, 64, 1.0, 4)
        assert len({data.people[layer.source].is_cut for layer in scene.layers}) == 1
        inverse = [np.linalg.inv(np.vstack([layer.matrix, [0, 0, 1]])) for layer in scene.layers]
        boxes = [data.people[layer.source].free for layer in scene.layers]
        middles = [(m @ [(b[0] + b[2]) / 2, (b[1] + b[3]) / 2, 1])[0] for m, b in zip(inverse, boxes)]
        assert middles == sorted(middles)


def test_affine_takes_points_home():
    matrix = plan.affine((30, 40), (100, 90), (2.0, 4.0), degrees=30, flip=True)
    assert np.allclose(matrix @ [100, 90, 1], [30, 40])
    level = plan.affine((30, 40), (100, 90), (2.0, 4.0))
    assert np.allclose(level @ [110, 90, 1], [35, 40])
    assert np.allclose(level @ [100, 110, 1], [30, 45])


def test_sample_is_exact_on_pixels_and_reflects():
    picture = torch.rand(1, 3, 8, 8)
    assert torch.allclose(sample(picture, np.eye(2, 3)[None], 8), picture, atol=1e-6)
    flipped = sample(picture, [[[-1, 0, 8], [0, 1, 0]]], 8)
    assert torch.allclose(flipped, picture.flip(3), atol=1e-6)
    moved = sample(picture, [[[1, 0, 4], [0, 1, 0]]], 8, "reflect", np.array([(8, 8)]))
    assert torch.allclose(moved[..., :4], picture[..., 4:], atol=1e-6)
    assert torch.allclose(moved[..., 4:7], picture[..., 4:7].flip(3), atol=1e-5)


def test_cut_out_takes_the_old_background_out_of_the_edge():
    x = torch.linspace(-1, 1, 64)
    true_alpha = (6 * (0.6 - (x[None] ** 2 + x[:, None] ** 2).sqrt())).clamp(0, 1)[None, None]
    red, blue = (torch.tensor(c).view(1, 3, 1, 1) for c in ([0.9, 0.1, 0.1], [0.1, 0.1, 0.9]))
    photo = red * true_alpha + blue * (1 - true_alpha)
    mask = (true_alpha > 0.2).float()
    colours, alpha = cut_out(photo, mask, np.array([0.8]))
    assert ((alpha > 0.05) & (alpha < 0.95)).sum() > 50
    fringe = lambda picture: (alpha * (picture - red).abs()).max()
    assert fringe(photo) > 0.3
    assert fringe(colours) < 0.4 * fringe(photo)


def test_filled_continues_colours():
    picture = torch.full((1, 3, 33, 47), 0.3)
    known = torch.zeros(1, 1, 33, 47)
    known[..., :5] = 1
    assert torch.allclose(filled(picture * known, known), picture, atol=1e-4)


def test_jpeg_is_near_to_that_of_pillow():
    y, x = np.mgrid[:64, :64] / 64
    picture = np.stack([x, y, 0.5 + 0.4 * np.sin(20 * x * y)], 2)
    picture = (255 * (picture + 0.1 * np.random.default_rng(0).random(picture.shape)).clip(0, 1)).astype(np.uint8)
    ours = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    for quality in (20, 50, 90):
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "JPEG", quality=quality, subsampling=2)
        theirs = np.asarray(Image.open(data)).astype(np.float32) / 255
        got = photometric.jpeg(ours, np.array([float(quality)]))[0].permute(1, 2, 0).numpy()
        loss = np.abs(theirs - picture / 255).mean()
        assert np.abs(got - theirs).mean() < 0.5 * loss


def test_boxes_are_those_of_what_is_seen():
    alphas, areas = torch.zeros(1, 3, 32, 32), torch.tensor([[200, 400, 0]])
    alphas[0, 0, 4:24, 6:16] = 1
    alphas[0, 1, 0:2, 0:12] = 1  # The rest is hidden: too little is left.
    boxes, valid = boxes_of(alphas, areas)
    assert boxes[0, 0].tolist() == [6, 4, 16, 24]
    assert valid[0].tolist() == [True, False, False]


@pytest.mark.parametrize("recipe", [recipes.SEGMENTATION, recipes.DETECTION])
def test_scenes(packs, recipe):
    data = photos.load(packs, "training")
    scenes = SceneMaker(data, recipe, 7).batch(24, 64)
    assert scenes.pictures.shape == (24, 3, 64, 64) and scenes.mattes.shape == (24, 1, 64, 64)
    for tensor in (scenes.pictures, scenes.mattes):
        assert tensor.isfinite().all() and tensor.min() >= 0 and tensor.max() <= 1
    assert scenes.mattes.mean() > 0.05
    # Nearly all of the foreground lies in a box, and no box is empty.
    covered = torch.zeros_like(scenes.mattes, dtype=torch.bool)
    for i in range(24):
        for x1, y1, x2, y2 in scenes.boxes[i][scenes.valid[i]].round().int().tolist():
            covered[i, :, y1:y2, x1:x2] = True
            assert scenes.mattes[i, 0, y1:y2, x1:x2].max() > 0.4
    solid = scenes.mattes > 0.5
    assert (solid & covered).sum() > 0.9 * solid.sum()
    again = SceneMaker(data, recipe, 7).batch(24, 64)
    assert torch.equal(scenes.pictures, again.pictures)
