"""Times both networks on an NVIDIA card beside PyTorch: `python gpu.py --help`."""

import argparse
import contextlib
import copy
import re
import statistics
import subprocess
import sys
import time

import torch

from peers import networks
from peers.cases import CASES, FULL

ROW = re.compile(r"\| (?P<title>[^|]+) \| (?P<precision>F32|F16|Bf16) \| (?P<alone>[\d.]+) \| (?P<row>[\d.]+) \| (?P<peak>[\d–]+) \|")
TYPES = {"F32": torch.float32, "F16": torch.float16, "Bf16": torch.bfloat16}


# The largest norm of the difference to float32, as a part of the norm of float32's output. A wrong
# type somewhere gives noise, so these need not be narrow.
DIFFERENCES = {"F32": 1e-3, "F16": 0.05, "Bf16": 0.3}


def network(case, device):
    """The module of a case with float32 weights."""
    module = networks.reproducible.fill(networks.NETWORKS[case.network].build()).float().eval()
    if case.detects:
        module = networks.Detector(networks.fuse(module), case.side).eval()
    return module.to(device)


def variants(case, module, dtype, device="cuda"):
    """(label, pass) of what people run with a `network`; a pass takes nothing and gives the output.

    Detectors hold their weights in the short type, as with Ultralytics' `half=True`. BiRefNet runs by
    autocast over float32 weights; its deformable convolutions are in float32 then, as in torchvision's
    own autocast of them.
    """
    module, last = copy.deepcopy(module), torch.channels_last
    by_autocast = not case.detects and dtype != torch.float32
    image = networks.network_input(case).to(device)
    if not by_autocast:
        module, image = module.to(dtype), image.to(dtype)
    note = ", autocast" if by_autocast else ""

    def run(module, layout):
        given = image.to(memory_format=layout)

        def once():
            with torch.autocast(device, dtype) if by_autocast else contextlib.nullcontext():
                return module(given)

        return once

    yield f"eager{note}", run(module, torch.contiguous_format)
    yield f"eager, channels last{note}", run(module.to(memory_format=last), last)
    yield f"torch.compile{note}", run(torch.compile(module, mode="max-autotune"), last)


@torch.inference_mode()
def difference(output, reference):
    """The norm of the difference as a part of the reference's; NaN where either is no number."""
    output, reference = output.float(), reference.float()
    return ((output - reference).norm() / reference.norm()).item()


@torch.inference_mode()
def milliseconds(run, passes):
    """Medians of a pass alone, and of five in a row; and the most memory, in MB."""
    for _ in range(5):
        run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    medians = []
    for together in (1, 5):
        times = []
        for _ in range(-(-passes // together)):
            start = time.perf_counter()
            for _ in range(together):
                run()
            torch.cuda.synchronize()
            times.append((time.perf_counter() - start) * 1e3 / together)
        medians.append(statistics.median(times))
    return *medians, torch.cuda.max_memory_allocated() / 1e6


def portrait(command):
    """{(title, precision): (alone, in a row, peak MB)} of the bench `gpu`."""
    text = subprocess.run([command, "speed"], check=True, capture_output=True, text=True).stdout
    return {(m["title"], m["precision"]): (float(m["alone"]), float(m["row"]), m["peak"]) for m in ROW.finditer(text)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portrait", required=True, help="the program of the bench `gpu`")
    parser.add_argument("--passes", type=int, default=50)
    parser.add_argument("--precisions", default="F16,Bf16,F32")
    parser.add_argument("--no-compile", action="store_true", help="torch.compile takes minutes")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no card that PyTorch can use")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    ours = portrait(options.portrait)
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, medians of {options.passes} passes\n")
    print("| network | precision | by | one pass, ms | passes in a row, ms each | portrait / it | MB | differs from float32 by |")
    print("|---|---|---|---|---|---|---|---|")
    for case in (CASES[name] for name in FULL):
        module = network(case, "cuda")
        with torch.inference_mode():
            reference = module(networks.network_input(case).to("cuda")).cpu()
        for precision in options.precisions.split(","):
            mine = ours.get((case.title, precision))
            if mine is None:
                sys.exit(f"{options.portrait} does not time {case.title} in {precision}")
            print(f"| {case.title} | {precision} | portrait | {mine[0]:.2f} | {mine[1]:.2f} | – | {mine[2]} | – |")
            for label, run in variants(case, module, TYPES[precision]):
                if options.no_compile and "compile" in label:
                    continue
                with torch.inference_mode():
                    differs = difference(run().cpu(), reference)
                if not differs <= DIFFERENCES[precision]:
                    sys.exit(f"{case.title}, {precision}, {label}: differs from float32 by {differs:.2e}")
                alone, row, memory = milliseconds(run, options.passes)
                print(
                    f"| {case.title} | {precision} | PyTorch {label} | {alone:.2f} | {row:.2f} | "
                    f"{mine[1] / row:.2f} | {memory:.0f} | {differs:.1e} |", flush=True,
                )


if __name__ == "__main__":
    main()
