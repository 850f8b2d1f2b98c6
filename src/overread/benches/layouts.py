"""Where data sets lie under --data, as their owners hand them out; checked before anything trains.

A layout turns a folder into rows of a table: `image`, `label` or `mask_STRUCTURE`, `group`, `split`. docs/bench/
README.md tells users the same.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overread.data.problems import Problem, refuse
from overread.data.splits import holdout
from overread.errors import InputError

Row = dict[str, str]
SPLIT_SEED = 0  # of splits that the owners did not draw; noise and training have seeds of their own


@dataclass(frozen=True)
class Layout:
    """One data set: the folder under --data, what it is, and how it is read."""

    folder: str
    what: str
    read: Callable[[Path], list[Row]]
    role: str = "paper"  # or "stand-in", or "phantoms"


def isic2017(root: Path) -> list[Row]:
    """ISIC 2017 part 3: malignant is melanoma; the owners' three parts."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for split, images, table in (
        ("train", "ISIC-2017_Training_Data", "ISIC-2017_Training_Part3_GroundTruth.csv"),
        ("val", "ISIC-2017_Validation_Data", "ISIC-2017_Validation_Part3_GroundTruth.csv"),
        ("test", "ISIC-2017_Test_v2_Data", "ISIC-2017_Test_v2_Part3_GroundTruth.csv"),
    ):
        for line in sheet(root / table, ("image_id", "melanoma"), problems):
            label = "malignant" if float(line["melanoma"]) > 0.5 else "benign"
            name = line["image_id"]
            rows.append(row(root / images / f"{name}.jpg", name, split, label=label))
    return checked(root, rows, problems)


def isic2019(root: Path) -> list[Row]:
    """ISIC 2019: eight classes; parts of 70, 10 and 20 % drawn by lesion."""
    problems: list[Problem] = []
    truth = sheet(root / "ISIC_2019_Training_GroundTruth.csv", ("image", "MEL", "NV"), problems)
    about = sheet(root / "ISIC_2019_Training_Metadata.csv", ("image", "lesion_id"), problems)
    lesion = {line["image"]: line["lesion_id"] for line in about}
    rows = []
    for line in truth:
        kinds = [name for name, value in line.items() if name != "image" and float(value or 0) > 0.5]
        name = line["image"]
        file = root / "ISIC_2019_Training_Input" / f"{name}.jpg"
        rows.append(row(file, lesion.get(name) or name, "", label=(kinds or ["none"])[0]))
    return parted(checked(root, rows, problems), {"test": 0.2, "val": 0.125})


def nct_crc(root: Path) -> list[Row]:
    """NCT-CRC-HE-100K to learn from, a tenth to validate, CRC-VAL-HE-7K to measure on. The long tail comes later."""
    problems: list[Problem] = []
    train = by_folder(root / "NCT-CRC-HE-100K", "", problems)
    test = by_folder(root / "CRC-VAL-HE-7K", "test", problems)
    return [*parted(checked(root, train, problems), {"val": 0.1}), *checked(root, test, [])]


def kaggle_dr(root: Path) -> list[Row]:
    """Kaggle's Diabetic Retinopathy Detection: referable from grade 2 on, as many of each, both eyes together."""
    problems: list[Problem] = []
    rows = []
    for line in sheet(root / "trainLabels.csv", ("image", "level"), problems):
        name, label = line["image"], "referable" if int(line["level"]) >= 2 else "not-referable"
        rows.append(row(root / "train" / f"{name}.jpeg", name.rpartition("_")[0], "", label=label))
    rows = checked(root, rows, problems)
    rng, kinds = np.random.default_rng(SPLIT_SEED), {line["label"] for line in rows}
    least = min(sum(line["label"] == kind for line in rows) for kind in kinds)
    kept = [
        [line for line in rows if line["label"] == kind][place]
        for kind in sorted(kinds)
        for place in sorted(rng.permutation(sum(line["label"] == kind for line in rows))[:least])
    ]
    return parted(kept, {"test": 0.12, "val": 0.1})


def shenzhen(root: Path) -> list[Row]:
    """Shenzhen with lung masks: 396 to train and 170 to measure on, drawn at random as the paper's."""
    rows = [
        row(root / "CXR_png" / f"{mask.name.removesuffix('_mask.png')}.png", "", "", mask_lungs=str(mask))
        for mask in sorted((root / "mask").glob("*_mask.png"))
    ]
    return drawn_apart(checked(root, rows, [], "mask/*_mask.png"), test=170 / 566)


def jsrt(root: Path) -> list[Row]:
    """JSRT with the SCR masks, one file a structure: 165 to train and 82 to measure on, drawn at random."""
    problems: list[Problem] = []
    sides = ("left_lung", "right_lung", "heart", "left_clavicle", "right_clavicle")
    names = [f"mask_{side}" for side in sides]
    rows = [
        row(root / line["image"], "", "", **{name: str(root / line[name]) for name in names})
        for line in sheet(root / "cases.csv", ("image", *names), problems)
    ]
    return drawn_apart(checked(root, rows, problems), test=82 / 247)


def lungs_alone(rows: list[Row]) -> list[Row]:
    """The rows without masks of anything but lungs."""
    return [
        {k: v for k, v in one.items() if not k.startswith("mask_") or k.endswith("_lung")} for one in rows
    ]


def jsrt_lungs(root: Path) -> list[Row]:
    """JSRT with its lungs alone."""
    return lungs_alone(jsrt(root))


def ham10000(root: Path) -> list[Row]:
    """HAM10000 by its seven diagnoses, parts by lesion as the table has them."""
    problems: list[Problem] = []
    wanted = ("image", "diagnosis", "lesion_id", "split")
    rows = [
        row(root / line["image"], line["lesion_id"], line["split"], label=line["diagnosis"])
        for line in sheet(root / "labels.csv", wanted, problems)
    ]
    return checked(root, rows, problems)


