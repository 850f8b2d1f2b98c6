"""rounds.csv: what each round bought, what it changed, and how good the networks have become."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from overread.cleaning.forecast import Forecast, Found, forecast, speaks_for_the_rest
from overread.cleaning.stopping import CONFIDENCE, Stop, changes, stop_rule
from overread.data.parts import rows_of
from overread.measure import against_labels, repairs
from overread.store.queue import Item
from overread.verbs.cleaning.answers import standing_entries
from overread.verbs.cleaning.config import CleanConfig
from overread.verbs.cleaning.desk import Array, Desk, Labels
from overread.verbs.cleaning.model import Model
from overread.verbs.cleaning.reading import Doubts

NO_ANSWERS = Found(np.zeros(0), np.zeros(0, bool), classes=np.zeros(0, np.int64))
FIGURES = ("accuracy", "balanced_accuracy", "macro_f1", "auroc")


@dataclass(frozen=True)
class Answers:
    """All that was asked so far and answered by naming a label, in the order in which it was asked."""

    rows: Array  # [n] of the pool
    rounds: Array  # [n]
    p_wrong: Array  # [n] before it was asked
    changed: Array  # [n] bool: the label that stands now is not the given one

    def until(self, number: int) -> Answers:
        """Those of rounds up to `number`."""
        kept = self.rounds <= number
        return Answers(self.rows[kept], self.rounds[kept], self.p_wrong[kept], self.changed[kept])


def answers_of(desk: Desk, labels: Labels, number: int) -> Answers:
    """What rounds 1 to `number` brought."""
    items = [item for done in range(1, number + 1) for item in desk.store.queue(done)]
    kept = [item for item in items if labels.verified[desk.places[item.sample]]]
    rows = desk.rows_asked(kept)
    return Answers(
        rows,
        np.array([item.round for item in kept], np.int64),
        np.array([item.why["p_wrong"] for item in kept], float),
        labels.given[rows] != desk.pool.given[rows],
    )


@dataclass(frozen=True)
class Look:
    """What is known after a round."""

    number: int
    labels: Labels
    answers: Answers
    found: Doubts
    model: Model | None
    learned_from: int


def foreseen(desk: Desk, look: Look) -> Forecast:
    """How many wrong labels are left."""
    config, answers = desk.config, look.answers
    left = ~look.labels.verified & ~look.labels.closed
    p_wrong, classes = look.found.p_wrong[left], look.labels.given[left]
    if speaks_for_the_rest(config.sampler, config.balanced):
        random = config.sampler == "random" and config.trusts == "none"
        found = Found(answers.p_wrong, answers.changed, random, desk.pool.given[answers.rows])
        return forecast(p_wrong, found, seed=config.seed, classes=classes)
    alone = forecast(p_wrong, NO_ANSWERS, seed=config.seed, classes=classes)
    how = f"--sampler {config.sampler}{' --balanced' if config.balanced else ''}"
    words = f"This rests on p_wrong alone: what {how} asks about says little of what it does not ask about."
    return replace(alone, words=words)


def stopping(desk: Desk, answers: Answers) -> Stop:
    """What the stop rule says; --stop-after sets how many confirmations it wants."""
    config, needed = desk.config, desk.config.stop_after
    if needed is not None:
        share = -math.expm1(math.log1p(-CONFIDENCE) / needed)  # so many are needed for this share
        return stop_rule(~answers.changed, share)
    rule = stop_rule(~answers.changed)
    if by_suspicion(config):
        return rule
    words = "The stop rule is for labels that are asked in the order of suspicion; these were not."
    return replace(rule, stop=False, words=words)


def by_suspicion(config: CleanConfig) -> bool:
    """Whether the most suspicious labels are asked first."""
    return config.sampler == "suspicion" and not config.balanced


def row_of(desk: Desk, look: Look, items: list[Item], cost: int, spent: float) -> dict[str, Any]:
    """The row of rounds.csv; cells that are not known are left empty."""
    labels, answers, number = look.labels, look.answers, look.number
    ahead, this = foreseen(desk, look), answers.rounds == number
    return {
        "round": number,
        "asked": len(items),
        "bought": int(sum(len(desk.store.queue(n)) for n in range(1, number + 1))),
        "cost": cost,
        "changed": int(answers.changed[this].sum()),
        "confirmed": int((~answers.changed[this]).sum()),
        **repairs(desk.pool, labels.given),
        "verified": int(labels.verified.sum()),
        "learned_from": look.learned_from,
        "wrong_left": round(ahead.remaining.expected, 1),
        "wrong_left_low": round(ahead.remaining.low, 1),
        "wrong_left_high": round(ahead.remaining.high, 1),
        "next_100": round(ahead.next_wrong.expected, 1),
        "next_100_low": round(ahead.next_wrong.low, 1),
        "next_100_high": round(ahead.next_wrong.high, 1),
        "confirmed_in_a_row": stopping(desk, answers).run if by_suspicion(desk.config) else "",
        **figures(desk, look.model),
        "seconds": round(spent, 1),
    }


def figures(desk: Desk, model: Model | None) -> dict[str, Any]:
    """`PART_LABELS_FIGURE`: by the given labels of each part and, where they are known, the true ones."""
    if model is None:
        return {}
    found: dict[str, Any] = {}
    for part, probs in model.held.items():
        held = desk.manifest.take(rows_of(desk.manifest, part))
        for labels, quality in against_labels(held, probs, held.classes, resample=False).items():
            found |= {f"{part}_{labels}_{name}": quality[name] for name in FIGURES}
    return found


def guard(desk: Desk, look: Look) -> dict[str, Any]:
    """Whether right labels are being changed, as far as it can be seen without the truth."""
    items = [item for number in range(1, look.number + 1) for item in desk.store.queue(number)]
    rows, labels = desk.rows_asked(items), look.labels
    answer = np.where(labels.verified[rows], labels.given[rows], -1)
    p_wrong = np.array([item.why["p_wrong"] for item in items], float)
    first, second = read_twice(desk, items, look.number)
    said = changes(desk.pool.given[rows], answer, p_wrong, second, first)
    return {"words": said.words, "warning": said.warning}


def read_twice(desk: Desk, items: Sequence[Item], until: int) -> tuple[Array, Array]:
    """[n], [n] what the first and the second reader of each item called it; -1 where there was none, or no label."""
    code = {name: index for index, name in enumerate(desk.manifest.classes)}
    by_reader: dict[str, dict[str, int]] = {item.sample: {} for item in items}
    for entry in standing_entries(desk.store):
        if entry.outcome != "skip" and 1 <= (entry.round or 0) <= until and entry.sample in by_reader:
            by_reader[entry.sample][entry.reader] = code.get(entry.label or "", -1)  # a reader's last word
    said = [[*by_reader[item.sample].values(), -1, -1][:2] for item in items]
    table = np.array(said, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
