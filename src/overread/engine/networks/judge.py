"""The network that looks at an image and its mask together, and says how well they fit (P5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from overread.engine.networks.segmenter import standardised

WIDTHS = (16, 32, 64, 128)  # channels of each block


class Judge(nn.Module):
    """VGG-style: blocks of two 3x3 convolutions and a pooling, a 1x1 convolution to one channel, the global mean.

    Image and mask are first averaged over 2x2 pixels, so that a step costs a fraction of a U-Net's.
    """

    def __init__(self, structures: int, channels: int = 3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = channels + structures
        for width in WIDTHS:
            layers += [
                nn.AvgPool2d(2),
                *(nn.Conv2d(before, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
                *(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()),
            ]
            before = width
        self.body = nn.Sequential(*layers, nn.Conv2d(before, 1, 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Images [B, C, H, W] and masks [B, K, H, W] to scores [B], float32."""
        seen = torch.cat([standardised(x), 2.0 * y.to(x.dtype) - 1.0], 1)
        scores: Tensor = self.body(seen).float().mean((1, 2, 3))
        return scores
