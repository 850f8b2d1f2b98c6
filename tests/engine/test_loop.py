"""The loop: which samples it shows, what it records, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.engine.batches import balanced, shuffled
from overread.engine.loop import checked, fit
from overread.errors import InputError
from overread.methods.ce import CE


def test_losses_are_those_of_the_network_before_each_update(train):
    run = train(CE(), lr=1e-30, epochs=2, augment=None)  # a step of 1e-30 changes no float
    list(fit(run))
    z = run.nets[0](run.data.samples.batch(torch.arange(60), torch.device("cpu")).x)[0].double()
    y = torch.from_numpy(run.data.samples.y)
    by_hand = z.logsumexp(1) - z[torch.arange(60), y]
    losses = run.run.ledger.history("loss")
    assert torch.allclose(losses[:, 0].double(), by_hand, atol=1e-5)
    assert torch.allclose(losses[:, 1].double(), by_hand, atol=1e-5)


def test_the_opinion_is_the_geometric_mean_after_the_first_epoch(train):
    run = train(CE(), epochs=4)
    seen = []
    original = run.run.task.probabilities
    for _ in fit(run):
        pass
    # by hand: the same run again, its probabilities caught as they are recorded
    again = train(CE(), epochs=4)
    put = again.run.ledger.put

    class Spy:
        def probabilities(self, z):
            seen.append(original(z))
            return seen[-1]

    task = again.run.task
    object.__setattr__(task, "probabilities", Spy().probabilities)
    order = []
    again.run.ledger.put = lambda name, ids, values: (
        order.append(ids) if name == "loss" else None,
        put(name, ids, values),
    )[1]
    list(fit(again))
    logs = torch.full((60, 4, 3), torch.nan)
    per_epoch = len(order) // 4
    for step, (ids, probs) in enumerate(zip(order, seen, strict=True)):
        logs[ids, step // per_epoch] = (probs + 0.01).log()
    expected = logs[:, 1:].mean(1).softmax(1)
    torch.testing.assert_close(run.run.ledger.history("opinion")[:, 0], expected, atol=1e-5, rtol=1e-5)


def test_training_leaves_the_global_random_state_alone(train):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    list(fit(train(CE(), epochs=1)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(("count", "size"), [(65, 64), (7, 2), (5, 10)])
def test_batches_are_of_nearly_equal_size(count, size):
    batches = shuffled(torch.arange(count), size, torch.Generator().manual_seed(0))
    lengths = [len(batch) for batch in batches]
    assert max(lengths) <= size
    assert max(lengths) - min(lengths) <= 1
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(count))


def test_balanced_batches_show_each_class_equally_often():
    y = torch.tensor([0] * 900 + [1] * 90 + [2] * 10)
    batches = balanced(torch.arange(1000), y, 100, torch.Generator().manual_seed(0))
    shown = y[torch.cat(list(batches))].bincount()
    assert sum(shown) == 1000
    assert (shown - 333).abs().max() < 60  # 4 standard deviations of a binomial count


def test_class_weights_make_each_class_count_the_same(train):
    samples = train(CE()).data.samples
    keep = torch.tensor([row for row in range(60) if row % 3 != 0 or row < 30])  # 10 blue, 20 green, 20 red
    run = train(CE(), samples=samples, rows=keep, balance="loss")
    np.testing.assert_allclose(run.run.task.weights, [50 / 30, 50 / 60, 50 / 60])
    assert train(CE()).run.task.weights is None


def test_a_loss_that_is_no_number_is_said_with_its_cure(train):
    with pytest.raises(InputError, match=r"epoch 3 is nan.*Lower --lr"):
        checked(float("nan"), 2)
    with pytest.raises(InputError, match="Lower --lr"):
        list(fit(train(CE(), lr=1e20)))
