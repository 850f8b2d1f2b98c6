"""Detectors: functions from what a run learned to which labels look wrong.

A detector is a function `(Evidence) -> Suspicion`, of masks `(MaskEvidence) -> MaskSuspicion`. Higher scores always
mean *look here first*.
"""

from overread.detect.masks import MASK_DETECTORS
from overread.registry import Entry

DETECTORS = {
    "consensus": Entry(
        "overread.detect.consensus:consensus",
        "the pooled opinion of training pass, final network and out-of-sample folds; ranks suspects.csv",
        "Overread; logarithmic opinion pool (Genest and Zidek 1986)",
    ),
    "loss-sequence": Entry(
        "overread.detect.loss_sequence:loss_sequence",
        "two clusters of six features of a sample's losses over the epochs",
        "P3 (loss sequences)",
    ),
    "mean-loss": Entry(
        "overread.detect.mean_loss:mean_loss",
        "the mean of a sample's losses over the epochs",
        "P3, its feature F1",
    ),
    "self-confidence": Entry(
        "overread.detect.self_confidence:self_confidence",
        "how little out-of-sample probability the given label has",
        "Northcutt et al. 2021, by cleanlab",
    ),
    "confident-learning": Entry(
        "overread.detect.confident_learning:confident_learning",
        "normalised margin of out-of-sample probabilities, cut by the confident joint",
        "Northcutt et al. 2021, by cleanlab",
    ),
    "neighbours": Entry(
        "overread.detect.neighbours:neighbours",
        "how many of the most similar images of other groups bear another label",
        "k nearest neighbours (Cover and Hart 1967)",
    ),
    "plof": Entry(
        "overread.detect.plof:plof",
        "how far a feature lies outside the others of its given class",
        "P1 (pLOF); LoOP, Kriegel et al. 2009",
    ),
    # what methods leave beside losses and probabilities; there where the method leaves it
    "kept": Entry(
        "overread.detect.own:kept",
        "how often a method of small loss left the sample out",
        "P1 (OUSM), co-teaching (Han et al. 2018)",
    ),
    "trust": Entry(
        "overread.detect.own:trust",
        "how little a method that doubts labels trusted the given one while it trained",
        "the method's paper",
    ),
    "weight": Entry("overread.detect.own:weight", "how little weight OUSM + pLOF gave the sample", "P1"),
    "vog": Entry(
        "overread.detect.own:vog", "how much the sample's gradient wanders over the epochs", "P4 (VOG)"
    ),
}
ALL_DETECTORS = {
    **DETECTORS,
    **{k: v for k, v in MASK_DETECTORS.items() if k not in DETECTORS},
}  # where both have a name, it means the same sign
