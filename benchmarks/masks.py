"""How good networks become on wrong masks: P5's and P2's tables on JSRT, cell by cell, resumable.

    python benchmarks/masks.py --data ../shared/data --work /tmp/bench [--cells TEXT] [--minutes M] [--list]

JSRT with its odd images to learn from and its even ones, whose masks stay as they are, to measure on; lungs, heart,
clavicles. The masks of a share of the training images are eroded or dilated by a disk of 1-8 or 5-13 pixels (as at
256x256; drawn with seed 300 + SEED, training with seed SEED). A cell is NOISE-SHARE-METHOD-SEED; each finished one is
a JSON file in benchmarks/results/masks/ and is not run again; one that was interrupted goes on where it was. Several
processes may work side by side. The tables come from benchmarks/masks_table.py.

Settings and epochs are those of `overread train`, chosen on other draws of noise; the last epoch is measured. On a
GPU: --gpu gives 256x256, 100 epochs and three seeds.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from overread import corrupt, train
from overread.data.options import DataOptions, parse_merge
from overread.noise.choose import make
from overread.verbs.config import TrainConfig

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "masks"
METHODS: dict[str, tuple[str, dict[str, str]]] = {  # name in the table -> method, --set (and --loss)
    "unet": ("ce", {}),
    "qam": ("qam", {}),
    "qam-ocm": ("qam-ocm", {}),
    "co-teaching": ("co-teaching", {}),
    "ousm": ("ousm", {}),
    "ss": ("ss", {}),
    "ss-jo-20": ("ss-jo", {"start": "0.2"}),
    "ss-jo-50": ("ss-jo", {"start": "0.5"}),
    "ss-jo-80": ("ss-jo", {"start": "0.8"}),
    "unet-dice": ("ce", {"loss": "dice-ce"}),
    "qam-set": ("qam", {"scope": "set"}),
    "qam-ce": ("qam", {"loss": "ce", "scope": "set"}),
    "qam-ocm-ce": ("qam-ocm", {"loss": "ce"}),
    "qam-ocm-paper": ("qam-ocm", {"loss": "ce", "warmup": "0", "scope": "batch", "judge_rate": "1"}),
}
P5 = ("unet", "qam", "qam-ocm")
P2 = (
    "co-teaching",
    "ss",
    "ss-jo-50",
    "ss-jo-20",
    "ss-jo-80",
    "unet-dice",
    "ousm",
    "qam-ocm-ce",
    "qam-ocm-paper",
)
PIXELS = {"weak": "1,8", "strong": "5,13"}
MERGE = parse_merge(["lungs=left_lung+right_lung", "clavicles=left_clavicle+right_clavicle"])


@dataclass(frozen=True)
class Cell:
    """One model: a noise, its share, a method, a seed."""

    noise: str
    share: float
    method: str
    seed: int

    @property
    def data(self) -> str:
        return f"jsrt-{self.noise}-{round(100 * self.share):02d}-{self.seed}"

    @property
    def name(self) -> str:
        return f"{self.noise}-{round(100 * self.share):02d}-{self.method}-{self.seed}"


def cells(gpu: bool) -> list[Cell]:
    """All cells, the most wanted first."""
    found = []
    for seed in (1, 2, 3) if gpu else (1,):
        found += [Cell("strong", s, m, seed) for s in (0.0, 0.5, 0.75) for m in P5]
        found += [Cell("strong", s, m, seed) for s in (0.75, 0.5) for m in P2[:3]]
        found += [Cell("strong", 0.25, m, seed) for m in P5]
        found += [Cell("weak", s, m, seed) for s in (0.5, 0.75, 0.25) for m in P5]
        found += [Cell("strong", s, m, seed) for s in (0.5, 0.75, 0.25, 0.0) for m in P2]
    return list(dict.fromkeys(found))


def noisy(cell: Cell, data: Path, work: Path) -> Path:
    """The data of a cell, made once."""
    out = work / "mask-data" / cell.data
    if not out.exists():
        options = DataOptions(split_map={"odd": "train", "even": "test"}, merge=MERGE)
        noise = make("erode-dilate", cell.share, {"pixels": PIXELS[cell.noise]})
        source = data / "jsrt" / "cases.csv"
        corrupt(source, out, noise, options, seed=300 + cell.seed, only=("train",), quiet=True)
    return out


def run(cell: Cell, options: argparse.Namespace) -> None:
    """Trains, and keeps the figures."""
    source, out = noisy(cell, options.data, options.work), options.work / "mask-runs" / cell.name
    method, settings = METHODS[cell.method]
    config = TrainConfig(
        method=method,
        settings={key: value for key, value in settings.items() if key != "loss"},
        loss=settings.get("loss"),
        seed=cell.seed,
        size=options.size,
        epochs=options.epochs,
        val_share=0.05,
        noise_rate=None,
        cache=str(options.work / "cache"),
    )
    whole, started = not out.exists(), time.perf_counter()  # a resumed run's time says nothing
    result = train(
        source, out, config=config, resume=True, quiet=options.quiet, command=["python", *sys.argv]
    )
    info = json.loads((out / "run.json").read_text())
    record = {
        "cell": cell.name,
        "command": ["python", *sys.argv],
        "versions": info["versions"],
        "machine": info["machine"],
        "seed": cell.seed,
        "size": options.size,
        "seconds": round(time.perf_counter() - started, 1) if whole else None,
        "peak_memory_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "metrics": result.metrics,
        "weights": weights(out),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{cell.name}.json").write_text(json.dumps(record, indent=1) + "\n")


def weights(out: Path) -> dict[str, Any] | None:
    """P5's figure 4: mean and standard deviation of the weights of clean and of noisy images, epoch by epoch, and how
    well they tell them apart (AUROC of low weight for noisy)."""
    from sklearn.metrics import roc_auc_score

    with np.load(out / "evidence.npz", allow_pickle=False) as evidence:
        if "column.weight" not in evidence.files:
            return None
        weight, ids = evidence["column.weight"], evidence["ids"].astype(str)
    source = Path(json.loads((out / "run.json").read_text())["data"]["source"])
    changed = {Path(name).name for name in json.loads((source / "noise.json").read_text())["images"]}
    wrong = np.array([Path(name).name in changed for name in ids])
    if not wrong.any() or wrong.all():
        return None
    kinds = {"clean": weight[~wrong], "noisy": weight[wrong]}
    return {
        **{
            f"{kind}_{what}": [round(float(v), 4) for v in getattr(values, what)(0)]
            for kind, values in kinds.items()
            for what in ("mean", "std")
        },
        "auroc": [
            round(float(roc_auc_score(wrong, -weight[:, epoch])), 4) for epoch in range(weight.shape[1])
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    parser.add_argument("--cells", default="", help="only cells whose name holds this text")
    parser.add_argument("--minutes", type=float, default=600, help="start no further cell after this time")
    parser.add_argument("--size", type=int, help="pixels; 128, or 256 with --gpu")
    parser.add_argument("--epochs", type=int, help="those of `overread train`, or 100 with --gpu")
    parser.add_argument("--gpu", action="store_true", help="256x256, 100 epochs, three seeds")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    options.size = options.size or (256 if options.gpu else 128)
    options.epochs = options.epochs or (100 if options.gpu else None)
    started = time.monotonic()
    for cell in (cell for cell in cells(options.gpu) if options.cells in cell.name):
        done = (RESULTS / f"{cell.name}.json").exists()
        if options.list:
            print(cell.name, "done" if done else "")
        elif not done and time.monotonic() - started < 60 * options.minutes and claimed(cell, options.work):
            print(cell.name, flush=True)
            run(cell, options)


def claimed(cell: Cell, work: Path) -> bool:
    """Takes the cell for this process; several may work side by side. A claim ends with its process."""
    import fcntl

    (work / "claims").mkdir(parents=True, exist_ok=True)
    file = (work / "claims" / f"masks-{cell.name}").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    CLAIMS.append(file)  # held open
    return not (RESULTS / f"{cell.name}.json").exists()


CLAIMS: list[Any] = []


if __name__ == "__main__":
    main()
