"""The quick run of every bench, kept: tables, figures and provenance in benchmarks/results/bench/.

    python benchmarks/bench.py --data ../shared/data --work /tmp/bench [NAME ...]

Runs `overread bench NAME --quick` for each NAME (all six unless named), one after the other, and goes on where it was
interrupted. Figures are curves: no image of the data is in them.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from overread import bench
from overread.benches import BENCHES

RESULTS = Path(__file__).parent / "results" / "bench"


def keep(name: str, out: Path) -> None:
    """Copies what a bench wrote, under its name."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    text = (out / "table.md").read_text(encoding="utf-8")
    for figure in sorted(out.glob("*.png")):
        shutil.copyfile(figure, RESULTS / f"{name}-{figure.name}")
        text = text.replace(f"]({figure.name})", f"]({name}-{figure.name})")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    shutil.copyfile(out / "table.json", RESULTS / f"{name}.json")
    shutil.copyfile(out / "provenance.json", RESULTS / f"{name}-provenance.json")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--data", type=Path, help="as of `overread bench`; phantoms without it")
    parser.add_argument("--work", type=Path, default=Path("/tmp/overread-bench"))
    options = parser.parse_args()
    for name in options.names or BENCHES:
        out = options.work / name
        bench(name, out, data=options.data, quick=True, resume=True, command=["python", *sys.argv])
        keep(name, out)


if __name__ == "__main__":
    main()
