"""The loop and the contract of every method: it learns, repeats itself, and resumes bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.engine.augment import Augment
from overread.engine.device import make_fabric
from overread.engine.loop import Recipe, Training, fit, shuffled, sweep
from overread.engine.networks import build
from overread.engine.samples import Samples
from overread.engine.task import Task
from overread.methods import METHODS
from overread.methods.ce import CE

CLASSES = ("blue", "green", "red")


def colours(count=60, size=16, seed=0):
    """Images of one of three colours under noise, and which."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 3
    x = rng.integers(0, 90, (count, size, size, 3), dtype=np.uint8)
    x[np.arange(count), :, :, 2 - y] += 120
    return Samples(x, y)


def training(method, samples=None, rows=None, **recipe):
    samples = samples or colours()
    rows = torch.arange(len(samples)) if rows is None else rows
    recipe = Recipe(**{"epochs": 4, "batch_size": 16, "lr": 0.05, "augment": Augment(), **recipe})
    return Training(
        method, Task(CLASSES), lambda: build("tiny", 3, 16, "none"), samples, rows, recipe, make_fabric("cpu")
    )


@pytest.fixture(params=list(METHODS))
def method(request):
    return METHODS[request.param].load()()


def weights(run):
    return [value.clone() for net in run.nets for value in net.state_dict().values()]


def test_learns_a_separable_set(method):
    run = training(method, epochs=15)
    list(fit(run))
    probs, features = sweep(run, torch.arange(60))
    assert (probs.argmax(1).numpy() == run.samples.y).mean() > 0.95
    assert torch.allclose(probs.sum(1), torch.ones(60))
    assert features.shape == (60, 64)


def test_the_same_seed_is_the_same_run_and_another_is_not(method):
    runs = [training(method, seed=seed) for seed in (3, 3, 4)]
    for run in runs:
        list(fit(run))
    same, again, other = map(weights, runs)
    assert all(torch.equal(a, b) for a, b in zip(same, again, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(same, other, strict=True))


@pytest.mark.parametrize("stop", [1, 3])
def test_stopped_and_resumed_ends_bit_for_bit_equal(method, stop, tmp_path):
    whole = training(method)
    list(fit(whole))
    first = training(method)
    for epoch in fit(first):
        torch.save(first.state(), tmp_path / "state.pt")
        if epoch.epoch == stop:
            break
    second = training(method)
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [epoch.epoch for epoch in fit(second)] == list(range(stop + 1, 5))
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    for name in whole.run.ledger.columns:
        assert torch.equal(whole.run.ledger.history(name), second.run.ledger.history(name))


def test_losses_are_those_of_the_network_before_each_update():
    run = training(CE(), lr=1e-30, epochs=2, augment=None)  # a step of 1e-30 changes no float
    list(fit(run))
    z = run.nets[0](run.samples.batch(torch.arange(60), torch.device("cpu")).x)[0].double()
    y = torch.from_numpy(run.samples.y)
    by_hand = z.logsumexp(1) - z[torch.arange(60), y]
    losses = run.run.ledger.history("loss")
    assert torch.allclose(losses[:, 0].double(), by_hand, atol=1e-5)
    assert torch.allclose(losses[:, 1].double(), by_hand, atol=1e-5)


def test_every_sample_is_seen_once_an_epoch_and_others_never():
    rows = torch.arange(0, 60, 2)
    run = training(CE(), rows=rows, epochs=2)
    list(fit(run))
    seen = ~torch.isnan(run.run.ledger.history("loss"))
    assert seen[rows].all()
    assert not seen[1::2].any()


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    list(fit(training(CE(), epochs=1)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("count", "size"), [(65, 64), (7, 2), (5, 10)])
def test_batches_are_of_nearly_equal_size(count, size):
    batches = shuffled(torch.arange(count), size, torch.Generator().manual_seed(0))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(count))


def test_augmentation_only_mirrors():
    x = torch.arange(2 * 3 * 4 * 4).float().view(2, 3, 4, 4)
    mirrored = Augment()(x, torch.Generator().manual_seed(1))
    assert torch.equal(mirrored.flatten(2).sort(2).values, x.flatten(2).sort(2).values)
    assert torch.equal(Augment(False, False)(x, torch.Generator()), x)
