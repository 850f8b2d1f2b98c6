"""Noise models: a random draw of wrong labels, recorded.

A noise is a frozen dataclass whose fields are its paper's numbers, with one function
`draw(labels, rng, images=None) -> given`. It never changes what it is handed.
"""

from overread.registry import Entry

NOISES = {
    "symmetric": Entry(
        "overread.noise.symmetric:Symmetric",
        "the same chance for every label, every other class equally likely",
        "van Rooyen et al. 2015",
    ),
    "pair": Entry(
        "overread.noise.symmetric:Pair",
        "the same chance for every label, always to the next class",
        "Han et al. 2018 (co-teaching)",
    ),
    "class": Entry(
        "overread.noise.transition:Class",
        "each label drawn from its row of a transition matrix (--set matrix=FILE.csv)",
        "Patrini et al. 2017 (forward correction)",
    ),
    "balanced": Entry(
        "overread.noise.symmetric:Balanced",
        "the same number of labels wrong in each class",
        "P3 (loss sequences of wrongly labelled images)",
    ),
    "loss-ranked": Entry(
        "overread.noise.loss_ranked:LossRanked",
        "the labels of each class that a classifier finds hardest",
        "Xue et al. 2019 (P1)",
    ),
}
