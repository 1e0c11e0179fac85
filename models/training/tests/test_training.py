"""Both trainings learn, resume, and export what the Rust program can read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from portrait_training import evaluate, export, parallel, train
from portrait_training.data import photos
from portrait_training.data.scenes import SceneMaker
from portrait_training.ema import Ema
from portrait_training.optimisers import Optimisers
from portrait_training.predict import load_network, normalised
from portrait_training.state import load_start, load_state
from portrait_training.tasks import TASKS


@pytest.mark.parametrize(
    "name, settings, side, muon",
    [
        ("segmentation", {"attention": "aspp"}, 64, False),
        ("segmentation", {"attention": "aspp"}, 64, True),
        ("segmentation", {"attention": "aspp-deformable"}, 64, True),
        ("segmentation", {"attention": "none"}, 64, True),
        ("detection", {}, 96, False),
        ("detection", {}, 96, True),
    ],
)
def test_the_loss_falls_on_fixed_scenes(packs, name, settings, side, muon):
    torch.manual_seed(0)
    task = TASKS[name]
    scenes = SceneMaker(photos.load(packs, "training"), task.recipe, 1).batch(4, side)
    network = task.build(settings).train()
    network.to(memory_format=torch.channels_last)
    optimisers = Optimisers(network, 0.01, muon)
    losses = []
    for _ in range(25):
        loss, _ = task.loss(task.forward(network, scenes), scenes)
        network.zero_grad()
        loss.backward()
        optimisers.step(8e-3 if muon else 2e-3)
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("name", TASKS)
def test_a_run_resumes_and_exports(packs, tmp_path, name, monkeypatch, capsys):
    run, folder = tmp_path / "run", tmp_path / "model"
    options = [name, "--packs", packs, "--out", run, "--device", "cpu", "--side", "64", "--batch", "2"]
    options = [str(option) for option in [*options, "--report", "1", "--scenes", "4"]]
    train.main([*options, "--steps", "2"])
    first = load_state(run)
    assert first["step"] == 2 and first["optimiser"]
    train.main([*options, "--steps", "4"])
    assert "resumed at step 2" in capsys.readouterr().out
    second = load_state(run)
    assert second["step"] == 4 and len(second["history"]) == 4
    measured = json.loads((run / "quality.json").read_text())
    assert measured["side"] == 64 and measured["scores"]["scenes"]

    other = [*options, "--weights-of", str(run), "--steps", "1", "--rate", "1e-12"]
    other[other.index("--out") + 1] = str(tmp_path / "other")
    train.main(other)
    third = load_state(tmp_path / "other")
    assert third["step"] == 1 and len(third["history"]) == 1
    key, weight = next((k, v) for k, v in second["network"].items() if v.ndim == 4)
    assert torch.allclose(third["network"][key], weight, atol=1e-9)

    if not export.command().is_file():
        print(f"no {export.command()}: the exported file is not compared with the Rust command")
    exporting = ["--run", str(run), "--out", str(folder), "--side", "128"]
    with pytest.raises(SystemExit):
        export.main(exporting)
    assert "measured at a side of 64, not 128" in capsys.readouterr().err and not folder.exists()
    evaluate.main(["--run", str(run), "--packs", str(packs), "--side", "128", "--scenes", "4", "--device", "cpu"])
    export.main(exporting)
    network, side = load_network(folder)
    assert side == 128
    trained = TASKS[name].build(second["settings"]).eval()
    trained.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in second["ema"].items()})
    picture = normalised(torch.rand(1, 3, 128, 128))
    with torch.no_grad():
        outputs, wanted = network(picture), trained(picture)
    assert torch.allclose(outputs[0], wanted[0], atol=1e-3), "but for F16"

    other[other.index("--weights-of") + 1] = str(folder)
    other[other.index("--out") + 1] = str(tmp_path / "further")
    train.main(other)
    further = load_state(tmp_path / "further")
    assert torch.allclose(further["network"][key], second["ema"][key].float(), atol=2e-3), "but for F16 and moderation"
    with pytest.raises(FileNotFoundError, match="neither"):
        load_start(tmp_path)


@pytest.mark.parametrize("name, settings", [("segmentation", {"attention": "aspp-deformable"}), ("detection", {})])
def test_an_export_holds_large_variances(name, settings):
    torch.manual_seed(0)
    network = TASKS[name].build(settings).eval()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_var.uniform_(10, 1e7)
                module.weight.uniform_(30, 300)
    values = export.exported(network.state_dict())
    variances = [value for key, value in values.items() if key.endswith("running_var")]
    assert len(variances) > 30 and max(value.max() for value in variances) <= export.LARGE
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = network(picture)
        network.load_state_dict({k: v.float() for k, v in export.moderated(network.state_dict()).items()})
        got = network(picture)
    for got, wanted in zip(got, wanted):
        assert (got - wanted).abs().max() < 1e-4 * wanted.abs().max()


def test_the_updates_of_muon_are_orthogonal():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8)).to(memory_format=torch.channels_last)
    before = network[0].weight.detach().clone()
    optimisers = Optimisers(network, 0.0, muon=True)
    network(torch.rand(2, 3, 9, 9)).square().mean().backward()
    optimisers.step(1.0)
    update = (network[0].weight.detach() - before).flatten(1)
    lengths = torch.linalg.svdvals(update)
    assert lengths.min() > 0.5 * lengths.max(), "all directions about equally long"
    assert len(optimisers.adamw.state_dict()["state"]) == 3, "bias and norm"


def test_processes_train_together(packs, tmp_path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "portrait_training.train"]
    command += ["segmentation", "--packs", packs, "--out", run, "--device", "cpu", "--side", "64", "--batch", "2"]
    command += ["--report", "1", "--scenes", "4", "--steps", "2", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(train.__file__).parents[1])}
    result = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("step 2  side 64") == 1, "one process tells"
    state = load_state(run)
    assert state["step"] == 2 and (run / "quality.json").is_file()


def agreeing(rank, folder):
    store = f"file://{folder}/store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    parameter = torch.nn.Parameter(torch.zeros(2, 3))
    unused = torch.nn.Parameter(torch.zeros(4))
    parameter.grad = torch.full((2, 3), float(rank))
    parallel.average_gradients([parameter, unused])
    assert torch.equal(parameter.grad, torch.full((2, 3), 0.5)) and unused.grad is None
    assert list(parallel.agreed(rank + 7)) == [7]
    torch.distributed.destroy_process_group()


def test_processes_share_gradients_and_time(tmp_path):
    torch.multiprocessing.spawn(agreeing, (tmp_path,), nprocs=2)


def test_the_average_follows_the_weights():
    network = torch.nn.BatchNorm1d(2)
    ema = Ema(network, 0.9)
    with torch.no_grad():
        network.weight.fill_(3.0)
        network.running_mean.fill_(1.0)
    ema.update(10**6)
    assert torch.allclose(ema.network.weight, torch.full((2,), 1.2))
    assert torch.allclose(ema.network.running_mean, torch.full((2,), 0.1))


@pytest.mark.parametrize("name, attention", [("segmentation", "aspp"), ("segmentation", "aspp-deformable"), ("detection", "")])
def test_bfloat16_gives_about_the_same_loss(packs, name, attention):
    torch.manual_seed(0)
    task = TASKS[name]
    scenes = SceneMaker(photos.load(packs, "training"), task.recipe, 1).batch(2, 64)
    network = task.build({"attention": attention}).train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout) or hasattr(module, "rate"):
            module.eval()  # The same random numbers would not fall twice.
    losses = []
    for short in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=short):
            outputs = task.forward(network, scenes)
        loss, _ = task.loss(outputs, scenes)
        loss.backward()
        losses.append(loss.item())
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())
    assert abs(losses[0] - losses[1]) < 0.1 * losses[0]
