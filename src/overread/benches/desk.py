"""What a cell works with: its data, noise, and the public verbs with the settings that all cells share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overread.benches.plan import Bench, Cell, Scale
from overread.benches.sources import Source
from overread.data.options import DataOptions

if TYPE_CHECKING:
    from overread.verbs.audit import AuditResult
    from overread.verbs.clean import CleanResult
    from overread.verbs.train import TrainResult

NOISE_SEED = 1000  # added to a cell's seed: noise, training and splits are drawn independently
HEAVY = ("model", "checkpoint", "gallery", "suggested", "doubt")  # of a run folder, once its cell is done


@dataclass(frozen=True)
class Desk:
    """One bench being run."""

    bench: Bench
    out: Path
    sources: Mapping[str, Source]
    quick: bool
    seeds: tuple[int, ...]
    asked: Mapping[str, Any] = field(default_factory=dict)  # --network, --weights, --size, --epochs, --device
    quiet: bool = True
    command: Sequence[str] = ()

    @property
    def scale(self) -> Scale:
        return self.bench.quick if self.quick else self.bench.full

    @property
    def first(self) -> str:
        """The name of the first data set."""
        return next(iter(self.sources))

    def noisy(self, source: str, noise: str, rate: float | None, seed: int, **more: Any) -> Path:
        """The data of `source` with noise on the labels or masks of what is learned from, made once.

        `more`: `settings` of the noise, `only` these splits, a `long_tail`.
        """
        from overread import corrupt
        from overread.noise.choose import make

        settings = more.pop("settings", None)
        details = "-".join(f"{value}" for value in (settings or {}).values()).replace(",", "_")
        share = "" if rate is None else f"-{round(100 * rate):03d}"
        out = self.out / "noisy" / f"{source}-{noise}{share}{'-' * bool(details)}{details}-{seed}"
        table = self.sources[source].table
        options = more.pop("options", None) or DataOptions()
        more.setdefault(
            "only", tuple(s for s in ("train", "val") if s in self.sources[source].about["images"])
        )
        if (out / "labels.csv").is_file():
            return out
        try:
            made = make(noise, rate, settings)
            corrupt(table, out, made, options, seed=NOISE_SEED + seed, quiet=self.quiet, **more)
        except Exception:  # another shard may have been quicker
            if not (out / "labels.csv").is_file():
                raise
        return out

    def run_folder(self, name: str) -> Path:
        return self.out / "runs" / name

    def train(self, name: str, data: Path, options: DataOptions | None = None, **fields: Any) -> TrainResult:
        """`overread train`, in OUT/runs/NAME; goes on where it was interrupted."""
        from overread import train
        from overread.verbs.config import TrainConfig

        return train(data, self.run_folder(name), options, TrainConfig(**self._fields(fields)), **self._how())

    def audit(self, name: str, data: Path, options: DataOptions | None = None, **fields: Any) -> AuditResult:
        """`overread audit`, likewise."""
        from overread import audit
        from overread.verbs.config import AuditConfig

        return audit(data, self.run_folder(name), options, AuditConfig(**self._fields(fields)), **self._how())

    def clean(self, name: str, data: Path, options: DataOptions | None = None, **fields: Any) -> CleanResult:
        """`overread clean`, likewise."""
        from overread import clean
        from overread.verbs.cleaning.config import CleanConfig

        return clean(data, self.run_folder(name), options, CleanConfig(**self._fields(fields)), **self._how())

    def _fields(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """A cell's own fields over the scale's; what the user asked for wins over both."""
        return {**self.scale.learning, **own, **self.asked, "cache": str(self.out / "cache")}

    def _how(self) -> dict[str, Any]:
        return {"resume": True, "quiet": self.quiet, "command": list(self.command)}

    def tidy(self, cell: Cell) -> None:
        """Leaves of a finished cell's run folders what is small."""
        import shutil

        for run in (self.out / "runs").glob(f"{cell.name}*"):
            for part in HEAVY:
                shutil.rmtree(run / part, ignore_errors=True)
