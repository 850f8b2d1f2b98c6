"""What verbs print: one short text for people, or JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from overread.data.problems import short

if TYPE_CHECKING:
    from overread.verbs.audit import AuditResult
    from overread.verbs.clean import CleanResult
    from overread.verbs.predict import PredictResult
    from overread.verbs.train import TrainResult

FIRST = 3  # suspects shown


def show_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def show_audit(result: AuditResult) -> None:
    """An audit in about ten lines."""
    summary = result.summary
    masks = _of_masks(summary)
    lines = [
        ("Read", _read(summary)),
        *_readers(summary["read"].get("readers")),
        ("Wrong", _noise(summary)),
        ("Flagged", _flagged_masks(summary) if masks else _flagged(summary)),
        *(_suspect_masks if masks else _suspects)(result.suspects),
        *(("Warning", text) for text in summary["warnings"][:3]),
        *(_mask_detection(summary) if masks else _detection(summary.get("detection", {}))),
        ("Table", str(result.out / "suspects.csv")),
        *([("Masks", f"{result.out / 'suggested'}, {result.out / 'doubt'}")] if masks else []),
        ("Report", str(result.out / "report.html")),
    ]
    show_lines(lines)


def show_lines(lines: list[tuple[str, str]]) -> None:
    """Lines with a word before each."""
    click.echo("\n".join(f"{head:<9}{text}" for head, text in lines))


def show_train(result: TrainResult) -> None:
    """A training in about ten lines."""
    summary, metrics = result.summary, result.metrics
    parts = ", ".join(f"{part} {about['samples']:,}" for part, about in summary["parts"].items())
    lines = [
        ("Read", f"{_read(summary)}: {parts}"),
        *_readers(summary["read"].get("readers")),
        *([("Wrong", _noise(summary))] if "estimate" in summary["noise_rate"] else []),
        *((name.capitalize(), _quality(metrics[name])) for name in ("val", "test") if name in metrics),
        *(("Warning", text) for text in summary["warnings"][:3]),
        ("Kept", f"the {metrics['kept']} epoch ({metrics['epoch']} of {summary['epochs']})"),
        *([("Masks", _corrected(result))] if "corrected" in metrics else []),
        ("Model", str(result.out / "model")),
        ("Report", str(result.out / "report.html")),
    ]
    show_lines(lines)


def show_clean(result: CleanResult) -> None:
    """Cleaning in about ten lines."""
    summary, last = result.summary, result.rounds.iloc[-1]
    quality = [
        name for name in ("test_true_macro_f1", "test_given_macro_f1", "val_given_macro_f1") if name in last
    ]
    left = summary["forecast"]["remaining"]
    lines = [
        ("Read", _read(summary)),
        *_readers(summary["read"].get("readers")),
        ("Wrong", _noise(summary)),
        (
            "Bought",
            f"{summary['bought']:,} labels in {summary['rounds']} rounds, {summary['cost']:,} answers",
        ),
        ("Changed", summary["guard"]["words"]),
        ("Left", f"about {left['expected']:.0f} wrong labels ({left['low']:.0f} to {left['high']:.0f})"),
        ("Rule", summary["stop"]["words"]),
        *(
            (
                name.split("_")[0].capitalize(),
                f"macro-F1 {last[name]:.3f}, by the {name.split('_')[1]} labels",
            )
            for name in quality[:1]
        ),
        *(("Warning", text) for text in summary["warnings"][:3]),
        ("End", summary["end"]),
        *_next_step(result),
        ("Report", str(result.out / "report.html")),
    ]
    show_lines(lines)


def _next_step(result: CleanResult) -> list[tuple[str, str]]:
    """What to do with a round that waits; where the labels are of a run that is done."""
    if result.state != "waiting":
        return [("Labels", f"overread export {result.out} -o OUT --to csv")]
    asked = result.summary["waiting"]
    return [
        (
            "Asked",
            f"round {asked['round']}: {asked['items']} labels, {asked['answered']} answered; "
            f"{result.out / 'queue.csv'}",
        ),
        ("Next", "fill in its column `answer`; then the same command with --resume --answers FILE"),
    ]


def _corrected(result: TrainResult) -> str:
    """Where the corrected masks lie, and how good they are."""
    found, where = result.metrics["corrected"], result.out / "suggested"
    if "wrong" not in found or not found["wrong"]["images"]:
        return f"{where}, corrected; Dice with the given ones {found['agreement']:.3f}"
    before, after = (found["wrong"][name] for name in ("given_dice", "corrected_dice"))
    return (
        f"{where}, corrected; where given masks are wrong: Dice with the truth {before:.3f}, now {after:.3f}"
    )


def show_predictions(result: PredictResult) -> None:
    """What was predicted, in a few lines."""
    record = result.record
    counts = ", ".join(f"{short(name, 30)} {count:,}" for name, count in record["predicted"].items())
    left_out, drawn = len(record["read"]["left_out"]), _of_masks(record["model"])
    lines = [
        ("Read", f"{record['samples']:,} images" + (f", {left_out:,} left out" if left_out else "")),
        ("Drawn" if drawn else "Classes", counts),
        *([("Fit" if drawn else "Labels", _quality(result.metrics))] if result.metrics else []),
        *(("Note", text) for text in record["notes"]),
        *([("Masks", str(result.out / "masks"))] if drawn else []),
        ("Table", str(result.out / "predictions.csv")),
    ]
    show_lines(lines)


def _quality(measured: dict[str, dict[str, Any]]) -> str:
    """By the true labels where they are known, else by the given ones."""
    labels = "true" if "true" in measured else "given"
    found = measured[labels]
    if "dice" in found:
        return f"{_fit(found)}, by the {labels} masks"
    figures = ", ".join(
        f"{name.replace('_', ' ')} {found[name]:.3f}" + _interval(found["intervals"][name])
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    )
    return f"{figures}, by the {labels} labels"


def _fit(found: dict[str, Any]) -> str:
    """Dice and HD95, and the Dice of each structure."""
    unit, key = ("mm", "hd95_mm") if "hd95_mm" in found else ("pixels", "hd95")
    each = ", ".join(f"{short(name, 30)} {one['dice']:.3f}" for name, one in found["per_structure"].items())
    dice = f"Dice {found['dice']:.3f}{_interval(found['intervals']['dice'])}"
    return f"{dice} ({each}), HD95 {found[key]:.1f} {unit}"


def _of_masks(about: dict[str, Any]) -> bool:
    return about.get("task") == "segmentation"


def _interval(ends: list[float] | None) -> str:
    return "" if ends is None else f" ({ends[0]:.3f} to {ends[1]:.3f})"


def _read(summary: dict[str, Any]) -> str:
    what = "structures" if _of_masks(summary) else "classes"
    text = f"{summary['samples']:,} images, {summary['groups']:,} groups, {len(summary['classes'])} {what}"
    found = {"left out": "left_out", "duplicated": "duplicates", "in conflict": "conflicts"}
    counts = {word: len(summary["read"][key]) for word, key in found.items()}
    return ", ".join([text, *(f"{count} {word}" for word, count in counts.items() if count)])


def _readers(found: dict[str, Any] | None) -> list[tuple[str, str]]:
    """How well those agree who gave the labels, where several did."""
    if not found:
        return []
    alpha = found["agreement"]["krippendorff"]
    ends = "" if alpha["low"] is None else f" ({alpha['low']:.2f} to {alpha['high']:.2f})"
    agree = "undefined" if alpha["value"] is None else f"{alpha['value']:.2f}{ends}"
    text = f"{found['readers']:,} gave {found['readings']:,} labels, Krippendorff's alpha {agree}"
    return [("Readers", f"{text}; {found['without_majority']:,} images without a majority")]


def _noise(summary: dict[str, Any]) -> str:
    rate = summary["noise_rate"]
    what = "of the images have a wrong mask" if _of_masks(summary) else "of the labels"
    interval = f"{100 * rate['level']:.0f} % interval {_percent(rate['low'])} to {_percent(rate['high'])}"
    return f"about {_percent(rate['estimate'])} {what} ({interval})"


def _flagged(summary: dict[str, Any]) -> str:
    if not summary["flagged"]:
        return "no label; that is no proof that all are right"
    return f"{summary['flagged']:,} labels, most of them in {_classes(summary['per_class'])}"


def _flagged_masks(summary: dict[str, Any]) -> str:
    if not summary["flagged"]:
        return "no mask; that is no proof that all are right"
    where = _classes(summary["per_structure"])
    return f"{summary['flagged_masks']:,} masks in {summary['flagged']:,} images: {where}"


def _classes(per_class: dict[str, dict[str, Any]]) -> str:
    most = sorted(
        (name for name in per_class if per_class[name]["flagged"]),
        key=lambda name: -per_class[name]["flagged"],
    )[:3]
    return ", ".join(f"{short(name, 30)} ({per_class[name]['flagged']:,})" for name in most)


def _suspects(suspects: Any) -> list[tuple[str, str]]:
    rows = suspects.head(FIRST).to_dict("records")
    return [
        (
            "Look at" if number == 0 else "",
            f"{short(row['id'], 50)}: given {short(row['given'], 30)}, rather {short(row['suggested'], 30)} "
            f"(p {float(row['p_wrong']):.2f})",
        )
        for number, row in enumerate(rows)
    ]


def _suspect_masks(suspects: Any) -> list[tuple[str, str]]:
    rows = suspects.head(FIRST).to_dict("records")
    return [
        (
            "Look at" if number == 0 else "",
            f"{short(row['id'], 50)}: {short(row['structure'], 30)}, agreement {float(row['agreement']):.2f} "
            f"(p {float(row['p_wrong']):.2f})",
        )
        for number, row in enumerate(rows)
    ]


def _mask_detection(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Only where the truth is known: how good the ranking of images is, and the doubt maps."""
    if "detection" not in summary:
        return []
    ours, area = summary["detection"]["consensus"], summary["detection"]["area"]
    text = f"AUROC {_figure(ours['auroc'])}, AP {_figure(ours['ap'])} (size alone: AP {_figure(area['ap'])})"
    return [("Truth", f"{text}; doubt maps: mean IoU {_figure(summary['doubt']['iou'])}")]


def _detection(detection: dict[str, dict[str, float | None]]) -> list[tuple[str, str]]:
    """Only where the truth is known: how good the ranking is, beside the one that sees no image."""
    if "consensus" not in detection:
        return []
    ours = {name: _figure(value) for name, value in detection["consensus"].items()}
    text = f"AUROC {ours['auroc']}, AP {ours['ap']}; "
    text += f"within classes {ours['auroc_within_class']}, {ours['ap_within_class']}"
    if "rarity" in detection:
        text += f" (rarity alone: AP {_figure(detection['rarity']['ap'])})"
    return [("Truth", text)]


def _figure(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
