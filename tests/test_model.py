"""`overread.load(RUN)`: every kind of input, the folder alone, and folders that are broken or foreign."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import overread
from overread.engine.networks import build
from overread.engine.saved import save_networks
from overread.errors import InputError

CLASSES = ["blue", "green", "red"]
INFO = {
    "format": 1,
    "overread": "0.1.0",
    "network": "tiny",
    "networks": 2,
    "features": 64,
    "effort": "full",
    "classes": CLASSES,
    "size": 16,
    "channels": 3,
}


@pytest.fixture
def run(tmp_path):
    """A run folder with a model of two untrained networks."""
    (tmp_path / "run" / "model").mkdir(parents=True)
    torch.manual_seed(0)
    nets = [build("tiny", 3, 16, "none") for _ in range(2)]
    save_networks(nets, tmp_path / "run" / "model" / "weights.safetensors")
    (tmp_path / "run" / "model" / "model.json").write_text(json.dumps(INFO))
    return tmp_path / "run"


@pytest.fixture
def images(tmp_path):
    """Five PNGs of 16 x 16, so that nothing is resized."""
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (5, 16, 16, 3), dtype=np.uint8)
    for number, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / "images" / f"{number}.png")
    return pixels, [tmp_path / "images" / f"{number}.png" for number in range(5)]


def test_probabilities_are_the_mean_over_the_networks(run, images):
    pixels, _ = images
    torch.manual_seed(0)
    nets = [build("tiny", 3, 16, "none").eval() for _ in range(2)]
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        expected = sum(net(x)[0].softmax(1) for net in nets) / 2
    model = overread.load(run)
    found = model.predict(pixels, device="cpu")
    assert (found.dtype, found.shape, model.classes) == (np.float32, (5, 3), tuple(CLASSES))
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)


def test_every_kind_of_input_says_the_same(run, images, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERREAD_CACHE", str(tmp_path / "cache"))
    pixels, paths = images
    model = overread.load(run)
    expected = model.predict(pixels)
    table = pd.DataFrame({"image": [f"images/{path.name}" for path in paths]})
    table.to_csv(tmp_path / "t.csv", index=False)
    kinds = {
        "paths": paths,
        "texts": [str(path) for path in paths],
        "pictures": [Image.open(path) for path in paths],
        "arrays": list(pixels),
        "mixed": [paths[0], pixels[1], Image.open(paths[2]), str(paths[3]), pixels[4]],
        "a folder": tmp_path / "images",
        "a folder's name": str(tmp_path / "images"),
        "a table": tmp_path / "t.csv",
    }
    for name, images_given in kinds.items():
        np.testing.assert_allclose(model.predict(images_given), expected, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(model.predict(paths[3])[0], expected[3], atol=1e-6)
    np.testing.assert_allclose(model.predict(paths, batch_size=2), expected, atol=1e-6)
    assert model.predict([]).shape == (0, 3)


def test_grey_images_of_any_size_are_decoded_as_in_training(run, tmp_path):
    grey = np.random.default_rng(0).integers(0, 255, (2, 40, 30), dtype=np.uint8)
    Image.fromarray(grey[0]).save(tmp_path / "x.png")
    model = overread.load(run)
    np.testing.assert_allclose(model.predict(grey)[0], model.predict([tmp_path / "x.png"])[0], atol=1e-6)
    turned = Image.fromarray(grey[0])
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    pair = model.predict([tmp_path / "turned.png", Image.open(tmp_path / "turned.png")])
    np.testing.assert_allclose(pair[0], pair[1], atol=1e-6)
    assert np.abs(pair[0] - model.predict(grey)[0]).max() > 1e-6


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((8, 8, 3), np.uint8), r"shape \[8, 8, 3\].*One image goes into a list"),
        (np.zeros((8, 8), np.uint8), r"shape \[8, 8\]"),
        ([np.zeros((2, 8, 8, 3), np.uint8)], r"image 0 is an array of shape \(2, 8, 8, 3\)"),
        ([np.zeros((8, 8), np.uint8), 7], "image 1 is int"),
        (7, "The images are a int"),
        (["gone.png"], "gone.png: does not exist"),
        ("gone", "gone: it does not exist"),
    ],
)
def test_what_is_no_image_is_told(run, images, says):
    with pytest.raises(InputError, match=says):
        overread.load(run).predict(images)


def test_an_unknown_device(run):
    with pytest.raises(InputError, match="--device is one of auto, cpu, cuda, not 'gpu'"):
        overread.load(run).predict([], device="gpu")


def test_the_folder_model_alone_is_enough(run, images, tmp_path):
    expected = overread.load(run).predict(images[0])
    shutil.copytree(run / "model", tmp_path / "elsewhere")
    shutil.rmtree(run)
    np.testing.assert_array_equal(overread.load(tmp_path / "elsewhere").predict(images[0]), expected)


def test_a_model_is_weights_to_start_from(run):
    nets = overread.load(run).networks[:1]
    save_networks(nets, run / "w.safetensors")
    again = build("tiny", 3, 16, str(run / "w.safetensors"))
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), nets[0].parameters(), strict=True))


def test_a_model_needs_no_method(run):
    code = (
        "import sys, overread, numpy; overread.load(sys.argv[1]).predict(numpy.zeros((2, 8, 8), 'uint8')); "
        "sys.exit([m for m in sys.modules if m.startswith(('overread.methods', 'lightning', 'overread.verbs'))] or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def broken(path, text):
    path.write_text(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "does not describe a model"),
        ('{"name": "x"}', "does not describe a model"),
        (json.dumps({**INFO, "format": 2, "overread": "9.1"}), "has the format 2, written by Overread 9.1"),
        (json.dumps({**INFO, "classes": "ab", "size": "16"}), "lacks size, classes, or has"),
        (json.dumps({**INFO, "network": "tiney"}), "Unknown network 'tiney'. Did you mean 'tiny'?"),
        (json.dumps({**INFO, "network": "/gone/net.py:make"}), "There is no file '/gone/net.py'"),
        (json.dumps({**INFO, "networks": 1}), "does not fit model.json beside it: 1.body.0.bias"),
        (json.dumps({**INFO, "effort": "slow"}), "lacks effort"),
        (json.dumps({**INFO, "networks": 0}), "lacks networks"),
    ],
)
def test_a_description_that_is_broken_or_foreign(run, text, says):
    (run / "model" / "model.json").write_text(text)
    with pytest.raises(InputError, match=says):
        overread.load(run)


def test_weights_that_are_missing_or_no_safetensors(run, tmp_path):
    weights = run / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="is not a safetensors file that can be read"):
        overread.load(run)
    torch.save({}, weights)
    with pytest.raises(InputError, match="is not a safetensors file"):
        overread.load(run)
    weights.unlink()
    with pytest.raises(InputError, match=r"holds no trained model: weights.safetensors missing"):
        overread.load(run)
    with pytest.raises(InputError, match="holds no trained model"):
        overread.load(tmp_path / "nowhere")
