"""What all verbs that train begin with: the method, the device and the recipe that the flags name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from overread.data.cache import default_cache_dir
from overread.data.kept import options_as_json
from overread.data.manifest import Manifest
from overread.data.options import DataOptions
from overread.data.reader_facts import Readings
from overread.data.reading import Reading
from overread.engine.augment import Augment, parse_augment
from overread.errors import InputError
from overread.files import write_whole
from overread.processes import started
from overread.registry import load as load_entry
from overread.settings import apply_settings
from overread.verbs.config import AuditConfig, LearningConfig, save_config

T = TypeVar("T")

FROZEN_SIZE, TUNED_SIZE = 128, 64  # pixels: frozen features want detail, fine-tuning wants speed
MASK_SIZE = 128  # pixels
DEFAULT_NETWORK, DEFAULT_SEGMENTER = "efficientnet-lite0", "unet"
LABEL_AUGMENT, MASK_AUGMENT = "flip", "rotate=10,crop=0.1"  # where the verb augments unless told otherwise
AUDIT_METHOD = "qam-ocm"  # of masks
SELECTIVE = ("ousm", "co-teaching", "qam", "qam-ocm", "ss", "ss-jo")
LOSS_OF = dict.fromkeys(SELECTIVE, "dice-ce")  # of masks; ce else: decision 0017
C = TypeVar("C", bound=LearningConfig)


@dataclass(frozen=True)
class Setup:
    """What every flag but the data's came to, checked before anything is read or written."""

    method: Any
    fabric: Any
    cache: Path
    quiet: bool

    def first(self, work: Callable[[], T]) -> T:
        """What `work` gives in the first process, told to all: what writes and prints."""
        from overread.engine.parallel import Exchange

        return Exchange.here().first(work)

    def each(self, work: Callable[[], T]) -> T:
        """`work` in every process, the first of each machine before the others: what fills the cache."""
        from overread.engine.parallel import Exchange

        return Exchange.here().each(work)

    def agree(self, reading: Reading) -> None:
        """Refuses where another process read other data than the first."""
        from overread.engine.parallel import Exchange

        Exchange.here().agree(reading.manifest.fingerprint, "data")


def settled(config: C, task: str) -> C:
    """The configuration with the task's own defaults; an `InputError` for flags that it does not know."""
    if task == "classification":
        if config.loss is not None:
            raise InputError(
                f"--loss {config.loss} is for masks; with labels of whole images --method says what is learned. "
                "Leave it out."
            )
        augment = LABEL_AUGMENT if isinstance(config, AuditConfig) else "none"
        defaults = {"method": "ce", "network": DEFAULT_NETWORK, "augment": augment, "balance": "none"}
        return with_defaults(config, defaults)
    wrong = [
        (
            config.effort != "full",
            "--effort fast is for labels of whole images: masks are learned end to end",
        ),
        (config.balance == "sampler", "--balance sampler is for labels of whole images"),
        (
            getattr(config, "folds", None) == 0,
            "--folds 0 is for labels of whole images: masks are read by networks that did not learn from them",
        ),
    ]
    if problems := [text for is_one, text in wrong if is_one]:
        raise InputError("; ".join(problems) + ". Leave it out.")
    method = AUDIT_METHOD if isinstance(config, AuditConfig) else "ce"
    defaults = {"method": method, "network": DEFAULT_SEGMENTER, "augment": MASK_AUGMENT, "balance": "loss"}
    config = with_defaults(config, defaults)
    return replace(
        config, size=config.size or MASK_SIZE, loss=config.loss or LOSS_OF.get(config.method, "ce")
    )


def with_defaults(config: C, defaults: dict[str, str]) -> C:
    """The configuration with the fields that are `auto` as in `defaults`."""
    found: dict[str, Any] = {name: v for name, v in defaults.items() if getattr(config, name) == "auto"}
    return replace(config, **found)


def set_up(config: LearningConfig, quiet: bool, task: str = "classification") -> Setup:
    """The method with its `--set` fields, the device, the cache. Raises `InputError` for a flag that is wrong."""
    from overread.engine.device import make_fabric
    from overread.engine.networks import check_network, check_segmenter

    kind = method_kind(config.method)
    if task not in kind.tasks:
        raise InputError(f"The method {config.method!r} is for {' and '.join(kind.tasks)}, not for {task}.")
    method = apply_settings(kind, config.settings)
    (check_segmenter if task == "segmentation" else check_network)(config.network, config.weights)
    fabric = make_fabric(config.device, config.precision, config.network)
    cache = Path(config.cache) if config.cache else default_cache_dir()
    return Setup(method, fabric, cache, quiet or not started().is_first)


def begin(out: Path, config: LearningConfig, manifest: Manifest, readings: Readings | None) -> None:
    """Writes what is known before anything is learned; `readings` where several people gave the labels."""
    save_config(config, out / "config.toml")
    write_whole(out / "manifest.csv", manifest.save)
    if readings is not None:
        write_whole(out / "readings.csv", readings.save)


def method_kind(name: str) -> Any:
    """The class of a method, ours or the user's."""
    from overread.engine.method import Method
    from overread.methods import METHODS

    kind = load_entry("method", name, METHODS)
    if not (isinstance(kind, type) and issubclass(kind, Method)):
        raise InputError(
            f"The method {name!r} is no class of methods. Expected a frozen dataclass that is a subclass of "
            "overread.engine.method.Method; docs/own-method.md has an example."
        )
    if abstract := sorted(kind.__abstractmethods__):
        raise InputError(
            f"The method {name!r} lacks {', '.join(abstract)}; docs/own-method.md has an example."
        )
    return kind


def first_size(config: LearningConfig) -> int:
    """The size at which the images are opened first."""
    return config.size or (TUNED_SIZE if config.effort == "full" else FROZEN_SIZE)


def recipe_of(default: Any, config: LearningConfig) -> Any:
    """The recipe `default` with what the flags say."""
    given = {"epochs": config.epochs, "batch_size": config.batch_size, "lr": config.lr}
    changed = {name: value for name, value in given.items() if value is not None}
    augment = parse_augment(config.augment)
    return replace(
        default, balance=config.balance, augment=None if augment == Augment() else augment, **changed
    )


def identity_of(reading: Reading, config: LearningConfig) -> dict[str, Any]:
    """What must be equal for a run to go on: data and every flag that changes a result."""
    values = {key: value for key, value in asdict(config).items() if key not in ("cache", "curves")}
    return {"data": reading.manifest.fingerprint, **values}


def data_of(reading: Reading, options: DataOptions) -> dict[str, Any]:
    """What run.json says of the data: enough to read them again."""
    manifest = reading.manifest
    return {
        "source": reading.source,
        "path": str(Path(reading.source).expanduser().absolute()),
        "options": options_as_json(options),
        "fingerprint": manifest.fingerprint,
        "samples": len(manifest),
    }


def eyes(config: LearningConfig) -> tuple[str, str]:
    """The network whose frozen features are looked at, and its weights.

    `fast` looks through the network that was asked for. `full` looks through it before it is tuned if it has
    been trained elsewhere, and else through the one whose weights ship.
    """
    from overread.engine.networks import SHIPPED

    trained = config.weights not in ("default", "none") or (
        config.network in SHIPPED and config.weights != "none"
    )
    if config.effort == "fast" or trained:
        return config.network, config.weights
    return "efficientnet-lite0", "default"
