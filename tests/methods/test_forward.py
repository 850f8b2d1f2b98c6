"""Forward correction: sums by hand, T = I, and each way to a transition matrix."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from overread.engine.method import Prior
from overread.errors import InputError
from overread.methods.ce import CE
from overread.methods.forward import Forward

HALF_AND_TENTH = [[0.0, 0.0], [0.0, math.log(9.0)]]  # p of class 0: 1/2, 1/10


def prior(transition, probs=((0.5, 0.5),)):
    by_class = torch.zeros(len(transition))
    return Prior(0.2, 0.1, 0.3, by_class, torch.tensor(transition), torch.tensor(probs))


def test_by_hand(once):
    """T = (0.8, 0.2), (0.4, 0.6): P(given 0) = 0.5 0.8 + 0.5 0.4 = 0.6, and 0.1 0.8 + 0.9 0.4 = 0.44."""
    done = once(Forward(), HALF_AND_TENTH, [0, 0], prior=prior([[0.8, 0.2], [0.4, 0.6]]))
    assert done.loss == pytest.approx(-(math.log(0.6) + math.log(0.44)) / 2)
    assert done.column("trust").tolist() == pytest.approx([0.4 / 0.6, 0.08 / 0.44])


def test_against_matrix_product_and_autograd(once):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(8, 3, generator=generator)
    transition, y = torch.rand(3, 3, generator=generator).softmax(1), torch.arange(8) % 3
    done = once(Forward(), z.tolist(), y.tolist(), prior=prior(transition.tolist()))
    free = z.clone().requires_grad_()
    loss = F.nll_loss((free.softmax(1) @ transition).log(), y)
    loss.backward()
    assert done.loss == pytest.approx(loss.item(), rel=1e-5)
    torch.testing.assert_close(done.grad, free.grad, rtol=1e-4, atol=1e-6)


def test_no_noise_is_cross_entropy(same_training, once):
    same_training(CE(), Forward(rate=0.0))
    z, y = torch.randn(6, 4, generator=torch.Generator().manual_seed(0)).tolist(), [0, 1, 2, 3, 0, 1]
    ce, corrected = once(CE(), z, y), once(Forward(), z, y, prior=prior(torch.eye(4).tolist()))
    assert corrected.loss == ce.loss
    torch.testing.assert_close(corrected.grad, ce.grad)


def test_a_rate_is_symmetric_noise_whatever_the_prior_says(once):
    z, wrong = [[0.2, -0.1, 1.0]], prior(torch.eye(3).tolist())
    done = once(Forward(rate=0.4), z, [2], prior=wrong)
    p = torch.tensor(z).softmax(1)[0]
    assert done.loss == pytest.approx(-math.log(0.6 * p[2] + 0.2 * (p[0] + p[1])))


def test_a_matrix_from_a_file_finds_its_classes_by_name(once, tmp_path):
    path = tmp_path / "T.csv"
    path.write_text("true,b,a\na,0.2,0.8\nb,0.6,0.4\n")
    done = once(Forward(matrix=path), HALF_AND_TENTH, [0, 0])
    assert done.loss == pytest.approx(-(math.log(0.6) + math.log(0.44)) / 2)


def test_anchors_are_the_surest_samples(once):
    probs = [[0.6, 0.4], [0.8, 0.2], [0.4, 0.6], [0.5, 0.5]]
    done = once(Forward(anchors=True), HALF_AND_TENTH, [0, 0], prior=prior([[1.0, 0.0], [0.0, 1.0]], probs))
    assert done.loss == pytest.approx(-(math.log(0.6) + math.log(0.44)) / 2)


def test_classes_are_weighed(once):
    done = once(Forward(rate=0.0), HALF_AND_TENTH, [0, 1], weights=(3.0, 1.0))
    assert done.loss == pytest.approx(-(3 * math.log(0.5) + math.log(0.9)) / 4)


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_extreme_logits(once, rate):
    done = once(Forward(rate=rate), [[100.0, -100.0], [-100.0, 100.0]], [0, 0])
    assert math.isfinite(done.loss)
    assert done.grad.isfinite().all()
    assert done.column("trust").isfinite().all()


def test_a_label_that_cannot_be_is_finite(once):
    done = once(Forward(), HALF_AND_TENTH, [0, 0], prior=prior([[0.0, 1.0], [0.0, 1.0]]))
    assert math.isfinite(done.loss)
    assert done.grad.isfinite().all()


def test_wrong_labels_are_trusted_less(distrusts_wrong_labels):
    distrusts_wrong_labels(Forward())


def test_what_is_wrong_is_told(once, tmp_path, train):
    with pytest.raises(InputError, match="rate and matrix each give a transition matrix"):
        Forward(rate=0.0, matrix=tmp_path / "T.csv")
    with pytest.raises(InputError, match="rate is a share between 0 and 1"):
        Forward(rate=20)
    with pytest.raises(ValueError, match=r"needs a transition matrix: set rate or matrix, or run\.prior"):
        once(Forward(), HALF_AND_TENTH, [0, 0])
    path = tmp_path / "T.csv"
    path.write_text("true,blue,green,red\nblue,1,0,0\ngreen,0.5,0.4,0\nred,0,0,1\n")
    with pytest.raises(InputError, match=r"row 'green' sums to 0\.9"):
        train(Forward(matrix=path))
