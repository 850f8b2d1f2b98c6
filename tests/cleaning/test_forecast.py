"""The forecast: its intervals hold the truth as often as they say, where p_wrong is right and where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import hypergeom

from overread.cleaning.forecast import (
    ACROSS,
    EDGES,
    LOCAL,
    REACH,
    SHARED,
    Found,
    cells_of,
    forecast,
    kernel,
    left_after_random,
    logit,
    recalibration,
    sigmoid,
)
from overread.errors import InputError

NOTHING = Found(np.zeros(0), np.zeros(0, bool))


def pool(rng, shift=0.0, slope=1.0, count=1000):
    """p_wrong, and labels of which it says too much or too little."""
    p = rng.beta(0.35, 2.0, count).clip(0.002, 0.998)
    return p, rng.random(count) < sigmoid(shift + slope * logit(p))


def asked_of(p, wrong, count, rng=None):
    """The most suspicious ones asked, or as many drawn at random; the rest."""
    order = np.argsort(-p, kind="stable") if rng is None else rng.permutation(len(p))
    return Found(p[order[:count]], wrong[order[:count]], rng is not None), order[count:]


def coverage(draw, times=120, count=300, at_random=False):
    """How often the two intervals hold what is true, and the mean ratio of expected and true remaining ones."""
    held, ratio = [], []
    for seed in range(times):
        rng = np.random.default_rng(seed)
        p, wrong = draw(rng)
        found, rest = asked_of(p, wrong, count, rng if at_random else None)
        said = forecast(p[rest], found)
        following = rest[np.argsort(-p[rest], kind="stable")[:100]]
        pairs = ((said.remaining, wrong[rest].sum()), (said.next_wrong, wrong[following].sum()))
        held.append([one.low <= true <= one.high for one, true in pairs])
        ratio.append(said.remaining.expected / max(wrong[rest].sum(), 1))
    return *np.mean(held, 0), np.mean(ratio)


def test_intervals_hold_the_truth_in_a_few_draws():
    remaining, following, _ = coverage(lambda rng: pool(rng, -1.0), 25, 150)
    assert min(remaining, following) >= 0.84


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "slope"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (0.0, 0.75)])
def test_intervals_hold_the_truth_also_where_p_wrong_is_biased(shift, slope):
    """95 % of the time or more: with a fixed bias that the prior has in mind, doubt about others is on top."""
    remaining, following, ratio = coverage(lambda rng: pool(rng, shift, slope))
    assert remaining >= 0.91
    assert following >= 0.91
    assert 0.75 < ratio < 1.7  # without answers nearby p_wrong stands


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 100, 400])
def test_intervals_are_exact_for_the_doubt_they_assume(count):
    """What p_wrong is off drawn as the prior has it: 95 % neither more nor less, up to the draw of 300."""
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    prior = SHARED**2 + LOCAL**2 * np.exp(-(((middle[:, None] - middle) / REACH) ** 2) / 2)

    def draw(rng):
        p, _ = pool(rng)
        off = rng.multivariate_normal(np.zeros(len(middle)), prior, method="eigh")
        return p, rng.random(len(p)) < sigmoid(logit(p) + np.interp(logit(p), middle, off))

    remaining, following, _ = coverage(draw, 300, count)
    assert 0.91 <= remaining <= 0.985
    assert 0.91 <= following <= 0.985


@pytest.mark.slow
def test_the_share_of_labels_asked_at_random_needs_no_p_wrong():
    remaining, _, ratio = coverage(lambda rng: pool(rng, -2.0, 0.3), 200, 200, at_random=True)
    assert remaining >= 0.93
    assert ratio == pytest.approx(1.0, abs=0.1)


def test_a_biased_p_wrong_is_corrected():
    """In one draw of many labels: what p_wrong says itself is far off, the forecast is not."""
    rng = np.random.default_rng(0)
    p, wrong = pool(rng, -1.0, count=6000)
    found, rest = asked_of(p, wrong, 1500)
    said = forecast(p[rest], found)
    true = wrong[rest].sum()
    assert p[rest].sum() > 1.8 * true
    assert said.remaining.low <= true <= said.remaining.high
    assert abs(said.remaining.expected - true) < 0.6 * abs(p[rest].sum() - true)


def test_what_is_learned_of_the_suspicious_is_not_carried_far():
    """A thousand labels near 0.8 of which all but a few were wrong say little of those near 0.01."""
    asked = Found(np.full(1000, 0.8), np.arange(1000) < 970)
    near, far = (forecast(np.full(4000, p), asked).remaining for p in (0.75, 0.01))
    assert near.expected > 0.93 * 4000
    assert far.expected < 2.5 * forecast(np.full(4000, 0.01), NOTHING).remaining.expected
    assert far.low < 40 < far.high  # p_wrong as it is


def test_without_answers_p_wrong_stands_with_wide_doubt():
    p = np.full(500, 0.2)
    said = forecast(p, NOTHING)
    assert said.remaining.low < 50
    assert said.remaining.high > 200
    assert said.words == "Nothing was answered yet: this rests on p_wrong alone."


def test_answers_narrow_the_interval():
    rng = np.random.default_rng(0)
    p, wrong = pool(rng)
    widths = []
    for count in (0, 50, 400):
        found, _ = asked_of(p, wrong, count)
        said = forecast(p[-300:], found).remaining
        widths.append(said.high - said.low)
    assert widths[0] > widths[1] > widths[2]


def test_the_mode_and_its_doubt_against_numbers():
    """The logarithm of the posterior is highest at the mode, and curved there as the covariance says."""
    rng = np.random.default_rng(0)
    found = asked_of(*pool(rng, 0.5, 0.8), 200)[0]
    classes = rng.integers(0, 2, 200)
    cells, place = cells_of(logit(found.p_wrong), classes)
    mode, spread = recalibration(cells, np.bincount(place, found.wrong), cells)
    prior = kernel(cells, cells)
    precision = np.linalg.pinv(prior, rcond=1e-10)

    def height(g):
        p = sigmoid(cells.mean + g)[place]
        return np.log(np.where(found.wrong, p, 1 - p)).sum() - g @ precision @ g / 2

    way = prior @ rng.normal(size=len(mode))  # smooth, as the prior has it
    way /= np.abs(way).max()
    step = 1e-2
    up, here, down = height(mode + step * way), height(mode), height(mode - step * way)
    assert here > max(up, down)
    share = sigmoid(cells.mean + mode)
    curve = cells.size * share * (1 - share)
    expected = way @ (precision + np.diag(curve)) @ way
    assert -(up + down - 2 * here) / step**2 == pytest.approx(expected, rel=1e-2)
    inverse = prior - prior @ np.linalg.inv(prior + np.diag(1 / curve)) @ prior
    np.testing.assert_allclose(spread, inverse, atol=1e-6)


def test_the_kernel_by_hand():
    """A class with itself and with another, at one logit and two logits apart."""
    x = np.array([0.0, 0.0, 2.0])
    cells, _ = cells_of(x, np.array([0, 1, 0]))
    assert (cells.classes.tolist(), cells.size.tolist()) == ([0, 0, 1], [1, 1, 1])
    one = kernel(cells, cells)
    width = EDGES[1] - EDGES[0]
    assert one[0, 0] == pytest.approx(SHARED**2 + LOCAL**2)
    assert one[0, 1] == pytest.approx(SHARED**2 + LOCAL**2 * np.exp(-(2.0**2) / (2 * REACH**2)), abs=width)
    assert one[0, 2] == pytest.approx(ACROSS * one[0, 0])


def test_what_is_learned_of_one_class_is_not_carried_to_another():
    """P_wrong says nine of ten; of one class none was wrong. Of that class hardly any is, of the other most are."""
    p, classes = np.full(400, 0.9), np.repeat([0, 1], 200)
    asked = Found(np.full(100, 0.9), np.zeros(100, bool), classes=np.zeros(100, np.int64))
    own, other = (forecast(p[classes == c], asked, classes=classes[classes == c]).remaining for c in (0, 1))
    assert own.high < 30
    assert other.expected > 130
    both = forecast(p, asked, classes=classes).remaining
    assert both.expected == pytest.approx(own.expected + other.expected, rel=0.03)
    assert forecast(p, asked).remaining.high < 60  # where classes are not told apart it goes for all


def test_classes_by_any_names_and_more_than_are_told_apart():
    rng = np.random.default_rng(0)
    p, codes = rng.random(500), rng.integers(0, 40, 500)
    asked = Found(p[:50], p[:50] > 0.5, classes=codes[:50])
    said = forecast(p[50:], asked, classes=codes[50:])
    named = Found(p[:50], p[:50] > 0.5, classes=np.array([f"class {code:02d}" for code in codes[:50]]))
    assert said == forecast(p[50:], named, classes=np.array([f"class {code:02d}" for code in codes[50:]]))
    assert said.remaining.low < said.remaining.expected < said.remaining.high


@pytest.mark.slow
def test_intervals_hold_the_truth_where_one_class_is_never_wrong():
    """As where classes are taken for those that look alike: what looks wrongest is right, and is asked first."""
    held = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        p, wrong = pool(rng)
        classes = rng.integers(0, 4, len(p))
        p[classes == 0] = np.maximum(p[classes == 0], 0.9)
        wrong[classes == 0] = False
        order = np.argsort(-p, kind="stable")
        asked, rest = order[:150], order[150:]
        said = forecast(p[rest], Found(p[asked], wrong[asked], classes=classes[asked]), classes=classes[rest])
        held.append(said.remaining.low <= wrong[rest].sum() <= said.remaining.high)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("outcome", [True, False])
def test_answers_all_alike_are_no_trouble(outcome):
    said = forecast(np.full(200, 0.3), Found(np.full(100, 0.5), np.full(100, outcome)))
    assert np.isfinite(said.remaining.expected)
    assert (said.remaining.expected > 0.3 * 200) == outcome


def test_sure_zeros_and_ones_are_not_believed_to_the_letter():
    said = forecast(np.concatenate([np.zeros(5000), np.ones(10)]), NOTHING)
    assert said.remaining.low > 0
    assert said.next_wrong.expected == pytest.approx(10, abs=1)
    assert said.following == 100


def test_the_next_hundred_follow_the_order():
    p = np.linspace(0.01, 0.9, 400)
    by_suspicion, backwards = forecast(p, NOTHING), forecast(p, NOTHING, np.arange(400))
    assert by_suspicion.next_wrong.expected > 4 * backwards.next_wrong.expected
    assert by_suspicion.remaining == backwards.remaining


def test_nothing_left_is_nothing_to_find():
    said = forecast(np.zeros(0), Found(np.array([0.5]), np.array([True])))
    assert (said.remaining.expected, said.remaining.high, said.following, said.next_wrong.high) == (
        0,
        0,
        0,
        0,
    )


def test_equal_seeds_give_equal_forecasts():
    p = np.linspace(0.01, 0.9, 50)
    assert forecast(p, NOTHING, seed=3) == forecast(p, NOTHING, seed=3)
    assert forecast(p, NOTHING, seed=3) != forecast(p, NOTHING, seed=4)


def test_words_say_what_it_rests_on():
    found = Found(np.array([0.9, 0.8]), np.array([True, False]))
    said = forecast(np.array([0.85, 0.3, 0.1]), found).words
    assert said.startswith("Of 2 answered labels 1 were wrong, where p_wrong expected 2.")
    assert "Of the 2 labels with p_wrong below 0.8 none was asked" in said
    assert "drawn at random" in forecast(np.array([0.3]), Found(found.p_wrong, found.wrong, True)).words


@pytest.mark.parametrize(("wrong", "asked", "left"), [(0, 5, 12), (2, 6, 20), (6, 6, 9), (3, 8, 0)])
def test_the_interval_after_random_asking_by_trying_every_number(wrong, asked, left):
    said = left_after_random(wrong, asked, left)
    totals = np.arange(wrong, wrong + left + 1)
    most = hypergeom.sf(wrong - 1, asked + left, totals, asked) > 0.025
    least = hypergeom.cdf(wrong, asked + left, totals, asked) > 0.025
    kept = totals[most & least] - wrong
    assert (said.low, said.high) == (kept.min(), kept.max())
    assert said.expected == pytest.approx(left * wrong / asked)


def test_input_is_checked_all_at_once():
    with pytest.raises(InputError) as error:
        forecast(
            np.array([0.1, 1.2]), Found(np.array([np.nan]), np.array([True, False])), classes=np.zeros(3)
        )
    for part in (
        "3 classes of the labels left and 2 p_wrong",
        "1 p_wrong and 2 answers",
        "1 p_wrong of the labels left are not between",
        "1 p_wrong of those asked",
    ):
        assert part in str(error.value)
