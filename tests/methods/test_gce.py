"""GCE: its two ends, sums by hand, and how it weighs a label."""

from __future__ import annotations

import math

import pytest
import torch

from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.gce import GCE

HALF_AND_TENTH = [[0.0, 0.0], [0.0, math.log(9.0)]]  # p of class 0: 1/2, 1/10


def test_by_hand(once):
    done = once(GCE(q=0.5), HALF_AND_TENTH, [0, 0])
    losses = [2 * (1 - math.sqrt(0.5)), 2 * (1 - math.sqrt(0.1))]
    assert done.loss == pytest.approx(sum(losses) / 2)
    torch.testing.assert_close(done.column("trust"), torch.tensor([0.5, 0.1]).sqrt())


def test_the_gradient_is_that_of_cross_entropy_times_trust(once):
    z, y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).tolist(), [0, 1, 2, 3, 0, 1]
    ce, gce = once(CE(), z, y), once(GCE(), z, y)
    torch.testing.assert_close(gce.grad, ce.grad * gce.column("trust")[:, None])


def test_q_1_is_the_absolute_error(once):
    assert once(GCE(q=1.0), HALF_AND_TENTH, [0, 0]).loss == pytest.approx((0.5 + 0.9) / 2)


def test_q_0_is_cross_entropy_and_small_q_nearly(once, same_training):
    ce, tiny = once(CE(), HALF_AND_TENTH, [0, 0]), once(GCE(q=1e-6), HALF_AND_TENTH, [0, 0])
    assert tiny.loss == pytest.approx(ce.loss, rel=1e-5)
    same_training(CE(), GCE(q=0.0))


def test_classes_are_weighed(once):
    done = once(GCE(q=1.0), HALF_AND_TENTH, [0, 1], weights=(3.0, 1.0))
    assert done.loss == pytest.approx((3 * 0.5 + 0.1) / 4)


def test_extreme_logits(once):
    done = once(GCE(), [[100.0, -100.0], [-100.0, 100.0]], [0, 0])
    assert done.loss == pytest.approx((0 + 1 / 0.7) / 2)
    assert done.grad.isfinite().all()
    assert done.column("trust").tolist() == pytest.approx([1, 0])


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(GCE())


@pytest.mark.parametrize("q", [-0.1, 1.1, math.nan])
def test_q_out_of_range(q):
    with pytest.raises(InputError, match="q is between 0"):
        GCE(q=q)
