"""The configuration of the verbs that train: the flags as values, and the TOML file that keeps them."""

from __future__ import annotations

import tomllib
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, final

from overread.engine.augment import parse_augment
from overread.errors import InputError, did_you_mean

EFFORTS = ("full", "fast")
BALANCES = ("auto", "none", "sampler", "loss")
KEEPS = ("last", "best")
LOSSES = ("ce", "dice", "dice-ce")
C = TypeVar("C", bound="LearningConfig")
Problems = list[tuple[bool, str]]  # whether it is one, and what it is


@dataclass(frozen=True)
class LearningConfig(ABC):
    """What all verbs that train share. Each field is the flag of the same name; None takes the effort's default."""

    effort: str = "full"  # fine-tune a network, or "fast": train a head on its frozen features
    method: str = "auto"  # ce; to audit masks qam-ocm
    network: str = "auto"  # efficientnet-lite0, or unet for masks
    weights: str = "default"  # or "none", FILE.safetensors, hf:OWNER/REPO
    size: int | None = None  # pixels; 64 to fine-tune, 128 for frozen features
    epochs: int | None = None
    batch_size: int | None = None
    lr: float | None = None
    balance: str = "auto"  # none; structures of masks, or classes, equally weighty (`loss`), or equally often
    augment: str = (
        "auto"  # as engine/augment.py reads it; to train on labels none, masks are turned and cropped
    )
    loss: str | None = None  # of masks: "ce" (of the plain network), "dice" or "dice-ce" (of the others)
    noise_rate: float | None = None  # None: estimated
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    settings: dict[str, str] = field(default_factory=dict)  # fields of the method
    cache: str | None = None

    def __post_init__(self) -> None:
        problems = [text for wrong, text in (*self._shared(), *self._own()) if wrong]
        try:
            parse_augment("none" if self.augment == "auto" else self.augment)
        except InputError as error:
            problems.append(str(error).removesuffix("."))
        if problems:
            raise InputError("; ".join(problems) + ".")

    def _shared(self) -> Problems:
        rate = self.noise_rate
        return [
            (self.effort not in EFFORTS, f"--effort is full or fast, not {self.effort!r}"),
            (self.balance not in BALANCES, f"--balance is auto, none, sampler or loss, not {self.balance!r}"),
            (self.loss not in (None, *LOSSES), f"--loss is {', '.join(LOSSES)}, not {self.loss!r}"),
            (below(self.size, 16), f"--size must be at least 16 pixels, not {self.size}"),
            (below(self.epochs, 2), f"--epochs must be at least 2, not {self.epochs}"),
            (below(self.batch_size, 2), f"--batch-size must be at least 2, not {self.batch_size}"),
            (self.lr is not None and not self.lr > 0, f"--lr must be above 0, not {self.lr}"),
            (self.seed < 0, f"--seed must be 0 or more, not {self.seed}"),
            (
                rate is not None and not 0 <= rate < 1,
                f"--noise-rate is auto or a share from 0 to below 1, not {rate}",
            ),
        ]

    @abstractmethod
    def _own(self) -> Problems:
        """What can be wrong with the verb's own fields."""


@final
@dataclass(frozen=True)
class AuditConfig(LearningConfig):
    """How to audit. Epochs: 6 to fine-tune, 10 for a head."""

    folds: int | None = None  # full: 0, the folds' heads stand on frozen features; fast: 5; masks: 3
    rank_by: str = "consensus"  # the detector whose score orders the list

    def _own(self) -> Problems:
        may_be_0 = self.effort == "full"
        wrong = below(self.folds, 2) and not (may_be_0 and self.folds == 0)
        return [(wrong, f"--folds must be {'0 or ' if may_be_0 else ''}at least 2, not {self.folds}")]


@final
@dataclass(frozen=True)
class TrainConfig(LearningConfig):
    """How to train. Epochs: 20 for a network, 30 for a head."""

    keep: str = (
        "last"  # or "best": the epoch with the best accuracy on the given labels of the validation part
    )
    val_share: float = 0.15  # of the training part, held out where the data name no validation part
    curves: bool = False  # the test part is measured after each epoch too; nothing is chosen by it

    def _own(self) -> Problems:
        fast = self.effort == "fast" and self.augment not in ("auto", "none")
        return [
            (self.keep not in KEEPS, f"--keep is last or best, not {self.keep!r}"),
            (
                not 0.0 < self.val_share < 1.0,
                f"--val-share is a share above 0 and below 1, not {self.val_share}",
            ),
            (fast, "--augment needs --effort full: fast sees each image once, as it is"),
        ]


def below(value: int | None, least: int) -> bool:
    """Whether a value was given, and is too small."""
    return value is not None and value < least


def save_config(config: LearningConfig, path: Path) -> None:
    """Writes the configuration; fields that are None are left out, since TOML has no such value."""
    import tomli_w

    from overread.files import write_text

    values = {key: value for key, value in asdict(config).items() if value is not None}
    write_text(path, tomli_w.dumps(values))


def load_config(path: Path, kind: type[C]) -> C:
    """Reads what `save_config` wrote, or a file with some of its fields. Unknown fields are an error."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no configuration file {path}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}.") from None
    kinds = {item.name: _kinds(str(item.type)) for item in fields(kind)}
    problems = [f"unknown field {key!r}. {did_you_mean(key, kinds)}" for key in values if key not in kinds]
    problems += [
        f"{key} = {value!r} is not {' or '.join(kind.__name__ for kind in kinds[key])}"
        for key, value in values.items()
        if key in kinds and not _fits(value, kinds[key])
    ]
    if problems:
        raise InputError(f"{path}: " + "; ".join(problems))
    values["settings"] = {key: str(value) for key, value in values.get("settings", {}).items()}
    return kind(**values)


def _kinds(hint: str) -> tuple[type[Any], ...]:
    """The types that a TOML value of a field may have; whole numbers stand for floats too."""
    known: dict[str, tuple[type[Any], ...]] = {
        "int": (int,),
        "float": (float, int),
        "str": (str,),
        "bool": (bool,),
    }
    return known.get(hint.split(" ")[0], (dict,))


def _fits(value: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Whether a TOML value is of one of `kinds`; true and false are no numbers."""
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)
