"""The Python routes compute what they should, and the comparison reads Criterion's files."""

import json
import os

import numpy as np
from PIL import Image

from pictures import criterion, end_to_end, inputs, routes, table


def test_inputs_are_those_of_the_criterion_benches():
    # The first numbers of splitmix64 with seed 1: 0x910a2dec89025cc1, 0xbeeb8da1658eec67.
    assert np.allclose(inputs.draws(1, 2), [0x910A2D / 2**24, 0xBEEB8D / 2**24], atol=0)
    cut_out = inputs.cut_out((90, 70))
    alpha = cut_out[..., 3]
    assert cut_out.shape == (70, 90, 4) and (alpha == 0).any() and (alpha == 255).any()
    assert ((alpha > 0) & (alpha < 255)).any() and not cut_out[alpha == 0].any()


def test_letterbox():
    rgb = np.full((300, 400, 3), 200, np.uint8)
    square, rect = routes.letterbox(rgb, 640, True), routes.letterbox(rgb, 640, False)
    assert square.shape == (1, 3, 640, 640) and rect.shape == (1, 3, 480, 640)
    assert square[0, 0, 0, 0] == 114 / 255 and square[0, 0, 320, 320] == 200 / 255


def test_both_ways_to_normalise_agree():
    image = Image.fromarray(inputs.photo((120, 90)))
    ways = routes.normalise_torchvision(64)(image).numpy(), routes.normalise_numpy(image, 64)[0]
    assert np.abs(ways[0] - ways[1]).max() < 1e-5


def test_refine_removes_the_background_from_the_edge():
    rgb = np.zeros((64, 64, 3), np.uint8)
    rgb[:, :32], rgb[:, 32:] = (200, 0, 0), (0, 0, 200)
    alpha = np.clip((36 - np.arange(64)) / 8, 0, 1).astype(np.float32)[None].repeat(64, 0)
    rgb = (rgb[:, :1] * alpha[..., None] + rgb[:, -1:] * (1 - alpha[..., None])).astype(np.uint8)
    single, double = (routes.refine(rgb, alpha, kind) for kind in (np.float32, np.float64))
    assert np.abs(single.astype(int) - double).max() <= 1
    edge = (alpha > 0.3) & (alpha < 0.7)
    assert rgb[edge][:, 2].min() > 50 and single[edge][:, 2].max() < 20


def test_criterion_median(tmp_path):
    file = tmp_path / "criterion/refine/1-megapixel/new/estimates.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"median": {"point_estimate": 2.5e6}}))
    os.utime(file, (1000, 1000))
    assert criterion.median("refine/1-megapixel", folder=tmp_path) == 2.5
    assert criterion.median("refine/1-megapixel", 1001, tmp_path) is None
    assert criterion.median("refine/2-megapixels", folder=tmp_path) is None


def test_comparison_is_with_the_fastest_route_of_the_same_kind():
    task = {
        "title": "refine", "bench": "refine/12-megapixels", "portrait": 700.0,
        "routes": [
            {"label": "a", "same": True, "median": 800.0},
            {"label": "b", "same": True, "median": 900.0},
            {"label": "c", "same": False, "median": 10.0},
        ],
    }
    results = {"tasks": [task], "end_to_end": None}
    assert table.ratio(task) == 0.875
    assert table.missed(results) == ["refine: 700 ms, to be at most 600"]
    task["portrait"] = 850.0
    assert len(table.missed(results)) == 2
    task["portrait"] = None
    assert table.missed(results) == ["refine: not measured"]


def test_the_page_tells_of_the_enlarged_photo_and_the_sizes_of_its_png(tmp_path):
    Image.fromarray(inputs.cut_out((90, 70))).save(tmp_path / "person_0.png")
    png = end_to_end.sizes(tmp_path / "person_0.png")
    assert png["Pillow"] == png["portrait"] and all(png.values())
    machine = {"cpu": "a CPU", "instructions": [], "cores": 2, "memory_bytes": 1}
    png = {"portrait": 2_500_000, "Pillow": 1_900_000, "OpenCV": 2_100_000}
    whole = {"median": 858.0, "best": 812.0, "photo": (512, 600), "png": png}
    results = {
        "date": "2026-01-31", "machine": machine, "versions": {"Pillow": "13"}, "threads": 2,
        "busy_share": 0.0, "tasks": [], "end_to_end": whole,
    }
    text = table.page(results)
    assert "858 ms (best 812). The photo was enlarged from 512 × 600 pixels." in text
    assert "Its PNG takes 2.50 MB; the same picture takes 1.90 MB by Pillow, 2.10 MB by OpenCV." in text
