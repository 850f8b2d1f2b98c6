"""A network small enough for tests."""

from __future__ import annotations

from torch import nn

from overread.engine.networks.classifier import Classifier


def tiny(classes: int, size: int, channels: int = 3) -> Classifier:
    """Two small convolutions, for tests and demonstrations; 64 features."""
    body = nn.Sequential(
        nn.Conv2d(channels, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )
    return Classifier(body, 64, classes)