def ham10000_binary(root: Path) -> list[Row]:
    """HAM10000, malignant (mel, bcc, akiec) against benign."""
    bad = ("mel", "bcc", "akiec")
    return [{**one, "label": "malignant" if one["label"] in bad else "benign"} for one in ham10000(root)]


def chest_xray(root: Path) -> list[Row]:
    """Chest radiographs of children, normal against pneumonia; a tenth of train validates, by patient."""
    problems: list[Problem] = []
    table = sheet(root / "patients.csv", ("image", "patient"), problems)
    patient = {line["image"]: line["patient"] for line in table}
    rows = [*by_folder(root / "train", "", problems), *by_folder(root / "test", "test", problems)]
    for one in rows:
        one["label"] = "normal" if one["label"] == "NORMAL" else "pneumonia"
        one["group"] = patient.get(Path(one["image"]).relative_to(root.absolute()).as_posix(), one["group"])
    rows = checked(root, rows, problems)
    here = {
        one["group"] for one in rows if one["split"] == "test"
    }  # patients of the test part stay there alone
    train = [one for one in rows if one["split"] != "test" and one["group"] not in here]
    return [*parted(train, {"val": 0.1}), *(one for one in rows if one["split"] == "test")]


def row(image: Path, group: str, split: str, **columns: str) -> Row:
    return {"image": str(image.absolute()), **columns, "group": group or image.stem, "split": split}


def sheet(path: Path, wanted: Sequence[str], problems: list[Problem]) -> list[Row]:
    """The rows of a table; what is wrong with it joins `problems`."""
    cure = f"put the owners' file there; its columns are {', '.join(wanted)}"
    if not path.is_file():
        problems.append(Problem(f"{path} is not there", cure))
        return []
    with path.open(newline="", encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    if missing := [name for name in wanted if not lines or name not in lines[0]]:
        problems.append(Problem(f"{path} has no {', '.join(missing)}", cure))
        return []
    return lines


def by_folder(folder: Path, split: str, problems: list[Problem]) -> list[Row]:
    """Images in a folder a class."""
    endings = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
    files = [file for file in sorted(folder.glob("*/*")) if file.suffix.lower() in endings]
    if not files:
        problems.append(
            Problem(f"{folder} holds no images in folders of classes", "put the owners' folder there")
        )
    return [row(file, "", split, label=file.parent.name) for file in files]


def checked(root: Path, rows: list[Row], problems: Iterable[Problem], wanted: str = "a row") -> list[Row]:
    """The rows, or one `InputError` for all that is wrong."""
    found = list(problems)
    files = [one[name] for one in rows for name in one if name == "image" or name.startswith("mask_")]
    if gone := [name for name in files if not Path(name).is_file()]:
        what = f"{len(gone):,} of {len(files):,} files are not there"
        found.append(Problem(what, "unpack the whole data set there", tuple(gone)))
    if not rows and not found:
        found.append(Problem(f"there is no {wanted}", "unpack the whole data set there"))
    if found:
        refuse(root, found)
    return rows


def parted(rows: list[Row], shares: dict[str, float]) -> list[Row]:
    """The rows with splits: each share of what is left, by whole groups and classes in balance; the rest trains."""
    left, done = list(rows), []
    for place, (split, share) in enumerate(shares.items()):
        labels, groups = (
            np.unique([one[name] for one in left], return_inverse=True)[1] for name in ("label", "group")
        )
        out = holdout(labels, groups, share, SPLIT_SEED + place)
        done += [{**one, "split": split} for one, away in zip(left, out, strict=True) if away]
        left = [one for one, away in zip(left, out, strict=True) if not away]
    return [*({**one, "split": "train"} for one in left), *done]


def drawn_apart(rows: list[Row], test: float) -> list[Row]:
    """The rows with a share drawn at random to measure on."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(rows))
    away = set(order[: round(test * len(rows))].tolist())
    return [{**one, "split": "test" if place in away else "train"} for place, one in enumerate(rows)]


ISIC2017 = Layout("isic2017", "ISIC 2017 part 3", isic2017)
ISIC2019 = Layout("isic2019", "ISIC 2019", isic2019)
NCT_CRC = Layout("nct_crc", "NCT-CRC-HE-100K, long-tailed 100 : 1", nct_crc)
KAGGLE_DR = Layout("kaggle_dr", "Kaggle Diabetic Retinopathy Detection", kaggle_dr)
SHENZHEN = Layout("shenzhen", "Shenzhen chest radiographs with lung masks", shenzhen)
JSRT = Layout("jsrt", "JSRT with the SCR masks", jsrt)
JSRT_FOR_SHENZHEN = Layout("jsrt", "JSRT, lungs", jsrt_lungs, "stand-in")
HAM = Layout("ham10000", "HAM10000", ham10000, "stand-in")
HAM_BINARY = Layout("ham10000", "HAM10000, malignant against benign", ham10000_binary, "stand-in")
CHEST = Layout("chest_xray", "paediatric chest radiographs, normal against pneumonia", chest_xray, "stand-in")


def choose(layouts: Sequence[Layout], data: Path) -> Layout:
    """The first layout whose folder lies under `data`."""
    for layout in layouts:
        if (data / layout.folder).is_dir():
            return layout
    names = ", ".join(f"{layout.folder}/ ({layout.what})" for layout in layouts)
    raise InputError(
        f"--data {data} holds none of the folders that this bench reads: {names}. Name the folder above them, or "
        "leave --data out for generated phantoms."
    )
