"""What stands between the two convolutions of a decoder block: atrous spatial pyramid pooling."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.ops import deform_conv2d


class DeformableConv2d(nn.Module):
    """Modulated deformable convolution (Zhu et al., "Deformable ConvNets v2", 2018)."""

    def __init__(self, inputs, outputs, kernel):
        super().__init__()
        self.padding = kernel // 2
        self.offset_conv = nn.Conv2d(inputs, 2 * kernel**2, kernel, padding=self.padding)
        self.modulator_conv = nn.Conv2d(inputs, kernel**2, kernel, padding=self.padding)
        self.regular_conv = nn.Conv2d(inputs, outputs, kernel, padding=self.padding, bias=False)
        # It starts as an ordinary convolution: no offsets, every tap counts once.
        for conv in (self.offset_conv, self.modulator_conv):
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)

    def forward(self, x):
        offset = self.offset_conv(x).float()
        mask = 2 * self.modulator_conv(x).float().sigmoid()
        # A copy: the backward pass takes no weights with their channels last.
        weight = self.regular_conv.weight.float().clone(memory_format=torch.contiguous_format)
        with torch.autocast(x.device.type, enabled=False):
            y = deform_conv2d(x.float(), offset, weight, padding=self.padding, mask=mask)
        # Training keeps the digits; else what follows may hold its weights in the type of the input.
        return y if self.training else y.to(x.dtype)


class Branch(nn.Module):
    """A convolution (plain, dilated or deformable), BatchNorm and ReLU."""

    def __init__(self, conv, outputs):
        super().__init__()
        self.atrous_conv = conv
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn(self.atrous_conv(x)).relu()


class Pyramid(nn.Module):
    """Branches side by side with a pooled one, joined by a 1x1 convolution."""

    def __init__(self, inter, width, branches):
        super().__init__()
        self.global_avg_pool = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(inter, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.conv1 = nn.Conv2d((branches + 1) * width, inter, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inter)
        # The official networks, a hundred times larger, drop half.
        self.dropout = nn.Dropout(0.1)

    def branches(self):
        raise NotImplementedError

    def forward(self, x):
        parts = [branch(x) for branch in self.branches()]
        pooled = self.global_avg_pool(x)
        if self.training:
            y = self.joined(parts, pooled)
        else:
            parts.append(pooled.expand(-1, -1, *x.shape[2:]).to(parts[0].dtype))
            y = self.conv1(torch.cat(parts, 1))
        return self.dropout(self.bn1(y).relu())

    def joined(self, parts, pooled):
        """`conv1` of all; the pooled branch, the same everywhere, is added instead of being spread."""
        weight = self.conv1.weight
        beside = weight.shape[1] - pooled.shape[1]
        return F.conv2d(torch.cat(parts, 1), weight[:, :beside]) + F.conv2d(pooled, weight[:, beside:])


class Aspp(Pyramid):
    """Plain ASPP (Chen et al., "Rethinking Atrous Convolution", 2017) at output stride 16."""

    DILATIONS = (1, 6, 12, 18)

    def __init__(self, inter, width):
        super().__init__(inter, width, len(self.DILATIONS))
        for i, dilation in enumerate(self.DILATIONS):
            kernel, padding = (1, 0) if dilation == 1 else (3, dilation)
            conv = nn.Conv2d(inter, width, kernel, 1, padding, dilation, bias=False)
            self.add_module(f"aspp{i + 1}", Branch(conv, width))

    def branches(self):
        return [getattr(self, f"aspp{i + 1}") for i in range(len(self.DILATIONS))]


class AsppDeformable(Pyramid):
    """ASPP of deformable convolutions (Zheng et al., "BiRefNet", 2024)."""

    KERNELS = (1, 3, 7)

    def __init__(self, inter, width):
        super().__init__(inter, width, 1 + len(self.KERNELS))
        self.aspp1 = Branch(DeformableConv2d(inter, width, 1), width)
        self.aspp_deforms = nn.ModuleList(
            Branch(DeformableConv2d(inter, width, kernel), width) for kernel in self.KERNELS
        )

    def branches(self):
        return [self.aspp1, *self.aspp_deforms]


ATTENTIONS = {"aspp": Aspp, "aspp-deformable": AsppDeformable, "none": None}


class DecoderBlock(nn.Module):
    """The block of the squeeze module and of the decoder."""

    def __init__(self, config, inputs, outputs):
        super().__init__()
        inter = config.decoder_inter_channels
        self.conv_in = nn.Conv2d(inputs, inter, 3, padding=1)
        attention = ATTENTIONS[config.decoder_attention]
        self.dec_att = attention and attention(inter, config.aspp_channels)
        self.conv_out = nn.Conv2d(inter, outputs, 3, padding=1)
        self.bn_in = nn.BatchNorm2d(inter)
        self.bn_out = nn.BatchNorm2d(outputs)

    def forward(self, x):
        x = self.bn_in(self.conv_in(x)).relu()
        if self.dec_att is not None:
            x = self.dec_att(x)
        return self.bn_out(self.conv_out(x))
