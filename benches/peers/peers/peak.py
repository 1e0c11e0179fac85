"""What the machine can do: products of float32 matrices, and copying memory."""

import time

SIZES = (1024, 1536, 2048)
COPIED_BYTES = 256 << 20


def matrix_gflops(torch, sizes=SIZES, repeats=3):
    """GFLOP/s of square products by size, the best of some repeats; PyTorch calls MKL for them."""
    best = {}
    for size in sizes:
        a, b = torch.randn(size, size), torch.randn(size, size)
        out = torch.empty(size, size)
        torch.mm(a, b, out=out)
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            torch.mm(a, b, out=out)
            times.append(time.perf_counter() - start)
        best[str(size)] = 2 * size**3 / min(times) / 1e9
    return best


def bandwidth_gbs(torch, repeats=5):
    """GB/s read and written when a large array is copied by all threads, the best of some repeats."""
    source = torch.ones(COPIED_BYTES // 4)
    target = torch.zeros_like(source)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        target.copy_(source)
        times.append(time.perf_counter() - start)
    return 2 * COPIED_BYTES / min(times) / 1e9


class Matrix:
    """Takes part in the rounds like a contender, so that its speed is that of the same minutes."""

    note = ""

    def __init__(self, _case, _files, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.measured = {}

    def run(self):
        with self.torch.inference_mode():
            sizes = matrix_gflops(self.torch)
            self.measured = {"gflops": sizes, "bandwidth_gbs": bandwidth_gbs(self.torch)}

    def extra(self):
        return self.measured
