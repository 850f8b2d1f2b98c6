"""The tables of benchmarks/masks.py, side by side with the papers' figures.

    python benchmarks/masks_table.py      # writes benchmarks/results/masks.md

Reads the finished cells in benchmarks/results/masks/. What a method wins back is (method - U-Net) / (U-Net on clean
masks - U-Net), of the mean Dice, at the same noise and seed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "masks"
STRUCTURES = ("lungs", "heart", "clavicles")
NOISES = {"weak": "1-8", "strong": "5-13"}
METHODS = (
    *(
        "unet",
        "unet-dice",
        "qam",
        "qam-ocm",
        "qam-set",
        "qam-ce",
        "qam-ocm-ce",
        "qam-ocm-paper",
        "ousm",
        "co-teaching",
    ),
    *("ss", "ss-jo-20", "ss-jo-50", "ss-jo-80"),
)
P5 = {  # noise, share, method -> lungs, heart, clavicles, average; Table 1 of P5 (256x256, its own split)
    ("weak", 0, "unet"): (0.943, 0.941, 0.862, 0.915),
    ("weak", 0, "qam"): (0.939, 0.923, 0.831, 0.898),
    ("weak", 0, "qam-ocm"): (0.941, 0.940, 0.852, 0.911),
    ("weak", 25, "unet"): (0.868, 0.888, 0.538, 0.765),
    ("weak", 25, "qam"): (0.925, 0.926, 0.748, 0.866),
    ("weak", 25, "qam-ocm"): (0.936, 0.925, 0.823, 0.895),
    ("weak", 50, "unet"): (0.873, 0.884, 0.539, 0.765),
    ("weak", 50, "qam"): (0.922, 0.925, 0.726, 0.857),
    ("weak", 50, "qam-ocm"): (0.936, 0.929, 0.828, 0.898),
    ("weak", 75, "unet"): (0.820, 0.828, 0.512, 0.720),
    ("weak", 75, "qam"): (0.898, 0.825, 0.536, 0.753),
    ("weak", 75, "qam-ocm"): (0.937, 0.939, 0.809, 0.895),
    ("strong", 25, "unet"): (0.865, 0.857, 0.422, 0.715),
    ("strong", 25, "qam"): (0.893, 0.835, 0.615, 0.781),
    ("strong", 25, "qam-ocm"): (0.935, 0.935, 0.801, 0.890),
    ("strong", 50, "unet"): (0.755, 0.807, 0.393, 0.652),
    ("strong", 50, "qam"): (0.828, 0.853, 0.491, 0.714),
    ("strong", 50, "qam-ocm"): (0.942, 0.942, 0.853, 0.912),
    ("strong", 75, "unet"): (0.745, 0.738, 0.381, 0.621),
    ("strong", 75, "qam"): (0.770, 0.772, 0.366, 0.636),
    ("strong", 75, "qam-ocm"): (0.938, 0.937, 0.801, 0.892),
}
P2 = {  # share, method -> Dice of the lungs; Table 1 of P2 (Shenzhen, 256x256, 5-15 iterations of a 3x3 element)
    (0, "unet"): 0.8989,
    (0, "co-teaching"): 0.9146,
    (0, "ss-jo-20"): 0.9252,
    (0, "ss-jo-50"): 0.9250,
    (0, "ss-jo-80"): 0.9236,
    (25, "unet"): 0.8758,
    (25, "co-teaching"): 0.8906,
    (25, "ss"): 0.9142,
    (25, "ss-jo-20"): 0.9214,
    (25, "ss-jo-50"): 0.9253,
    (25, "ss-jo-80"): 0.9248,
    (50, "unet"): 0.8478,
    (50, "co-teaching"): 0.8896,
    (50, "ss"): 0.8956,
    (50, "ss-jo-20"): 0.8790,
    (50, "ss-jo-50"): 0.9003,
    (50, "ss-jo-80"): 0.8862,
    (75, "unet"): 0.8496,
    (75, "co-teaching"): 0.9023,
    (75, "ss"): 0.9041,
    (75, "ss-jo-20"): 0.9065,
    (75, "ss-jo-50"): 0.9108,
    (75, "ss-jo-80"): 0.9067,
}
Cells = dict[tuple[str, int, str], list[dict[str, Any]]]  # (noise, share in %, method) -> seeds


def read() -> Cells:
    """All finished cells; of clean masks the noise has no range, so that they count for both."""
    found: Cells = defaultdict(list)
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text())
        noise, share, rest = record["cell"].split("-", 2)
        method = rest.rsplit("-", 1)[0]
        for one in NOISES if int(share) == 0 else (noise,):
            found[one, int(share), method].append(record)
    return found


def dice(records: list[dict[str, Any]], structure: str = "") -> float:
    """The mean over seeds of the mean test Dice by clean masks, or of one structure's."""
    tests = [record["metrics"]["test"]["true"] for record in records]
    return mean(one["per_structure"][structure]["dice"] if structure else one["dice"] for one in tests)


