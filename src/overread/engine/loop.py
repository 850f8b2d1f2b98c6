"""The one loop: it owns optimisation, and nothing else."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from overread.engine.augment import Augment
from overread.engine.ledger import Ledger
from overread.engine.method import Batch, Method, Run
from overread.engine.networks import channels_last
from overread.engine.samples import Samples
from overread.engine.task import Task


@dataclass(frozen=True)
class Recipe:
    """How networks are optimised: SGD with momentum under a cosine schedule, batch by batch."""

    epochs: int = 6
    batch_size: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    augment: Augment | None = None


@dataclass(frozen=True)
class EpochLog:
    """What one epoch was like."""

    epoch: int  # counts from 1
    loss: float  # mean of the method's loss over the batches
    lr: float  # at the epoch's end
    seconds: float


class Training:
    """The state of one training run: networks, optimiser, ledger, and how many epochs are done."""

    def __init__(
        self,
        method: Method,
        task: Task,
        make: Callable[[], nn.Module],
        samples: Samples,
        rows: Tensor,
        recipe: Recipe,
        fabric: Any,
    ) -> None:
        """`rows` [M] are the samples to train on; `make` builds one network, seeded by the recipe."""
        self.method, self.samples, self.rows, self.recipe, self.fabric = method, samples, rows, recipe, fabric
        with torch.random.fork_rng():
            torch.manual_seed(recipe.seed)
            nets = method.networks(make, task)
        optimizer = torch.optim.SGD(
            [p for net in nets for p in net.parameters() if p.requires_grad],
            lr=recipe.lr,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
        )
        # one optimiser over all networks, each set up by itself: their graphs do not touch
        self.nets: list[Any] = [fabric.setup_module(channels_last(net)) for net in nets]
        self.optimizer: Any = fabric.setup_optimizers(optimizer)
        ledger = Ledger(len(samples), recipe.epochs, method.columns(task))
        self.run = Run(task, ledger, recipe.epochs, sweep=lambda: in_order(samples, rows, fabric.device))
        self.done = 0

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

    All randomness of an epoch comes from (seed, epoch), so a run that went on from a checkpoint ends bit for
    bit as one that never stopped (promised on CPU).
    """
    for epoch in range(training.done, training.recipe.epochs):
        started = time.perf_counter()
        with torch.random.fork_rng():
            loss = one_epoch(training, epoch)
        training.done = epoch + 1
        lr = training.optimizer.param_groups[0]["lr"]
        yield EpochLog(training.done, loss, lr, time.perf_counter() - started)


def one_epoch(training: Training, epoch: int) -> float:
    """One pass over the training rows; the mean loss."""
    recipe, run, nets = training.recipe, training.run, training.nets
    seed = recipe.seed * 1_000_003 + epoch
    torch.manual_seed(seed)  # dropout
    generator = torch.Generator().manual_seed(seed)
    run.epoch = run.ledger.epoch = epoch
    batches = shuffled(training.rows, recipe.batch_size, generator)
    total = 0.0
    for net in nets:
        net.train()
    for step, rows in enumerate(batches):
        set_lr(
            training.optimizer, cosine(recipe.lr, epoch * len(batches) + step, recipe.epochs * len(batches))
        )
        batch = training.samples.batch(rows, training.fabric.device)
        if recipe.augment is not None and training.samples.are_pixels:
            batch = Batch(batch.ids, recipe.augment(batch.x, generator), batch.y)
        training.optimizer.zero_grad()
        loss = training.method.loss(nets, batch, run)
        training.fabric.backward(loss)
        training.optimizer.step()
        total += loss.item()
    training.method.epoch_end(nets, run)
    return total / len(batches)


def shuffled(rows: Tensor, batch_size: int, generator: torch.Generator) -> Sequence[Tensor]:
    """Batches of nearly equal size, at most `batch_size`: a short last one would weigh its samples more.

    >>> [len(b) for b in shuffled(torch.arange(65), 64, torch.Generator())]
    [33, 32]
    """
    order = rows[torch.randperm(len(rows), generator=generator)]
    return order.tensor_split(math.ceil(len(order) / batch_size))


def in_order(samples: Samples, rows: Tensor, device: torch.device, size: int = 256) -> Iterator[Batch]:
    """The samples of `rows` in order, not augmented."""
    for part in torch.split(rows, size):
        yield samples.batch(part, device)


def cosine(lr: float, step: int, steps: int) -> float:
    """The learning rate at `step` of `steps`, falling from `lr` to 0 along half a cosine.

    >>> cosine(1.0, 5, 10)
    0.5
    """
    return 0.5 * lr * (1.0 + math.cos(math.pi * step / steps))


def set_lr(optimizer: Any, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


@torch.inference_mode()
def sweep(training: Training, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities [M, C] and the first network's features [M, D] of `rows`, in evaluation mode."""
    for net in training.nets:
        net.eval()
    probs, features = [], []
    for batch in in_order(training.samples, rows, training.fabric.device):
        probs.append(training.method.predict(training.nets, batch.x, training.run.task).cpu())
        features.append(training.nets[0](batch.x)[1].float().cpu())
    return torch.cat(probs), torch.cat(features)
