"""A training run that is watched on samples it does not learn from: what its last epoch and its best one say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overread.engine.batches import in_order
from overread.engine.gather_masks import as_bytes, own_columns
from overread.engine.loop import Training, networks
from overread.engine.method import Batch
from overread.engine.parallel import Exchange
from overread.engine.samples import Samples
from overread.engine.saved import predicted
from overread.engine.stage import Build, Stage, arrays
from overread.errors import InputError

Array = np.ndarray[Any, np.dtype[Any]]
MOMENTS = ("last", "best")


@dataclass(frozen=True)
class Watch:
    """How a run is watched.

    `held` are the samples that are not learned from, by part; `judge` takes the probabilities [V, C] of the part
    `val` to measures, of which the first number, the higher the better, chooses the best epoch; the networks of the
    moment `keep` go to `export`, and they alone look at `more` samples.

    Probabilities of masks are [V, K, S, S] uint8, 255 is certain.
    """

    held: Mapping[str, Samples]
    judge: Callable[[Array], dict[str, Any]]
    keep: str
    export: Callable[[Sequence[nn.Module]], None]
    more: Mapping[str, Samples] = field(default_factory=dict)
    curve: Callable[[Array], dict[str, Any]] | None = None  # as `judge`, of the part `test`; chooses nothing


def train_watched(stage: Stage, build: Build, watch: Watch) -> dict[str, Array]:
    """Trains (or goes on, or takes what is finished).

    Returns what `stage.arrays` says of the last epoch (of masks, the method's columns alone), the probabilities of
    each part as `last.PART` and `best.PART`, how many `epochs` there were, and the number of the `best_epoch`,
    counted from 1.
    """
    if not Exchange.here().first(stage.finished.exists):
        training = stage.begin(build)
        check_predicting(training)
        best = Best.begin(stage, training)
        for epoch in stage.epochs(training):
            measures = watch.judge(probabilities(training, watch.held["val"]))
            also = watch.curve(probabilities(training, watch.held["test"])) if watch.curve else {}
            stage.line(training, epoch, **measures, **also)
            best.offer(training, next(iter(measures.values())))
        known = own_columns(training) if training.data.masks else arrays(training)
        found = {**known, "epochs": np.array(training.done), "best_epoch": np.array(best.epoch)}
        for moment in MOMENTS:
            if moment == "best":
                best.restore(training)
            parts = {**watch.held, **(watch.more if moment == watch.keep else {})}
            said = {part: probabilities(training, samples) for part, samples in parts.items()}
            found |= {f"{moment}.{part}": values for part, values in said.items()}
            if moment == watch.keep:
                nets = predicting(training)
                training.exchange.first(partial(watch.export, nets))
        stage.finish(training, found)
    return stage.read()


@dataclass
class Best:
    """The best epoch so far; its networks lie in a file beside the checkpoint."""

    stage: Stage
    epoch: int = 0
    value: float = -np.inf

    @staticmethod
    def begin(stage: Stage, training: Training) -> Best:
        """As it was when the run was interrupted; an epoch that is to be repeated says the same again."""
        best = Best(stage)
        if training.done:
            file = best.read()
            best.epoch, best.value = file["epoch"], file["value"]
        return best

    def offer(self, training: Training, value: float) -> None:
        """Keeps the networks of this epoch if it is better than all before."""
        if value > self.value:
            self.epoch, self.value = training.done, value
            nets = [net.state_dict() for net in networks(training)]
            file = {"epoch": self.epoch, "value": value, "nets": nets}
            self.stage.write(training, self._path, lambda part: torch.save(file, part))

    def restore(self, training: Training) -> None:
        """Puts the best epoch's weights into the networks."""
        for net, weights in zip(networks(training), self.read()["nets"], strict=True):
            net.load_state_dict(weights)

    def read(self) -> dict[str, Any]:
        file: dict[str, Any] = torch.load(self._path, map_location="cpu", weights_only=True)
        return file

    @property
    def _path(self) -> Path:
        return self.stage.folder / f"{self.stage.name}-best.pt"


@torch.inference_mode()
def probabilities(training: Training, samples: Samples) -> Array:
    """[M, C], or uint8 [M, K, S, S], what the method predicts for samples, whether it trains on them or not."""
    exchange, device = training.exchange, training.fabric.device
    for net in training.nets:
        net.eval()
    own = exchange.part(torch.arange(len(samples)))
    kept = as_bytes if training.data.masks else Tensor.cpu
    parts = [
        kept(training.method.predict(training.nets, batch.x, training.run.task))
        for batch in in_order(samples, own, device)
    ]
    whole: Array = exchange.together(torch.cat(parts)).numpy()
    return whole


@torch.inference_mode()
def check_predicting(training: Training) -> None:
    """Refuses a method whose predictions the saved networks could not repeat."""
    nets, method, batch = predicting(training), training.method, some(training)
    task = training.run.task
    said = method.predict(training.nets, batch.x, task)
    if not nets or not torch.allclose(predicted(nets, batch.x, task.probabilities), said.float(), atol=0.05):
        raise InputError(
            f"{type(method).__name__}.predict is not the mean of its networks' probabilities, and a saved model "
            "predicts just so. Leave `predict` out, or let it choose among the networks."
        )


def some(training: Training) -> Batch:
    """A few training samples."""
    return training.data.samples.batch(training.data.rows[:4], training.fabric.device)


@torch.inference_mode()
def predicting(training: Training) -> list[nn.Module]:
    """The networks that the method predicts with, of all that it trains; in evaluation mode."""
    called: list[int] = []
    nets = [net.eval() for net in networks(training)]
    hooks = [
        net.register_forward_hook(lambda *_, number=number: called.append(number))
        for number, net in enumerate(nets)
    ]
    training.method.predict(training.nets, some(training).x, training.run.task)
    for hook in hooks:
        hook.remove()
    return [nets[number] for number in sorted(set(called))]
