"""The tables and curves of benchmarks/clean.py.

    python benchmarks/clean_table.py      # writes benchmarks/results/clean.md and clean-*.svg

Reads the finished cells in benchmarks/results/clean/. Macro-F1 and balanced accuracy are those of the clean test
part, means over the seeds that are there. *Labels for random's end*: after how many bought labels a sampler has, from
then on, at least the macro-F1 that the random sampler of the same first phase has after all of them. *Repaired per
label*: wrong labels made right per label bought, in the first round and in all.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean, stdev
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "clean"
STARTS = {
    "none": "from nothing",
    "nothing": "from nothing, rounds that show each class equally often",
    "ce": "after CE on all labels (P4's rival)",
    "vog": "after co-teaching VOG (P4)",
    "bernhardt": "Bernhardt's loop",
    "plain": "Overread's first phase, rounds that show samples as they come",
    "overread": "Overread's default: rounds that show each class equally often",
}
SAMPLERS = (
    *("random", "entropy", "coreset", "bernhardt", "suspicion"),
    *("suspicion+balanced", "entropy+balanced"),
)
NOISES = {"symmetric": "40 % symmetric", "class": "40 % look-alike"}
MAKES = {"f": "heads on frozen features", "e": "end to end at 64x64"}
F1 = "test_true_macro_f1"
COLOURS = ("#888888", "#0072b2", "#009e73", "#cc79a7", "#d55e00", "#e69f00", "#56b4e9")
Course = list[list[dict[str, Any]]]  # [seeds][rounds]


def read() -> tuple[dict[tuple[str, str, str], dict[str, Course]], dict[str, list[dict[str, Any]]]]:
    """Courses by (table, noise, start) and sampler; the ceilings' test figures by table."""
    found: dict[tuple[str, str, str], dict[str, Course]] = defaultdict(lambda: defaultdict(list))
    ceilings: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(RESULTS.glob("*.json")):
        table, noise, start, sampler, _ = path.stem.split("-")
        record = json.loads(path.read_text())
        if start == "ceiling":
            ceilings[table].append(record["metrics"]["true"])
        else:
            found[table, noise, start][sampler].append(record["rounds"])
    return found, ceilings


def at(course: Course, number: int, name: str) -> str:
    """Mean over seeds, and standard deviation where there are several."""
    values = [rounds[number][name] for rounds in course if rounds[number][name] is not None]
    if not values:
        return ""
    return f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")


def curve(course: Course, name: str) -> list[float | None]:
    """[rounds] means over seeds; None where nothing was learned yet."""
    columns = zip(*([row[name] for row in rounds] for rounds in course), strict=True)
    return [None if None in values else mean(values) for values in columns]


def labels_needed(course: Course, goal: float) -> str:
    """How many labels were bought when the mean macro-F1 reached the goal for good."""
    values = curve(course, F1)
    reached = [number for number, value in enumerate(values) if value is not None and value >= goal]
    lasting = [n for n in reached if all(v is not None and v >= goal for v in values[n:])]
    if lasting:
        return str(course[0][lasting[0]]["bought"])
    return f"({course[0][reached[0]]['bought']}, not for good)" if reached else "not reached"


def per_label(course: Course, number: int) -> float:
    """Wrong labels made right per label bought, up to a round."""
    return mean(rounds[number]["repaired"] / rounds[number]["bought"] for rounds in course)


