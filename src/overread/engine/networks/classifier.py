"""What every classifier is made of: a body that makes a feature, a linear head on it, fixed scalings before it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB in 0..1


def channels_last(net: nn.Module) -> nn.Module:
    """The network with its convolutions laid out for speed: twice as fast on a CPU, values unchanged."""
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


class Classifier(nn.Module):
    """A body that makes a feature, and a linear head on it."""

    def __init__(self, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, K, H, W] images (or [B, D] features) to logits z [B, C] and feature f [B, D], both float32."""
        f = self.body(x).float()
        with torch.autocast(f.device.type, enabled=False):
            return self.head(f), f


class Normalise(nn.Module):
    """Images of -1..1 as published weights expect them: less ImageNet's mean, over its standard deviation.

        x -> ((x + 1) / 2 - mean_k) / std_k        for channel k of [B, K, H, W]

    `mean` and `std` [3] are of images in 0..1. Where the images do not have three channels, each takes the
    mean of the three. Both are constants of the network, kept out of its saved weights.
    """

    def __init__(
        self, channels: int, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        m, s = torch.tensor(mean), torch.tensor(std)
        if channels != len(mean):
            m, s = m.mean().expand(channels), s.mean().expand(channels)
        self.register_buffer("scale", (0.5 / s).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("shift", ((0.5 - m) / s).view(1, -1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        scale, shift = self.get_buffer("scale"), self.get_buffer("shift")
        return x * scale + shift


def normalised(network: nn.Module, channels: int, **statistics: Any) -> nn.Sequential:
    """A body whose images pass `Normalise` first; its weights are saved as `network.*`."""
    parts = [("normalise", Normalise(channels, **statistics)), ("network", network)]
    return nn.Sequential(OrderedDict(parts))


def mlp_head(features: int, classes: int, hidden: int = 256) -> Classifier:
    """features-256-C on frozen features: the hidden layer is `f`, so that `f` can learn."""
    body = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
    return Classifier(body, hidden, classes)


class OnFrozen(nn.Module):
    """A frozen body and a classifier trained on its standardised features, as one network for images.

        f0 = body(x),   (z, f) = classifier((f0 - mean) / scale)

    `body` takes images [B, K, H, W] to features f0 [B, D] (`body_of` gives that of any network); it is never
    trained, its batch norms keep their statistics. `mean` and `scale` [D] are what `features.standard_of` gave
    for the features that the classifier was trained on; they are saved with the weights.
    """

    def __init__(self, body: nn.Module, mean: Tensor, scale: Tensor, classifier: Classifier) -> None:
        super().__init__()
        self.body = body.requires_grad_(False).eval()
        self.register_buffer("mean", mean.float())
        self.register_buffer("scale", scale.float())
        self.classifier = classifier

    @property
    def head(self) -> nn.Linear:
        """The linear layer that makes z of f."""
        return self.classifier.head

    def train(self, mode: bool = True) -> OnFrozen:
        """As any module's, but the body stays in evaluation mode."""
        nn.Module.train(self, mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[B, K, H, W] images to logits z [B, C] and feature f [B, D], both float32."""
        with torch.no_grad():
            f0 = self.body(x).float()
        out: tuple[Tensor, Tensor] = self.classifier(
            (f0 - self.get_buffer("mean")) / self.get_buffer("scale")
        )
        return out


class _Feature(nn.Module):
    """The feature alone, of a network that returns (z, f)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        f: Tensor = self.network(x)[1]
        return f


def body_of(network: nn.Module) -> nn.Module:
    """What makes the features of a network, without its head where that comes apart: [B, K, H, W] to [B, D]."""
    return network.body if isinstance(network, Classifier) else _Feature(network)
