"""What augmentation does to the pixels of a batch; deterministic, each image by itself."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: ITU-R BT.601


def coins(count: int, generator: torch.Generator) -> Tensor:
    """[count] fair coins."""
    return torch.rand(count, generator=generator) < 0.5


def flip(x: Tensor, chosen: Tensor, axis: int) -> Tensor:
    """Mirrors the chosen images [B] along `axis`.

    >>> flip(torch.tensor([[[[1, 2]]]]), torch.tensor([True]), axis=3).tolist()
    [[[[2, 1]]]]
    """
    return torch.where(chosen.to(x.device).view(-1, 1, 1, 1), x.flip(axis), x)


def turn_and_zoom(x: Tensor, angle: Tensor, window: Tensor) -> Tensor:
    r"""Each image seen through a smaller window, turned about its own centre; one bilinear interpolation.

    With $u$ the position of an output pixel from the image's centre, in pixels, $c$ the share cut away and
    $R$ the rotation, the value comes from position $(1 - c) R u + t$ of the input, $t$ in $\pm c$ of half the
    side; beyond the border the image is mirrored.

    Args:
        x: [B, C, H, W].
        angle: [B] degrees, counter-clockwise as one looks at the image.
        window: [B, 3] share cut away, and the window's place in x and y from -1 to 1.

    Returns:
        [B, C, H, W]; an image with angle 0 and nothing cut away comes back bit for bit.
    """
    moved = (angle != 0) | (window[:, 0] != 0)  # [B], on the CPU: no waiting for the device
    if not moved.any():
        return x
    grid = sampling_grid(angle, window, x.shape[2], x.shape[3], x.device)
    seen = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return seen if moved.all() else torch.where(moved.to(x.device).view(-1, 1, 1, 1), seen, x)


def sampling_grid(angle: Tensor, window: Tensor, height: int, width: int, device: torch.device) -> Tensor:
    """Where each output pixel looks, as `grid_sample` counts: -1..1 from edge to edge. [B, H, W, 2].

    Written out rather than by `affine_grid`, whose matrix product may run in reduced precision on a GPU.
    """
    radians = torch.deg2rad(angle)
    zoom = 1.0 - window[:, 0]
    cos, sin = zoom * radians.cos(), zoom * radians.sin()
    t = window[:, :1] * window[:, 1:]  # [B, 2]
    rows = torch.stack([cos, -sin * height / width, t[:, 0], sin * width / height, cos, t[:, 1]])
    a, b, tx, c, d, ty = rows.to(device).view(6, -1, 1, 1)
    u = ((torch.arange(width, device=device) + 0.5) * 2.0 / width - 1.0).view(1, 1, -1)  # [1, 1, W]
    v = ((torch.arange(height, device=device) + 0.5) * 2.0 / height - 1.0).view(1, -1, 1)  # [1, H, 1]
    return torch.stack([a * u + b * v + tx, c * u + d * v + ty], 3)


def blur(x: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur of each image by its own standard deviation [B], in pixels, first along y, then along x."""
    sigma = sigma.to(x.device)
    down = gaussian(sigma, x.shape[2]).unsqueeze(1)  # [B, 1, H, H]
    across = gaussian(sigma, x.shape[3]).unsqueeze(1)  # [B, 1, W, W]
    return down @ x @ across.transpose(2, 3)


def gaussian(sigma: Tensor, size: int) -> Tensor:
    r"""The blur along one axis as a matrix, $K_{ij} \propto e^{-(i-j)^2 / 2\sigma^2}$: [B] to [B, size, size].

    Rows sum to 1, near the border too, so that a constant image stays what it is; sigma 0 is the identity.

    >>> gaussian(torch.tensor([0.0]), 2).tolist()
    [[[1.0, 0.0], [0.0, 1.0]]]
    """
    place = torch.arange(size, dtype=sigma.dtype, device=sigma.device)
    apart = (place[:, None] - place[None]) ** 2  # [size, size]
    width = 2.0 * sigma.clamp(min=1e-3).view(-1, 1, 1) ** 2
    return (-apart / width).softmax(2)


def colour(x: Tensor, factors: Tensor) -> Tensor:
    r"""Brightness, then contrast, then saturation of each image, held in -1..1.

    With $v = (x + 1) / 2$ in 0..1: $v \leftarrow f_0 v$; $v \leftarrow m + f_1 (v - m)$ with $m$ the image's
    mean over all pixels and channels; where there are three channels $v \leftarrow g + f_2 (v - g)$ with $g$
    the pixel's grey (BT.601).

    Args:
        x: [B, C, H, W] in -1..1.
        factors: [B, 3] from 0; 1 changes nothing.
    """
    brightness, contrast, saturation = factors.to(x.device, x.dtype).view(-1, 3, 1, 1, 1).unbind(1)
    v = (x + 1.0) / 2.0 * brightness
    mean = v.mean((1, 2, 3), keepdim=True)  # [B, 1, 1, 1]
    v = mean + contrast * (v - mean)
    if x.shape[1] == 3:
        weights = torch.tensor(LUMA, dtype=x.dtype, device=x.device).view(1, 3, 1, 1)
        grey = (v * weights).sum(1, keepdim=True)  # [B, 1, H, W]
        v = grey + saturation * (v - grey)
    return (2.0 * v - 1.0).clamp(-1.0, 1.0)
