"""Methods for masks: by hand on three numbers, and as what they are when a switch is at zero."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from overread.engine.ledger import Ledger
from overread.engine.loop import fit
from overread.engine.method import Batch, Run
from overread.engine.segmentation import Segmentation
from overread.errors import InputError
from overread.methods.cascade import SS, SSJO, selected, sharpened
from overread.methods.ce import CE
from overread.methods.co_teaching import CoTeaching
from overread.methods.ousm import OUSM
from overread.methods.qam import QAM, QAMOCM

SMALL = torch.tensor(
    [[3.0, -2.0], [0.5, 1.0], [-1.0, -1.0]]
)  # logits of three images of one pixel, 2 structures


class Fixed(torch.nn.Module):
    """A network that says what it was told, whatever it sees: logits [B, K, 1, 1], or a judge's scores [B]."""

    def __init__(self, values):
        super().__init__()
        self.z = torch.nn.Parameter(torch.as_tensor(values).float().clone())

    def forward(self, x, y=None):
        return (self.z[:, :, None, None], torch.empty(len(self.z), 0)) if y is None else self.z


def once(method, nets, y=None, epoch=9, epochs=10, criterion="ce"):
    """One loss on a batch of masks [B, K, 1, 1], all drawn unless told: its value, and the run."""
    count = len(nets[0].z)
    task = Segmentation(("disk", "bar"), criterion=criterion)
    y = torch.ones(count, 2, 1, 1, dtype=torch.uint8) if y is None else y
    run = Run(task, Ledger(count, epochs, method.columns(task)), epochs)
    run.epoch = run.ledger.epoch = epoch
    loss = method.loss(nets, Batch(torch.arange(count), torch.zeros(count, 3, 1, 1), y), run)
    loss.backward()

    def column(name):
        return run.ledger.get(name, torch.arange(count))

    return SimpleNamespace(loss=loss.item(), run=run, column=column)


def losses(z):
    """[B] the mean over structures of -log sigmoid."""
    return torch.nn.functional.softplus(-z).mean(1)


def test_ousm_leaves_out_the_image_of_highest_loss():
    found = once(OUSM(drop=1 / 3), [net := Fixed(SMALL)])
    expected = losses(SMALL)  # 1.09, 0.39, 1.31
    assert found.loss == pytest.approx(expected[:2].mean().item())
    assert found.column("kept").tolist() == [1.0, 1.0, 0.0]
    assert net.z.grad[2].abs().max() == 0


def test_co_teaching_learns_the_images_that_the_other_picks():
    one, two = SMALL, SMALL.flip(0)
    nets = Fixed(one), Fixed(two)
    found = once(CoTeaching(drop=1 / 3), nets)
    l1, l2 = losses(one), losses(two)
    p1, p2 = l1.argsort()[:2], l2.argsort()[:2]
    assert found.loss == pytest.approx((l1[p2].mean() + l2[p1].mean()).item())
    assert nets[0].z.grad.abs().sum(1).bool().tolist() == [row in p2 for row in range(3)]


@pytest.mark.parametrize(("method", "squashed"), [(QAM, False), (QAMOCM, True)])
def test_the_judge_weighs_a_batch_as_the_paper_says(method, squashed):
    scores = torch.tensor([2.0, 0.0, -1.0])
    net, judge = Fixed(SMALL), Fixed(scores)
    found = once(method(scope="batch", warmup=0.0), [net, judge])
    t = 2.0 * scores.tanh() if squashed else scores
    weight = t.softmax(0)
    assert found.loss == pytest.approx((weight * losses(SMALL)).sum().item(), rel=1e-6)
    torch.testing.assert_close(found.column("weight"), 3 * weight)
    torch.testing.assert_close(found.column("quality"), t)
    z, s = SMALL.clone().requires_grad_(), scores.clone().requires_grad_()
    w = (2.0 * s.tanh() if squashed else s).softmax(0)
    (w * losses(z)).sum().backward()  # the paper's loss, by autograd
    torch.testing.assert_close(net.z.grad, z.grad)
    torch.testing.assert_close(judge.z.grad, s.grad)


def test_the_judge_sees_cross_entropy_whatever_the_segmenter_descends_on():
    scores = torch.tensor([0.3, -0.2, 0.1])
    both = [
        once(QAM(), [Fixed(SMALL), judge := Fixed(scores)], criterion=name) and judge
        for name in ("ce", "dice-ce")
    ]
    torch.testing.assert_close(both[0].z.grad, both[1].z.grad)
    w = scores.softmax(0)  # the gradient of sum w l with the losses l held fixed, by hand
    torch.testing.assert_close(both[0].z.grad, w * (losses(SMALL) - (w * losses(SMALL)).sum()))


