"""The contract of every method: it learns, repeats itself, resumes bit for bit, and hands back what it saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.engine.loop import fit, sweep
from overread.engine.stage import arrays, learned
from overread.methods import METHODS

FOR_LABELS = [name for name, entry in METHODS.items() if "classification" in entry.load().tasks]


@pytest.fixture(params=FOR_LABELS)
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


def test_learns_a_separable_set(method, train):
    run = train(method, epochs=15)
    list(fit(run))
    probs, features = sweep(run, torch.arange(60))
    assert (probs.argmax(1).numpy() == run.data.samples.y).mean() > 0.95
    torch.testing.assert_close(probs.sum(1), torch.ones(60))
    assert features.shape == (60, 64)


def test_the_same_seed_is_the_same_run_and_another_is_not(method, train):
    same, again, other = (train(method, seed=seed) for seed in (3, 3, 4))
    for run in (same, again, other):
        list(fit(run))
    assert_equal(same, again)
    assert not all(torch.equal(a, b) for a, b in zip(weights(same), weights(other), strict=True))


@pytest.mark.parametrize("stop", [1, 7])
def test_stopped_and_resumed_ends_bit_for_bit_equal(method, stop, train, tmp_path):
    whole = train(method, epochs=12)
    list(fit(whole))
    first = train(method, epochs=12)
    for epoch in fit(first):
        torch.save(first.state(), tmp_path / "state.pt")
        if epoch.epoch == stop:
            break
    second = train(method, epochs=12)
    second.restore(torch.load(tmp_path / "state.pt", weights_only=True))
    assert [epoch.epoch for epoch in fit(second)] == list(range(stop + 1, 13))
    assert_equal(whole, second)


@pytest.mark.parametrize("balance", ["none", "sampler", "loss"])
def test_every_method_takes_every_balance_and_a_part_of_the_rows(method, balance, train):
    rows = torch.arange(0, 60, 2)
    run = train(method, rows=rows, epochs=3, balance=balance)
    logs = list(fit(run))
    assert all(np.isfinite(log.loss) for log in logs)
    losses = run.run.ledger.history("loss")
    assert losses[1::2].isnan().all(), "a sample outside the rows was trained on"
    if balance != "sampler":
        assert not losses[rows].isnan().any()


def test_what_was_learned_is_evidence_of_every_sample(method, train):
    run = train(method, epochs=3)
    list(fit(run))
    found = learned({name: np.asarray(value) for name, value in arrays(run).items()})
    assert found.losses.shape == (60, 3)
    assert np.isfinite(found.losses).all()
    np.testing.assert_allclose(found.training_probs.sum(1), 1, atol=1e-5)
    for name, values in found.columns.items():
        assert values.shape[0] == 60, name
        assert values.nbytes / 60 <= 4 * 3 * 8, f"{name} is large for evidence"


def test_features_train_like_pixels(method, train):
    from overread.engine.networks import mlp_head
    from overread.engine.samples import Samples

    run = train(method, epochs=2)
    x = np.random.default_rng(0).normal(size=(60, 12)).astype(np.float32)
    x[np.arange(60), run.data.samples.y] += 4
    from overread.engine.device import make_fabric
    from overread.engine.loop import Recipe, Training, TrainingSet

    data = TrainingSet(Samples(x, run.data.samples.y), run.data.rows, run.data.classes, run.data.prior)
    head = Training(
        method, data, lambda: mlp_head(12, 3), Recipe(epochs=15, batch_size=16, lr=0.02), make_fabric("cpu")
    )
    list(fit(head))
    assert (sweep(head, torch.arange(60))[0].argmax(1).numpy() == run.data.samples.y).mean() > 0.9
