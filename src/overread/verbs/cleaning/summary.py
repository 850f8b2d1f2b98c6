"""summary.json and metrics.json of cleaning: what was bought, what it brought, what is left."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from overread import __version__
from overread.data.parts import rows_of
from overread.data.reading import Reading
from overread.detect.rate import LEVEL
from overread.engine.evidence import Evidence
from overread.measure import against_labels, repairs, wrong_share
from overread.verbs.cleaning.agreeing import agreement
from overread.verbs.cleaning.desk import Desk
from overread.verbs.cleaning.first import First
from overread.verbs.cleaning.flows import flows
from overread.verbs.cleaning.measuring import foreseen, guard, stopping
from overread.verbs.cleaning.model import method_of_rounds
from overread.verbs.cleaning.rounds import EXHAUSTED, STOPPED, WAITING, Rounds, budget_of
from overread.verbs.setting_up import first_size
from overread.verbs.summary import GIVEN, HOW
from overread.verbs.train_summary import about_parts, small_classes, warnings_of_parts

LIMITS = [
    "What is left wrong is foretold from how probable each label is to be wrong, corrected by the answers so far. "
    "Labels that look right to every detector are not counted.",
    "The validation part keeps its given labels: nobody is asked about them.",
]
ENDS = {
    WAITING: "The round waits for its answers.",
    STOPPED: "So many labels were confirmed in a row that no more were bought (--stop-after).",
    EXHAUSTED: "Nothing was left to ask about.",
}


def measured(desk: Desk, rounds: Rounds) -> dict[str, Any]:
    """metrics.json: the quality of the newest networks on each part that was held out."""
    model = rounds.look.model
    if model is None:
        return {}
    return {
        part: against_labels(desk.manifest.take(rows_of(desk.manifest, part)), probs, desk.manifest.classes)
        for part, probs in model.held.items()
    }


def evidence_now(desk: Desk, rounds: Rounds) -> Evidence:
    """The evidence about the pool, with the labels as they stand."""
    labels = rounds.look.labels
    evidence = rounds.look.found.evidence
    p_wrong = np.where(labels.verified, 0.0, rounds.look.found.p_wrong)
    return replace(
        evidence,
        given=labels.given,
        columns={**evidence.columns, "verified": labels.verified, "p_wrong": p_wrong},
    )


def summarise(desk: Desk, reading: Reading, first: First, rounds: Rounds) -> dict[str, Any]:
    """All of summary.json."""
    config, look = desk.config, rounds.look
    return {
        "overread": __version__,
        "verb": "clean",
        "task": "classification",
        "state": WAITING if rounds.end == WAITING else "done",
        "effort": config.effort,
        "start": config.start,
        "trust": config.trusts,
        "update": config.update,
        "method": method_of_rounds(config),
        "sampler": config.sampler,
        "balanced": config.balanced,
        "expert": config.expert,
        "readers": config.readers,
        "network": config.network,
        "size": first_size(config),
        **about_parts(desk.manifest),
        "classes": list(desk.manifest.classes),
        "budget": budget_of(desk),
        "rounds": len(rounds.table) - 1,
        "of_rounds": config.rounds,
        "bought": int(rounds.table[-1]["bought"]),
        "cost": int(rounds.table[-1]["cost"]),
        "changed": int((look.answers.changed).sum()),
        "end": ENDS.get(rounds.end, "The budget is spent."),
        "waiting": about_waiting(desk, rounds),
        "stop": asdict(stopping(desk, look.answers)),
        "forecast": asdict(foreseen(desk, look)),
        "guard": guard(desk, look),
        "agreement": agreement(desk.store, desk.manifest.classes, groups_of(desk)),
        "trusted": about_trust(desk, first),
        "labels": about_labels(desk, rounds),
        **flows(desk, look),
        "noise_rate": noise_rate(desk),
        "store": desk.store.url,
        "head": dict(zip(("number", "hash"), desk.store.head(), strict=True)),
        "read": reading.as_dict(),
        "warnings": [*warnings_of(desk, reading), *guarded(desk, rounds)],
        "limits": LIMITS,
        "seconds": dict(desk.run.info["seconds"]),
    }


def warnings_of(desk: Desk, reading: Reading) -> list[str]:
    return [*warnings_of_parts(reading, desk.manifest), *small_classes(desk.manifest)]


def guarded(desk: Desk, rounds: Rounds) -> list[str]:
    warning = guard(desk, rounds.look)["warning"]
    return [warning] if warning else []


def about_waiting(desk: Desk, rounds: Rounds) -> dict[str, Any] | None:
    """The round that waits for people, and how much of it is answered."""
    if rounds.end != WAITING:
        return None
    state = desk.store.progress(rounds.items[0].round, desk.config.readers)
    return {"round": rounds.items[0].round, "items": state.items, "answered": state.answered}


def about_trust(desk: Desk, first: First) -> dict[str, Any]:
    """How many given labels are trusted unseen, and how many of these are wrong where the truth is known."""
    wrong = wrong_share(desk.pool.take(np.flatnonzero(first.trusted))) if first.trusted.any() else None
    return {
        "labels": int(first.trusted.sum()),
        **({} if wrong is None else {"wrong_share": round(wrong, 4)}),
    }


def about_labels(desk: Desk, rounds: Rounds) -> dict[str, Any]:
    """Where the labels of the pool stand."""
    labels = rounds.look.labels
    return {
        "verified": int(labels.verified.sum()),
        "asked": int(labels.asked.sum()),
        "closed": int(labels.closed.sum()),
        **repairs(desk.pool, labels.given),
    }


def noise_rate(desk: Desk) -> dict[str, Any]:
    """The estimate before cleaning, and the true rate where it is known."""
    prior, truth = desk.prior, wrong_share(desk.pool)
    return {
        "estimate": round(prior.noise_rate, 4),
        "low": round(prior.low, 4),
        "high": round(prior.high, 4),
        "level": LEVEL,
        "how": HOW if desk.config.noise_rate is None else GIVEN,
        **({} if truth is None else {"truth": round(truth, 4)}),
    }


def groups_of(desk: Desk) -> dict[str, str]:
    """The group of each sample."""
    return dict(zip(map(str, desk.manifest.ids), map(str, desk.manifest.group), strict=True))


def waiting_words(desk: Desk, rounds: Rounds) -> str:
    """What people have to do."""
    return (
        f"Round {rounds.items[0].round}: {len(rounds.items)} labels wait for answers, in "
        f"{desk.run.path / 'queue.csv'} and in the label store {desk.store.url}."
    )
