"""A watched run: the best epoch, resuming anywhere, and saved networks that predict as every method does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
import torch

from overread.engine.loop import networks
from overread.engine.method import Method
from overread.engine.networks import OnFrozen, body_of, build, mlp_head
from overread.engine.samples import Samples
from overread.engine.saved import load_networks, predicted, save_networks
from overread.engine.stage import Stage
from overread.engine.watched import Watch, check_predicting, predicting, probabilities, train_watched
from overread.errors import InputError
from overread.methods import METHODS
from overread.methods.ce import CE

VALUES = (0.5, 0.9, 0.7, 0.9)  # of the four epochs: the second is the best, the fourth no better
FOR_LABELS = [name for name, entry in METHODS.items() if "classification" in entry.load().tasks]
INFO = {"network": "tiny", "effort": "full", "classes": ["a", "b", "c"], "size": 16, "channels": 3}


class Stopped(Exception):
    """Stands in for Ctrl-C."""


def watched(train, folder, keep="last", stop=None):
    """A watched run of four epochs on forty samples, stopped while it logs an epoch; what it gave and exported."""
    samples = train(CE()).data.samples
    held = Samples(samples.x[40:], samples.y[40:])
    seen, exported = {}, []

    def log(line):
        seen[line["epoch"]] = line
        if line["epoch"] == stop:
            raise Stopped

    def build_run(files):
        run = train(CE(), rows=torch.arange(40), files=files)
        seen["run"] = run
        return run

    def judge(probs):
        epoch = seen["run"].done
        seen[f"weights {epoch}"] = [value.clone() for value in networks(seen["run"])[0].state_dict().values()]
        return {"right": VALUES[epoch - 1], "loss": float(-np.log(probs[np.arange(20), held.y]).mean())}

    def export(nets):
        exported.append([value.clone() for value in nets[0].state_dict().values()])

    watch = Watch({"val": held}, judge, keep, export)
    found = train_watched(Stage("s", folder, log), build_run, watch)
    return found, exported, seen


def equal(one, two):
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize(("keep", "epoch"), [("last", 4), ("best", 2)])
def test_the_epoch_that_is_kept_is_exported(train, tmp_path, keep, epoch):
    found, exported, seen = watched(train, tmp_path, keep)
    assert (int(found["best_epoch"]), int(found["epochs"])) == (2, 4)
    assert len(exported) == 1
    assert equal(exported[0], seen[f"weights {epoch}"])
    assert not equal(seen["weights 4"], seen["weights 2"])
    assert np.abs(found["last.val"] - found["best.val"]).max() > 1e-4
    assert {"stage", "epoch", "loss", "right"} <= set(seen[3])
    assert found["probs"].shape == (60, 3)


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_stopped_anywhere_it_ends_bit_for_bit_equal(train, tmp_path, stop):
    whole, exported, _ = watched(train, tmp_path / "whole", "best")
    with pytest.raises(Stopped):
        watched(train, tmp_path / "broken", "best", stop)
    again, exported_again, _ = watched(train, tmp_path / "broken", "best")
    assert set(whole) == set(again)
    for name in whole:
        np.testing.assert_array_equal(whole[name], again[name], err_msg=name)
    assert equal(exported[0], exported_again[0])


def test_a_finished_run_is_taken_as_it_is(train, tmp_path):
    first, _, _ = watched(train, tmp_path)
    second, exported, seen = watched(train, tmp_path)
    assert (exported, seen) == ([], {})
    np.testing.assert_array_equal(first["last.val"], second["last.val"])


@pytest.mark.parametrize("name", FOR_LABELS)
def test_saved_networks_predict_as_the_method_does(name, train, tmp_path):
    run = train(METHODS[name].load()(), epochs=2)
    from overread.engine.loop import fit

    list(fit(run))
    check_predicting(run)
    nets = predicting(run)
    save_networks(nets, tmp_path / "w.safetensors")
    loaded = load_networks({**INFO, "networks": len(nets)}, tmp_path / "w.safetensors")
    samples = run.data.samples
    x = samples.batch(torch.arange(60), torch.device("cpu")).x
    said = predicted(loaded, x, run.run.task.probabilities).numpy()
    np.testing.assert_allclose(said, probabilities(run, samples), atol=1e-6)


@pytest.mark.parametrize("name", FOR_LABELS)
def test_saved_heads_bring_their_frozen_body_along(name, train, tmp_path):
    """As in `--effort fast`: heads are trained on features, what is saved takes images."""
    from overread.engine.device import make_fabric
    from overread.engine.loop import Recipe, Training, TrainingSet, fit

    pixels = train(CE()).data
    x = pixels.samples.batch(torch.arange(60), torch.device("cpu")).x
    body = body_of(build("tiny", 2, 16, "none")).eval()
    with torch.inference_mode():
        f = body(x).numpy()
    mean, scale = f.mean(0), f.std(0) + 1e-3
    features = Samples(((f - mean) / scale).astype(np.float32), pixels.samples.y)
    data = TrainingSet(features, pixels.rows, pixels.classes, pixels.prior)
    recipe = Recipe(epochs=2, batch_size=16, lr=0.01)
    run = Training(METHODS[name].load()(), data, lambda: mlp_head(64, 3), recipe, make_fabric("cpu"))
    list(fit(run))
    spread = torch.from_numpy(mean), torch.from_numpy(scale)
    nets = [OnFrozen(body, *spread, head) for head in predicting(run)]
    save_networks(nets, tmp_path / "w.safetensors")
    info = {**INFO, "effort": "fast", "features": 64, "networks": len(nets)}
    loaded = load_networks(info, tmp_path / "w.safetensors")
    said = predicted(loaded, x, run.run.task.probabilities).numpy()
    np.testing.assert_allclose(said, probabilities(run, features), atol=1e-5)


@dataclass(frozen=True)
class Sharpened(Method):
    """Predicts what no mean of softmax is."""

    tasks: ClassVar[tuple[str, ...]] = ("classification",)

    def loss(self, nets, batch, run):
        return run.task.losses(nets[0](batch.x)[0], batch.y).mean()

    def predict(self, nets, x, task):
        return (10 * nets[0](x)[0]).softmax(1)


def test_a_method_whose_predictions_cannot_be_saved_is_refused_before_it_trains(train):
    with pytest.raises(InputError, match=r"Sharpened.predict is not the mean of its networks' probabilities"):
        check_predicting(train(Sharpened()))


@pytest.mark.parametrize(
    ("info", "says"),
    [({"networks": 2}, "1.body.0.weight"), ({"classes": ["a", "b"]}, "head.weight"), ({"size": 32}, None)],
)
def test_weights_that_do_not_fit_their_description(tmp_path, info, says):
    save_networks([build("tiny", 3, 16, "none")], tmp_path / "w.safetensors")
    if says is None:  # the tiny network does not depend on the size
        load_networks({**INFO, "networks": 1, **info}, tmp_path / "w.safetensors")
        return
    with pytest.raises(InputError, match=rf"does not fit model.json beside it: {says}"):
        load_networks({**INFO, "networks": 1, **info}, tmp_path / "w.safetensors")
