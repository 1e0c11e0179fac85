"""One training by several processes, each with scenes of its own: `torchrun --nproc-per-node N -m ...`.

On a CPU with a process for each core this is faster than one process with as many threads: most of
the operations are small.
"""

import os

import torch
from torch import distributed


def start(device):
    """Joins the other processes, if `torchrun` has started any; the rank of this one and their count."""
    if "WORLD_SIZE" not in os.environ:
        return 0, 1
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return distributed.get_rank(), distributed.get_world_size()


def agreed(*values):
    """The first process's values, so that all do the same."""
    if not distributed.is_initialized():
        return values
    values = list(values)
    distributed.broadcast_object_list(values)
    return values


@torch.no_grad()
def average_gradients(parameters):
    """Gives every process the mean of the gradients of all."""
    if not distributed.is_initialized():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients]) / distributed.get_world_size()
    distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients])):
        gradient.copy_(part.view_as(gradient))
