"""The contract of every method on masks: it learns, repeats itself, resumes bit for bit, hands back what it saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.data.mask_writing import most_likely
from overread.engine.augment import Augment
from overread.engine.loop import fit
from overread.engine.saved import load_networks, predicted, save_networks
from overread.engine.watched import check_predicting, predicting, probabilities
from overread.mask_quality import dice
from overread.methods import METHODS

NAMES = [name for name in METHODS if "segmentation" in METHODS[name].load().tasks]
TURNS = Augment(left_right=True, rotate=10.0, crop=0.1)


@pytest.fixture(params=NAMES)
def method(request):
    return METHODS[request.param].load()()


def weights(run):
    return [value.clone() for net in run.nets for value in net.state_dict().values()]


def assert_equal(one, two):
    """Networks and ledgers, bit for bit."""
    assert all(torch.equal(a, b) for a, b in zip(weights(one), weights(two), strict=True))
    for name in one.run.ledger.columns:
        pair = [run.run.ledger.history(name).float() for run in (one, two)]
        torch.testing.assert_close(*pair, rtol=0, atol=0, equal_nan=True, msg=name)


def test_the_methods_for_masks_are_these():
    assert NAMES == ["ce", "ousm", "co-teaching", "qam", "qam-ocm", "ss", "ss-jo"]


@pytest.mark.parametrize("exclusive", [False, True])
def test_learns_each_structure_of_a_separable_set(method, exclusive, train_masks):
    run = train_masks(method, exclusive=exclusive, epochs=20)
    list(fit(run))
    probs = probabilities(run, run.data.samples)
    assert (probs.dtype, probs.shape) == (np.uint8, (32, 2, 16, 16))
    found = dice(most_likely(probs, exclusive), run.data.samples.y).mean(0)  # [K]
    assert found.min() > 0.8, found


def test_the_same_seed_is_the_same_run_and_another_is_not(method, train_masks):
    same, again, other = (train_masks(method, seed=seed, epochs=2, augment=TURNS) for seed in (3, 3, 4))
    for run in (same, again, other):
        list(fit(run))
    assert_equal(same, again)
    assert not all(torch.equal(a, b) for a, b in zip(weights(same), weights(other), strict=True))


@pytest.mark.parametrize("stop", [1, 4])
def test_stopped_and_resumed_ends_bit_for_bit_equal(method, stop, train_masks, tmp_path):
    """Stopped in the warm-up of the methods that have one, and after it."""
    whole = train_masks(method, epochs=6, augment=TURNS)
    list(fit(whole))
    first = train_masks(method, epochs=6, augment=TURNS)
    for epoch in fit(first):
        torch.save(first.state(), tmp_path / "state.pt")
        if epoch.epoch == stop:
            break
    second = train_masks(method, epochs=6, augment=TURNS)
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [epoch.epoch for epoch in fit(second)] == list(range(stop + 1, 7))
    assert_equal(whole, second)


@pytest.mark.parametrize("criterion", ["dice", "dice-ce"])
def test_every_method_takes_every_loss(method, criterion, train_masks):
    run = train_masks(method, criterion=criterion, epochs=5, balance="loss")
    assert all(np.isfinite(log.loss) for log in fit(run))


def test_what_was_learned_is_evidence_of_every_image(method, train_masks):
    run = train_masks(method, epochs=5)
    list(fit(run))
    ledger = run.run.ledger
    left = {name: ledger.history(name) for name, column in ledger.columns.items() if column.evidence}
    assert left["loss"].shape == (32, 5)
    for name, values in left.items():
        assert values.shape[0] == 32, name
        assert values.ndim == 2, f"{name} holds more than a number an epoch"
        assert values[:, -1].isfinite().all() or name == "kept", name


def test_saved_networks_predict_as_the_method_does(method, train_masks, tmp_path):
    run = train_masks(method, epochs=1)
    list(fit(run))
    check_predicting(run)
    nets = predicting(run)
    save_networks(nets, tmp_path / "w.safetensors")
    about = {"network": "unet-tiny", "effort": "full", "classes": ["disk", "bar"], "size": 16, "channels": 3}
    info = {**about, "task": "segmentation", "exclusive": False, "networks": len(nets)}
    loaded = load_networks(info, tmp_path / "w.safetensors")
    x = run.data.samples.batch(torch.arange(32), torch.device("cpu")).x
    found = predicted(loaded, x, run.run.task.probabilities).numpy()
    np.testing.assert_allclose(found, (probabilities(run, run.data.samples) + 0.5) / 256, atol=0.6 / 256)
