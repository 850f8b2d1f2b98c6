"""What each of several processes does in tests/ddp: all that can share one launch. `python worker.py FOLDER`.

Process r leaves FOLDER/NAME-r.npz and FOLDER/told-r.json; FOLDER/state.pt holds weights to begin from.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import io
import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from overread.engine import ledger, parallel
from overread.engine.augment import Augment
from overread.engine.device import make_fabric
from overread.engine.ledger import Column
from overread.engine.loop import Recipe, Training, TrainingSet, batches, end_epoch, fit, networks, sweep
from overread.engine.method import Method
from overread.engine.networks import build, build_segmenter
from overread.engine.parallel import Exchange
from overread.engine.segmentation import Segmentation
from overread.engine.stage import learn
from overread.errors import InputError, OverreadError
from overread.methods import METHODS
from overread.processes import started

FOR_LABELS = [name for name, entry in METHODS.items() if "classification" in entry.load().tasks]
COUNT, EPOCHS, STOP = 61, 6, 3  # an odd number: the parts of a batch and of a sweep are uneven


def shared():
    """tests/conftest.py, which has the data."""
    spec = importlib.util.spec_from_file_location("shared", Path(__file__).parents[1] / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Remembering(Method):
    """Puts features into the ledger at the end of each epoch, and how far each is from the mean of all."""

    def columns(self, task):
        return {"feature": Column((task.features,), scratch=True), "far": Column(window=2)}

    def loss(self, nets, batch, run):
        return run.task.losses(nets[0](batch.x)[0], batch.y).mean()

    def epoch_end(self, nets, run):
        for batch in run.sweep():
            run.ledger.put("feature", batch.ids, nets[0](batch.x)[1])
        features = run.ledger.history("feature")[:, 0]
        run.ledger.put_all("far", (features - features.nanmean(0)).norm(dim=1))


def network() -> nn.Module:
    """The tiny network with batch-norm, whose statistics each process has of its own."""
    net = build("tiny", 3, 16, "none")
    net.body.insert(1, nn.BatchNorm2d(8))
    return net


def training(method, fabric, files=None, **recipe) -> Training:
    """That network on 61 images of three colours."""
    conftest = shared()
    samples = conftest.colours(COUNT)
    data = TrainingSet(samples, torch.arange(COUNT), conftest.CLASSES, conftest.prior(samples))
    mirrors = Augment(left_right=True, up_down=True)
    recipe = Recipe(**{"epochs": EPOCHS, "batch_size": 16, "lr": 0.05, "augment": mirrors, **recipe})
    return Training(method, data, network, recipe, fabric, files)


def swept(fabric, folder: Path) -> dict[str, np.ndarray]:
    """Probabilities and features of 59 rows, and the ledger, from the weights of `folder`, without a step."""
    run = training(Remembering(), fabric)
    for net, weights in zip(networks(run), torch.load(folder / "state.pt", weights_only=True), strict=True):
        net.load_state_dict(weights)
    end_epoch(run)
    probs, features = sweep(run, torch.arange(1, 60))
    return {"probs": probs.numpy(), "features": features.numpy(), **remembered(run)}


def remembered(run: Training) -> dict[str, np.ndarray]:
    """The ledger."""
    return {f"ledger.{name}": run.run.ledger.history(name).numpy().copy() for name in run.run.ledger.columns}


def learned(name: str, fabric, folder: Path) -> dict[str, np.ndarray]:
    """A method trained to the end in one go, and once more stopped and resumed, with large columns in files."""
    counts, again = np.zeros((2, EPOCHS, COUNT), int)
    whole = stage(name, fabric, folder / "whole", counts)
    found = {"counts": counts, **state("whole", whole)}
    own, usual = Exchange.here().own(folder / "broken" / name), ledger.MAP_ABOVE
    ledger.MAP_ABOVE = 100
    try:
        stage(name, fabric, folder / "broken", np.zeros_like(counts), STOP)
        files = len(list(own.glob("*.column")))
        resumed = stage(name, fabric, folder / "broken", again)
    finally:
        ledger.MAP_ABOVE = usual
    repeated = np.flatnonzero(again.sum(1))
    left = len(list(own.glob("*.column")))
    return {**found, **state("resumed", resumed), "repeated": repeated, "files": np.array([files, left])}


def state(prefix: str, run: Training) -> dict[str, np.ndarray]:
    """Networks and ledger."""
    weights = {
        f"net-{number}.{key}": value.numpy()
        for number, net in enumerate(networks(run))
        for key, value in net.state_dict().items()
    }
    return {f"{prefix}.{key}": value for key, value in {**weights, **remembered(run)}.items()}


class Stop(Exception):
    """An interruption."""


def stage(name, fabric, folder, counts, stop=None) -> Training:
    """One stage of a run, as the verbs have them; into `counts` [epochs, N], how often each loss was put."""
    built = []

    def make(files):
        run = training(METHODS[name].load()(), fabric, files)
        original = run.run.ledger.put

        def put(column, ids, values):
            if column == "loss":
                np.add.at(counts[run.run.epoch], ids.numpy(), 1)
            original(column, ids, values)

        run.run.ledger.put = put
        built.append(run)
        return run

    def log(line):
        if line["epoch"] == stop:
            raise Stop

    with contextlib.suppress(Stop):
        learn(name, folder, make, log)
    return built[0]


def drift(fabric) -> dict[str, bool]:
    """Whether batch-norm statistics are equal on all processes, before an epoch's end and after."""
    run = training(Remembering(), fabric)
    exchange = Exchange.here()
    run.nets[0].train()
    for batch, _ in batches(run, 0, torch.Generator().manual_seed(0)):
        run.nets[0](batch.x)
    buffers = [buffer.double().sum().item() for buffer in run.nets[0].buffers()]
    before = exchange.all(buffers)
    end_epoch(run)
    buffers = [buffer.double().sum().item() for buffer in run.nets[0].buffers()]
    return {
        "before": len(set(map(tuple, before))) == 1,
        "after": len(set(map(tuple, exchange.all(buffers)))) == 1,
    }


