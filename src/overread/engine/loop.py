"""The one loop: it owns optimisation, and nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overread.engine.augment import Augment
from overread.engine.batches import ahead, balanced, in_order, shuffled
from overread.engine.device import own_devices
from overread.engine.ledger import Ledger
from overread.engine.method import Batch, Method, Prior, Run
from overread.engine.networks import channels_last
from overread.engine.parallel import Exchange
from overread.engine.samples import Samples
from overread.engine.segmentation import Segmentation, balancing
from overread.engine.task import Classification, Task
from overread.errors import InputError

BALANCES = ("none", "sampler", "loss")


@dataclass(frozen=True)
class Recipe:
    """How networks are optimised, batch by batch: SGD with momentum, or Adam with decoupled weight decay."""

    epochs: int = 6
    batch_size: int = 64  # of all processes together
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    augment: Augment | None = None
    balance: str = "none"  # or each class equally often (`sampler`), or equally weighty (`loss`)
    optimizer: str = "sgd"  # or "adam"
    schedule: str = "cosine"  # or "exponential", or "constant"


@dataclass(frozen=True)
class EpochLog:
    """What one epoch was like."""

    epoch: int  # counts from 1
    loss: float  # mean of the method's loss over the batches
    lr: float  # at the epoch's end
    seconds: float


@dataclass(frozen=True)
class TrainingSet:
    """What is learned from: `rows` [M] of the samples, and what was known of the whole set before.

    `masks` is the task where the labels are masks; without it they are of `classes`.
    """

    samples: Samples
    rows: Tensor
    classes: tuple[str, ...]
    prior: Prior | None = None
    masks: Segmentation | None = None

    @property
    def given(self) -> Tensor:
        """[M] the given labels of the rows."""
        return torch.from_numpy(self.samples.y[self.rows.numpy()])

    @property
    def covered(self) -> tuple[float, ...]:
        """[K] the share of all pixels that each structure covers, on the rows."""
        parts = [
            self.samples.y[part].mean((0, 2, 3)) * len(part)
            for part in np.array_split(self.rows.numpy(), 64)
            if len(part)
        ]
        return tuple(float(share) for share in np.sum(parts, 0) / len(self.rows))

    def task(self, balance: str) -> Task:
        """The task; under `loss` a class of n samples weighs M / (C n), as scikit-learn's `balanced` does."""
        if self.masks is not None:
            return replace(self.masks, weights=balancing(self.covered)) if balance == "loss" else self.masks
        if balance != "loss":
            return Classification(self.classes)
        counts = np.bincount(self.given.numpy(), minlength=len(self.classes))
        weights = len(self.rows) / (len(self.classes) * np.maximum(counts, 1))
        return Classification(self.classes, tuple(float(weight) for weight in weights))


