"""Trains one of the networks from scratch within a budget of time; an interrupted run resumes.

    python -m portrait_training.train segmentation --packs packs --out runs/segmentation \\
        --total-minutes 14 --minutes 7

The learning rate and the size of the pictures follow the part of the whole budget that is used up.
"""

import argparse
import math
import time
from pathlib import Path

import torch

from . import parallel
from .data import photos as data
from .data.pool import ScenePool
from .data.scenes import SceneMaker
from .ema import Ema
from .evaluate import quality, report, write
from .optimisers import Optimisers
from .state import load_start, load_state, save_state
from .tasks import TASKS

WARM_UP = 200  # steps, also after a resume without the optimiser's state
CLIP = 10.0


class Trainer:
    def __init__(self, task, options):
        self.task, self.options = task, options
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        self.settings = {"attention": options.attention, "schedule": options.schedule}
        self.step, self.seconds, self.since_start, self.history = 0, 0.0, 0, []
        saved = load_state(options.out, self.device)
        start = load_start(options.weights_of, self.device) if options.weights_of and not saved else None
        if saved or start:
            self.settings |= (saved or start)["settings"]
        self.schedule = task.schedules[self.settings["schedule"]]
        muon = self.schedule.muon if options.muon is None else options.muon
        self.settings["muon"] = saved["settings"].get("muon", False) if saved else muon
        self.network = task.build(self.settings).to(self.device)
        if start:
            self.network.load_state_dict(start["network"])
            print(f"begins with the weights of {options.weights_of}", flush=True)
        self.network.to(memory_format=torch.channels_last)
        self.ema = Ema(self.network, options.ema)
        self.optimisers = Optimisers(self.network, task.decay, self.settings["muon"])
        if saved:
            self.restore(saved)
        self.network.train()
        torch.manual_seed(options.seed + 1000 * options.rank + self.step)

    def restore(self, saved):
        self.network.load_state_dict(saved["network"])
        self.ema.network.load_state_dict(saved["ema"])
        self.step, self.seconds, self.history = saved["step"], saved["seconds"], saved["history"]
        if saved["optimiser"]:
            self.optimisers.load_state_dict(saved["optimiser"])
            self.since_start = WARM_UP
        print(f"resumed at step {self.step}, {self.seconds / 60:.1f} minutes of training", flush=True)

    def progress(self):
        options = self.options
        if options.steps:
            return self.step / options.steps
        return self.seconds / (60 * options.total_minutes)

    def train(self, pool):
        options, began = self.options, time.monotonic()
        before, parts_sum, steps, images, reported = self.seconds, {}, 0, 0, began
        last_save, elapsed = began, 0.0
        while self.progress() < 1 and elapsed < 60 * options.minutes:
            stage = self.schedule.stage(self.progress())
            side = options.side or stage.side
            size = options.batch or stage.batch
            scenes = pool.batch(size, side)
            loss, parts = self.one_step(scenes)
            images, steps = images + len(scenes.pictures) * options.processes, steps + 1
            (elapsed,) = parallel.agreed(time.monotonic() - began)
            self.seconds = before + elapsed
            for name, value in {"loss": loss, **parts}.items():
                parts_sum[name] = parts_sum.get(name, 0) + value
            if self.step % options.report == 0:
                now = time.monotonic()
                row = {name: float(value) / steps for name, value in parts_sum.items()}
                if not math.isfinite(row["loss"]):
                    raise FloatingPointError(f"the loss is {row['loss']} at step {self.step}")
                row |= {"step": self.step, "side": side, "rate": self.rate(), "images/s": images / (now - reported)}
                self.history.append(row)
                if options.rank == 0:
                    print("  ".join(f"{k} {v:.4g}" for k, v in row.items()), f"progress {self.progress():.3f}", flush=True)
                parts_sum, steps, images, reported = {}, 0, 0, now
            if options.rank == 0 and time.monotonic() - last_save > 120:
                self.save()
                last_save = time.monotonic()
        if options.rank == 0:
            self.save()

    def rate(self):
        steps = self.options.steps
        warm_up = min(WARM_UP, steps // 10 + 1) if steps else WARM_UP
        warm = min(1.0, (self.since_start + 1) / warm_up)
        progress = min(1.0, self.progress())
        return (self.options.rate or self.schedule.rate) * warm * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)

    def one_step(self, scenes):
        scenes.pictures = scenes.pictures.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=not self.options.full_precision):
            outputs = self.task.forward(self.network, scenes)
        loss, parts = self.task.loss(outputs, scenes)
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        parallel.average_gradients(self.network.parameters())
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP)
        self.optimisers.step(self.rate())
        self.step += 1
        self.since_start += 1
        self.ema.update(self.step)
        return loss.detach(), parts

    def save(self):
        save_state(self.options.out, self)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; resumed if it has a state")
    parser.add_argument("--weights-of", type=Path, help="run, or model folder, whose weights a new run begins with, on its own schedule")
    parser.add_argument("--total-minutes", type=float, default=14, help="of the whole training, over all commands")
    parser.add_argument("--minutes", type=float, default=1e9, help="at most, in this command")
    parser.add_argument("--steps", type=int, help="length of the training in steps instead of minutes")
    parser.add_argument("--attention", default="aspp", choices=("aspp", "aspp-deformable", "none"))
    parser.add_argument("--schedule", choices=("gpu", "cpu"), help="sizes of pictures and batches; by the device")
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--muon", action=argparse.BooleanOptionalAction, help="Muon for matrices, or AdamW alone")
    parser.add_argument("--side", type=int, help="one size of pictures instead of growing ones")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--ema", type=float, default=0.9995, help="decay of the averaged weights for each step")
    parser.add_argument("--full-precision", action="store_true", help="not bfloat16: for CPUs without it")
    parser.add_argument("--limit", type=int, help="photos to draw from (for trials)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--report", type=int, default=50, help="steps from line to line")
    parser.add_argument("--scenes", type=int, default=128, help="scenes to measure at the end; 0 measures nothing")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--ahead", type=int, help="batches of scenes made at once; 4 on a GPU, else 1")
    parser.add_argument("--reuse", type=int, help="times each scene is shown; 1 on a GPU, else 3")
    parser.add_argument("--threads", type=int, help="of the CPU")
    options = parser.parse_args(arguments)
    on_gpu = options.device.startswith("cuda")
    options.ahead = options.ahead or (4 if on_gpu else 1)
    options.reuse = options.reuse or (1 if on_gpu else 3)
    options.schedule = options.schedule or ("gpu" if on_gpu else "cpu")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    # The networks run in bfloat16; what stays in float32 (coordinates, variances) needs all of it.
    torch.backends.cudnn.allow_tf32 = False
    options.rank, options.processes = parallel.start(options.device)
    options.out.mkdir(parents=True, exist_ok=True)

    task = TASKS[options.task]
    began = time.monotonic()
    photos = data.load(options.packs, "training", options.device, options.limit)
    trainer = Trainer(task, options)
    # Another seed after a resume, and in each process: the same scenes need not come twice.
    seed = options.seed + trainer.step + 1_000_000 * options.rank
    maker = SceneMaker(photos, task.recipe, seed)
    count = sum(p.numel() for p in trainer.network.parameters())
    print(f"{len(photos.people)} people, {len(photos.places)} places, {count / 1e6:.2f} million parameters, "
          f"ready after {time.monotonic() - began:.0f} s", flush=True)
    trainer.train(ScenePool(maker, options.reuse, options.ahead, seed=seed))
    if options.rank:
        return
    print(f"step {trainer.step}, {trainer.seconds / 60:.1f} minutes of training, progress {trainer.progress():.2f}")
    if options.scenes:
        torch.backends.cudnn.benchmark = False  # Photos of many sizes: no search for each.
        held_out = data.load(options.packs, "validation", options.device, options.limit)
        side = options.side or trainer.schedule.side
        result = quality(trainer.ema.network, side, held_out, options.scenes)
        print(report(result))
        write(options.out / "quality.json", side, result)


if __name__ == "__main__":
    main()
