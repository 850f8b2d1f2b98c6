"""DenseNet-121 (Huang et al. 2017), into which torchvision's published ImageNet weights fit."""

from __future__ import annotations

from torch import nn

from overread.engine.networks.classifier import Classifier, normalised


def densenet121(classes: int, size: int, channels: int = 3) -> Classifier:
    """121 layers, each of which sees all earlier ones of its block; 1024 features."""
    from monai.networks.nets.densenet import DenseNet121

    network = DenseNet121(spatial_dims=2, in_channels=channels, out_channels=classes)
    network.class_layers.out = nn.Identity()
    return Classifier(normalised(network, channels), 1024, classes)
