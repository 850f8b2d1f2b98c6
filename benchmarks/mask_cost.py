"""What the methods for masks cost in time, against plain U-Net.

    python benchmarks/mask_cost.py [--size 128] [--images 64] [--rounds 9]

U-Net at 128x128, batches of 16, three structures, epochs of all methods in turns within one process; images and
masks are made up: a network takes the same time for them. The ratio is the median over the rounds of the ratio of two
epochs of one round. Writes benchmarks/results/mask_cost.json.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import torch

from measuring import frame, in_turns, keep, ratios, rounded, wait_for
from overread.engine.device import make_fabric
from overread.engine.gather_masks import READING
from overread.engine.loop import Training, TrainingSet, fit
from overread.engine.method import Method
from overread.engine.networks import build_segmenter
from overread.engine.samples import Samples
from overread.engine.segmentation import Segmentation
from overread.methods.cascade import SS, SSJO
from overread.methods.ce import CE
from overread.methods.co_teaching import CoTeaching
from overread.methods.qam import QAM, QAMOCM

STRUCTURES = ("lungs", "heart", "clavicles")
GOALS = {"qam": 1.35, "qam-ocm": 1.35, "ss": 3.1, "ss-jo": 3.1}


def methods() -> dict[str, Method]:
    """All that is timed; none of it is in its warm-up."""
    return {
        "unet": CE(),
        "qam": QAM(warmup=0.0),
        "qam-ocm": QAMOCM(warmup=0.0),
        "co-teaching": CoTeaching(drop=0.5, ramp=0),
        "ss": SS(warmup=0.0),
        "ss-jo": SSJO(warmup=0.0, start=0.0),
    }


def made_up(count: int, size: int) -> Samples:
    """Noise, and discs in it."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    centres = rng.uniform(0.2 * size, 0.8 * size, (count, len(STRUCTURES), 2))
    masks = [[np.hypot(rows - a, columns - b) < size / 8 for a, b in image] for image in centres]
    pixels = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Samples(pixels, np.array(masks, np.uint8))


def epoch_of(method: Method, samples: Samples, fabric: Any) -> Callable[[], None]:
    """A function that trains one more epoch."""
    size = samples.x.shape[1]
    data = TrainingSet(samples, torch.arange(len(samples)), STRUCTURES, masks=Segmentation(STRUCTURES))
    make = partial(build_segmenter, "unet", len(STRUCTURES), size)
    epochs = fit(Training(method, data, make, READING, fabric))

    def one() -> None:
        next(epochs)
        wait_for(fabric.device)

    return one


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    fabric = make_fabric(options.device, network="unet")
    samples, started = made_up(options.images, options.size), time.perf_counter()
    taken = in_turns({n: epoch_of(m, samples, fabric) for n, m in methods().items()}, options.rounds)
    result = {
        **frame(fabric.device, 0),
        "images": options.images,
        "size": options.size,
        "rounds": options.rounds,
        "images a second": {name: options.images / one.median("clock") for name, one in taken.items()},
        "seconds": {name: {"median": one.median("clock"), **asdict(one)} for name, one in taken.items()},
        "ratios": {
            name: {"to": "unet", "goal": GOALS.get(name), **ratios(one, taken["unet"])}
            for name, one in taken.items()
            if name != "unet"
        },
        "measured in": time.perf_counter() - started,
    }
    for name, entry in result["ratios"].items():
        print(
            f"{name}: {entry['ratio']:.3f} (of processors {entry['of processors']:.3f}), goal {entry['goal']}"
        )
    print(keep("mask_cost", fabric.device, rounded(result)))


if __name__ == "__main__":
    main()
