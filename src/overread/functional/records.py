"""What every method remembers of each sample in the training pass: its loss, and the networks' opinion."""

from __future__ import annotations

import torch
from torch import Tensor

from overread.engine.ledger import WHOLE_RUN, Column
from overread.engine.method import Batch, Run
from overread.engine.task import Task

FLOOR = 0.01  # added to probabilities before the logarithm: one sure epoch cannot veto the others


def recorded(task: Task) -> dict[str, Column]:
    """The columns that `record` fills: `loss` in every epoch, and of classes `opinion`, one for the whole run."""
    if task.name == "segmentation":
        return {"loss": Column(window=WHOLE_RUN)}
    return {"loss": Column(window=WHOLE_RUN), "opinion": Column((task.outputs,))}


def record(run: Run, batch: Batch, *logits: Tensor) -> None:
    r"""Remembers what the networks say of the batch before they learn from it; `logits` [B, C] of each network.
    Of masks, whose logits are [B, K, *S], only the loss is kept.

    `loss`: the mean over networks of the cross-entropy with the given label, as P3 wants it (Zhang et al. 2020).
    `opinion`: the geometric mean over the epochs of the networks' mean probabilities, as [B, C] that sum to 1,
    $p_{ic} \propto \exp \frac1n \sum_e \log(p_{iec} + 0.01)$. The first epoch, while the head is new, counts
    only until there is another.
    """
    with torch.no_grad():
        losses = torch.stack([run.task.losses(z, batch.y) for z in logits]).mean(0)
    run.ledger.put("loss", batch.ids, losses)
    if run.task.name == "segmentation":
        return
    with torch.no_grad():
        probs = torch.stack([run.task.probabilities(z) for z in logits]).mean(0)
    opinion = (probs + FLOOR).log().cpu()
    seen = ~run.ledger.window("loss", batch.ids.cpu())[
        :, 1 : run.epoch + 1
    ].isnan()  # [B, epochs after the first]
    count = seen.sum(1)[:, None]  # with this epoch
    old = (run.ledger.get("opinion", batch.ids.cpu())).log()
    pooled = torch.where(count > 1, old + (opinion - old) / count.clamp(min=1), opinion)
    run.ledger.put("opinion", batch.ids, pooled.softmax(1))
