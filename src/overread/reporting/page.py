"""report.html: one self-contained page, a pure function of the run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from overread.errors import InputError
from overread.files import write_whole
from overread.reporting import cleaning, figures, mask_audit, pictures, summary, trained, trained_masks, words
from overread.reporting.files import Run, is_of_masks, read_run, verb_of
from overread.reporting.summary import CELLS, LISTED

HERE = Path(__file__).parent
OPENED = 12  # gallery cards shown at once; the others unfold


def write_report(run: Path) -> Path:
    """Writes RUN/report.html from the files in RUN alone, and returns its path.

    Raises `InputError` when the folder is not a whole run. The same files give the same page.
    """
    html = page(run)
    path = run / "report.html"
    try:
        write_whole(path, lambda part: part.write_bytes(html.encode("utf-8", "replace")))
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}. Is the folder yours, the disk full?"
        ) from None
    return path


def page(folder: Path) -> str:
    """The page of a run, whatever its verb and its labels."""
    if verb_of(folder) == "clean":
        return render("clean.html", cleaning.content(cleaning.read_clean_run(folder)))
    if verb_of(folder) == "train":
        return render_train(folder)
    return (
        render("mask_audit.html", mask_audit.content(folder)) if is_of_masks(folder) else render_audit(folder)
    )


def render_train(folder: Path) -> str:
    """The page of a training."""
    run = trained.read_train_run(folder)
    if run.of_masks:
        return render("train_masks.html", trained_masks.content(folder, run))
    return render("train.html", trained.content(run))


def render_audit(folder: Path) -> str:
    """The page of an audit."""
    return render("page.html", _content(read_run(folder)))


def render(template: str, content: dict[str, Any]) -> str:
    """A page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("about", "count", "share", "decimal", "hundredth", "plural", "chance"):
        environment.filters[name] = getattr(words, name)
    style = Markup((HERE / "style.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, opened=OPENED, **content)


def _content(run: Run) -> dict[str, Any]:
    """Everything the templates show, by the names they use."""
    facts = run.summary
    rate, samples = summary.part(facts, "noise_rate"), facts["samples"]
    return {
        "headline": summary.headline(facts),
        "estimate": summary.estimate(facts),
        "notices": summary.notices(run),
        "samples": samples,
        "flagged": facts["flagged"],
        "rate": rate,
        "effort": facts.get("effort", ""),
        "finished": str(run.info.get("finished") or ""),
        "version": str(facts.get("overread", "")),
        "gallery": pictures.gallery(run),
        "first": run.suspects.rows[: 0 if run.gallery else LISTED],
        "figures": _figures(run),
        "limits": [*summary.LIMITS, *map(str, summary.several(facts, "limits"))],
        **_tables(run),
    }


def _figures(run: Run) -> dict[str, Any]:
    facts = run.summary
    share = facts["flagged"] / facts["samples"] if facts["samples"] else 0.0
    calibration = summary.part(facts, "calibration")
    return {
        "losses": figures.loss_curves(run),
        "scores": figures.score_histogram(run),
        "chance": figures.chance_by_rank(run),
        "interval": figures.noise_interval(summary.part(facts, "noise_rate"), share),
        "reliability": figures.reliability(summary.several(calibration, "bins")),
        "ece": words.number(calibration.get("ece")),
    }


def _tables(run: Run) -> dict[str, Any]:
    facts = run.summary
    small = len(facts["classes"]) <= CELLS
    return {
        "classes": summary.classes(facts),
        "names": facts["classes"],
        "matrix": summary.matrix(facts) if small else [],
        "confusions": summary.confusions(facts, 3 if small else LISTED),
        "detectors": summary.detectors(facts),
        "detection": summary.detection(facts),
        **summary.read_and_origin(run),
        "config": run.config,
    }
