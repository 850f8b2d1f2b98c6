"""Weights: published names and layouts fit, the hub, and each way a file can be wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from overread.engine.features import saved_features
from overread.engine.networks import build, check_network, fingerprint
from overread.errors import InputError

# torchvision's layouts, written out from its documentation of the state dict

DEPTHS = {
    "resnet18": (False, [2, 2, 2, 2]),
    "resnet34": (False, [3, 4, 6, 3]),
    "resnet50": (True, [3, 4, 6, 3]),
    "resnet101": (True, [3, 4, 23, 3]),
}
Shapes = Iterator[tuple[str, list[int]]]


def norm(name: str, width: int) -> Shapes:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", [width]
    yield f"{name}.num_batches_tracked", []


def resnet(name: str) -> Shapes:
    bottleneck, depths = DEPTHS[name]
    grow = 4 if bottleneck else 1
    yield "conv1.weight", [64, 3, 7, 7]
    yield from norm("bn1", 64)
    into = 64
    for stage, depth in enumerate(depths, 1):
        width = 32 * 2**stage
        for block in range(depth):
            here = f"layer{stage}.{block}"
            kernels = [(width, into, 1), (width, width, 3), (width * 4, width, 1)]
            if not bottleneck:
                kernels = [(width, into, 3), (width, width, 3)]
            for number, (out, inner, size) in enumerate(kernels, 1):
                yield f"{here}.conv{number}.weight", [out, inner, size, size]
                yield from norm(f"{here}.bn{number}", out)
            if into != width * grow:
                yield f"{here}.downsample.0.weight", [width * grow, into, 1, 1]
                yield from norm(f"{here}.downsample.1", width * grow)
            into = width * grow
    yield "fc.weight", [1000, into]
    yield "fc.bias", [1000]


def densenet121(dot: str = "") -> Shapes:
    """`dot`: torchvision's file has `norm.1` where its network has `norm1`."""
    yield "features.conv0.weight", [64, 3, 7, 7]
    yield from norm("features.norm0", 64)
    width = 64
    for block, depth in enumerate([6, 12, 24, 16], 1):
        for layer in range(1, depth + 1):
            here = f"features.denseblock{block}.denselayer{layer}"
            yield from norm(f"{here}.norm{dot}1", width)
            yield f"{here}.conv{dot}1.weight", [128, width, 1, 1]
            yield from norm(f"{here}.norm{dot}2", 128)
            yield f"{here}.conv{dot}2.weight", [32, 128, 3, 3]
            width += 32
        if block < 4:
            yield from norm(f"features.transition{block}.norm", width)
            yield f"features.transition{block}.conv.weight", [width // 2, width, 1, 1]
            width //= 2
    yield from norm("features.norm5", width)
    yield "classifier.weight", [1000, width]
    yield "classifier.bias", [1000]


def layout(name: str) -> Shapes:
    return densenet121() if name == "densenet121" else resnet(name)


def tensors(shapes: Shapes) -> dict[str, Tensor]:
    """Random numbers that keep activations near 1."""
    made = {}
    for name, shape in shapes:
        if len(shape) == 4:
            made[name] = torch.randn(shape) * (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
        elif name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(7)
        elif name.endswith(("running_var", "weight")):
            made[name] = torch.rand(shape) * 0.5 + 0.75
        else:
            made[name] = torch.randn(shape) * 0.1
    return made


def batch_norm(x: Tensor, w: dict[str, Tensor], name: str) -> Tensor:
    parts = [w[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *parts)


def imagenet(x: Tensor) -> Tensor:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    channels = [((x[:, k] + 1) / 2 - mean[k]) / std[k] for k in range(3)]
    return torch.stack(channels, 1)


def stem(x: Tensor, kernel: Tensor, w: dict[str, Tensor], norm_name: str) -> Tensor:
    x = F.conv2d(imagenet(x), kernel, stride=2, padding=3)
    return F.max_pool2d(F.relu(batch_norm(x, w, norm_name)), 3, stride=2, padding=1)


def reference_resnet(name: str, w: dict[str, Tensor], x: Tensor) -> Tensor:
    """He et al. 2016, with the stride in the 3x3 convolution of a bottleneck: the feature [B, D]."""
    bottleneck, depths = DEPTHS[name]
    x = stem(x, w["conv1.weight"], w, "bn1")
    for stage, depth in enumerate(depths, 1):
        for block in range(depth):
            here, stride = f"layer{stage}.{block}", 2 if block == 0 and stage > 1 else 1
            y = x
            for number in (1, 2, 3) if bottleneck else (1, 2):
                kernel = w[f"{here}.conv{number}.weight"]
                step = stride if number == (2 if bottleneck else 1) else 1
                y = F.conv2d(
                    F.relu(y) if number > 1 else y, kernel, stride=step, padding=kernel.shape[-1] // 2
                )
                y = batch_norm(y, w, f"{here}.bn{number}")
            if f"{here}.downsample.0.weight" in w:
                x = F.conv2d(x, w[f"{here}.downsample.0.weight"], stride=stride)
                x = batch_norm(x, w, f"{here}.downsample.1")
            x = F.relu(x + y)
    return x.mean((2, 3))


def reference_densenet(w: dict[str, Tensor], x: Tensor) -> Tensor:
    """Huang et al. 2017: the feature [B, 1024]."""
    x = stem(x, w["features.conv0.weight"], w, "features.norm0")
    for block, depth in enumerate([6, 12, 24, 16], 1):
        for layer in range(1, depth + 1):
            here = f"features.denseblock{block}.denselayer{layer}"
            y = F.conv2d(F.relu(batch_norm(x, w, f"{here}.norm1")), w[f"{here}.conv1.weight"])
            y = F.conv2d(F.relu(batch_norm(y, w, f"{here}.norm2")), w[f"{here}.conv2.weight"], padding=1)
            x = torch.cat([x, y], 1)
        if block < 4:
            here = f"features.transition{block}"
            x = F.conv2d(F.relu(batch_norm(x, w, f"{here}.norm")), w[f"{here}.conv.weight"])
            x = F.avg_pool2d(x, 2)
    return F.relu(batch_norm(x, w, "features.norm5")).mean((2, 3))


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121"])
def test_published_weights_make_the_published_network(name, tmp_path):
    """A file with torchvision's and timm's names against the network written out by hand."""
    torch.manual_seed(0)
    w, x = tensors(layout(name)), torch.rand(2, 3, 64, 64) * 2 - 1
    save_file(w, tmp_path / "w.safetensors")
    net = build(name, 3, 64, str(tmp_path / "w.safetensors")).eval()
    with torch.inference_mode():
        f = net(x)[1]
        expected = reference_densenet(w, x) if name == "densenet121" else reference_resnet(name, w, x)
    assert expected.std() > 0.05
    assert torch.allclose(f, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", [*DEPTHS, "densenet121"])
def test_published_names_and_shapes_are_ours(name):
    """Every tensor of the body has its place in torchvision's layout, and none is left over but the classifier."""
    from overread.engine.networks.fitting import published

    with torch.device("meta"):
        own = build(name, 3, 64, "none").state_dict()
    ours = {published(key): list(t.shape) for key, t in own.items() if not key.startswith("head.")}
    theirs = {key: shape for key, shape in layout(name) if not key.startswith(("fc.", "classifier."))}
    assert ours == theirs


def test_the_names_in_torchvisions_file_of_densenet_fit(tmp_path):
    """There `norm.1` stands for `norm1`, and batches are not counted."""
    counts = "num_batches_tracked"
    w = {key: t for key, t in tensors(densenet121(dot=".")).items() if not key.endswith(counts)}
    save_file(w, tmp_path / "w.safetensors")
    net = build("densenet121", 3, 64, str(tmp_path / "w.safetensors"))
    layer = net.body.network.features.denseblock3.denselayer5.layers
    assert torch.equal(layer.norm2.running_var, w["features.denseblock3.denselayer5.norm.2.running_var"])


@pytest.fixture
def published_tiny(tmp_path):
    """The weights of a body, without head and without our names."""
    body = build("tiny", 2, 16).body.state_dict()
    save_file(body, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors", body


def test_our_own_file_comes_back_whole(tmp_path):
    net = build("resnet18", 3, 32)
    save_file(net.state_dict(), tmp_path / "own.safetensors")
    again = build("resnet18", 3, 32, str(tmp_path / "own.safetensors"))
    assert all(torch.equal(a, again.state_dict()[key]) for key, a in net.state_dict().items())


def test_a_head_for_other_classes_is_left_out(tmp_path):
    net = build("tiny", 3, 16)
    save_file(net.state_dict(), tmp_path / "own.safetensors")
    other = build("tiny", 4, 16, str(tmp_path / "own.safetensors"))
    assert other.head.weight.shape == (4, 64)
    assert torch.equal(other.body[0].weight, net.body[0].weight)


def test_a_foreign_head_is_left_out_even_where_it_fits(published_tiny, tmp_path):
    """timm names some heads as we do: its classes are not ours."""
    _, body = published_tiny
    head = {"head.weight": torch.zeros(3, 64), "head.bias": torch.zeros(3), "fc.weight": torch.zeros(3, 64)}
    save_file(body | head, tmp_path / "w.safetensors")
    net = build("tiny", 3, 16, str(tmp_path / "w.safetensors"))
    assert torch.equal(net.body[0].weight, body["0.weight"])
    assert net.head.weight.any()


def test_the_first_convolution_is_adapted(published_tiny):
    path, body = published_tiny
    net = build("tiny", 2, 16, str(path), channels=1)
    assert torch.allclose(net.body[0].weight, body["0.weight"].sum(1, keepdim=True))
    assert torch.equal(net.body[2].weight, body["2.weight"])


def test_half_precision_is_read(published_tiny):
    path, body = published_tiny
    save_file({key: tensor.half() for key, tensor in body.items()}, path)
    net = build("tiny", 2, 16, str(path))
    assert net.body[0].weight.dtype == torch.float32
    assert torch.allclose(net.body[0].weight, body["0.weight"], atol=1e-3)


def test_all_that_does_not_fit_is_told_at_once(published_tiny):
    path, body = published_tiny
    names = {f"extra{number}": torch.zeros(1) for number in range(7)}
    kept = {key: tensor for key, tensor in body.items() if key != "2.bias"}
    save_file(kept | names | {"0.weight": torch.zeros(8, 3, 5, 5)}, path)
    with pytest.raises(InputError) as told:
        check_network("tiny", str(path))
    assert str(told.value).splitlines() == [
        f"Cannot use {path} as weights of tiny:",
        "- 1 tensor is missing: 2.bias",
        "- 7 tensors are unexpected: extra0, extra1, extra2, extra3, extra4, ...",
        "- 1 tensor is of another shape: 0.weight [8, 3, 5, 5] instead of [8, 3, 3, 3]",
        "Give weights of this very network. The tensors' names may be those that Overread saved, or those of "
        "torchvision, timm and MONAI.",
    ]


@pytest.mark.parametrize("name", ["resnet34", "densenet121", "efficientnet-lite0"])
def test_weights_of_another_network_are_refused_before_data_is_read(name, tmp_path):
    save_file(tensors(resnet("resnet18")), tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=f"as weights of {name}:\n- [\\d,]+ tensors are missing: "):
        check_network(name, str(tmp_path / "w.safetensors"))


def test_weights_of_a_users_own_network(tmp_path):
    (tmp_path / "mine.py").write_text(
        "from overread.engine.networks import tiny\ndef make(classes, size, channels):\n"
        "    return tiny(classes, size, channels)\n"
    )
    name, path = f"{tmp_path}/mine.py:make", tmp_path / "w.safetensors"
    net = build(name, 3, 16)
    save_file(net.state_dict(), path)
    assert torch.equal(build(name, 3, 16, str(path)).head.weight, net.head.weight)


# files that are none


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.bin", "hf:timm/resnet18:pytorch_model.bin"])
def test_pickles_are_refused_with_the_cure(name, tmp_path):
    (tmp_path / "w.pth").touch()
    weights = name if name.startswith("hf:") else str(tmp_path / name)
    with pytest.raises(
        InputError, match=r"is a pickle, which can run code.*\n.*save_file\n  save_file\(torch"
    ):
        check_network("tiny", weights)


def test_the_cure_for_a_pickle_works(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = build("tiny", 2, 16)
    torch.save(net.state_dict(), "w.pth")
    with pytest.raises(InputError) as told:
        check_network("tiny", "w.pth")
    exec("\n".join(line.strip() for line in str(told.value).splitlines()[1:]), {})
    assert torch.equal(build("tiny", 2, 16, "w.safetensors").body[0].weight, net.body[0].weight)


def test_a_file_that_is_missing_or_no_safetensors_is_told(tmp_path):
    with pytest.raises(InputError, match=r"There is no file .*w.safetensors'"):
        check_network("tiny", str(tmp_path / "w.safetensors"))
    (tmp_path / "w.safetensors").write_bytes(b"not at all")
    with pytest.raises(InputError, match=r"w.safetensors is not a safetensors file"):
        check_network("tiny", str(tmp_path / "w.safetensors"))


# the hub


class Hub(ModuleType):
    """huggingface_hub, with one file in its repository, in the cache or not, and a network or none."""

    def __init__(self, path, cached=False, network=True):
        super().__init__("huggingface_hub")
        self.path, self.cached, self.network = path, cached, network
        self.asked = []

    def hf_hub_download(self, repo_id, filename, local_files_only=False):
        self.asked.append((repo_id, filename, local_files_only))
        if not (self.cached or (self.network and not local_files_only)):
            raise ConnectionError("Cannot reach the hub.\nTry again.")
        return str(self.path)


@pytest.fixture
def no_variable(monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "x")  # so that it is as before afterwards
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")


@pytest.mark.usefixtures("no_variable")
def test_weights_of_the_hub_are_fetched_once(published_tiny, monkeypatch):
    path, body = published_tiny
    hub = Hub(path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    net = build("tiny", 2, 16, "hf:owner/repo")
    assert torch.equal(net.body[0].weight, body["0.weight"])
    assert hub.asked == [
        ("owner/repo", "model.safetensors", True),
        ("owner/repo", "model.safetensors", False),
    ]
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    hub.cached, hub.network, hub.asked = True, False, []
    check_network("tiny", "hf:owner/repo:sub/w.safetensors")
    assert hub.asked == [("owner/repo", "sub/w.safetensors", True)]


@pytest.mark.usefixtures("no_variable")
def test_a_hub_that_cannot_be_had_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", Hub(tmp_path, network=False))
    with pytest.raises(
        InputError, match=r"cannot be fetched: ConnectionError: Cannot reach the hub\. Is the name"
    ):
        check_network("tiny", "hf:owner/repo")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match="not installed: pip install 'overread\\[hub\\]'"):
        check_network("tiny", "hf:owner/repo")
    with pytest.raises(InputError, match=r"names no repository. Write it as hf:OWNER/REPO"):
        check_network("tiny", "hf:repo")


# frozen features


def test_features_are_computed_anew_for_other_weights_under_the_same_name(published_tiny, tmp_path):
    import numpy as np

    path, body = published_tiny
    images, names = np.zeros((2, 16, 16, 3), np.uint8), ("tiny", str(path))
    first = saved_features(images, ["a", "b"], tmp_path / "cache", names, None, True)
    save_file({key: tensor * 2 for key, tensor in body.items()}, path)
    second = saved_features(images, ["a", "b"], tmp_path / "cache", names, None, True)
    assert not np.array_equal(first, second)


def test_a_fingerprint_is_the_names_where_no_file_is_behind_them(tmp_path):
    assert fingerprint("tiny", "none") == "tiny\nnone"
    file = tmp_path / "mine.py"
    seen = set()
    for text in ("a = 1", "a = 2"):
        file.write_text(text)
        seen.add(fingerprint(f"{file}:make", "none"))
    assert len(seen) == 2
