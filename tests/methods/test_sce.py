"""SCE: sums by hand, and how it weighs a label."""

from __future__ import annotations

import math

import pytest
import torch

from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.sce import SCE

HALF_AND_TENTH = [[0.0, 0.0], [0.0, math.log(9.0)]]  # p of class 0: 1/2, 1/10


def test_by_hand(once):
    done = once(SCE(alpha=0.5, beta=2.0, A=-3.0), HALF_AND_TENTH, [0, 0])
    losses = [0.5 * math.log(2) + 2 * 3 * 0.5, 0.5 * math.log(10) + 2 * 3 * 0.9]
    assert done.loss == pytest.approx(sum(losses) / 2)
    assert done.column("trust").tolist() == pytest.approx([3.5 / 6.5, 1.1 / 6.5])


def test_the_reverse_part_is_the_sum_over_classes(once):
    """-sum_c p_c log e_c, written out with log 0 = -4."""
    z = torch.tensor([[0.3, -1.0, 2.0]])
    p, log_e = z.softmax(1), torch.tensor([[-4.0, 0.0, -4.0]])
    done = once(SCE(alpha=0.0, beta=1.0), z.tolist(), [1])
    assert done.loss == pytest.approx(-(p * log_e).sum().item())


def test_the_gradient_is_that_of_cross_entropy_times_trust(once):
    z, y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).tolist(), [0, 1, 2, 3, 0, 1]
    ce, sce = once(CE(), z, y), once(SCE(), z, y)
    torch.testing.assert_close(sce.grad, ce.grad * 4.1 * sce.column("trust")[:, None])


def test_alpha_1_beta_0_is_cross_entropy(same_training):
    same_training(CE(), SCE(alpha=1.0, beta=0.0))


def test_classes_are_weighed(once):
    done = once(SCE(alpha=0.0, beta=1.0), HALF_AND_TENTH, [0, 1], weights=(3.0, 1.0))
    assert done.loss == pytest.approx(4 * (3 * 0.5 + 0.1) / 4)


def test_extreme_logits(once):
    done = once(SCE(), [[100.0, -100.0], [-100.0, 100.0]], [0, 0])
    assert done.loss == pytest.approx((0.1 * 200 + 4) / 2)
    assert done.grad.isfinite().all()
    assert done.column("trust").tolist() == pytest.approx([1, 0.1 / 4.1])


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(SCE())


def test_all_problems_come_in_one_message():
    with pytest.raises(InputError, match=r"alpha is 0 or more, got -1; A is below 0 .*, got 4"):
        SCE(alpha=-1, A=4)
    with pytest.raises(InputError, match="both 0"):
        SCE(alpha=0, beta=0)
