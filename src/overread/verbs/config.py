"""An audit's configuration: the flags as values, and the TOML file that keeps them."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from overread.errors import InputError, did_you_mean

EFFORTS = ("full", "fast")


@dataclass(frozen=True)
class AuditConfig:
    """How to audit. Each field is the flag of the same name; None takes the effort's own default."""

    effort: str = "full"  # fine-tune a network, or "fast": train a head on its frozen features
    method: str = "ce"
    network: str = "efficientnet-lite0"
    weights: str = "default"  # or "none"
    size: int | None = None  # pixels; 64 to fine-tune, 128 for frozen features
    epochs: int | None = None  # 6 to fine-tune, 10 for a head
    batch_size: int | None = None
    lr: float | None = None
    folds: int | None = None  # full: 0, the folds' heads stand on frozen features; fast: 5
    noise_rate: float | None = None  # None: estimated
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    settings: dict[str, str] = field(default_factory=dict)  # fields of the method
    cache: str | None = None

    def __post_init__(self) -> None:
        problems = [
            text
            for wrong, text in (
                (self.effort not in EFFORTS, f"--effort is full or fast, not {self.effort!r}"),
                (
                    self.size is not None and self.size < 16,
                    f"--size must be at least 16 pixels, not {self.size}",
                ),
                (
                    self.epochs is not None and self.epochs < 2,
                    f"--epochs must be at least 2, not {self.epochs}",
                ),
                (self.batch_size is not None and self.batch_size < 2, "--batch-size must be at least 2"),
                (self.lr is not None and not self.lr > 0, f"--lr must be above 0, not {self.lr}"),
                (
                    self.folds is not None and self._too_few(self.folds),
                    f"--folds must be {self._folds_text()}",
                ),
                (self.seed < 0, f"--seed must be 0 or more, not {self.seed}"),
                (
                    self.noise_rate is not None and not 0 <= self.noise_rate < 1,
                    f"--noise-rate is auto or a share from 0 to below 1, not {self.noise_rate}",
                ),
            )
            if wrong
        ]
        if problems:
            raise InputError("; ".join(problems) + ".")

    def _too_few(self, folds: int) -> bool:
        return folds < 2 and not (self.effort == "full" and folds == 0)

    def _folds_text(self) -> str:
        return "0 or at least 2" if self.effort == "full" else "at least 2"


def save_config(config: AuditConfig, path: Path) -> None:
    """Writes the configuration; fields that are None are left out, since TOML has no such value."""
    import tomli_w

    from overread.files import write_text

    values = {key: value for key, value in asdict(config).items() if value is not None}
    write_text(path, tomli_w.dumps(values))


def load_config(path: Path) -> AuditConfig:
    """Reads what `save_config` wrote, or a file with some of its fields. Unknown fields are an error."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no configuration file {path}.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}.") from None
    kinds = {item.name: _kinds(str(item.type)) for item in fields(AuditConfig)}
    problems = [f"unknown field {key!r}. {did_you_mean(key, kinds)}" for key in values if key not in kinds]
    problems += [
        f"{key} = {value!r} is not {' or '.join(kind.__name__ for kind in kinds[key])}"
        for key, value in values.items()
        if key in kinds and (isinstance(value, bool) or not isinstance(value, kinds[key]))
    ]
    if problems:
        raise InputError(f"{path}: " + "; ".join(problems))
    values["settings"] = {key: str(value) for key, value in values.get("settings", {}).items()}
    return AuditConfig(**values)


def _kinds(hint: str) -> tuple[type[Any], ...]:
    """The types that a TOML value of a field may have; whole numbers stand for floats too."""
    known: dict[str, tuple[type[Any], ...]] = {"int": (int,), "float": (float, int), "str": (str,)}
    return known.get(hint.split(" ")[0], (dict,))
