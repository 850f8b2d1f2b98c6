"""Who is kept: small sums by hand, and the per-class quota against a plain loop."""

from __future__ import annotations

import math

import pytest
import torch

from overread.functional.selection import keep_count, smallest, smallest_per_class


def test_keep_count_by_hand():
    assert [keep_count(10, drop) for drop in (0.0, 0.04, 0.2, 0.96, 1.0)] == [10, 10, 8, 1, 1]
    assert keep_count(1, 0.9) == 1


def test_the_smallest_come_in_order():
    assert smallest(torch.tensor([5.0, 1.0, 4.0, 2.0]), 2).tolist() == [1, 3]


def test_a_tie_keeps_the_earlier_sample():
    assert smallest(torch.tensor([1.0, 0.0] * 50), 53).tolist() == [*range(1, 100, 2), 0, 2, 4]


def test_the_count_is_held_between_one_and_all():
    values = torch.tensor([2.0, 1.0, 3.0])
    assert smallest(values, 0).tolist() == [1]
    assert smallest(values, -4).tolist() == [1]
    assert smallest(values, 9).tolist() == [1, 0, 2]


def test_nan_comes_last():
    assert smallest(torch.tensor([math.nan, 3.0, math.inf]), 2).tolist() == [1, 2]


def test_a_quota_keeps_hard_classes():
    """Class 1 has the largest values throughout: one number for all would drop it whole."""
    values, labels = torch.tensor([3.0, 0.1, 9.0, 0.2, 0.3, 8.0]), torch.tensor([1, 0, 1, 0, 0, 1])
    assert set(smallest(values, 3).tolist()) == {1, 3, 4}
    assert smallest_per_class(values, labels, torch.tensor([1 / 3, 2 / 3])).tolist() == [1, 0, 5]


def test_half_a_sample_rounds_up():
    values, labels = torch.arange(10.0), torch.tensor([0] * 5 + [1] * 5)
    for share in (0.7, 0.5, 0.3, 0.1):  # 3.5, 2.5, 1.5, 0.5; 0.7 in float32 is a hair less
        kept = smallest_per_class(values, labels, torch.tensor([share, 0.49]))
        assert (kept < 5).sum() == math.floor(share * 5 + 0.5), share
        assert (kept >= 5).sum() == 2


def test_one_of_a_class_stays_unless_its_share_is_nothing():
    values, labels = torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([0, 0, 2, 2])
    assert smallest_per_class(values, labels, torch.tensor([0.01, 0.5, 0.0])).tolist() == [1]
    assert smallest_per_class(values, labels, torch.tensor([1.0, 0.5, 0.01])).tolist() == [3, 1, 0]


def test_a_batch_is_never_dropped_whole():
    values, labels = torch.tensor([4.0, 3.0]), torch.tensor([0, 0])
    assert smallest_per_class(values, labels, torch.zeros(2)).tolist() == [1]


def test_equal_values_keep_the_earlier_of_a_class():
    labels = torch.tensor([1, 0, 1, 0, 1, 0])
    kept = smallest_per_class(torch.ones(6), labels, torch.tensor([1 / 3, 2 / 3]))
    assert kept.tolist() == [0, 1, 2]


@pytest.mark.parametrize("seed", range(5))
def test_the_quota_equals_a_loop_over_the_classes(seed):
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 20, (97,), generator=generator).float()  # with ties
    labels = torch.randint(0, 6, (97,), generator=generator)
    labels[labels == 4] = 0  # a class that is not in the batch
    shares = torch.tensor([0.3, 0.02, 1.0, 0.0, 0.5, 0.77])
    expected = []
    for c, share in enumerate(shares.tolist()):
        rows = [i for i in range(97) if labels[i] == c]
        quota = max(1, math.floor(share * len(rows) + 0.5)) if share > 0 else 0
        expected += sorted(rows, key=lambda i: (values[i].item(), i))[:quota]
    expected.sort(key=lambda i: (values[i].item(), i))
    assert smallest_per_class(values, labels, shares).tolist() == expected


def test_with_one_class_the_quota_is_the_plain_selection():
    values = torch.rand(40, generator=torch.Generator().manual_seed(0))
    kept = smallest_per_class(values, torch.zeros(40, dtype=torch.int64), torch.tensor([0.6]))
    assert torch.equal(kept, smallest(values, keep_count(40, 0.4)))
