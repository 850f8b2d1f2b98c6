"""CE with label smoothing: sums by hand, an independent reference, and masks."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from overread.engine.segmentation import Segmentation
from overread.errors import InputError
from overread.methods.ce import CE, smoothed


def test_smoothing_by_hand(once):
    """p = (1/10, 9/10), given 0: 0.8 ln 10 + 0.2 (ln 10 + ln 10/9) / 2."""
    done = once(CE(smoothing=0.2), [[0.0, math.log(9.0)]], [0])
    assert done.loss == pytest.approx(0.9 * math.log(10) + 0.1 * math.log(10 / 9))


def test_smoothing_is_that_of_torch(once):
    z, y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)), [0, 1, 2, 3, 0, 1]
    expected = F.cross_entropy(z, torch.tensor(y), label_smoothing=0.1)
    assert once(CE(smoothing=0.1), z.tolist(), y).loss == pytest.approx(expected.item())


def test_what_is_remembered_is_the_plain_loss(once):
    z, y = [[0.0, 1.0], [2.0, 0.0]], [0, 0]
    plain, smooth = once(CE(), z, y), once(CE(smoothing=0.3), z, y)
    assert smooth.column("loss").tolist() == plain.column("loss").tolist()
    assert smooth.loss != plain.loss


@pytest.mark.parametrize(("exclusive", "kinds"), [(False, 2), (True, 3)])
def test_pixels_of_masks_are_smoothed_over_what_they_can_be(exclusive, kinds):
    """At z = 0 every share of a label costs the same: the loss stays as it was; away from it the two differ."""
    task = Segmentation(("a", "b"), exclusive=exclusive)
    y = torch.zeros(1, 2, 2, 2)
    y[0, 0] = 1.0
    flat = torch.zeros(1, task.outputs, 2, 2)
    assert smoothed(flat, y, task, 0.3).item() == pytest.approx(task.losses(flat, y).item())
    z = torch.randn(1, task.outputs, 2, 2, generator=torch.Generator().manual_seed(1))
    by_hand = task.losses(z, 0.7 * y + 0.3 / kinds)
    assert smoothed(z, y, task, 0.3).item() == pytest.approx(by_hand.item())


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_refuses_what_is_no_share(share):
    with pytest.raises(InputError, match=r"smoothing is a share from 0 to below 1"):
        CE(smoothing=share)


def test_no_smoothing_is_balanced_cross_entropy():
    task = SimpleNamespace(balanced=lambda z, y: z + y)
    assert smoothed(torch.ones(1), torch.ones(1), task, 0.0).tolist() == [2.0]