def test_no_image_weighs_more_than_e_to_2_lambda_times_another():
    judge = Fixed([1000.0, -1000.0, 0.0])
    weight = once(QAMOCM(scope="batch", warmup=0.0), [Fixed(SMALL), judge]).column("weight")
    assert (weight.max() / weight.min()).item() == pytest.approx(54.598, rel=1e-4)


def test_in_the_warm_up_all_images_weigh_the_same():
    net = Fixed(SMALL)
    found = once(QAMOCM(warmup=0.5), [net, Fixed([9.0, 0.0, -9.0])], epoch=1)
    assert found.loss == pytest.approx(losses(SMALL).mean().item())
    assert found.column("weight").tolist() == pytest.approx([1.0] * 3)


def test_the_cascade_drops_the_disputed_and_keeps_the_easy():
    table = torch.tensor([[1.0, 1, 1, 1], [0.1, 0.2, 5.0, 0.3], [0.2, 0.1, 0.1, 0.4]])
    picks = selected(table, uncertain=0.25, keep=0.5)
    assert sorted(picks[0].tolist()) == [0, 1]  # image 2 is disputed by B and C, 3 is harder than 0 and 1
    nets = [Fixed(SMALL) for _ in range(3)]
    found = once(SS(uncertain=0.0, keep=2 / 3, warmup=0.0), nets)
    easy = losses(SMALL).argsort()[:2]
    assert found.loss == pytest.approx(3 * losses(SMALL)[easy].mean().item())
    assert found.column("disagreement").tolist() == [0.0, 0.0, 0.0]


def test_joint_optimisation_by_hand():
    a, b, c = SMALL, SMALL + 1.0, SMALL - 0.5
    nets = [Fixed(z) for z in (a, b, c)]
    found = once(SSJO(start=0.0, given_weight=0.3, corrected_weight=0.7), nets)
    expected = 0.0
    for own, one, other in ((a, b, c), (b, a, c), (c, a, b)):
        q = (one.sigmoid() + other.sigmoid()) / 2
        target = q**2 / (q**2 + (1 - q) ** 2)
        corrected = torch.nn.functional.binary_cross_entropy_with_logits(own, target, reduction="none").mean(
            1
        )
        expected += (0.3 * losses(own) + 0.7 * corrected).mean().item()
    assert found.loss == pytest.approx(expected, rel=1e-5)


def test_sharpening_at_temperature_one_changes_nothing():
    q = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) / 3
    for exclusive in (False, True):
        torch.testing.assert_close(sharpened(q, 1.0, exclusive), q)
    sharp = sharpened(q, 0.5, exclusive=True)
    whole = torch.cat([q, 1 - q.sum(1, keepdim=True)], 1) ** 2
    torch.testing.assert_close(sharp, (whole / whole.sum(1, keepdim=True))[:, :-1])
    assert (sharpened(q, 0.5, exclusive=False) <= q + 1e-6).all()  # what is below one half falls


def trained(make, method, **recipe):
    run = make(method, epochs=3, **recipe)
    list(fit(run))
    return run


def assert_same_network(one, two):
    for (name, a), (_, b) in zip(one.state_dict().items(), two.state_dict().items(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("exclusive", [False, True])
def test_qam_ocm_with_lambda_zero_is_the_plain_network(train_masks, exclusive):
    plain = trained(train_masks, CE(), exclusive=exclusive)
    weighed = trained(train_masks, QAMOCM(lam=0.0), exclusive=exclusive)
    assert_same_network(plain.nets[0], weighed.nets[0])
    torch.testing.assert_close(weighed.run.ledger.history("weight"), torch.ones(32, 3))


@pytest.mark.parametrize(
    "method",
    [
        SS(uncertain=0.0, keep=1.0),
        SSJO(start=0.0, given_weight=1.0, corrected_weight=0.0, uncertain=0.0, keep=1.0),
    ],
)
def test_a_cascade_that_drops_nothing_is_three_plain_networks(train_masks, method):
    plain, three = trained(train_masks, CE()), trained(train_masks, method)
    assert_same_network(plain.nets[0], three.nets[0])  # made from the same seed
    first, second, third = ([value.clone() for value in net.state_dict().values()] for net in three.nets)
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(second, third, strict=True))


@pytest.mark.parametrize("method", [OUSM(drop=0.0), OUSM(drop=0.0, rank="run")])
def test_ousm_that_drops_nothing_is_the_plain_network(train_masks, method):
    assert_same_network(trained(train_masks, CE()).nets[0], trained(train_masks, method).nets[0])


def test_what_no_batch_could_be_is_refused():
    for wrong, says in (
        (lambda: SS(uncertain=0.6, keep=0.5), "shares of a batch that fit into it"),
        (lambda: SSJO(temperature=0.0), "temperature above 0"),
        (lambda: QAMOCM(lam=-1.0), "lam is 0 or more"),
    ):
        with pytest.raises(InputError, match=says):
            wrong()
