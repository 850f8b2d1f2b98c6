"""`overread.load(RUN)` of a model that draws masks: every kind of input, sizes, and descriptions that are broken."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import overread
from overread.engine.networks import build_segmenter
from overread.engine.saved import save_networks
from overread.errors import InputError
from overread.mask_model import MaskModel

INFO = {
    "format": 1,
    "overread": "0.1.0",
    "task": "segmentation",
    "network": "unet-tiny",
    "networks": 2,
    "exclusive": False,
    "effort": "full",
    "classes": ["disk", "bar"],
    "size": 16,
    "channels": 3,
}


@pytest.fixture(params=[False, True], ids=["overlapping", "exclusive"])
def run(tmp_path, request):
    """A run folder with a model of two untrained networks."""
    (tmp_path / "run" / "model").mkdir(parents=True)
    torch.manual_seed(0)
    nets = [build_segmenter("unet-tiny", 2 + request.param, 16) for _ in range(2)]
    save_networks(nets, tmp_path / "run" / "model" / "weights.safetensors")
    info = {**INFO, "exclusive": request.param}
    (tmp_path / "run" / "model" / "model.json").write_text(json.dumps(info))
    return tmp_path / "run"


@pytest.fixture
def images(tmp_path):
    """Four PNGs of 16 x 16, so that nothing is resized."""
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (4, 16, 16, 3), dtype=np.uint8)
    for number, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / "images" / f"{number}.png")
    return pixels, [tmp_path / "images" / f"{number}.png" for number in range(4)]


def test_probabilities_are_the_mean_over_the_networks(run, images):
    pixels, _ = images
    model = overread.load(run)
    assert isinstance(model, MaskModel)
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    torch.manual_seed(0)
    nets = [build_segmenter("unet-tiny", 2 + model.exclusive, 16).eval() for _ in range(2)]
    with torch.no_grad():
        z = [net(x)[0] for net in nets]
        one = [(each.softmax(1)[:, :2] if model.exclusive else each.sigmoid()) for each in z]
    found = np.stack(model.predict(pixels, device="cpu"))
    assert (found.dtype, found.shape, model.classes) == (np.float32, (4, 2, 16, 16), ("disk", "bar"))
    np.testing.assert_allclose(found, sum(one).numpy() / 2, atol=1e-5)
    masks = model.masks(pixels)
    assert masks[0].dtype == bool
    if model.exclusive:
        assert max(each.sum(0).max() for each in masks) <= 1
    else:
        np.testing.assert_array_equal(np.stack(masks), found > 0.5)


def test_every_kind_of_input_says_the_same(run, images, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))
    pixels, paths = images
    model = overread.load(run)
    expected = model.predict(pixels)
    with Image.open(paths[1]) as picture:
        picture.load()
    kinds = {
        "paths": paths,
        "mixed": [str(paths[0]), picture, pixels[2], paths[3]],
        "a folder": tmp_path / "images",
        "small batches": list(pixels),
    }
    for name, given in kinds.items():
        found = model.predict(given, batch_size=3 if name == "small batches" else 16)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5, err_msg=name)
    assert model.predict([]) == []


def test_each_image_gets_its_own_size(run, tmp_path):
    sizes = [(16, 16), (40, 24), (9, 31)]
    arrays = [np.full(size, 90, np.uint8) for size in sizes]
    picture = Image.fromarray(arrays[1])
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "turned.png", exif=exif)
    model = overread.load(run)
    with Image.open(tmp_path / "turned.png") as turned:
        found = model.predict([*arrays, tmp_path / "turned.png", turned])
        masks = model.masks([*arrays, turned])
    assert [one.shape[1:] for one in found] == [*sizes, (24, 40), (24, 40)]
    assert [one.shape[1:] for one in masks] == [*sizes, (24, 40)]


@pytest.mark.parametrize(
    ("info", "says"),
    [
        ({"exclusive": None}, "lacks exclusive"),
        ({"classes": []}, "lacks classes"),
        ({"network": "unett"}, "Unknown network 'unett'. Did you mean 'unet'"),
        ({"networks": 3}, "does not fit model.json beside it: 2.body"),
        ({"classes": ["disk", "bar", "rod"]}, "does not fit model.json beside it"),
        ({"task": "classification"}, "lacks features"),
    ],
)
def test_a_description_that_is_broken_or_foreign(run, info, says):
    path = run / "model" / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **info}))
    with pytest.raises(InputError, match=says):
        overread.load(run)
