"""The networks of the first phase and of each round: trained as a stage, left as files, and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overread.data.parts import rows_of
from overread.files import write_whole
from overread.settings import apply_settings
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.learning import logger, with_verified
from overread.verbs.saving import save_model
from overread.verbs.setting_up import method_kind, recipe_of
from overread.verbs.training import judged, recipes

if TYPE_CHECKING:
    from torch import nn

ON = {"full": 5, "fast": 10}  # epochs of a round that goes on with the networks of the one before
HELD = ("val", "test")
FIRST = "start"  # the stage of the first phase


@dataclass(frozen=True)
class Model:
    """What networks say once they are trained: of the P samples of the pool, and of the held-out parts."""

    probs: Array  # [P, C]
    features: Array  # [P, D]
    held: dict[str, Array]  # by part: [M, C]
    nets: Path  # their weights
    found: dict[str, Array]  # all that the stage left


@dataclass(frozen=True)
class Lesson:
    """What networks are to learn."""

    name: str  # of the stage
    by: str  # name of the method
    method: Any
    labels: Labels
    rows: Array  # of the pool, to learn from
    before: Path | None = None  # the networks to go on with


def learned(desk: Desk, lesson: Lesson) -> Model:
    """Trains (or goes on, or takes what is finished), writes RUN/model, and says what the networks see."""
    from overread.engine.samples import Samples
    from overread.engine.stage import Stage
    from overread.engine.watched import Watch, train_watched

    manifest, config = desk.manifest, desk.config
    nets = desk.file(f"{lesson.name}-nets.pt")
    parts = {part: rows for part in HELD if len(rows := rows_of(manifest, part))}
    held = {part: Samples(desk.material.part(rows), manifest.given[rows]) for part, rows in parts.items()}

    def export(trained: Sequence[nn.Module]) -> None:
        keep(trained, nets)
        settings, balance = own_settings(lesson.method, config), balance_of(lesson, config)
        training = replace(config.training(lesson.by), settings=settings, balance=balance)
        save_model(desk.material.finished(trained), desk.run.path / "model", manifest, training)

    watch = Watch(held, partial(judged, manifest.given[parts["val"]]), "last", export)
    stage = Stage(lesson.name, desk.run.checkpoint, logger(desk.run, desk.setup.quiet))
    found = train_watched(stage, partial(training_of, desk, lesson), watch)
    said = {part: found[f"last.{part}"] for part in held}
    return Model(found["probs"], found["features"].astype(np.float32), said, nets, found)


def training_of(desk: Desk, lesson: Lesson, files: tuple[Path, bool]) -> Any:
    """The training of a lesson, before its first epoch."""
    import torch

    from overread.engine.loop import Training, TrainingSet
    from overread.engine.samples import Samples

    config, labels = desk.config, lesson.labels
    samples = Samples(desk.material.part(desk.rows), labels.given)
    prior = with_verified(desk.prior, labels.on(desk.pool))
    data = TrainingSet(samples, torch.from_numpy(lesson.rows), desk.manifest.classes, prior)
    recipe = recipe_of(recipe_for(desk, lesson), config)
    recipe = replace(recipe, seed=config.seed, balance=balance_of(lesson, config))
    make = desk.material.make
    if lesson.before is not None:
        recipe = replace(recipe, epochs=config.round_epochs or ON[config.effort])
        make = going_on(make, lesson.before)
    return Training(lesson.method, data, make, recipe, desk.setup.fabric, files)


def recipe_for(desk: Desk, lesson: Lesson) -> Any:
    """That of `overread train`; but plain cross-entropy on all given labels stops early, as `overread audit` does
    (images are turned only where `--augment` says so): later it knows the wrong ones by heart."""
    from overread.engine.gather import FINE_TUNING, HEAD

    if lesson.name == FIRST and desk.config.start == "ce":
        return {"full": FINE_TUNING, "fast": HEAD}[desk.config.effort]
    return recipes()[desk.config.effort]


def balance_of(lesson: Lesson, config: CleanConfig) -> str:
    """How rare classes come. By default a round shows each class of what is trusted equally often; on labels as they
    are given, of which the rare ones are mostly wrong, that would multiply the wrong ones (decision 22)."""
    if config.balance != "auto":
        return config.balance
    return "sampler" if lesson.name != FIRST and config.update == "clean" else "none"


def method_of_rounds(config: CleanConfig) -> str:
    """By which method each round trains: cross-entropy on what is trusted; on everything a robust one."""
    if config.update == "clean":
        return "ce"
    if config.method != "auto":
        return config.method
    return "co-teaching" if config.start in ("none", "ce") else config.start


def method_of(name: str, config: CleanConfig) -> Any:
    """A method with what `--set` says of its fields."""
    kind = method_kind(name)
    return apply_settings(kind, own_settings(kind, config))


def own_settings(kind: Any, config: CleanConfig) -> dict[str, str]:
    """What `--set` says of the fields of a method; the rest is for the other one."""
    return {name: value for name, value in config.settings.items() if name in names_of(kind)}


def names_of(kind: Any) -> set[str]:
    """The names of the fields of a method."""
    return {field.name for field in fields(kind)} if is_dataclass(kind) else set()


def keep(nets: Sequence[nn.Module], path: Path) -> None:
    """Writes the weights of `nets`."""
    import torch

    write_whole(path, lambda part: torch.save([net.state_dict() for net in nets], part))


def going_on(make: Callable[[], nn.Module], path: Path) -> Callable[[], nn.Module]:
    """Makes networks one after the other with the weights that `keep` wrote; the first ones again after the last."""
    import torch

    states: list[dict[str, Any]] = torch.load(path, map_location="cpu", weights_only=True)

    def turns() -> Iterator[dict[str, Any]]:
        while True:
            yield from states

    turn = turns()

    def build() -> nn.Module:
        net = make()
        net.load_state_dict(next(turn))
        return net

    return build


def count_of(path: Path) -> int:
    """How many networks `keep` wrote."""
    import torch

    return len(torch.load(path, map_location="cpu", weights_only=True))
