"""What `overread train` learns: a prior from frozen features, then the networks, watched on the validation part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.manifest import Ints, Manifest
from overread.data.opened import Images
from overread.data.parts import rows_of
from overread.detect.rate import LEVEL
from overread.engine.evidence import Evidence
from overread.quality import LEAST, confusion, of_confusion
from overread.run import RunFolder
from overread.verbs.config import TrainConfig
from overread.verbs.learning import frozen_features, informed, logger
from overread.verbs.saving import save_model
from overread.verbs.setting_up import Setup, eyes, recipe_of

if TYPE_CHECKING:
    from torch import nn

    from overread.engine.loop import Recipe
    from overread.engine.method import Prior

Array = np.ndarray[Any, np.dtype[Any]]
STAGE = "train"


def recipes() -> dict[str, Recipe]:
    """How networks are trained where no flag says otherwise, by effort."""
    from overread.engine.loop import Recipe

    return {
        "full": Recipe(epochs=20, batch_size=128, lr=0.02, weight_decay=1e-4),
        "fast": Recipe(epochs=30, batch_size=64, lr=0.01, weight_decay=1e-3),
    }


@dataclass(frozen=True)
class Trained:
    """What training gave."""

    evidence: Evidence  # of the training rows
    prior: Prior
    epochs: int
    best_epoch: int  # counts from 1
    probs: dict[str, Array]  # `last.val`, `best.test`, ...: [M, C]


@dataclass(frozen=True)
class Material:
    """What networks are made of, and what they see of all samples."""

    x: Any  # pixels [N, S, S, 3], or standardised features [N, D]
    make: Callable[[], nn.Module]
    finished: Callable[[Sequence[nn.Module]], list[nn.Module]]  # trained networks as networks for images

    def part(self, rows: Ints) -> Any:
        return self.x.take(rows) if isinstance(self.x, Images) else self.x[rows]


def learn_model(
    manifest: Manifest, images: Images, config: TrainConfig, setup: Setup, run: RunFolder
) -> Trained:
    """Trains on the rows of the part `train`, writes RUN/model, and says what was learned."""
    from overread.engine.gather import HEAD, Gathering, evidence_of
    from overread.engine.networks import weights_in_words
    from overread.engine.stage import learned
    from overread.methods.ce import CE

    say(weights_in_words(config.network, config.weights), setup)
    frozen, rows = frozen_features(manifest, images, config, setup, run), rows_of(manifest, "train")
    log = logger(run, setup.quiet)
    gathering = Gathering(manifest.take(rows), CE(), setup.fabric, run.checkpoint, config.seed, log)
    gathering = informed(gathering, frozen[rows], HEAD, gathering.head_folds, config.noise_rate)
    prior = gathering.prior
    assert prior is not None
    say(prior_in_words(prior, config.noise_rate is not None), setup)
    fast = config.effort == "fast"
    material = (
        on_frozen(manifest, frozen, images.shape[1], config) if fast else on_images(manifest, images, config)
    )
    found = watched(manifest, material, prior, config, setup, run)
    what = learned(found)
    evidence = evidence_of(gathering.manifest, what, prior.probs.numpy(), what.features)
    evidence = replace(evidence, columns={**evidence.columns, "final_probs": what.probs})
    probs = {name: value for name, value in found.items() if name.startswith(("last.", "best."))}
    return Trained(evidence, prior, int(found["epochs"]), int(found["best_epoch"]), probs)


def say(text: str, setup: Setup) -> None:
    if not setup.quiet:
        print(text, file=sys.stderr, flush=True)


def prior_in_words(prior: Prior, given: bool) -> str:
    """The noise rate in one line."""
    if given:
        return f"Noise: {100 * prior.noise_rate:.1f} % of the training labels are taken to be wrong, by --noise-rate."
    return (
        f"Noise: about {100 * prior.noise_rate:.1f} % of the training labels look wrong "
        f"({100 * LEVEL:.0f} % interval {100 * prior.low:.1f} % to {100 * prior.high:.1f} %)."
    )


def on_images(manifest: Manifest, images: Images, config: TrainConfig) -> Material:
    """`full`: whole networks are trained."""
    from overread.engine.networks import build

    make = partial(build, config.network, len(manifest.classes), images.shape[1], config.weights)
    return Material(images, make, list)


def on_frozen(manifest: Manifest, frozen: Array, size: int, config: TrainConfig) -> Material:
    """`fast`: heads on frozen features [N, D], which are standardised as the training rows are spread."""
    from overread.engine.features import frozen_network, standard_of
    from overread.engine.gather import head_on
    from overread.engine.networks import OnFrozen, body_of

    mean, scale = standard_of(frozen[rows_of(manifest, "train")])
    x = np.asarray((frozen - mean) / scale, np.float32)

    def finished(heads: Sequence[Any]) -> list[nn.Module]:
        import torch

        body = body_of(frozen_network(*eyes(config), size))
        spread = torch.from_numpy(mean), torch.from_numpy(scale)
        return [OnFrozen(body, *spread, deepcopy(head).cpu()) for head in heads]

    return Material(x, head_on(x, manifest.classes), finished)


def watched(
    manifest: Manifest, material: Material, prior: Prior, config: TrainConfig, setup: Setup, run: RunFolder
) -> dict[str, Array]:
    """The training itself: what `train_watched` gives."""
    import torch

    from overread.engine.loop import Training, TrainingSet
    from overread.engine.samples import Samples
    from overread.engine.stage import Stage
    from overread.engine.watched import Watch, train_watched

    rows = {part: rows_of(manifest, part) for part in ("train", "val", "test")}
    samples = {part: Samples(material.part(at), manifest.given[at]) for part, at in rows.items() if len(at)}
    data = TrainingSet(samples.pop("train"), torch.arange(len(rows["train"])), manifest.classes, prior)
    recipe = replace(recipe_of(recipes()[config.effort], config), seed=config.seed)

    def build(files: Any) -> Training:
        return Training(setup.method, data, material.make, recipe, setup.fabric, files)

    def export(nets: Sequence[nn.Module]) -> None:
        save_model(material.finished(nets), run.path / "model", manifest, config)

    curve = partial(curved, manifest.given[rows["test"]]) if config.curves and "test" in samples else None
    watch = Watch(samples, partial(judged, manifest.given[rows["val"]]), config.keep, export, curve=curve)
    return train_watched(Stage(STAGE, run.checkpoint, logger(run, setup.quiet)), build, watch)


def curved(y: Array, probs: Array) -> dict[str, float]:
    """As `judged`, of the test part: for curves, and nothing else."""
    return {name.replace("val_", "test_"): value for name, value in judged(y, probs).items()}


def judged(y: Array, probs: Array) -> dict[str, float]:
    """How good probabilities [V, C] of the validation part are, by its given labels [V]; accuracy comes first."""
    table = confusion(y, probs.argmax(1), probs.shape[1])
    rates = {f"val_{name}": float(values[0]) for name, values in of_confusion(table[None]).items()}
    loss = float(-np.log(np.clip(probs[np.arange(len(y)), y], LEAST, None)).mean())
    return {**rates, "val_loss": loss}
