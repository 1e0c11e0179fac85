"""What changes the weights: Muon for matrices (Jordan et al., 2024), AdamW for everything else.

Muon makes every direction of a matrix's update equally long. From scratch and within an hour of a CPU
that learns faster than AdamW alone; the README has the comparison.
"""

import torch

BETAS = (0.9, 0.99)  # of AdamW
MOMENTUM = 0.95  # of Muon


def is_matrix(name, parameter):
    """Weights of linear layers and convolutions with several outputs; not norms, biases and tables."""
    return parameter.ndim >= 2 and parameter.shape[0] > 1 and "relative_position" not in name


def as_matrix(weight):
    """(outputs, everything else), as a view: convolutions are held with their channels last."""
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight


class Optimisers:
    """AdamW alone, or with Muon for the matrices; steps and states of both together."""

    def __init__(self, network, decay, muon):
        named = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
        matrices = [p for n, p in named if is_matrix(n, p)]
        rest = [p for n, p in named if not is_matrix(n, p)]
        groups = [{"params": rest, "weight_decay": 0.0}]
        self.muon, self.pairs = None, []
        if muon:
            self.pairs = [(p, as_matrix(p.detach())) for p in matrices]
            if any(p.untyped_storage().data_ptr() != m.untyped_storage().data_ptr() for p, m in self.pairs):
                raise ValueError("the network's convolutions must be in the format channels_last")
            views = [m for _, m in self.pairs]
            self.muon = torch.optim.Muon(
                views, lr=0.0, weight_decay=decay, momentum=MOMENTUM, adjust_lr_fn="match_rms_adamw"
            )
        else:
            groups.append({"params": matrices, "weight_decay": decay})
        self.adamw = torch.optim.AdamW(groups, lr=0.0, betas=BETAS, fused=True)
        self.all = [self.adamw] + ([self.muon] if muon else [])

    def step(self, rate):
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = rate
        for parameter, matrix in self.pairs:
            matrix.grad = as_matrix(parameter.grad)
        for optimiser in self.all:
            optimiser.step()

    def state_dict(self):
        return [optimiser.state_dict() for optimiser in self.all]

    def load_state_dict(self, states):
        for optimiser, state in zip(self.all, states, strict=True):
            optimiser.load_state_dict(state)