def talk(folder: Path) -> dict[str, object]:
    """The exchange by hand, messages of two rows."""
    exchange = Exchange.here()
    rank, size = exchange.rank, exchange.size
    parallel.CHUNK = 2
    own = exchange.part(torch.arange(7))
    chunks = list(exchange.rows(own, lambda rows: rows * 10.0))
    return {
        "rank": rank,
        "size": size,
        "started": [started().rank, started().here, started().nodes],
        "part": own.tolist(),
        "rows": [rows.tolist() for rows, _ in chunks],
        "values": [values.tolist() for _, values in chunks],
        "told": [exchange.told(f"from {rank}", 1), exchange.told(f"from {rank}")],
        "together": exchange.together(own[:, None].half()).tolist(),
        "none": list(exchange.together(own[:0]).shape),
        "mean": exchange.mean(rank + 1.0),
        "all": exchange.all(rank),
        "own": exchange.own(folder).name,
        "first": exchange.first(lambda: f"made by {rank}"),
        "each": exchange.each(lambda: in_turn(folder, rank)),
        **failures(exchange),
    }


def in_turn(folder: Path, rank: int) -> list[str]:
    """Which processes have been here before."""
    (folder / f"turn-{rank}").touch()
    return sorted(path.name for path in folder.glob("turn-*"))


def failures(exchange: Exchange) -> dict[str, object]:
    """What fails in one process fails in all; what differs between them is refused."""

    def fail(rank: int, error: Exception) -> Callable[[], None]:
        def work() -> None:
            if exchange.rank == rank:
                raise error

        return work

    def told(work: Callable[[], object]) -> list[object]:
        try:
            work()
        except OverreadError as error:
            return [str(error), error.exit_code]
        except ZeroDivisionError as error:
            return [str(error), "itself"]
        return ["no failure"]

    return {
        "fails_first": told(lambda: exchange.first(fail(0, InputError("no such folder")))),
        "fails_second": told(lambda: exchange.each(fail(1, ZeroDivisionError("by zero")))),
        "fails_nowhere": told(lambda: exchange.everywhere(fail(5, InputError("never")))),
        "agree": told(lambda: exchange.agree("same", "data")),
        "differ": told(lambda: exchange.agree(str(exchange.rank), "data")),
        "small_batches": told(lambda: training(Remembering(), make_fabric("cpu"), batch_size=3)),
    }


