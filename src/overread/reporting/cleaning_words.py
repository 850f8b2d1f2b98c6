"""What the page of cleaning says in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from overread.reporting import summary
from overread.reporting.cleaning_figures import Round
from overread.reporting.files import Json
from overread.reporting.trained import PARTS
from overread.reporting.words import about, count, decimal, number, plural, share

MEASURES = {
    "raw": "Raw agreement",
    "cohen": "Cohen's kappa",
    "fleiss": "Fleiss' kappa",
    "krippendorff": "Krippendorff's alpha",
    "ac1": "Gwet's AC1",
}
LIMITS = (
    "A changed label is what an expert said, not the truth. Experts err and differ: where much hangs on a class, "
    "have two read each image.",
    "What nobody was asked about keeps its given label, right or wrong. How many of these are wrong is a forecast, "
    "not a count.",
    "Errors that follow a rule (one site, one reader or one scanner always labels the same way) look consistent, "
    "are not suspected, and so are hardly asked about.",
    "Overread helps to care for data sets. It is not a medical device and says nothing about a patient.",
)
OF_ORACLE = (
    "The expert was simulated. It never tires, never hesitates and never calls an image unreadable; the time, the "
    "doubts and the disagreement of people are not in these figures."
)


def headline(facts: Json) -> str:
    """The state of things in one sentence."""
    waiting, bought = summary.part(facts, "waiting"), facts["bought"]
    if facts.get("state") == "waiting":
        text = f"Round {count(waiting.get('round'))} waits for answers: {count(waiting.get('answered'))} of "
        return text + f"{plural(waiting.get('items'), 'label is', 'labels are')} answered."
    if not bought:
        return "No label was bought."
    changed = number(facts.get("changed"))
    ratio = "" if changed is None else f" ({share(changed / bought)})"
    return f"{plural(bought, 'label', 'labels')} bought, {count(changed)} of them changed{ratio}."


def lead(facts: Json) -> str:
    """How much of the budget is spent, and what is left, in one or two sentences."""
    text = spent(facts)
    left = summary.part(summary.part(facts, "forecast"), "remaining")
    if number(left.get("expected")) is None:
        return text
    are = "wrong label is" if about(left["expected"]) == "1" else "wrong labels are"
    return f"{text} About {about(left['expected'])} {are} expected to be left ({span(left)}, 95 % interval)."


def spent(facts: Json) -> str:
    """How much of the budget is spent, and why no more was bought."""
    bought, budget = facts["bought"], number(facts.get("budget"))
    waits, of_rounds = facts.get("state") == "waiting", plural(facts.get("of_rounds"), "round", "rounds")
    if bought == budget and not waits:
        return f"The whole budget of {plural(budget, 'label', 'labels')} is spent, in {of_rounds}."
    if waits and not bought:
        return f"Nothing is bought yet of a budget of {plural(budget, 'label', 'labels')} in {of_rounds}."
    labels, part = plural(budget, "label is", "labels are"), f" ({share(bought / budget)})" if budget else ""
    text = f"{count(bought)} of the budget's {labels} bought{part}, in {count(facts.get('rounds'))} of {of_rounds}."
    return text if waits else f"{text} {facts.get('end', '')}"


def span(found: Json) -> str:
    """An interval of counts in words."""
    return f"{about(found.get('low'))} to {about(found.get('high'))}"


def simulated(info: Json) -> str:
    """What the simulated expert did."""
    asked = summary.part(info, "identity")
    error = number(asked.get("expert_error"))
    if asked.get("expert_confusion"):
        return "made wrong now and then by a table of mistakes, class by class"
    return f"{share(error)} of them made wrong on purpose" if error else "without a single mistake"


def notices(info: Json, facts: Json) -> list[str]:
    """What a reader must know first: an unfinished run, and the run's own warnings."""
    state = info.get("state", "done")
    unfinished = f"This run is not finished: its state is “{state}”. Numbers may change."
    found = [] if state in ("done", "waiting") else [unfinished]
    return found + [str(text) for text in summary.several(facts, "warnings")]


