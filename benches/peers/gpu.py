"""Times both networks on an NVIDIA card beside PyTorch: `python gpu.py --help`."""

import argparse
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


def variants(case, dtype):
    """(label, module, layout) of what people run."""
    network = networks.NETWORKS[case.network]
    module = networks.reproducible.fill(network.build()).float().eval()
    if case.detects:
        module = networks.Detector(networks.fuse(module), case.side).eval()
    # Attention by one kernel where PyTorch has it; the mask and the bias go in together.
    module = module.to("cuda", dtype)
    last = torch.channels_last
    yield "eager", module, torch.contiguous_format
    yield "eager, channels last", module.to(memory_format=last), last
    yield "torch.compile", torch.compile(module, mode="max-autotune"), last


@torch.inference_mode()
def milliseconds(module, image, passes):
    """Medians of a pass alone, and of five in a row; and the most memory, in MB."""
    for _ in range(5):
        module(image)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    medians = []
    for together in (1, 5):
        times = []
        for _ in range(-(-passes // together)):
            start = time.perf_counter()
            for _ in range(together):
                module(image)
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
    print("| network | precision | by | one pass, ms | passes in a row, ms each | portrait / it | MB |")
    print("|---|---|---|---|---|---|---|")
    for case in (CASES[name] for name in FULL):
        for precision in options.precisions.split(","):
            mine = ours.get((case.title, precision))
            if mine is None:
                sys.exit(f"{options.portrait} does not time {case.title} in {precision}")
            print(f"| {case.title} | {precision} | portrait | {mine[0]:.2f} | {mine[1]:.2f} | – | {mine[2]} |")
            dtype = TYPES[precision]
            for label, module, layout in variants(case, dtype):
                if options.no_compile and "compile" in label:
                    continue
                image = networks.network_input(case).to("cuda", dtype).to(memory_format=layout)
                alone, row, memory = milliseconds(module, image, options.passes)
                print(
                    f"| {case.title} | {precision} | PyTorch {label} | {alone:.2f} | {row:.2f} | "
                    f"{mine[1] / row:.2f} | {memory:.0f} |", flush=True,
                )


if __name__ == "__main__":
    main()
