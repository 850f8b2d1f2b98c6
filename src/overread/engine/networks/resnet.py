"""ResNets (He et al. 2016) in the shape of torchvision's, so that published ImageNet weights fit.

Stride 2 in the first convolution, downsampling without bias, and in the bottleneck blocks of ResNet-50 and -101
the stride in the 3x3 convolution ("v1.5").
"""

from __future__ import annotations

from typing import Any

from overread.engine.networks.classifier import Classifier, normalised


def resnet18(classes: int, size: int, channels: int = 3) -> Classifier:
    """18 layers, 512 features."""
    from monai.networks.nets.resnet import resnet18 as make

    return _resnet(make, 512, classes, channels)


def resnet34(classes: int, size: int, channels: int = 3) -> Classifier:
    """34 layers, 512 features."""
    from monai.networks.nets.resnet import resnet34 as make

    return _resnet(make, 512, classes, channels)


def resnet50(classes: int, size: int, channels: int = 3) -> Classifier:
    """50 layers in bottlenecks, 2048 features."""
    from monai.networks.nets.resnet import resnet50 as make

    return _resnet(make, 2048, classes, channels)


def resnet101(classes: int, size: int, channels: int = 3) -> Classifier:
    """101 layers in bottlenecks, 2048 features."""
    from monai.networks.nets.resnet import resnet101 as make

    return _resnet(make, 2048, classes, channels)


def _resnet(make: Any, features: int, classes: int, channels: int) -> Classifier:
    network = make(
        spatial_dims=2, n_input_channels=channels, conv1_t_stride=2, bias_downsample=False, feed_forward=False
    )
    return Classifier(normalised(network, channels), features, classes)
