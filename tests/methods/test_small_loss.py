"""OUSM, OUSM + pLOF, co-teaching and co-teaching VOG: by hand, and as what they are when a switch is at zero."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from overread.engine.ledger import Ledger
from overread.engine.loop import fit
from overread.engine.method import Batch, Run
from overread.engine.samples import Samples
from overread.engine.task import Classification
from overread.errors import InputError
from overread.functional.gradients import feature_gradient, param_gradient, vog
from overread.functional.neighbours import unit
from overread.functional.outliers import class_outliers
from overread.functional.picking import Picking
from overread.methods.ce import CE
from overread.methods.co_teaching import CoTeaching
from overread.methods.co_teaching_vog import CoTeachingVOG
from overread.methods.ousm import OUSM
from overread.methods.ousm_plof import OUSMpLOF

CLASSES = ("blue", "green", "red")


def weights(run, net=0):
    return list(run.nets[net].state_dict().values())


def assert_same_weights(one, two, **tolerance):
    for net in range(len(one.nets)):
        for a, b in zip(weights(one, net), weights(two, net), strict=True):
            torch.testing.assert_close(a, b, **({"rtol": 0, "atol": 0} | tolerance))


class Fixed(torch.nn.Module):
    """A network that gives the logits it was told, whatever it sees."""

    def __init__(self, logits):
        super().__init__()
        self.z = torch.nn.Parameter(torch.tensor(logits))
        self.head = torch.nn.Linear(2, self.z.shape[1])

    def forward(self, x):
        return self.z, torch.ones(len(self.z), 2)


def run_of(method, y, epoch=9, epochs=10):
    """A run over len(y) samples in the given epoch, and its one batch."""
    task = Classification(("a", "b"), features=2)
    ledger = Ledger(len(y), epochs, method.columns(task))
    ledger.epoch = epoch
    batch = Batch(torch.arange(len(y)), torch.zeros(len(y), 1), torch.tensor(y))
    return batch, Run(task, ledger, epochs, epoch)


def test_ousm_leaves_the_highest_losses_out():
    method = OUSM(drop=0.5)
    net = Fixed([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]])
    batch, run = run_of(method, [0, 0, 0, 0])  # losses: .127, 2.127, .313, 1.313
    expected = (np.log1p(np.exp(-2)) + np.log1p(np.exp(-1))) / 2
    assert method.loss([net], batch, run).item() == pytest.approx(expected, abs=1e-6)
    assert run.ledger.get("kept", batch.ids).tolist() == [1, 0, 1, 0]


def test_the_dropped_share_rises_over_a_fifth_of_the_run():
    for epoch, kept in [(0, 4), (1, 3), (2, 2), (9, 2)]:
        method = OUSM(drop=0.5)
        batch, run = run_of(method, [0, 0, 0, 0], epoch)
        method.loss([Fixed([[2.0, 0.0], [0.0, 2.0], [1.0, 0.0], [0.0, 1.0]])], batch, run)
        assert run.ledger.get("kept", batch.ids).sum() == kept


def test_the_share_is_the_estimated_noise_rate_unless_given(train):
    run = train(OUSM()).run
    assert Picking().shares(run, 3).tolist() == pytest.approx([0.2])
    assert Picking(drop=0.3).shares(run, 3).tolist() == pytest.approx([0.3])
    assert Picking(quota=True).shares(run, 3).tolist() == pytest.approx([0.2, 0.2, 0.2])
    assert Picking(quota=True, ramp=6).shares(run, 3).tolist() == pytest.approx([0.1, 0.1, 0.1])
    run.prior = None
    with pytest.raises(ValueError, match="needs the noise rate"):
        Picking().shares(run, 3)


def test_a_quota_keeps_what_the_share_of_all_would_lose():
    losses = torch.tensor([0.1, 0.2, 0.3, 0.4, 2.0, 3.0])
    batch, run = run_of(OUSM(), [0, 0, 0, 0, 1, 1])
    assert Picking(drop=0.34).of(losses, batch, run).tolist() == [0, 1, 2, 3]
    assert Picking(drop=0.5, quota=True).of(losses, batch, run).tolist() == [0, 1, 4]


def test_ousm_that_drops_nothing_is_cross_entropy(train):
    plain, mined = train(CE()), train(OUSM(drop=0.0))
    for run in (plain, mined):
        list(fit(run))
    assert_same_weights(plain, mined, rtol=1e-5, atol=1e-6)


def test_ousm_by_the_run_that_drops_nothing_is_cross_entropy(train):
    plain, mined = train(CE()), train(OUSM(drop=0.0, rank="run"))
    for run in (plain, mined):
        list(fit(run))
    assert_same_weights(plain, mined, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("quota", [False, True])
def test_ousm_by_the_run_leaves_the_largest_mean_losses_out(train, quota):
    run = train(OUSM(drop=0.3, rank="run", ramp=0, quota=quota, rebalance=0.5), epochs=4)
    for epoch in fit(run):
        if epoch.epoch == 3:
            break
    losses = run.run.ledger.history("loss")[:, 1:3].mean(1)
    y = torch.from_numpy(run.data.samples.y)
    share = run.run.ledger.history("share")[:, 0].clone()
    if quota:
        for label in range(3):
            of_class = torch.nonzero(y == label)[:, 0]
            assert set(of_class[share[of_class] == 0].tolist()) == set(
                of_class[losses[of_class].argsort()[-6:]].tolist()
            )
    else:
        assert set(torch.nonzero(share == 0)[:, 0].tolist()) == set(losses.argsort()[-18:].tolist())
    counts = torch.stack([((share > 0) & (y == label)).sum() for label in range(3)]).float()
    expected = (counts.mean() / counts) ** 0.5
    torch.testing.assert_close(share[share > 0], expected[y[share > 0]])
    list(fit(run))
    kept = run.run.ledger.history("kept")
    assert (kept[:, 0] == 1).all()
    assert torch.equal(kept[:, 3] > 0, share > 0)


def test_ousm_by_the_run_weighs_what_it_keeps_and_nothing_else():
    method = OUSM(drop=0.5, rank="run", rebalance=1.0)
    batch, run = run_of(method, [0, 0, 1, 1])
    run.ledger.put("share", batch.ids, torch.tensor([0.5, 0.5, 0.0, 2.0]))
    loss = method.loss([Fixed([[2.0, 0.0], [0.0, 2.0], [5.0, 0.0], [0.0, 1.0]])], batch, run)
    by_hand = np.log1p(np.exp([-2.0, 2.0, 5.0, -1.0])) @ [0.5, 0.5, 0.0, 2.0] / 3.0
    assert loss.item() == pytest.approx(by_hand, abs=1e-6)
    assert run.ledger.get("kept", batch.ids).tolist() == [1, 1, 0, 1]


def test_plof_with_all_weights_one_and_nothing_dropped_is_cross_entropy(train):
    plain, weighed = train(CE()), train(OUSMpLOF(drop=0.0, every=100))
    for run in (plain, weighed):
        list(fit(run))
    assert (weighed.run.ledger.history("weight") == 1).all()
    assert_same_weights(plain, weighed, rtol=1e-5, atol=1e-6)


def test_weights_are_one_less_the_running_mean_of_loop_within_each_given_class(train):
    run = train(OUSMpLOF(every=1), epochs=3)
    expected = np.zeros((2, 60))
    for epoch in fit(run):
        if epoch.epoch == 3:
            break
        run.nets[0].eval()
        with torch.no_grad():
            batch = run.data.samples.batch(torch.arange(60), torch.device("cpu"))
            f = run.nets[0](batch.x)[1].half().numpy()
        expected[epoch.epoch - 1] = class_outliers(unit(f), run.data.samples.y)
    got = run.run.ledger.history("weight")[:, 0].numpy()
    np.testing.assert_allclose(got, 1 - expected.mean(0), atol=2e-3)
    assert got.min() < 0.999


def test_plof_over_all_classes_is_another_thing(train):
    runs = [train(OUSMpLOF(every=2, scope=scope)) for scope in ("class", "all")]
    for run in runs:
        list(fit(run))
    one, two = (run.run.ledger.history("weight") for run in runs)
    assert not torch.equal(one, two)


def test_rows_that_are_not_trained_on_keep_weight_one(train):
    run = train(OUSMpLOF(every=1), rows=torch.arange(0, 60, 2))
    list(fit(run))
    weight = run.run.ledger.history("weight")[:, 0]
    assert (weight[1::2] == 1).all()
    assert (weight[::2] < 1).any()


def test_each_network_learns_the_picks_of_the_other():
    method = CoTeaching(drop=0.5)
    one = Fixed([[3.0, 0.0], [0.0, 1.0]])  # keeps sample 0
    two = Fixed([[0.0, 3.0], [2.0, 0.0]])  # keeps sample 1
    batch, run = run_of(method, [0, 0])
    loss = method.loss([one, two], batch, run)
    first_on_1, second_on_0 = np.log1p(np.exp(1)), np.log1p(np.exp(3))
    assert loss.item() == pytest.approx(first_on_1 + second_on_0, abs=1e-5)
    loss.backward()
    assert one.z.grad[0].abs().sum() == 0
    assert one.z.grad[1].abs().sum() > 0
    assert two.z.grad[1].abs().sum() == 0
    assert run.ledger.get("kept", batch.ids).tolist() == [0.5, 0.5]


def test_one_optimiser_over_both_networks_is_two_separate_ones(train):
    """With nothing dropped the two networks of co-teaching are two runs of cross-entropy."""
    both = train(CoTeaching(drop=0.0))
    list(fit(both))
    from overread.engine.loop import Training

    for net in (0, 1):
        alone = train(CE())
        fresh = train(CoTeaching(drop=0.0))
        alone.nets[0].load_state_dict(fresh.nets[net].state_dict())
        assert isinstance(alone, Training)
        list(fit(alone))
        for a, b in zip(weights(both, net), weights(alone), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("quota", [False, True])
def test_vog_with_mix_zero_is_co_teaching(train, quota):
    plain, mixed = (
        train(CoTeaching(quota=quota), epochs=6),
        train(CoTeachingVOG(mix=0.0, quota=quota), epochs=6),
    )
    for run in (plain, mixed):
        list(fit(run))
    assert_same_weights(plain, mixed)
    one, two = (run.run.ledger.history("kept") for run in (plain, mixed))
    assert torch.equal(one, two)


def test_vog_picks_the_calm_ones_beside_the_easy_ones():
    method = CoTeachingVOG(drop=0.5, mix=0.5, warmup=0)
    losses, wander = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.9, 0.8, 0.7, 0.1])
    batch, run = run_of(method, [0, 0, 0, 0])
    assert sorted(method.pick(losses, wander, batch, run).tolist()) == [0, 3]
    all_by_vog = CoTeachingVOG(drop=0.5, mix=1.0, warmup=0)
    assert sorted(all_by_vog.pick(losses, wander, batch, run).tolist()) == [2, 3]
    run.epoch = 0
    late = CoTeachingVOG(drop=0.0, mix=1.0, warmup=2)
    assert late.pick(losses, wander, batch, run).tolist() == [0, 1, 2, 3]
    unknown = wander.clone().fill_(torch.nan)
    run.epoch = 9
    assert sorted(method.pick(losses, unknown, batch, run).tolist()) == [0, 1]


@pytest.mark.parametrize("gradient", ["feature", "param"])
def test_vog_is_that_of_the_gradients_of_the_last_epochs(train, gradient):
    """A step of 1e-30 leaves the networks as they are: gradients rest, and VOG is nothing but rounding."""
    still = train(CoTeachingVOG(gradient=gradient, window=3), lr=1e-30, augment=None)
    list(fit(still))
    assert still.run.ledger.history("vog").max() < 1e-3
    run = train(CoTeachingVOG(gradient=gradient, window=3), augment=None)
    originals = {"feature": feature_gradient, "param": param_gradient}
    import overread.methods.co_teaching_vog as module

    calls = []

    def spy(*args):
        calls.append(originals[gradient](*args))
        return calls[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, f"{gradient}_gradient", spy)
        ids = []
        put = run.run.ledger.put
        run.run.ledger.put = lambda name, rows, values: (
            ids.append(rows) if name == "gradient-1" else None,
            put(name, rows, values),
        )[1]
        list(fit(run))
    size = calls[0].shape[1]
    history = torch.full((60, 4, size), torch.nan)
    steps = len(ids) // 4
    for step, rows in enumerate(ids):
        history[rows, step // steps] = calls[2 * step].half().float()
    expected = vog(history[:, 1:])
    got = run.run.ledger.history("vog-each")[:, 0, 0]
    torch.testing.assert_close(got, expected, atol=1e-3, rtol=1e-3)
    assert got.min() > 0


def test_wrong_labels_are_left_out_and_weigh_less(train):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 90, (90, 16, 16, 3), dtype=np.uint8)
    true = np.arange(90) % 3
    x[np.arange(90), :, :, 2 - true] += 120
    wrong = np.arange(90) % 10 == 0
    samples = Samples(x, np.where(wrong, (true + 1) % 3, true))
    for method in (OUSM(drop=0.1), CoTeaching(drop=0.1), CoTeachingVOG(drop=0.1)):
        run = train(method, samples=samples, epochs=10)
        list(fit(run))
        kept = run.run.ledger.history("kept")[:, 5:].mean(1).numpy()
        assert kept[wrong].mean() < 0.3 < 0.9 < kept[~wrong].mean()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: OUSM(drop=1.0), "drop is 0 or more and below 1, got 1.0"),
        (lambda: OUSM(rebalance=0.5), "above 0 only with rank=run; got rebalance=0.5, rank=batch"),
        (lambda: OUSM(rebalance=1.5, rank="run"), "rebalance is 0 to 1"),
        (lambda: CoTeaching(ramp=-1), "ramp is 0 epochs or more, got -1"),
        (lambda: CoTeachingVOG(mix=1.5), "mix is a share from 0 to 1.*mix=1.5"),
        (lambda: CoTeachingVOG(window=1), "window 2 epochs or more.*window=1"),
        (lambda: OUSMpLOF(every=0), "every is 1 epoch or more.*every=0"),
    ],
)
def test_settings_out_of_range_are_refused(make, says):
    with pytest.raises(InputError, match=says):
        make()
