"""A stage: one training run that leaves a file, goes on where it was interrupted, and is never done twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from overread.engine.loop import EpochLog, Training, fit, sweep
from overread.engine.opinion import log_mean
from overread.files import write_whole

Array = np.ndarray[Any, np.dtype[Any]]
Log = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Learned:
    """What one training run says of all N samples."""

    probs: Array  # [N, C] float32, of the final network
    features: Array  # [N, D] float32, of the final network
    losses: Array | None  # [N, E] float32 as seen in training; NaN for samples it did not train on
    training_probs: Array | None  # [N, C] float32, pooled over the epochs; NaN likewise


def learn(name: str, folder: Path, training: Callable[[], Training], log: Log) -> Learned:
    """Trains (or goes on, or takes what is finished) and returns what was learned.

    Args:
        name: of the stage; its files are `folder/name.pt` while it runs and `folder/name.npz` afterwards.
        training: builds the run; called only where there is something left to do.
        log: gets one dict an epoch.
    """
    done, checkpoint = folder / f"{name}.npz", folder / f"{name}.pt"
    if not done.exists():
        run = training()
        if checkpoint.exists():
            run.restore(torch.load(checkpoint, map_location="cpu", weights_only=True))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            for epoch in fit(run):
                write_whole(checkpoint, lambda part: torch.save(run.state(), part))
                log(_line(name, run, epoch))
        arrays = _arrays(run)
        write_whole(done, lambda part: _save(part, arrays))
        checkpoint.unlink(missing_ok=True)
    with np.load(done, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    features = arrays["features"].astype(np.float32)
    return Learned(arrays["probs"], features, arrays.get("losses"), arrays.get("training_probs"))


def _arrays(run: Training) -> dict[str, Array]:
    probs, features = sweep(run, torch.arange(len(run.samples)))
    arrays = {"probs": probs.numpy(), "features": features.half().numpy()}
    if "loss" in run.run.ledger.columns:
        arrays["losses"] = run.run.ledger.history("loss").numpy()
    if "probs" in run.run.ledger.columns:
        arrays["training_probs"] = log_mean(run.run.ledger.history("probs")).numpy()
    return arrays


def _save(path: Path, arrays: dict[str, Array]) -> None:
    with path.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def _line(name: str, run: Training, epoch: EpochLog) -> dict[str, Any]:
    return {"stage": name, "epochs": run.recipe.epochs, **asdict(epoch)}
