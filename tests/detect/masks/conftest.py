"""Evidence on masks as it would be where some masks are wrong."""

from __future__ import annotations

import numpy as np
import pytest

from overread.detect.masks.evidence import MaskEvidence

COUNT, STRUCTURES, EPOCHS = 160, 3, 6


def make(wrong, seed=0, **more):
    """`wrong` [N, K] bool: those masks lie 4 pixels from the suggested ones, the others about a half."""
    rng = np.random.default_rng(seed)
    shape = wrong.shape
    near, far = rng.lognormal(-0.7, 0.25, shape), rng.lognormal(1.4, 0.25, shape)
    distance = np.where(wrong, far, near)
    side = np.where(wrong, rng.choice([-0.9, 0.9], shape), rng.uniform(-0.4, 0.4, shape))
    whole = wrong.any(1)[:, None]
    losses = np.where(whole, 0.5, 0.1) * rng.lognormal(0, 0.1, (shape[0], EPOCHS))
    losses[~whole[:, 0]] *= np.linspace(2, 0.5, EPOCHS)
    values = {
        "ids": np.array([f"image-{row}" for row in range(shape[0])], object),
        "structures": tuple("abcdefgh"[: shape[1]]),
        "groups": np.arange(shape[0]) // 2,
        "size": 64,
        "agreement": np.exp(-distance / 12),
        "expected": np.full(shape, 0.95),
        "cross_entropy": 0.02 * distance,
        "entropy": np.full(shape, 0.02),
        "distance": distance,
        "signed": side * distance,
        "band": np.full(shape, 0.5),
        "given_area": np.full(shape, 0.2),
        "suggested_area": np.full(shape, 0.2),
        "pixel_quality": np.exp(-distance / 3),
        "losses": losses.astype(np.float32),
    }
    return MaskEvidence(**(values | more))


@pytest.fixture(name="make")
def _make():
    """`make(wrong [N, K], seed, **fields)`: evidence."""
    return make


@pytest.fixture
def whole_images():
    """40 of 160 images have all three masks wrong; which."""
    wrong = np.zeros((COUNT, STRUCTURES), bool)
    wrong[np.random.default_rng(1).permutation(COUNT)[:40]] = True
    return make(wrong), wrong


@pytest.fixture
def single_masks():
    """In 40 of 160 images one mask is wrong, each structure in turn; which."""
    wrong = np.zeros((COUNT, STRUCTURES), bool)
    wrong[np.random.default_rng(1).permutation(COUNT)[:40], np.arange(40) % STRUCTURES] = True
    return make(wrong), wrong