FLAGS = {"effort": "fast", "network": "tiny", "size": 16, "epochs": 12}


def masks(fabric, folder: Path) -> dict[str, np.ndarray]:
    """A training on masks: its weights, its ledger, and what it says of 21 images."""
    from overread.engine.watched import probabilities

    run = mask_training(fabric)
    list(fit(run))
    return {**state("whole", run), "probs": probabilities(run, run.data.samples)}


def mask_training(fabric, state_of: Path | None = None) -> Training:
    """QAM + OCM on 21 images of shapes, from the weights in a file if one is named."""
    conftest = shared()
    samples, task = conftest.shapes(21), Segmentation(conftest.STRUCTURES)
    data = TrainingSet(samples, torch.arange(21), conftest.STRUCTURES, masks=task)
    recipe = Recipe(
        epochs=5, batch_size=8, lr=0.01, optimizer="adam", augment=Augment(rotate=10.0), balance="loss"
    )
    method = METHODS["qam-ocm"].load()()
    run = Training(method, data, partial(build_segmenter, "unet-tiny", 2, 16), recipe, fabric)
    if state_of is not None:
        for net, weights in zip(networks(run), torch.load(state_of, weights_only=True), strict=True):
            net.load_state_dict(weights)
    return run


def swept_masks(fabric, folder: Path) -> dict[str, np.ndarray]:
    """What trained weights say of all images, read as an audit does, without a step."""
    from overread.engine.gather_masks import read

    run = mask_training(fabric, folder / "masks.pt")
    return {"probs": read(run, np.arange(1, 21))}


def verbs(folder: Path) -> dict[str, object]:
    """An audit and a training of FOLDER/colours, and a command that is wrong."""
    from overread.cli import main
    from overread.verbs.audit import audit
    from overread.verbs.config import AuditConfig, TrainConfig
    from overread.verbs.train import train

    data, flags = folder / "colours", {**FLAGS, "cache": str(folder / "cache")}
    audited = audit(data, folder / "audit", config=AuditConfig(**flags), quiet=True)
    trained = train(data, folder / "train", config=TrainConfig(**flags, method="co-teaching"), quiet=True)
    masked = {"network": "unet-tiny", "size": 16, "epochs": 2, "method": "ss", "cache": flags["cache"]}
    drawn = train(folder / "shapes", folder / "train-masks", config=TrainConfig(**masked), quiet=True)
    main.LAST_WORDS = 0.0
    with contextlib.redirect_stderr(io.StringIO()) as said:
        code = main.main(["audit", str(folder / "nowhere"), "-o", str(folder / "never"), "--network", "tiny"])
    return {
        "suspects": audited.suspects["id"].tolist(),
        "metrics": trained.metrics,
        "masks": drawn.metrics,
        "wrong": [code, said.getvalue()],
    }


def still_connected() -> None:
    """At the very end: complains of threads of the connection that the interpreter would have to end by force."""
    tasks = Path("/proc/self/task")
    names = set()
    for task in tasks.iterdir() if tasks.exists() else ():
        with contextlib.suppress(OSError):  # this one has just ended
            names.add((task / "comm").read_text().strip())
    if left := sorted(name for name in names if "gloo" in name):
        print("still running:", *left, file=sys.stderr)


def main(folder: Path) -> None:
    atexit.register(still_connected)  # the first to be registered is the last to be called
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.*", FutureWarning)
    torch.set_num_threads(1)
    fabric = make_fabric("cpu")
    rank = Exchange.here().rank
    told = {**talk(folder), "drift": drift(fabric)}
    (folder / f"told-{rank}.json").write_text(json.dumps(told))
    np.savez(folder / f"swept-{rank}.npz", **swept(fabric, folder))
    for name in FOR_LABELS:
        np.savez(folder / f"{name}-{rank}.npz", **learned(name, fabric, folder))
    np.savez(folder / f"masks-{rank}.npz", **masks(fabric, folder))
    np.savez(folder / f"swept-masks-{rank}.npz", **swept_masks(fabric, folder))
    (folder / f"verbs-{rank}.json").write_text(json.dumps(verbs(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