def won_back(cells: Cells, key: tuple[str, int, str]) -> float | None:
    """The share of what the noise cost U-Net that a method wins back."""
    noise, share, _ = key
    clean, plain = cells.get((noise, 0, "unet")), cells.get((noise, share, "unet"))
    if share == 0 or not clean or not plain or key[2] == "unet":
        return None
    return (dice(cells[key]) - dice(plain)) / (dice(clean) - dice(plain))


def row(cells: Cells, key: tuple[str, int, str]) -> str:
    noise, share, method = key
    records = cells[key]
    own = [dice(records, structure) for structure in STRUCTURES] + [dice(records)]
    back, paper = won_back(cells, key), P5.get((noise if share else "weak", share, method))
    corrected = records[0]["metrics"]["corrected"].get("wrong") if share else None
    hd = mean(record["metrics"]["test"]["true"]["hd95"] for record in records)
    shown = [
        f"{share} %",
        method,
        *(f"{value:.3f}" for value in own),
        f"{hd:.1f}",
        "" if back is None else f"{100 * back:.0f} %",
        "" if not corrected else f"{corrected['given_dice']:.3f} -> {corrected['corrected_dice']:.3f}",
        "" if paper is None else " ".join(f"{value:.3f}" for value in paper),
        "" if (share, method) not in P2 else f"{P2[share, method]:.3f}",
    ]
    return "| " + " | ".join(shown) + " |"


def weights(cells: Cells) -> list[str]:
    """P5's figure 4 as a table: the mean weights of clean and noisy images, and how well they tell them apart."""
    lines = [
        "| noise | share | method | epoch | clean: mean (sd) | noisy: mean (sd) | AUROC |",
        "|---|---|---|---|---|---|---|",
    ]
    for (noise, share, method), records in sorted(cells.items()):
        found = records[0].get("weights")
        if not found:
            continue
        last = len(found["auroc"]) - 1
        for epoch in sorted({round(part * last) for part in (0.3, 0.41, 0.5, 0.75, 1.0)}):
            kinds = [
                f"{found[f'{k}_mean'][epoch]:.2f} ({found[f'{k}_std'][epoch]:.2f})"
                for k in ("clean", "noisy")
            ]
            cells_of = (
                NOISES[noise],
                f"{share} %",
                method,
                str(epoch + 1),
                *kinds,
                f"{found['auroc'][epoch]:.3f}",
            )
            lines.append("| " + " | ".join(cells_of) + " |")
    return lines


def tables(cells: Cells) -> str:
    sizes = sorted(
        {(record["size"], record["metrics"]["epoch"]) for records in cells.values() for record in records}
    )
    lines = [
        "# Training on wrong masks",
        "",
        "Written by `python benchmarks/masks_table.py` from the cells of `python benchmarks/masks.py`. JSRT,",
        "odd images to train on and even ones to measure on (clean masks), erosion or dilation by a disk",
        f"(pixels as at 256x256), last epoch; size and epochs: {', '.join(f'{s}x{s}, {e}' for s, e in sizes)}.",
        "Dice; HD95 in pixels of 256x256. Won back: of the mean Dice that the noise cost U-Net.",
        "Corrected: mean Dice with the truth, over wrongly drawn training images, of the given masks and",
        "of those that the networks would draw. P5: its Table 1",
        "(lungs, heart, clavicles, average; 256x256). P2: its Table 1 (lungs of Shenzhen). `unet-dice`",
        "descends on Dice too, the others but `unet` do so anyway; `-ce`: by cross-entropy alone, as",
        "`qam-ocm-paper`, which has neither warm-up nor the judge's slower rate; `qam-set` and `qam-ce` weigh",
        "relative to the whole set, not to the batch.",
    ]
    for noise, pixels in NOISES.items():
        lines += [
            "",
            f"## {pixels} pixels",
            "",
            "| share | method | lungs | heart | clavicles | mean | HD95 | won back | corrected | P5 | P2 |",
            "|---" * 11 + "|",
        ]
        keys = [(noise, share, method) for share in (0, 25, 50, 75) for method in METHODS]
        lines += [row(cells, key) for key in keys if key in cells]
    return "\n".join([*lines, "", "## Weights of the judge (P5, figure 4)", "", *weights(cells)]) + "\n"


def main() -> None:
    path = HERE / "results" / "masks.md"
    path.write_text(tables(read()))
    print(path)


if __name__ == "__main__":
    main()
