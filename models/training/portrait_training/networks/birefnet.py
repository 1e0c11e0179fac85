"""BiRefNet (Zheng et al., "Bilateral Reference for High-Resolution Dichotomous Image
Segmentation", 2024), at any width."""

from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional as F

from .aspp import DecoderBlock
from .swin import SwinTransformer


@dataclass
class BirefnetConfig:
    """The widths; the defaults are those of `birefnet-nano`."""

    embed_dim: int = 32
    depths: tuple = (2, 2, 2, 2)
    heads: tuple = (1, 2, 4, 8)
    window: int = 8
    decoder_attention: str = "aspp"  # or "aspp-deformable", "none"
    decoder_inter_channels: int = 32
    aspp_channels: int = 64
    patch_inter_channels: int = 64

    @classmethod
    def lite(cls):
        return cls(96, (2, 2, 6, 2), (3, 6, 12, 24), 7, "aspp-deformable", 64, 256, 64)

    def as_dict(self):
        return asdict(self)


def resize(x, like):
    """Bilinear, corners aligned, to the height and width of another map."""
    return F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)


def image_to_patches(image, like):
    """Cuts the image into tiles of the size of the map `like`; the tiles become channels.

    Their order is colour (slowest), row, column.
    """
    batch, colours, height, width = image.shape
    h, w = like.shape[2:]
    tiles = image.reshape(batch, colours, height // h, h, width // w, w).transpose(3, 4)
    return tiles.reshape(batch, -1, h, w)


class PatchBlock(nn.Module):
    """Two convolutions with nothing between them, on tiles of a grid x grid cut."""

    def __init__(self, config, grid, outputs):
        super().__init__()
        inter = config.patch_inter_channels
        self.conv1 = nn.Conv2d(3 * grid**2, inter, 3, padding=1)
        self.conv_out = nn.Conv2d(inter, outputs, 3, padding=1)

    def forward(self, image, like):
        return self.conv_out(self.conv1(image_to_patches(image, like)))

    def folded(self, image, weight):
        """What a 1x1 convolution `weight`, (1, outputs), makes of the patches of an uncut image.

        All of it is linear: the taps of `conv_out`, weighed, become nine channels of `conv1`, each of
        which is moved to its place. That saves maps of 64 channels at full size. Moved in from
        outside of the picture is zero, as the padding of `conv_out` is, so the border is exact.
        """
        taps = (weight @ self.conv_out.weight.flatten(1)).view(-1, 9).T.flip(0)
        kernel = (taps @ self.conv1.weight.flatten(1)).view(9, *self.conv1.weight.shape[1:])
        maps = F.conv2d(image, kernel, taps @ self.conv1.bias, padding=1)
        moved = F.fold(maps.float().flatten(2), maps.shape[2:], 3, padding=1)
        return moved + (weight @ self.conv_out.bias)[:, None, None]


class Lateral(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return self.conv(x)


class Decoder(nn.Module):
    def __init__(self, config, channels):
        super().__init__()
        c1, c2, c3, c4 = channels
        self.ipt_blk5 = PatchBlock(config, 32, c4 // 8)
        self.ipt_blk4 = PatchBlock(config, 16, c4 // 8)
        self.ipt_blk3 = PatchBlock(config, 8, c3 // 8)
        self.ipt_blk2 = PatchBlock(config, 4, c2 // 8)
        self.ipt_blk1 = PatchBlock(config, 1, c1 // 8)
        self.decoder_block4 = DecoderBlock(config, c4 + c4 // 8, c3)
        self.decoder_block3 = DecoderBlock(config, c3 + c4 // 8, c2)
        self.decoder_block2 = DecoderBlock(config, c2 + c3 // 8, c1)
        self.decoder_block1 = DecoderBlock(config, c1 + c2 // 8, c1 // 2)
        self.conv_out1 = nn.Sequential(nn.Conv2d(c1 // 2 + c1 // 8, 1, 1))
        for level, width in ((4, c3), (3, c2), (2, c1)):
            self.add_module(f"lateral_block{level}", Lateral(width))
            # Supervision of each level; training only.
            self.add_module(f"conv_ms_spvn_{level}", nn.Conv2d(width, 1, 1))
            gradient = [nn.Conv2d(width, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
            self.add_module(f"gdt_convs_{level}", nn.Sequential(*gradient))
            # Supervision of the gradient branch; training only.
            self.add_module(f"gdt_convs_pred_{level}", nn.Sequential(nn.Conv2d(16, 1, 1)))
            self.add_module(f"gdt_convs_attn_{level}", nn.Sequential(nn.Conv2d(16, 1, 1)))

    def forward(self, image, maps, stages=None):
        """Logits; in training also those of the levels 4, 3, 2 and of their gradient branches."""
        stages = {} if stages is None else stages
        part = lambda name, level: getattr(self, f"{name}{level}")
        x = maps[3]
        side_logits, gradient_logits = [], []
        for level in (4, 3, 2):
            finer = maps[level - 2]
            patches = part("ipt_blk", level + 1)(image, x)
            decoded = part("decoder_block", level)(torch.cat([x, patches], 1))
            stages[f"decoder_block{level}"] = decoded
            gradient = part("gdt_convs_", level)(decoded)
            if self.training:
                side_logits.append(part("conv_ms_spvn_", level)(decoded))
                gradient_logits.append(part("gdt_convs_pred_", level)(gradient))
            logit = part("gdt_convs_attn_", level)(gradient)
            stages[f"gdt_attn_logit_{level}"] = logit
            x = resize(decoded * logit.sigmoid(), finer) + part("lateral_block", level)(finer)
        x = self.decoder_block1(torch.cat([x, self.ipt_blk2(image, x)], 1))
        stages["decoder_block1"] = x
        if self.training:
            return self.folded_logits(x, image), side_logits, gradient_logits
        return self.conv_out1(torch.cat([resize(x, image), self.ipt_blk1(image, image)], 1))

    def folded_logits(self, x, image):
        """`conv_out1` of the resized map and the patches beside it; it commutes with the resizing."""
        conv = self.conv_out1[0]
        from_map, from_patches = conv.weight.flatten(1).split([x.shape[1], conv.in_channels - x.shape[1]], 1)
        small = F.conv2d(x, from_map[:, :, None, None], conv.bias)
        return resize(small, image) + self.ipt_blk1.folded(image, from_patches)


class BiRefNet(nn.Module):
    """Logits of the foreground of ImageNet-normalised images with sides of multiples of 32."""

    def __init__(self, config=None, drop_path=0.0):
        super().__init__()
        self.config = config = config or BirefnetConfig()
        swin = (config.embed_dim, config.depths, config.heads, config.window)
        self.bb = SwinTransformer(*swin, drop_path)
        channels = [2 * config.embed_dim << i for i in range(4)]
        self.squeeze_module = nn.Sequential(DecoderBlock(config, sum(channels), channels[3]))
        self.decoder = Decoder(config, channels)

    def forward(self, image, stages=None):
        """`stages`, if a dict, receives the named intermediate results."""
        stages = {} if stages is None else stages
        full = self.bb(image)
        half_size = (image.shape[2] // 2, image.shape[3] // 2)
        half = F.interpolate(image, half_size, mode="bilinear", align_corners=True)
        half = self.bb(half)
        for i in range(4):
            stages[f"bb_full_stage{i}"], stages[f"bb_half_stage{i}"] = full[i], half[i]
        maps = [torch.cat([f, resize(h, f)], 1) for f, h in zip(full, half)]
        context = torch.cat([*(resize(x, maps[3]) for x in maps[:3]), maps[3]], 1)
        maps[3] = self.squeeze_module(context)
        stages["squeeze_module"] = maps[3]
        return self.decoder(image, maps, stages)


TRAINING_ONLY = ("decoder.conv_ms_spvn_", "decoder.gdt_convs_pred_")