def tiles(facts: Json, rounds: Sequence[Round]) -> list[dict[str, Any]]:
    """The few numbers that matter, each with a name and a remark; `sim` marks what only an experiment knows."""
    bought, budget = facts["bought"], number(facts.get("budget"))
    changed, confirmed = (sum(number(row[key]) or 0 for row in rounds) for key in ("changed", "confirmed"))
    cost, unnamed = number(facts.get("cost")), bought - changed - confirmed
    of_budget = f"of {count(budget)} in the budget" if budget else ""
    charged = f"; {plural(cost, 'answer', 'answers')} charged" if cost is not None and cost != bought else ""
    found: list[dict[str, Any]] = [
        {"name": "labels bought", "value": count(bought), "remark": of_budget + charged},
        {"name": "changed", "value": count(changed), "remark": of_bought(changed, bought)},
        {"name": "confirmed", "value": count(confirmed), "remark": of_bought(confirmed, bought)},
    ]
    if unnamed:
        remark = "unsure, unreadable, out of scope, or readers differ"
        found.append({"name": "no label named", "value": count(unnamed), "remark": remark})
    last = rounds[-1] if rounds else {}
    if number(last.get("still_wrong")) is not None:
        remark = f"{count(last.get('spoiled'))} right ones spoiled; {count(last['still_wrong'])} still wrong"
        found.append(
            {"name": "repaired", "value": count(last.get("repaired")), "remark": remark, "sim": True}
        )
    return [{"sim": False, **tile} for tile in found]


def of_bought(part: float, bought: int) -> str:
    """A share of what was bought, in words."""
    return f"{share(part / bought)} of them" if bought else ""


def course(rounds: Sequence[Round], part: str) -> str:
    """From which to which figures the labels bought have led, by the given labels of a part."""
    f1, balanced = (f"{part}_given_{name}" for name in ("macro_f1", "balanced_accuracy"))
    known = [row for row in rounds if number(row.get(f1)) is not None]
    if len(known) < 2:
        return ""
    first, last = known[0], known[-1]
    ends = [f"from {decimal(first.get(name))} to {decimal(last.get(name))}" for name in (f1, balanced)]
    bought = f"From {count(first['bought'])} to {count(last['bought'])} labels bought"
    text = f"{bought}, macro-F1 went {ends[0]} and balanced accuracy {ends[1]}, by the"
    return f"{text} given labels of the {PARTS[part]} part. How sure these are: see the intervals below."


def agreement(facts: Json) -> list[dict[str, str]]:
    """One row a measure of agreement: its value and interval, or words; both where both are needed."""
    rows = []
    for entry in summary.several(facts, "agreement"):
        if not isinstance(entry, Mapping):
            continue
        low, high = (number(entry.get(end)) for end in ("low", "high"))
        name = str(entry.get("name", ""))
        rows.append(
            {
                "name": MEASURES.get(name, name),
                "value": decimal(entry.get("value")),
                "interval": "" if low is None or high is None else f"{decimal(low)} to {decimal(high)}",
                "items": count(entry.get("items")),
                "readers": count(entry.get("readers")),
                "words": str(entry.get("words") or ""),
            }
        )
    return rows


def settings(info: Json, facts: Json) -> list[tuple[str, str]]:
    """How the run was set up, as pairs of a name and words."""
    flags = summary.part(info, "identity")
    trusted = summary.part(facts, "trusted").get("labels")
    start = facts.get("start")
    first = "none: it began from nothing" if start == "none" else f"{start}, on all labels as they were given"
    learns = (
        "what is trusted or verified" if facts.get("update") == "clean" else "all labels, verified ones fixed"
    )
    anew = "anew in each round" if flags.get("retrain") else "going on from the round before"
    people = (
        "the true labels of these data (simulated)"
        if facts.get("expert") == "oracle"
        else "people, by the queue"
    )
    parts = [
        f"{name} {count(entry.get('samples'))}"
        for name, entry in summary.part(facts, "parts").items()
        if isinstance(entry, Mapping)
    ]
    pairs = [
        ("Who was asked", f"{people}; {plural(facts.get('readers'), 'reader', 'readers')}"),
        (
            "Asked first",
            f"by {facts.get('sampler')}" + (", spread over the classes" if facts.get("balanced") else ""),
        ),
        ("First phase", first),
        ("Given labels trusted unseen", f"{count(trusted)} (trust: {facts.get('trust')})"),
        ("Each round learns from", f"{learns}, by {facts.get('method')}, {anew}"),
        ("Stops after", f"{flags['stop_after']} confirmations in a row" if flags.get("stop_after") else ""),
        ("Network", facts.get("network")),
        ("Parts", ", ".join(parts)),
    ]
    return [(name, str(words)) for name, words in pairs if words]


def chain(facts: Json) -> list[tuple[str, str]]:
    """Where every answer is kept."""
    head = summary.part(facts, "head")
    pairs = [
        ("Label store", facts.get("store")),
        (
            "Head of its chain",
            f"entry {count(head['number'])}, {head.get('hash', '')}" if "number" in head else "",
        ),
    ]
    return [(name, str(words)) for name, words in pairs if words]


def limits(facts: Json, simulated: bool) -> list[str]:
    """What these figures cannot tell."""
    return [*([OF_ORACLE] if simulated else []), *LIMITS, *map(str, summary.several(facts, "limits"))]
