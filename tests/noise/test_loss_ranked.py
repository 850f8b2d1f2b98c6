"""P1's noise: the hardest labels of each class flip, and only where the classifier was not fitted."""

from __future__ import annotations

import numpy as np
import pytest

from overread.data import splits
from overread.errors import InputError
from overread.noise.labels import Labels
from overread.noise.loss_ranked import LossRanked

N = 60
LABELS = Labels(np.repeat([0, 1, 2], [30, 20, 10]), ("a", "b", "c"), np.arange(N) // 2)
PROBS = np.random.default_rng(5).dirichlet(np.ones(3), size=N)
IMAGES = np.zeros((N, 2, 2, 3), dtype=np.uint8)


@pytest.fixture
def fitted(monkeypatch):
    """Holds out every second group; remembers what the scorer was fitted on."""
    scored = LABELS.groups % 2 == 1
    monkeypatch.setattr(splits, "holdout", lambda labels, groups, share, seed: scored)
    seen = {}

    def scorer(images, labels, fit):
        seen["fit"] = fit
        return PROBS

    return scored, seen, scorer


def draw(noise, seed=0):
    return noise.draw(LABELS, np.random.default_rng(seed), IMAGES)


def test_rate_zero_changes_nothing(fitted):
    np.testing.assert_array_equal(draw(LossRanked(0.0, scorer=fitted[2])), LABELS.codes)


def test_the_hardest_of_each_class_flip_to_the_most_probable_other(fitted):
    scored, seen, scorer = fitted
    given = draw(LossRanked(0.2, scorer=scorer))
    np.testing.assert_array_equal(seen["fit"], ~scored)
    own = PROBS[np.arange(N), LABELS.codes]
    for code, flips in enumerate([6, 4, 2]):
        part = np.flatnonzero(scored & (LABELS.codes == code))
        changed = np.flatnonzero((given != LABELS.codes) & (LABELS.codes == code))
        assert set(changed) == set(part[np.argsort(own[part])[:flips]])
        for row in changed:
            others = [(PROBS[row, other], other) for other in range(3) if other != code]
            assert given[row] == max(others)[1]


def test_a_rate_that_the_scored_part_cannot_hold_is_refused(fitted):
    with pytest.raises(InputError, match=r"'a' flips 24 but \d+ are scored.*raise --set scored"):
        draw(LossRanked(0.8, scorer=fitted[2]))


def test_images_are_asked_for():
    with pytest.raises(InputError, match="looks at the images"):
        LossRanked(0.2).draw(LABELS, np.random.default_rng(0))


@pytest.mark.parametrize("scored", [0.0, 1.0])
def test_the_scored_part_is_neither_nothing_nor_all(scored):
    with pytest.raises(InputError, match="scored is a share above 0 and below 1"):
        LossRanked(0.2, scored=scored)


def test_groups_and_seeds_with_the_real_split():
    seen = []

    def scorer(images, labels, fit):
        seen.append(fit)
        return PROBS

    noise = LossRanked(0.1, scored=0.6, scorer=scorer)
    first, again, other = draw(noise, 1), draw(noise, 1), draw(noise, 2)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    for fit in seen:
        assert not set(LABELS.groups[fit]) & set(LABELS.groups[~fit])
        assert 0.4 < (~fit).mean() < 0.8
