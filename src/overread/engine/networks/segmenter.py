"""Networks that say of each pixel which structures it belongs to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn


class Segmenter(nn.Module):
    """A body that makes logits per pixel, of images that are brought to zero mean and unit variance one by one (P2).

    The border is repeated up to a multiple of `stride`, and the logits cut back.
    """

    def __init__(self, body: nn.Module, stride: int = 1) -> None:
        super().__init__()
        self.body = body
        self.stride = stride

    @property
    def head(self) -> nn.Module:
        """The last convolution, which makes the logits; weights for other structures come without it."""
        return [module for module in self.body.modules() if isinstance(module, nn.Conv2d)][-1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, C, H, W] images to logits z [B, K, H, W] and no feature, f [B, 0]; both float32."""
        height, width = x.shape[2:]
        down, right = (-height) % self.stride, (-width) % self.stride
        x = nn.functional.pad(standardised(x), (0, right, 0, down), mode="replicate")
        z = self.body(x)[:, :, :height, :width].float()
        return z, z.new_zeros((len(z), 0))


def unet(outputs: int, channels: int, widths: Sequence[int], units: int = 2) -> Segmenter:
    """MONAI's U-Net: each level halves the side; `units` convolutions a level with a residual, 0 for none.

    Source: Ronneberger et al. 2015; Kerfoot et al. 2018 (residual units, strided convolutions, instance norm).
    """
    from monai.networks.nets import UNet

    strides = [2] * (len(widths) - 1)
    body = UNet(2, channels, widths[0], widths, strides, num_res_units=units, act="RELU", norm="BATCH")
    return Segmenter(nn.Sequential(body, nn.Conv2d(widths[0], outputs, 1)), math.prod(strides))


def residual_unet(outputs: int, size: int, channels: int = 3) -> Segmenter:
    """1.6 million weights: the default."""
    return unet(outputs, channels, (16, 32, 64, 128, 256))


def wide_unet(outputs: int, size: int, channels: int = 3) -> Segmenter:
    """6.5 million weights."""
    return unet(outputs, channels, (32, 64, 128, 256, 512))


def plain_unet(outputs: int, size: int, channels: int = 3) -> Segmenter:
    """Ronneberger's U-Net as MONAI's BasicUNet has it: no residuals, max pooling; two million weights, and three
    times slower on a CPU."""
    from monai.networks.nets import BasicUNet

    return Segmenter(BasicUNet(2, channels, outputs, (16, 32, 64, 128, 256, 16)), 16)


def attention_unet(outputs: int, size: int, channels: int = 3) -> Segmenter:
    """A U-Net whose skip connections are gated (Oktay et al. 2018)."""
    from monai.networks.nets import AttentionUnet

    return Segmenter(AttentionUnet(2, channels, outputs, (16, 32, 64, 128, 256), (2, 2, 2, 2)), 16)


def tiny_unet(outputs: int, size: int, channels: int = 3) -> Segmenter:
    """Two levels, for tests and demonstrations."""
    return unet(outputs, channels, (8, 16, 32), units=1)


def standardised(x: Tensor) -> Tensor:
    """Images [B, C, H, W], each with zero mean and unit variance."""
    return (x - x.mean((1, 2, 3), keepdim=True)) / (x.std((1, 2, 3), keepdim=True) + 1e-5)
