"""Joint optimisation: its three terms by hand, and how soft labels take over."""

from __future__ import annotations

import math

import pytest
import torch

from overread.engine.loop import fit, one_epoch
from overread.engine.method import Prior
from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.joint import Joint, mean_of_seen, true_shares

HALF, TENTH = [0.0, 0.0], [0.0, math.log(9.0)]  # p = (1/2, 1/2), (1/10, 9/10)
LOG = math.log


def prior(transition, probs):
    return Prior(0.2, 0.1, 0.3, torch.zeros(2), torch.tensor(transition), torch.tensor(probs))


def entropy(*p):
    return -sum(q * LOG(q) for q in p)


def test_three_terms_by_hand(once):
    """The batch's mean is (0.3, 0.7), the shares are uniform."""
    method = Joint(alpha=2.0, beta=3.0, shares="uniform")
    labels = (LOG(2) + LOG(10)) / 2
    collapse = 0.5 * LOG(0.5 / 0.3) + 0.5 * LOG(0.5 / 0.7)
    unsure = (LOG(2) + entropy(0.1, 0.9)) / 2
    done = once(method, [HALF, TENTH], [0, 0])
    assert done.loss == pytest.approx(labels + 2 * collapse + 3 * unsure)


def test_soft_labels_are_means_of_the_last_predictions(once):
    method = Joint(alpha=0.0, beta=0.0, start=0.5, window=2, shares="uniform")
    done = None
    for epoch, z in enumerate([[0.0, LOG(99.0)], HALF, TENTH]):  # p of class 0: 0.01, 0.5, 0.1
        done = once(method, [z], [0], epoch=epoch, epochs=6, run=done and done.run)
        method.epoch_end(done.nets, done.run)
        assert done.loss == pytest.approx(-LOG([0.01, 0.5, 0.1][epoch]), rel=1e-3), (
            "given labels until epoch 3"
        )
    assert done.column("soft")[0].tolist() == pytest.approx([0.3, 0.7], abs=1e-3)
    done = once(method, [HALF], [0], epoch=3, epochs=6, run=done.run)
    assert done.loss == pytest.approx(LOG(2) - entropy(0.3, 0.7), abs=1e-3)  # KL((0.3, 0.7) | (0.5, 0.5))
    assert done.column("trust").item() == pytest.approx((0.1 + 0.5) / 2, abs=1e-3)
    torch.testing.assert_close(done.grad, torch.tensor([[0.5 - 0.3, 0.5 - 0.7]]), atol=1e-3, rtol=0)


def test_soft_labels_begin_where_start_says(train):
    run = train(Joint(start=0.35), epochs=9)  # from epoch ceil(3.15) = 4 on
    batch = run.data.samples.batch(torch.arange(5), torch.device("cpu"))
    soft = []
    for epoch in range(9):
        one_epoch(run, epoch)
        soft.append(bool((run.method.labels(batch, run.run) > 0).all()))
    assert soft == [False] * 4 + [True] * 5


def test_labels_never_seen_stay_as_given(train):
    rows = torch.arange(0, 60, 2)
    run = train(Joint(start=0.0), rows=rows, epochs=2)
    list(fit(run))
    soft = run.run.ledger.history("soft")[:, 0]
    assert soft[1::2].isnan().all()
    torch.testing.assert_close(soft[rows].sum(1), torch.ones(30))
    batch = run.data.samples.batch(torch.tensor([1, 2]), torch.device("cpu"))
    labels = run.method.labels(batch, run.run)
    assert labels[0].tolist() == [0.0, 1.0, 0.0]
    assert labels[1].max() < 1


def test_the_mean_skips_epochs_that_were_not_seen():
    nan = math.nan
    seen = torch.tensor([[[0.2, 0.8], [nan, nan], [0.4, 0.6]], [[nan, nan]] * 3])
    mean = mean_of_seen(seen)
    assert mean[0].tolist() == pytest.approx([0.3, 0.7])
    assert mean[1].isnan().all()


def test_true_shares_by_hand():
    """True (0.8, 0.2) under T = (0.9, 0.1), (0.3, 0.7) is given (0.78, 0.22)."""
    noisy = prior([[0.9, 0.1], [0.3, 0.7]], [[0.56, 0.44], [1.0, 0.0]])
    assert true_shares(noisy).tolist() == pytest.approx([0.8, 0.2])


def test_true_shares_solve_the_equation():
    generator = torch.Generator().manual_seed(0)
    transition = 0.6 * torch.eye(5) + 0.4 * torch.rand(5, 5, generator=generator).softmax(1)
    true = torch.tensor([0.5, 0.2, 0.15, 0.1, 0.05])
    found = true_shares(prior(transition.tolist(), [(transition.T @ true).tolist()]))
    torch.testing.assert_close(found, true, atol=1e-5, rtol=0)


def test_no_class_vanishes_from_the_shares():
    """T alone makes 0.1 of nothing of class 1, of which 0.05 is given: its share 0 is held at a tenth of that."""
    shares = true_shares(prior([[0.9, 0.1], [0.4, 0.6]], [[0.95, 0.05]]))
    assert shares.tolist() == pytest.approx([1 / 1.005, 0.005 / 1.005])


def test_a_matrix_that_tells_nothing_leaves_shares():
    shares = true_shares(prior([[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5]]))
    assert shares.tolist() == pytest.approx([0.5, 0.5])


def test_estimated_shares_are_what_predictions_are_held_to(once):
    known = prior([[1.0, 0.0], [0.0, 1.0]], [[0.3, 0.7]])
    done = once(Joint(alpha=5.0, beta=0.0), [HALF, TENTH], [0, 0], prior=known)
    assert done.loss == pytest.approx((LOG(2) + LOG(10)) / 2, rel=1e-5), "their mean is (0.3, 0.7): no push"


def test_classes_are_weighed(once):
    done = once(Joint(alpha=0.0, beta=0.0, shares="uniform"), [HALF, TENTH], [0, 1], weights=(3.0, 1.0))
    assert done.loss == pytest.approx(-(3 * LOG(0.5) + LOG(0.9)) / 4)


def test_without_its_terms_it_is_cross_entropy(same_training):
    same_training(CE(), Joint(alpha=0.0, beta=0.0, start=1.0))


def test_extreme_logits(once):
    method, z = Joint(start=0.0, shares="uniform"), [[100.0, -100.0], [100.0, -100.0]]
    done = None
    for epoch in range(3):
        done = once(method, z, [0, 1], epoch=epoch, run=done and done.run)
        method.epoch_end(done.nets, done.run)
        assert math.isfinite(done.loss)
        assert done.grad.isfinite().all()
    assert done.column("trust").tolist() == [1.0, 0.0]


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(Joint())


def test_soft_labels_mend_wrong_ones(flipped):
    run, wrong = flipped(Joint(), epochs=20)
    true = torch.arange(60) % 3
    found = run.run.ledger.history("soft")[:, 0].argmax(1) == true
    assert found[torch.from_numpy(wrong)].float().mean() > 0.8


def test_what_is_wrong_is_told(once):
    with pytest.raises(InputError, match="alpha is 0 or more, got -1; window is 1 or more, got 0"):
        Joint(alpha=-1, window=0)
    with pytest.raises(InputError, match="start is a share"):
        Joint(start=70)
    with pytest.raises(ValueError, match=r"set shares=uniform, or run\.prior"):
        once(Joint(), [HALF], [0])
