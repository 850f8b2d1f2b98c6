"""What all tests share: in continuous integration a skipped test is a failed one."""

from __future__ import annotations

import os
from functools import partial

import numpy as np
import pytest


def _fail_if_skipped(report) -> None:
    """Turns a skip into a failure where CI=true. An expected failure (xfail) is not a skip."""
    if os.environ.get("CI") == "true" and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and CI allows no skips: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    _fail_if_skipped(report)
    return report


CLASSES = ("blue", "green", "red")


def colours(count=60, size=16, seed=0):
    """Images of one of three colours under noise, and which."""
    from overread.engine.samples import Samples

    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = rng.integers(0, 90, (count, size, size, 3), dtype=np.uint8)
    x[np.arange(count), :, :, 2 - y] += 120
    return Samples(x, y)


def prior(samples, rate=0.2):
    """What a first look would say of `samples`, whose labels are wrong at `rate` all alike."""
    import torch

    from overread.engine.method import Prior

    one_hot = torch.eye(3)
    transition = one_hot * (1 - 1.5 * rate) + 0.5 * rate
    given = torch.from_numpy(samples.y)
    return Prior(rate, rate, rate, torch.full((3,), rate), transition, transition[given])


@pytest.fixture
def train():
    """Builds a Training of the tiny network on colours: train(method, samples=, rows=, prior=, **recipe)."""
    import torch

    from overread.engine.augment import Augment
    from overread.engine.device import make_fabric
    from overread.engine.loop import Recipe, Training, TrainingSet
    from overread.engine.networks import build

    def make(method, samples=None, rows=None, known=None, files=None, **recipe):
        samples = colours() if samples is None else samples
        rows = torch.arange(len(samples)) if rows is None else rows
        mirrors = Augment(left_right=True, up_down=True)
        recipe = Recipe(**{"epochs": 4, "batch_size": 16, "lr": 0.05, "augment": mirrors, **recipe})
        data = TrainingSet(samples, rows, CLASSES, prior(samples) if known is None else known)
        return Training(method, data, lambda: build("tiny", 3, 16, "none"), recipe, make_fabric("cpu"), files)

    return make


STRUCTURES = ("disk", "bar")


def shapes(count=32, size=16, seed=0, exclusive=False):
    """Images with a bright disk and a dim bar, and the masks [N, 2, H, W] of both; `exclusive`: the disk on top."""
    from overread.engine.samples import Samples

    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:size, :size]
    disks, bars = np.zeros((2, count, size, size), bool)
    for number in range(count):
        row, column = rng.uniform(0.3 * size, 0.7 * size, 2)
        disks[number] = np.hypot(down - row, across - column) < 0.22 * size
        top = rng.integers(1, size - size // 4)
        bars[number, top : top + size // 5] = True
    pixels = rng.integers(0, 50, (count, size, size)) + 140 * disks + 60 * bars
    x = np.repeat(pixels.astype(np.uint8)[..., None], 3, axis=3)
    if exclusive:
        bars &= ~disks
    return Samples(x, np.stack([disks, bars], 1).astype(np.uint8))


@pytest.fixture
def train_masks():
    """Builds a Training of the tiny U-Net on shapes: train_masks(method, samples=, exclusive=, **recipe)."""
    import torch

    from overread.engine.device import make_fabric
    from overread.engine.loop import Recipe, Training, TrainingSet
    from overread.engine.networks import build_segmenter
    from overread.engine.segmentation import Segmentation
    from overread.verbs.masks.share import Share, prior_of

    def make(method, samples=None, exclusive=False, criterion="ce", files=None, **recipe):
        samples = shapes(exclusive=exclusive) if samples is None else samples
        plain = {"epochs": 4, "batch_size": 8, "lr": 0.01, "optimizer": "adam"}
        known = prior_of(Share(0.25, 0.25, 0.25), len(samples), 2)
        task = Segmentation(STRUCTURES, exclusive=exclusive, criterion=criterion)
        data = TrainingSet(samples, torch.arange(len(samples)), STRUCTURES, known, task)
        network = partial(build_segmenter, "unet-tiny", task.outputs, 16)
        return Training(method, data, network, Recipe(**{**plain, **recipe}), make_fabric("cpu"), files)

    return make
