from __future__ import annotations

import pytest

from overread.functional.schedules import ramp


def test_p4s_forget_rate():
    assert [ramp(epoch, 10, 0.5) for epoch in (0, 1, 5, 10, 11)] == pytest.approx([0, 0.05, 0.25, 0.5, 0.5])


def test_no_length_means_at_once():
    assert [ramp(epoch, 0, 0.3) for epoch in (0, 7)] == [0.3, 0.3]


def test_a_length_may_be_broken():
    assert ramp(1, 2.5, 1.0) == pytest.approx(0.4)
