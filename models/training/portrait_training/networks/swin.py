"""The backbone: a Swin transformer (Liu et al., 2021) that returns its four feature maps."""

import functools

import torch
from torch import nn
from torch.nn import functional as F


class DropPath(nn.Module):
    """Leaves out a residual branch for a random part of the batch (stochastic depth)."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate

    def forward(self, x):
        if not self.training or self.rate == 0:
            return x
        keep = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.rate
        return x * (keep / (1 - self.rate)).to(x.dtype)


class WindowAttention(nn.Module):
    """Multi-head attention of the tokens of a window, with a learnt bias for relative positions."""

    def __init__(self, channels, heads, window):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        span = 2 * window - 1
        self.relative_position_bias_table = nn.Parameter(torch.zeros(span * span, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
        y, x = y.flatten(), x.flatten()
        # Row and column of the table: query minus key, moved to start at 0.
        dy = y[:, None] - y[None, :] + window - 1
        dx = x[:, None] - x[None, :] + window - 1
        self.register_buffer("relative_position_index", dy * span + dx)

    def forward(self, x, mask):
        """`x`: (batch * windows, tokens, channels); `mask`: (windows, tokens, tokens) or None."""
        count, tokens, channels = x.shape
        qkv = self.qkv(x).view(count, tokens, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index.flatten()]
        bias = bias.view(tokens, tokens, self.heads).permute(2, 0, 1)
        scores = query * (channels // self.heads) ** -0.5 @ key.transpose(-2, -1) + bias
        if mask is not None:
            scores = scores.view(-1, len(mask), self.heads, tokens, tokens) + mask[:, None]
            scores = scores.view(count, self.heads, tokens, tokens)
        mixed = scores.softmax(-1).to(value.dtype) @ value
        return self.proj(mixed.transpose(1, 2).reshape(count, tokens, channels))


class Mlp(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


@functools.lru_cache(maxsize=64)
def shift_mask(height, width, window, shift, device):
    """0 between tokens that see each other, else -inf; for the map shifted by `shift`.

    The sides are those of the padded map. Tokens from opposite ends of it share a window after
    the shift but must not see each other.
    """

    def regions(side):
        at = torch.arange(side, device=device)
        return (at >= side - window).int() + (at >= side - shift).int()

    region = regions(height)[:, None] * 3 + regions(width)[None, :]
    region = region.view(height // window, window, width // window, window)
    region = region.transpose(1, 2).reshape(-1, window * window)
    apart = region[:, :, None] != region[:, None, :]
    return torch.zeros(apart.shape, device=device).masked_fill(apart, float("-inf"))


class Block(nn.Module):
    def __init__(self, channels, heads, window, shift, drop_path):
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, window)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = Mlp(channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, x, mask):
        """`x`: (batch, height, width, channels)."""
        x = x + self.drop_path(self.attend(self.norm1(x), mask))
        return x + self.drop_path(self.mlp(self.norm2(x)))

    def attend(self, x, mask):
        batch, height, width, channels = x.shape
        w = self.window
        # The padding is zeros after the norm, and takes part in the attention.
        x = F.pad(x, (0, 0, 0, -width % w, 0, -height % w))
        if self.shift:
            x = x.roll((-self.shift, -self.shift), (1, 2))
        rows, columns = x.shape[1] // w, x.shape[2] // w
        x = x.view(batch, rows, w, columns, w, channels).transpose(2, 3)
        x = self.attn(x.reshape(-1, w * w, channels), mask if self.shift else None)
        x = x.view(batch, rows, columns, w, w, channels).transpose(2, 3)
        x = x.reshape(batch, rows * w, columns * w, channels)
        if self.shift:
            x = x.roll((self.shift, self.shift), (1, 2))
        return x[:, :height, :width]


class PatchMerging(nn.Module):
    """Half the resolution, twice the channels."""

    def __init__(self, channels):
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(4 * channels)

    def forward(self, x):
        x = F.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        batch, height, width, channels = x.shape
        x = x.view(batch, height // 2, 2, width // 2, 2, channels)
        # Neighbours in the order (row, column) = (0,0), (1,0), (0,1), (1,1).
        x = x.permute(0, 1, 3, 4, 2, 5).reshape(batch, height // 2, width // 2, 4 * channels)
        return self.reduction(self.norm(x))


class Stage(nn.Module):
    def __init__(self, channels, depth, heads, window, drop_paths, last):
        super().__init__()
        self.window = window
        self.blocks = nn.ModuleList(
            Block(channels, heads, window, window // 2 if i % 2 else 0, drop_paths[i])
            for i in range(depth)
        )
        self.downsample = None if last else PatchMerging(channels)

    def forward(self, x):
        """The stage's result before merging, and what the next stage starts from."""
        padded = [side + -side % self.window for side in x.shape[1:3]]
        mask = None
        if len(self.blocks) > 1:
            mask = shift_mask(*padded, self.window, self.window // 2, x.device)
        for block in self.blocks:
            x = block(x, mask)
        return x, x if self.downsample is None else self.downsample(x)


class PatchEmbed(nn.Module):
    def __init__(self, embed):
        super().__init__()
        self.proj = nn.Conv2d(3, embed, 4, 4)
        self.norm = nn.LayerNorm(embed)

    def forward(self, image):
        return self.norm(self.proj(image).permute(0, 2, 3, 1))


class SwinTransformer(nn.Module):
    """(batch, 3, height, width) -> maps at 1/4, 1/8, 1/16 and 1/32 with C, 2C, 4C, 8C channels."""

    def __init__(self, embed, depths, heads, window, drop_path=0.0):
        super().__init__()
        rates = [drop_path * i / (sum(depths) - 1) for i in range(sum(depths))]
        self.patch_embed = PatchEmbed(embed)
        self.layers = nn.ModuleList()
        for i, depth in enumerate(depths):
            start = sum(depths[:i])
            paths = rates[start : start + depth]
            self.layers.append(Stage(embed << i, depth, heads[i], window, paths, i == 3))
        for i in range(4):
            self.add_module(f"norm{i}", nn.LayerNorm(embed << i))
        self.apply(self.initialise)

    @staticmethod
    def initialise(module):
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)

    def forward(self, image):
        x = self.patch_embed(image)
        maps = []
        for i, layer in enumerate(self.layers):
            out, x = layer(x)
            maps.append(getattr(self, f"norm{i}")(out).permute(0, 3, 1, 2))
        return maps
