"""Detectors of wrong masks: each finds what is made wrong, and refuses what was not recorded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from overread.detect import loss_sequence as of_labels
from overread.detect.masks import MASK_DETECTORS
from overread.detect.masks.evidence import MaskEvidence
from overread.detect.masks.suspicion import LOWEST, of_structures
from overread.detect.masks.training import OWN
from overread.errors import InputError

WHOLE = ("mean-loss", "loss-sequence")
COUNT, STRUCTURES, EPOCHS = 160, 3, 6  # of the evidence that conftest.py makes


def with_columns(evidence, wrong):
    """The columns that methods leave, where `wrong` [N] images are treated as such."""
    rng = np.random.default_rng(2)
    noise = 0.05 * rng.random((COUNT, EPOCHS))
    columns = {
        "quality": (2.0 * ~wrong - 1.0)[:, None] + 0.1 * rng.normal(size=(COUNT, 1)),
        "weight": np.where(wrong, 0.2, 1.3)[:, None] + noise,
        "kept": np.where(wrong, 0.1, 0.9)[:, None] + noise,
        "disagreement": np.where(wrong, 0.3, 0.02)[:, None] * (1 + noise[:, :1]),
    }
    return replace(evidence, columns={name: values.astype(np.float32) for name, values in columns.items()})


@pytest.mark.parametrize("name", MASK_DETECTORS)
def test_finds_wrong_images(name, whole_images):
    evidence, wrong = whole_images
    found = MASK_DETECTORS[name].load()(with_columns(evidence, wrong[:, 0]))
    assert roc_auc_score(wrong[:, 0], found.by_image) > 0.97
    assert found.wrong_images[wrong[:, 0]].mean() > 0.9
    assert found.wrong_images[~wrong[:, 0]].mean() < 0.1
    assert np.isfinite(found.score).all()
    assert found.score.shape == found.wrong.shape == ((COUNT,) if name in (*WHOLE, *OWN) else wrong.shape)
    assert found.of(STRUCTURES).shape == wrong.shape


@pytest.mark.parametrize("name", [name for name in MASK_DETECTORS if name not in (*WHOLE, *OWN)])
def test_finds_single_wrong_masks(name, single_masks):
    evidence, wrong = single_masks
    found = MASK_DETECTORS[name].load()(evidence)
    assert roc_auc_score(wrong.ravel(), found.score.ravel()) > 0.97
    assert found.wrong[wrong].mean() > 0.85
    assert found.wrong[~wrong].mean() < 0.05


def test_reach_sees_sides_and_contour_does_not(whole_images):
    evidence, wrong = whole_images
    shifted = replace(evidence, signed=0.0 * evidence.signed)
    reach, contour = (MASK_DETECTORS[name].load()(shifted) for name in ("reach", "contour"))
    assert np.ptp(reach.score) == 0
    assert roc_auc_score(wrong[:, 0], contour.by_image) > 0.97


def test_a_hard_image_may_disagree_more(whole_images):
    evidence, _ = whole_images
    hard = replace(evidence, band=np.where(np.arange(COUNT)[:, None] == 0, 5.0, evidence.band))
    for name in ("contour", "reach"):
        detector = MASK_DETECTORS[name].load()
        assert (detector(hard).score[0] < detector(evidence).score[0]).all()


def test_what_is_drawn_on_neither_side_is_not_suspected(whole_images):
    evidence, _ = whole_images
    empty = np.arange(COUNT) % 2 == 0
    areas = np.where(empty[:, None], 0.0, evidence.given_area)
    found = of_structures(
        replace(evidence, given_area=areas, suggested_area=areas), np.log(evidence.distance)
    )
    assert (found.score[empty] == LOWEST).all()
    assert not found.wrong[empty].any()
    assert found.wrong[~empty].any()


@pytest.mark.parametrize("name", OWN)
def test_a_column_that_no_method_left(name, whole_images):
    with pytest.raises(InputError, match=f"'{name}' needs a method that leaves '{name}'"):
        MASK_DETECTORS[name].load()(whole_images[0])


@pytest.mark.parametrize("name", WHOLE)
def test_losses_that_were_not_recorded(name, whole_images):
    with pytest.raises(InputError, match="needs the losses of the epochs"):
        MASK_DETECTORS[name].load()(replace(whole_images[0], losses=None))


def test_an_image_that_was_not_learned_from_counts_as_the_others(whole_images):
    evidence, _ = whole_images
    losses = evidence.losses.copy()
    losses[3] = np.nan
    found = MASK_DETECTORS["mean-loss"].load()(replace(evidence, losses=losses))
    assert np.isfinite(found.score).all()


def test_the_loss_sequence_is_that_of_labels(whole_images):
    from overread.detect.masks.training import as_labels

    evidence, _ = whole_images
    found, reference = (
        MASK_DETECTORS["loss-sequence"].load()(evidence),
        of_labels.loss_sequence(as_labels(evidence)),
    )
    np.testing.assert_array_equal(found.score, reference.score)
    np.testing.assert_array_equal(found.wrong, reference.wrong)


def test_evidence_is_read_back_as_it_was_written(tmp_path, whole_images, make):
    evidence, wrong = whole_images
    evidence = with_columns(evidence, wrong[:, 0])
    evidence.save(tmp_path / "evidence.npz")
    back = MaskEvidence.load(tmp_path / "evidence.npz")
    assert back.structures == evidence.structures
    assert (back.size, back.ids.tolist()) == (64, evidence.ids.tolist())
    np.testing.assert_allclose(back.distance, evidence.distance, rtol=1e-6)
    np.testing.assert_array_equal(back.columns["quality"], evidence.columns["quality"])
    make(wrong, losses=None).save(tmp_path / "evidence.npz")
    assert MaskEvidence.load(tmp_path / "evidence.npz").losses is None
