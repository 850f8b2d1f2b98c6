"""The measuring scripts: what they compare is what they say, on something tiny."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from overread.functional.gradients import param_gradient
from overread.methods import METHODS
from overread.methods.ce import CE
from overread.methods.co_teaching_vog import CoTeachingVOG

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    """script(name): one of benchmarks/ as a module."""
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module


def test_noise_stands_in_for_images_that_are_not_there(script, tmp_path):
    samples, source = script("measuring").ham10000(tmp_path / "nowhere", 8, tmp_path)
    assert samples.x.shape == (6989, 8, 8, 3)
    assert samples.x.dtype == np.uint8
    assert np.bincount(samples.y).tolist() == [214, 337, 772, 82, 780, 4699, 105]
    assert len(set(samples.y[:20])) > 1, "not shuffled"
    assert "generated noise" in source


def test_runs_take_turns_and_the_first_round_does_not_count(script):
    measuring, order = script("measuring"), []
    runs = {name: lambda name=name: order.append(name) for name in "ab"}
    taken = measuring.in_turns(runs, 2, say=lambda text: None)
    assert "".join(order) == "baabba"
    assert [len(one.clock) for one in taken.values()] == [2, 2]
    assert measuring.ratio([1.0, 4.0, 3.0], [1.0, 2.0, 2.0]) == 1.5
    assert measuring.rounded({"a": [1.23456, "b", None, 2]}, 2) == {"a": [1.23, "b", None, 2]}


def test_the_published_vog_gathers_the_gradients_that_ours_has_in_closed_form(script, train):
    run = train(script("cost").PublishedVOG(CoTeachingVOG(gradient="param")), epochs=2)
    next(script("cost").fit(run))
    batch = run.data.samples.batch(torch.arange(60), torch.device("cpu"))
    for name, net in zip(("gradient-1", "gradient-2"), run.nets, strict=True):
        z, f = net.eval()(batch.x)
        expected = param_gradient(z.softmax(1), batch.y, f)
        torch.testing.assert_close(run.run.ledger.history(name)[:, 0].float(), expected, rtol=2e-3, atol=1e-4)
    assert all(p.grad is None or not p.grad.any() for net in run.nets for p in net.parameters())


def test_two_networks_of_ce_learn_as_one_each(script, train):
    two, one = train(script("cost").TwoCE(), epochs=2), train(CE(), epochs=2)
    for run in (two, one):
        list(script("cost").fit(run))
    for a, b in zip(two.nets[0].state_dict().values(), one.nets[0].state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_an_epoch_of_plof_is_four_plain_ones_and_one_that_weighs_again(script):
    cost, taken = script("cost"), script("measuring").Taken
    found = cost.amortised(
        {"ousm-plof, plain epoch": taken([10.0], [20.0]), "ousm-plof, re-weighting": taken([15.0], [25.0])}
    )
    assert (found.clock, found.processors) == ([11.0], [21.0])


def test_on_all_images_epochs_grow_in_proportion_and_their_ends_as_timed(script):
    cost, taken = script("cost"), script("measuring").Taken
    names = ["ce", "co-teaching", *(f"co-teaching-vog, {g}" for g in ("feature", "param"))]
    names += ["ousm-plof, plain epoch", "ousm-plof, re-weighting"]
    times = dict(zip(names, (10.0, 20.0, 21.0, 20.0, 10.0, 14.0), strict=True))
    epochs = {name: taken([value], [value]) for name, value in times.items()}
    ends = {
        name: (taken([1.0], [1.0]), taken([end], [end]))
        for name, end in (("pLOF", 9.0), ("feature", 2.0), ("param", 2.0))
    }
    found = cost.ratios_on_all(epochs, ends, 2.0, "clock")
    assert found["ousm-plof, amortised"] == pytest.approx((4 * 20 + 2 * 13 + 9) / 5 / 20)
    assert found["co-teaching-vog, feature"] == pytest.approx((2 * 20 + 2) / 40)


def test_all_epochs_that_are_timed_train(script, train):
    cost = script("cost")
    assert set(cost.methods()) | {"ousm-plof, amortised"} == {"ce", *cost.BASE}
    for method in cost.methods().values():
        assert len(list(cost.fit(train(method, epochs=2)))) == 2


def test_our_loop_and_the_bare_one_are_compared(script, train):
    from overread.engine.device import make_fabric

    loop = script("loop")
    found = loop.compare(loop.Case("tiny", 16, 16, 0.9), train(CE()).data.samples, make_fabric("cpu"), 1)
    assert found["images a second"].keys() == {"ours", "bare"}
    assert found["ratio"] > 0


def test_the_bare_loop_takes_the_steps_of_ours(script, train):
    """A whole set as one batch: the order of the samples is the only thing that may differ."""
    from overread.engine.device import make_fabric

    loop, samples, fabric, made = script("loop"), train(CE()).data.samples, make_fabric("cpu"), []

    class Kept(loop.Case):
        def make(self):
            made.append(loop.Case.make(self))
            return made[-1]

    case = Kept("tiny", 16, 60, 0.9)
    for epoch in (loop.ours(case, samples, fabric)[0], loop.bare(case, samples, fabric)):
        epoch()
    for a, b in zip(*(net.state_dict().values() for net in made), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_what_is_remembered_of_a_million_samples_is_as_planned(script):
    memory = script("memory")
    plans = memory.plans(1_000_000)
    assert plans.keys() == METHODS.keys()
    gradients = 2 * 1_000_000 * 5 * 512 * 2 / 2**30
    assert plans["co-teaching-vog"]["file"] == pytest.approx(gradients)
    for name, plan in plans.items():
        assert plan["memory"] < memory.GOAL_OTHER, name


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells the resident memory on Linux alone")
@pytest.mark.parametrize("name", ["co-teaching-vog", "ousm-plof"])
def test_the_memory_of_a_method_in_use_is_watched(script, name, tmp_path):
    found = script("memory").in_use(name, 600, tmp_path)
    assert {"begin", "epoch 1", "end of epoch 1", "checkpoint"} <= found["phases"].keys()
    assert found["peak"].keys() == {"all", "of mapped files", "everything else"}
    assert not list(tmp_path.iterdir())
