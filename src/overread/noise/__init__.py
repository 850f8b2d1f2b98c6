"""Noise models: a random draw of wrong labels or wrong masks, recorded.

A noise is a frozen dataclass whose fields are its paper's numbers, with one function: of labels
`draw(labels, rng, images=None) -> given` for the whole set, of masks `draw(mask, rng) -> (given, what)` for one
image. It never changes what it is handed.
"""

from overread.registry import Entry

LABEL_NOISES = {
    "symmetric": Entry(
        "overread.noise.symmetric:Symmetric",
        "labels: the same chance for every label, every other class equally likely",
        "van Rooyen et al. 2015",
    ),
    "pair": Entry(
        "overread.noise.symmetric:Pair",
        "labels: the same chance for every label, always to the next class",
        "Han et al. 2018 (co-teaching)",
    ),
    "class": Entry(
        "overread.noise.transition:Class",
        "labels: each label drawn from its row of a transition matrix (--set matrix=FILE.csv)",
        "Patrini et al. 2017 (forward correction)",
    ),
    "balanced": Entry(
        "overread.noise.symmetric:Balanced",
        "labels: the same number of labels wrong in each class",
        "P3 (loss sequences of wrongly labelled images)",
    ),
    "loss-ranked": Entry(
        "overread.noise.loss_ranked:LossRanked",
        "labels: the labels of each class that a classifier finds hardest",
        "Xue et al. 2019 (P1)",
    ),
}

MASK_NOISES = {
    "erode-dilate": Entry(
        "overread.noise.morphology:ErodeDilate",
        "masks: all structures of an image too small, or all too large, by 5-13 pixels (--set pixels=1,8)",
        "Zhu et al. 2019 (P5); P2",
    ),
    "shift": Entry(
        "overread.noise.geometry:Shift", "masks: all structures of an image off by one vector", "Overread"
    ),
    "elastic": Entry(
        "overread.noise.geometry:Elastic",
        "masks: boundaries that sway, by a smooth random field",
        "Simard et al. 2003 (elastic distortions)",
    ),
    "missing": Entry(
        "overread.noise.structures:Missing", "masks: one structure of the image is not drawn", "Overread"
    ),
    "swap": Entry(
        "overread.noise.structures:Swap",
        "masks: two structures of the image bear each other's names",
        "Overread",
    ),
    "polygon": Entry(
        "overread.noise.polygon:Polygon",
        "masks: each part of a structure as a polygon of a few corners",
        "Overread, by Ramer 1972",
    ),
}

NOISES = {**LABEL_NOISES, **MASK_NOISES}