def table_of(samplers: dict[str, Course]) -> list[str]:
    random = samplers.get("random")
    goal = curve(random, F1)[-1] if random else None
    lines = [
        "| sampler | seeds | macro-F1 before | after 300 | after 600 | after 1,200 | balanced accuracy after | "
        "labels for random's end | repaired per label, first round | in all | right labels spoiled |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in (name for name in SAMPLERS if name in samplers):
        course = samplers[name]
        f1 = " | ".join(at(course, number, F1) for number in (0, 2, 4, 8))
        needed = "" if goal is None else labels_needed(course, goal)
        spoiled = mean(rounds[-1]["spoiled"] for rounds in course)
        lines.append(
            f"| {name} | {len(course)} | {f1} | {at(course, 8, 'test_true_balanced_accuracy')} | {needed} | "
            f"{per_label(course, 1):.2f} | {per_label(course, 8):.2f} | {spoiled:.0f} |"
        )
    return lines


def overview(found: dict[tuple[str, str, str], dict[str, Course]]) -> list[str]:
    """Macro-F1 in the end of every first phase and sampler, on frozen features; one table a noise."""
    lines = ["## Macro-F1 after 1,200 labels, heads on frozen features", ""]
    for noise, words in NOISES.items():
        courses = {start: found["f", noise, start] for start in STARTS if ("f", noise, start) in found}
        names = [name for name in SAMPLERS if any(name in samplers for samplers in courses.values())]
        lines += [f"| {words}: first phase | before | {' | '.join(names)} |", "|---" * (2 + len(names)) + "|"]
        for start, samplers in courses.items():
            cells = [short(samplers[name], 8) if name in samplers else "" for name in names]
            longest = max(samplers.values(), key=len)
            lines.append(f"| {STARTS[start]} | {short(longest, 0)} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def short(course: Course, number: int) -> str:
    """The mean macro-F1, and how many seeds it is of where these are not three."""
    value = curve(course, F1)[number]
    if value is None:
        return ""
    return f"{value:.3f}" + (f" ({len(course)})" if len(course) != 3 else "")


def forecasts() -> str:
    """How often the interval of what is left covers the truth, as benchmarks/forecast.py found it."""
    told = json.loads((RESULTS.parent / "forecast.json").read_text())
    words = [
        f"{name} noise, {told[name]['rounds']} rounds: {100 * told[name]['held']:.0f} %, off by "
        f"{100 * told[name]['error']:.0f} % in the mean"
        for name in ("symmetric", "look-alike")
    ]
    return (
        "How often the 95 % interval of the forecast of wrong labels left holds the true number (forecast again from "
        f"the answers, `python benchmarks/forecast.py`): {'; '.join(words)}. The columns `wrong_left*` of the cells "
        "are of the day on which they were run."
    )


def drawn(title: str, samplers: dict[str, Course], ceiling: float | None) -> str:
    """Macro-F1 against labels bought, as SVG."""
    width, height, left, bottom = 560, 340, 56, 300
    values = [v for course in samplers.values() for v in curve(course, F1) if v is not None]
    top = max([*values, ceiling or 0.0]) * 1.04
    least = min(values) * 0.95

    def x(bought: float) -> float:
        return left + bought / 1200 * (width - left - 150)

    def y(value: float) -> float:
        return bottom - (value - least) / (top - least) * (bottom - 34)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="#fff"/><text x="{left}" y="18" font-size="13">{title}</text>',
    ]
    for step in range(6):
        value = least + step / 5 * (top - least)
        parts.append(f'<path d="M{left} {y(value):.1f}H{x(1200):.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    parts += [
        f'<text x="{x(bought):.1f}" y="{bottom + 16}" text-anchor="middle">{bought}</text>'
        for bought in range(0, 1201, 300)
    ]
    parts.append(f'<text x="{x(600):.1f}" y="{bottom + 32}" text-anchor="middle">labels bought</text>')
    if ceiling is not None:
        parts.append(
            f'<path d="M{left} {y(ceiling):.1f}H{x(1200):.1f}" stroke="#000" stroke-dasharray="4 3"/>'
        )
        parts.append(f'<text x="{x(1200) + 6:.1f}" y="{y(ceiling) + 4:.1f}">all labels right</text>')
    for place, name in enumerate(name for name in SAMPLERS if name in samplers):
        colour, values_of = COLOURS[SAMPLERS.index(name)], curve(samplers[name], F1)
        bought = [row["bought"] for row in samplers[name][0]]
        points = " ".join(
            f"{x(b):.1f},{y(v):.1f}" for b, v in zip(bought, values_of, strict=True) if v is not None
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{x(1200) + 6:.1f}" y="{60 + 16 * place}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> None:
    found, ceilings = read()
    assert __doc__ is not None
    lines = [
        "# What each bought label brings",
        "",
        "Written by `python benchmarks/clean_table.py` from the cells of `python benchmarks/clean.py`. HAM10000,",
        "6,989 training images, 40 % of their labels wrong; 8 rounds of 150 labels, answered by the true labels.",
        "Macro-F1 of the clean test part, mean over seeds. *Labels for random's end*: bought when the mean macro-F1",
        "reached, for good, what the random sampler of the same first phase has after 1,200. *Repaired per label*:",
        "wrong labels made right.",
        "",
        forecasts(),
        "",
        *overview(found),
        "In brackets: seeds, where these are not three.",
        "",
    ]
    for (make, noise, start), samplers in sorted(found.items(), key=lambda item: order(item[0])):
        lines += [f"## {NOISES[noise]}, {MAKES[make]}: {STARTS[start]}", "", *table_of(samplers), ""]
        ceiling = mean(figures["macro_f1"] for figures in ceilings[make]) if ceilings[make] else None
        if ceiling is not None:
            lines += [f"With all labels right: {ceiling:.3f}.", ""]
        name = f"clean-{make}-{noise}-{start}.svg"
        picture = drawn(f"{NOISES[noise]}: {STARTS[start]}", samplers, ceiling)
        (HERE / "results" / name).write_text(picture, encoding="utf-8")
        lines += [f"![{STARTS[start]}]({name})", ""]
    (HERE / "results" / "clean.md").write_text("\n".join(lines), encoding="utf-8")


def order(key: tuple[str, str, str]) -> tuple[int, ...]:
    """Frozen features first, then by noise and first phase."""
    make, noise, start = key
    return (list(MAKES).index(make), list(NOISES).index(noise), list(STARTS).index(start))


if __name__ == "__main__":
    main()
