"""The noise layer: sums by hand, what it learns, and when it stands aside."""

from __future__ import annotations

import math

import pytest
import torch

from overread.engine.loop import fit, sweep
from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.noise_adaptation import NoiseAdaptation, NoiseLayer

HALF_AND_TENTH = [[0.0, 0.0], [0.0, math.log(9.0)]]  # p of class 0: 1/2, 1/10


def learned_transition(run):
    start = run.method.start(run.run).clamp(min=1e-30).log()
    return run.nets[1](start, torch.arange(3)).T.exp().detach()  # [true, given]


def test_by_hand(once):
    """Noise 0.2: P(given 0) = 0.5 0.8 + 0.5 0.2 = 0.5, and 0.1 0.8 + 0.9 0.2 = 0.26."""
    done = once(NoiseAdaptation(initial_noise=0.2, warmup=0.0), HALF_AND_TENTH, [0, 0])
    assert done.loss == pytest.approx(-(math.log(0.5) + math.log(0.26)) / 2)
    assert done.column("trust").tolist() == pytest.approx([0.4 / 0.5, 0.08 / 0.26])


def test_both_learn_the_gradient_of_the_product(once):
    """Against softmax(b) of the paper's own weights and a matrix product."""
    z, y = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.arange(8) % 3
    done = once(NoiseAdaptation(initial_noise=0.3, warmup=0.0), z.tolist(), y.tolist())
    free, b = z.clone().requires_grad_(), (torch.eye(3) * 0.55 + 0.15).log().requires_grad_()
    loss = -(free.softmax(1) @ b.softmax(1))[torch.arange(8), y].log().mean()
    loss.backward()
    assert done.loss == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(done.grad, free.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(done.nets[1].b.grad, b.grad, rtol=1e-4, atol=1e-6)


def test_rows_of_the_layer_sum_to_one():
    layer = NoiseLayer(3)
    torch.nn.init.normal_(layer.b)
    rows = layer(torch.full((3, 3), 1 / 3).log(), torch.arange(3)).T.exp()
    torch.testing.assert_close(rows.sum(1), torch.ones(3))


def test_it_starts_at_what_is_known(train):
    run = train(NoiseAdaptation())
    torch.testing.assert_close(learned_transition(run), run.run.prior.transition)


def test_warm_up_is_cross_entropy_with_both_networks_in_the_graph(once):
    method = NoiseAdaptation(initial_noise=0.2, warmup=0.5)
    ce = once(CE(), HALF_AND_TENTH, [0, 0])
    warm = once(method, HALF_AND_TENTH, [0, 0], epoch=1, epochs=4)
    assert warm.loss == pytest.approx(ce.loss)
    torch.testing.assert_close(warm.grad, ce.grad)
    assert warm.nets[1].b.grad.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert once(method, HALF_AND_TENTH, [0, 0], epoch=2, epochs=4).loss != pytest.approx(ce.loss)


def test_no_noise_and_endless_warm_up_are_cross_entropy(same_training):
    same_training(CE(), NoiseAdaptation(initial_noise=0.0, warmup=0.0))
    same_training(CE(), NoiseAdaptation(warmup=1.0))


def test_it_learns_where_the_labels_come_from(flipped):
    """Every fifth label became the next class; it starts from noise that is alike in all directions."""
    run, _ = flipped(NoiseAdaptation(initial_noise=0.2), epochs=30)
    found = learned_transition(run)
    to_next, to_last = found[[0, 1, 2], [1, 2, 0]], found[[0, 1, 2], [2, 0, 1]]
    assert to_next.mean() > to_last.mean() + 0.05, found


def test_predictions_are_the_classifiers_own(train):
    run = train(NoiseAdaptation(), epochs=2)
    list(fit(run))
    rows = torch.arange(10)
    x = run.data.samples.batch(rows, torch.device("cpu")).x
    run.nets[0].eval()
    torch.testing.assert_close(sweep(run, rows)[0], run.nets[0](x)[0].softmax(1).detach())


def test_classes_are_weighed(once):
    method = NoiseAdaptation(initial_noise=0.0, warmup=0.0)
    done = once(method, HALF_AND_TENTH, [0, 1], weights=(3.0, 1.0))
    assert done.loss == pytest.approx(-(3 * math.log(0.5) + math.log(0.9)) / 4)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_extreme_logits(once, noise, warmup):
    method = NoiseAdaptation(initial_noise=noise, warmup=warmup)
    done = once(method, [[100.0, -100.0], [-100.0, 100.0]], [0, 0])
    assert math.isfinite(done.loss)
    assert done.grad.isfinite().all()
    assert done.nets[1].b.grad.isfinite().all()
    assert done.column("trust").isfinite().all()


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(NoiseAdaptation())


def test_what_is_wrong_is_told(once):
    with pytest.raises(InputError, match="initial_noise is a share"):
        NoiseAdaptation(initial_noise=1.5)
    with pytest.raises(InputError, match="warmup is a share"):
        NoiseAdaptation(warmup=-1)
    with pytest.raises(ValueError, match=r"needs a place to start: set initial_noise, or run\.prior"):
        once(NoiseAdaptation(), HALF_AND_TENTH, [0, 0])