class Training:
    """The state of one training run: networks, optimiser, ledger, and how many epochs are done."""

    def __init__(
        self,
        method: Method,
        data: TrainingSet,
        make: Callable[[], nn.Module],
        recipe: Recipe,
        fabric: Any,
        files: tuple[Path, bool] | None = None,
    ) -> None:
        """`make` builds one network, seeded by the recipe. `files`: where large columns of the ledger lie, and
        whether they are begun anew."""
        self.exchange = Exchange.here()
        # what the first process would train on: others may round otherwise in what chose the rows
        self.data = data = replace(
            data, rows=self.exchange.told(data.rows), prior=self.exchange.told(data.prior)
        )
        self.method, self.recipe, self.fabric = method, recipe, fabric
        task = data.task(recipe.balance)
        check_batches(len(data.rows), recipe.batch_size, self.exchange.size)
        with torch.random.fork_rng(own_devices()):
            torch.manual_seed(recipe.seed)
            nets: list[Any] = method.networks(make, task)
        if data.masks is None:
            task = replace(task, features=nets[0].head.in_features)
        optimizer = optimizer_of(nets, method.rates(), recipe)
        # one optimiser over all networks, each set up by itself: their graphs do not touch
        self.nets: list[Any] = [fabric.setup_module(channels_last(net)) for net in nets]
        self.optimizer: Any = fabric.setup_optimizers(optimizer)
        folder, fresh = files or (None, True)
        folder = folder and self.exchange.own(folder)
        ledger = Ledger(len(data.samples), recipe.epochs, method.columns(task), folder, fresh)
        self.run = Run(task, ledger, recipe.epochs, prior=data.prior, sweep=self._sweep)
        self.done = 0

    def _sweep(self) -> Iterator[Batch]:
        yield from in_order(self.data.samples, self.exchange.part(self.data.rows), self.fabric.device)
        self.run.ledger.gather(self.exchange)

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "nets": [net.state_dict() for net in self.nets],
            "optimizer": self.optimizer.state_dict(),
            "ledger": self.run.ledger.state(),
            "done": self.done,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave: training goes on as if it had never stopped."""
        for net, weights in zip(self.nets, state["nets"], strict=True):
            net.load_state_dict(weights)
        self.optimizer.load_state_dict(state["optimizer"])
        self.run.ledger.restore(state["ledger"])
        self.done = state["done"]


def fit(training: Training) -> Iterator[EpochLog]:
    """Trains epoch by epoch, yielding after each; logging and checkpoints are the caller's plain `for` loop.

    All randomness of an epoch comes from (seed, epoch, process), so a run that went on from a checkpoint ends
    bit for bit as one that never stopped (promised on CPU).
    """
    for epoch in range(training.done, training.recipe.epochs):
        started = time.perf_counter()
        with torch.random.fork_rng(own_devices()):
            loss = one_epoch(training, epoch)
        training.done = epoch + 1
        lr = training.optimizer.param_groups[0]["lr"] / training.optimizer.param_groups[0]["rate"]
        yield EpochLog(training.done, loss, lr, time.perf_counter() - started)


def one_epoch(training: Training, epoch: int) -> float:
    """One pass over the training rows; the mean loss."""
    recipe, run, nets = training.recipe, training.run, training.nets
    seed = recipe.seed * 1_000_003 + epoch
    torch.manual_seed(seed + 7919 * training.exchange.rank)  # dropout
    generator = torch.Generator().manual_seed(seed)  # order and augmentation: the same on all processes
    run.epoch = run.ledger.epoch = epoch
    for net in nets:
        net.train()
    total, steps = torch.zeros((), device=training.fabric.device), 0
    for batch, lr in batches(training, epoch, generator):
        set_lr(training.optimizer, lr)
        training.optimizer.zero_grad()
        loss = training.method.loss(nets, batch, run)
        training.fabric.backward(loss)
        training.optimizer.step()
        total += loss.detach()
        steps += 1
    end_epoch(training)
    return checked(training.exchange.mean(total.item() / steps), epoch)


def batches(training: Training, epoch: int, generator: torch.Generator) -> Iterator[tuple[Batch, float]]:
    """This process's part of each batch of an epoch, augmented, with the step's learning rate."""
    recipe, samples, exchange = training.recipe, training.data.samples, training.exchange
    device = training.fabric.device
    if recipe.balance == "sampler":
        order = balanced(training.data.rows, training.data.given, recipe.batch_size, generator)
    else:
        order = shuffled(training.data.rows, recipe.batch_size, generator)
    parts = [exchange.part(rows) for rows in order]
    for step, batch in enumerate(ahead(parts, lambda rows: samples.batch(rows, device), device)):
        lr = scheduled(recipe, epoch * len(order) + step, recipe.epochs * len(order))
        if recipe.augment is not None and samples.are_pixels:
            drawn = recipe.augment.draw(len(order[step]), generator)
            own = {name: exchange.part(values) for name, values in drawn.items()}
            x, y = recipe.augment.apply_both(batch.x, batch.y, own)
            batch = Batch(batch.ids, x, y)
        yield batch, lr


def end_epoch(training: Training) -> None:
    """Makes networks and ledger equal on all processes, then gives the method its turn."""
    training.exchange.same_buffers(training.nets)
    training.run.ledger.gather(training.exchange)
    for net in training.nets:
        net.eval()
    with torch.no_grad():
        training.method.epoch_end(training.nets, training.run)
    training.run.ledger.gather(training.exchange)  # what the method put besides sweeps


def check_batches(samples: int, batch_size: int, processes: int) -> None:
    """Refuses batches of which a process would get less than two samples."""
    if processes == 1:
        return
    smallest = samples // math.ceil(samples / batch_size)
    if smallest < 2 * processes:
        raise InputError(
            f"Batches of {smallest} samples leave some of the {processes} processes with fewer than two each. "
            "Raise --batch-size (it is of all processes together) or start fewer processes."
        )


def checked(loss: float, epoch: int) -> float:
    """The loss, if it is a number."""
    if math.isfinite(loss):
        return loss
    raise InputError(
        f"Training diverged: the loss of epoch {epoch + 1} is {loss}. Lower --lr, or raise --batch-size."
    )


def optimizer_of(nets: Sequence[nn.Module], rates: Sequence[float], recipe: Recipe) -> torch.optim.Optimizer:
    """The optimiser over all networks; network k learns at `rates[k]` times the recipe's rate (1 if not given)."""
    groups = [
        {"params": [p for p in net.parameters() if p.requires_grad], "rate": rates[k] if rates else 1.0}
        for k, net in enumerate(nets)
    ]
    if recipe.optimizer == "adam":
        return torch.optim.AdamW(groups, lr=recipe.lr, weight_decay=recipe.weight_decay)
    momentum, decay = recipe.momentum, recipe.weight_decay
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=momentum, weight_decay=decay)


LAST_OF_FIRST = 0.01  # where an exponential schedule ends, as a share of where it began


def scheduled(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate at `step` of `steps`.

    >>> round(scheduled(Recipe(lr=1.0, schedule="exponential"), 5, 10), 6)
    0.1
    """
    if recipe.schedule == "constant":
        return recipe.lr
    if recipe.schedule == "exponential":
        return float(recipe.lr * LAST_OF_FIRST ** (step / steps))
    return cosine(recipe.lr, step, steps)


def cosine(lr: float, step: int, steps: int) -> float:
    """The learning rate at `step` of `steps`, falling from `lr` to 0 along half a cosine.

    >>> cosine(1.0, 5, 10)
    0.5
    """
    return 0.5 * lr * (1.0 + math.cos(math.pi * step / steps))


def set_lr(optimizer: Any, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr * group["rate"]


@torch.inference_mode()
def sweep(training: Training, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities [M, C] and the first network's features [M, D] of `rows`, in evaluation mode."""
    exchange = training.exchange
    for net in training.nets:
        net.eval()
    probs, features = [], []
    for batch in in_order(training.data.samples, exchange.part(rows), training.fabric.device):
        probs.append(training.method.predict(training.nets, batch.x, training.run.task).cpu())
        features.append(training.nets[0](batch.x)[1].float().cpu())
    return exchange.together(torch.cat(probs)), exchange.together(torch.cat(features))


def networks(training: Training) -> Sequence[nn.Module]:
    """The networks themselves, without what Fabric wraps around them."""
    return [net.module for net in training.nets]
