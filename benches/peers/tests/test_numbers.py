"""Medians, ratios, targets, tables, pages."""

import pytest

from peers import compare, numbers, page, roofline, rounds, table, targets
from peers.cases import CASES

CASE = "yolov8n-640"


def cells(text, start):
    """The cells of the first line of a Markdown table that starts so."""
    line = next(line for line in text.splitlines() if line.startswith(start))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_median_is_that_of_the_rounds():
    assert numbers.median({"rounds": [[1, 2, 9], [4, 4, 4], [3]]}) == 3
    assert numbers.median({"rounds": []}) is None
    assert numbers.median({"rounds": [[1]], "error": "stopped"}) is None


def test_speed_and_peak(results):
    record = results["cases"][CASE]
    assert numbers.speed(record) == pytest.approx(100)
    assert numbers.matrix_peak(record) == 200


def test_table_has_ratios_notes_and_failures(results):
    contenders = results["cases"][CASE]["contenders"]
    contenders["torch"]["reference"] = True
    contenders["onnxruntime"] |= {"error": "no such operation", "label": "onnxruntime"}
    contenders["openvino"]["label"] = "OpenVINO"
    contenders["portrait"]["label"] = "portrait"
    text = table.page(results)
    assert cells(text, "| YOLOv8n 640² | portrait")[2:6] == ["80.0", "72.0", "–", "100"]
    row = cells(text, "| YOLOv8n 640² | OpenVINO")
    assert row[1:5] == ["OpenVINO <sup>2</sup>", "90.0", "81.0", "0.89"]
    assert cells(text, "| YOLOv8n 640² | onnxruntime")[2] == "– <sup>1</sup>"
    assert "<sup>1</sup> no such operation." in text and "<sup>2</sup> read twice." in text
    assert "| 8.0 | 100 | 200 | 50% | 12.0 |" in text


def test_targets(results):
    (found,) = targets.outcomes(results)
    assert (found.measured, found.met) == ("0.89", True) and targets.all_met(results)
    contenders = results["cases"][CASE]["contenders"]
    contenders["openvino"]["rounds"] = [[80.0]]
    assert [o.met for o in targets.outcomes(results)] == [False] and not targets.all_met(results)
    contenders["openvino"]["error"] = "cannot load"
    assert [o.met for o in targets.outcomes(results)] == [None] and not targets.all_met(results)


def test_a_wrong_output_fails_the_check(results):
    results["cases"][CASE]["contenders"]["torch"]["within_tolerance"] = False
    assert not targets.all_met(results)


def test_share_and_memory():
    record = {
        "contenders": {"portrait": {"rounds": [[1000.0]], "peak_resident_bytes": 950e6}},
        "flops": {"linear layers": {"flops": 110e9}},
        "peaks": [{"gflops": {"1024": 200.0}}],
    }
    share, memory = targets.Share("x", 0.55), targets.Memory("x", 900e6)
    assert share.show(share.measure(record)) == "55%" and share.met(share.measure(record))
    assert memory.show(memory.measure(record)) == "950 MB" and not memory.met(950e6)


def test_every_target_is_of_a_case_with_its_peers():
    for target in targets.TARGETS:
        assert set(getattr(target, "peers", ())) <= set(CASES[target.case].contenders)


def test_turns_are_about_half_a_second():
    assert [rounds.plan_runs(ms) for ms in (1, 100, 400, 14000)] == [10, 5, 1, 1]


def test_comparison_of_outputs():
    np = pytest.importorskip("numpy")
    case, output = CASES[CASE], np.zeros((1, 84, 3), np.float32)
    other = output.copy()
    other[0, 3, 1], other[0, 4, 2] = 0.004, -1e-3
    found = compare.differences(case, other, output)
    assert found == pytest.approx({"boxes": 0.004, "scores": 1e-3}) and not compare.within(case, found)
    assert compare.within(case, {"boxes": 0.004, "scores": 1e-6})
    assert not compare.within(case, {"boxes": float("nan"), "scores": 0})
    with pytest.raises(ValueError, match="shape"):
        compare.differences(case, other[:, :5], output)


def test_page_is_replaced_between_its_markers():
    text = "a\n<!-- peers:begin -->\nold\n<!-- peers:end -->\nb <!-- pictures:begin -->"
    wanted = "a\n<!-- peers:begin -->\n\nnew \\1\n\n<!-- peers:end -->\nb <!-- pictures:begin -->"
    assert page.replaced(text, "peers", "new \\1\n") == wanted
    with pytest.raises(ValueError, match="pictures:end"):
        page.replaced(text, "pictures", "x")


def test_roofline(tmp_path):
    rows = [
        {"kind": "linear layers", "flops": 2e9, "bytes": 1e7, "milliseconds": 20.0},
        {"kind": "layer norms", "flops": 0, "bytes": 1e8, "milliseconds": 10.0},
    ]
    assert roofline.points(rows) == [("linear layers", 200.0, 100.0, 20.0)]
    assert roofline.roof(1, 200, 12) == 12 and roofline.roof(100, 200, 12) == 200
    text = roofline.time_table(rows, 200, 20)
    assert cells(text, "| linear layers")[1:] == ["20.0", "67%", "2.0", "100", "0.5", "50%"]
    assert cells(text, "| layer norms")[4:] == ["–", "10.0", "50%"]
    roofline.draw(rows, 200, 20, tmp_path / "roofline.svg", "a network")
    picture = (tmp_path / "roofline.svg").read_text()
    assert "linear layers" in picture and len(picture) < 100_000


def test_a_profile_with_a_hole_is_refused(tmp_path):
    file = tmp_path / "profile.json"
    file.write_text('{"passes": 1, "rows": [{"kind": "x", "flops": 1}]}')
    with pytest.raises(ValueError, match="lacks bytes, milliseconds"):
        roofline.read(file)
