"""Samplers: which samples the experts are asked about next, and in which order.

A sampler is a function `(Pool, budget, rng) -> rows`: row numbers, at most `budget` of them, all askable, in the
order in which to ask. Scoring is apart from choosing: a score is a pure function of arrays, higher means *ask first*.
"""

from overread.registry import Entry

SAMPLERS = {
    "random": Entry(
        "overread.cleaning.samplers.random:random",
        "any sample, equally likely: what the others have to beat",
        "the baseline of P4",
    ),
    "entropy": Entry(
        "overread.cleaning.samplers.entropy:entropy",
        "where the network's prediction is spread over many classes",
        "Shannon 1948; P4",
    ),
    "least-confidence": Entry(
        "overread.cleaning.samplers.least_confidence:least_confidence",
        "where the network's first choice is least probable",
        "Lewis and Gale 1994",
    ),
    "margin": Entry(
        "overread.cleaning.samplers.margin:margin",
        "where the network's first two choices are nearly as probable",
        "Scheffer et al. 2001",
    ),
    "coreset": Entry(
        "overread.cleaning.samplers.coreset:coreset",
        "what looks least like anything trusted (greedy k-centre on features)",
        "Sener and Savarese 2018; P4",
    ),
    "bernhardt": Entry(
        "overread.cleaning.samplers.bernhardt:bernhardt",
        "labels that look wrong on images that look easy: cross-entropy minus entropy",
        "Bernhardt et al. 2022",
    ),
    "suspicion": Entry(
        "overread.cleaning.samplers.suspicion:suspicion",
        "the labels that the consensus of the detectors finds most suspicious",
        "Overread",
    ),
}
