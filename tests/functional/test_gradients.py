"""Closed forms against autograd through a real layer, and VOG against a plain loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from overread.functional.gradients import feature_gradient, param_gradient, vog

B, C, D = 11, 5, 7


@pytest.fixture
def head():
    """A layer, features and labels: [B, D] -> [B, C]; one sample is sure and right, one sure and wrong."""
    torch.manual_seed(0)
    layer, f = nn.Linear(D, C), torch.randn(B, D)
    y = torch.randint(0, C, (B,))
    with torch.no_grad():
        f[:2] = 40 * layer.weight[:2]
    y[:2] = torch.tensor([0, 2])
    return layer, f, y


def test_the_feature_gradient_equals_autograd_sample_by_sample(head):
    layer, f, y = head
    expected = []
    for i in range(B):
        one = f[i : i + 1].clone().requires_grad_()
        loss = nn.functional.cross_entropy(layer(one), y[i : i + 1])
        expected.append(torch.autograd.grad(loss, one)[0][0])
    ours = feature_gradient(layer(f).softmax(1), y, layer.weight)
    torch.testing.assert_close(ours, torch.stack(expected), atol=1e-5, rtol=0)
    assert ours.abs().max() > 0.1


def test_the_parameter_gradient_equals_autograd_sample_by_sample(head):
    layer, f, y = head
    expected = []
    for i in range(B):
        loss = nn.functional.cross_entropy(layer(f[i : i + 1]), y[i : i + 1])
        weight, bias = torch.autograd.grad(loss, [layer.weight, layer.bias])
        expected.append(torch.cat([bias[y[i], None], weight[y[i]]]))
    ours = param_gradient(layer(f).softmax(1), y, f)
    torch.testing.assert_close(ours, torch.stack(expected), atol=1e-5, rtol=0)
    assert ours.abs().max() > 0.1


def test_gradients_are_cut_off_and_leave_their_inputs_alone(head):
    layer, f, y = head
    p = layer(f).softmax(1)
    before = p.detach().clone()
    assert not feature_gradient(p, y, layer.weight).requires_grad
    assert not param_gradient(p, y, f.requires_grad_()).requires_grad
    assert torch.equal(p, before)


def test_gradients_of_reduced_precision_are_float32(head):
    layer, f, y = head
    p = layer(f).softmax(1).detach()
    assert feature_gradient(p.bfloat16(), y, layer.weight.bfloat16()).dtype == torch.float32
    assert param_gradient(p.bfloat16(), y, f.bfloat16()).dtype == torch.float32


def vog_by_hand(history):
    """Sample by sample, leaving out epochs with a NaN."""
    scores = []
    for sample in history.astype(np.float64):
        seen = np.array([epoch for epoch in sample if not np.isnan(epoch).any()])
        scores.append(seen.std(0).mean() if len(seen) >= 2 else math.nan)
    return np.array(scores)


@pytest.mark.parametrize(("dtype", "chunk"), [(torch.float32, 4096), (torch.float32, 7), (torch.float16, 16)])
def test_vog_equals_a_loop(dtype, chunk):
    history = torch.randn(40, 5, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    history[3] = math.nan  # never recorded
    history[4, 1:] = math.nan  # one epoch
    history[5, 2:] = math.nan  # two
    history[6, 0] = math.nan
    history[7, 2, 3] = math.nan  # one value is enough for an epoch not to count
    ours = vog(history, chunk)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours, vog_by_hand(history.numpy()), atol=1e-5)
    assert ours.isnan().nonzero().flatten().tolist() == [3, 4]


def test_vog_of_two_epochs_by_hand():
    """Deviations of (1, 3) and (0, 0) are 1 and 0: their mean is a half. Divided by T - 1 it would be 0.71."""
    assert vog(torch.tensor([[[1.0, 0.0], [3.0, 0.0]]])).tolist() == [0.5]


def test_vog_of_what_never_changes_is_zero():
    assert vog(torch.full((3, 5, 4), 0.1, dtype=torch.float16)).tolist() == pytest.approx([0.0] * 3, abs=1e-7)


def test_vog_of_large_fp16_values_does_not_overflow():
    history = torch.tensor([[[60000.0], [-60000.0]]], dtype=torch.float16)
    assert vog(history).item() == pytest.approx(60000.0, rel=1e-3)


def test_vog_reads_a_memory_mapped_history(tmp_path):
    stored = np.lib.format.open_memmap(tmp_path / "s.npy", mode="w+", dtype=np.float16, shape=(9, 3, 2))
    stored[:] = np.random.default_rng(0).normal(size=stored.shape)
    np.testing.assert_allclose(vog(torch.from_numpy(stored), 4), vog_by_hand(stored), atol=1e-5)


def test_vog_of_nobody_is_nothing():
    assert vog(torch.empty(0, 5, 3)).shape == (0,)
