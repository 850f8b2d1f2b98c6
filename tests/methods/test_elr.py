"""ELR: two steps by hand, and what the targets remember."""

from __future__ import annotations

import math

import pytest
import torch

from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.elr import ELR

HALF, TENTH = [0.0, 0.0], [0.0, math.log(9.0)]  # p = (1/2, 1/2), (1/10, 9/10)


def test_two_steps_by_hand(once):
    method = ELR(beta=0.75, lam=2.0)
    first = once(method, [TENTH], [0])
    assert first.column("targets")[0].tolist() == pytest.approx([0.25 * 0.1, 0.25 * 0.9])
    assert first.loss == pytest.approx(-math.log(0.1) + 2 * math.log(1 - 0.25 * (0.01 + 0.81)))
    second = once(method, [HALF], [0], epoch=1, run=first.run)
    t = [0.75 * 0.025 + 0.25 * 0.5, 0.75 * 0.225 + 0.25 * 0.5]
    assert second.column("targets")[0].tolist() == pytest.approx(t)
    assert second.loss == pytest.approx(math.log(2) + 2 * math.log(1 - 0.5 * sum(t)))
    assert second.column("trust").item() == pytest.approx(t[0] / sum(t))


def test_targets_take_no_gradient(once):
    """d/dz of log(1 - <p, t>) with t constant is -p (t - <p, t>) / (1 - <p, t>), as the paper's lemma has it."""
    method, z = ELR(beta=0.5, lam=1.0), [[0.5, -1.0, 0.2]]
    done, ce = once(method, z, [1]), once(CE(), z, [1])
    p = torch.tensor(z).softmax(1)
    t = 0.5 * p
    inner = (p * t).sum()
    torch.testing.assert_close(done.grad - ce.grad, -p * (t - inner) / (1 - inner))


def test_classes_are_weighed(once):
    method = ELR(beta=0.0, lam=1.0)
    alone = [once(method, [HALF], [0]).loss, once(method, [TENTH], [1]).loss]
    both = once(method, [HALF, TENTH], [0, 1], weights=(3.0, 1.0)).loss
    assert both == pytest.approx((3 * alone[0] + alone[1]) / 4)


def test_lambda_0_is_cross_entropy(same_training):
    same_training(CE(), ELR(lam=0.0))


def test_extreme_logits(once):
    done = once(ELR(beta=0.0), [[100.0, -100.0], [-100.0, 100.0]], [0, 0])
    for epoch in range(1, 3):
        done = once(ELR(beta=0.0), [[100.0, -100.0], [-100.0, 100.0]], [0, 0], epoch=epoch, run=done.run)
    assert math.isfinite(done.loss)
    assert done.grad.isfinite().all()
    assert done.column("trust").tolist() == pytest.approx([1, 0], abs=2e-4)


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(ELR())


def test_all_problems_come_in_one_message():
    with pytest.raises(InputError, match=r"beta is 0 or more and below 1, got 1; lam is 0 or more, got -1"):
        ELR(beta=1, lam=-1)
