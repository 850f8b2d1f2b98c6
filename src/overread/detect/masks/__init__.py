"""Detectors of wrong masks: functions `(MaskEvidence) -> MaskSuspicion`. Higher scores mean *look here first*."""

from overread.registry import Entry

MASK_DETECTORS = {
    "consensus": Entry(
        "overread.detect.masks.doubt:consensus",
        "contour, reach and surprise together, and what an image's masks say of each other; ranks suspects.csv",
        "Overread",
    ),
    "agreement": Entry(
        "overread.detect.masks.fit:agreement",
        "masks: how little the given mask overlaps the suggested one",
        "Dice 1945",
    ),
    "contour": Entry(
        "overread.detect.masks.fit:contour",
        "masks: how far the contours lie apart, given how sure the network is of where they lie",
        "Overread",
    ),
    "reach": Entry(
        "overread.detect.masks.fit:reach",
        "masks: how far the given contour lies outside the suggested one on average, or inside",
        "Overread",
    ),
    "surprise": Entry(
        "overread.detect.masks.fit:surprise",
        "masks: cross-entropy of the given mask over the entropy that the network itself expects",
        "Overread",
    ),
    "pixel-quality": Entry(
        "overread.detect.masks.fit:pixel_quality",
        "masks: cleanlab's score, the softmin over pixels of how probable the given ones are",
        "Lad and Mueller 2023, by cleanlab",
    ),
    "loss-sequence": Entry(
        "overread.detect.masks.training:loss_sequence",
        "two clusters of six features of an image's losses over the epochs",
        "P3 (loss sequences)",
    ),
    "mean-loss": Entry(
        "overread.detect.masks.training:mean_loss",
        "the mean of an image's losses over the epochs",
        "P3, its feature F1",
    ),
    # what methods leave beside losses; there where the method leaves it
    "quality": Entry(
        "overread.detect.masks.training:quality",
        "masks: how badly QAM's judge thinks that image and mask fit",
        "P5 (QAM)",
    ),
    "weight": Entry(
        "overread.detect.masks.training:weight", "masks: how little weight QAM gave the image", "P5 (QAM)"
    ),
    "kept": Entry(
        "overread.detect.masks.training:kept",
        "how often a method of small loss left the image out",
        "P1 (OUSM), co-teaching (Han et al. 2018), P2 (SS)",
    ),
    "disagreement": Entry(
        "overread.detect.masks.training:disagreement",
        "masks: how differently the three networks of SS find the image",
        "P2 (SS)",
    ),
}
