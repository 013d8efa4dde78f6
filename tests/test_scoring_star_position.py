"""Maps of even size with the star at (n - 1) / 2 are named, correct ones are not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.scoring import DetectionList, MapTruth, score_maps
from exobench.scoring.star_position import is_half_a_pixel_low

FWHM = 4.0


def answers_of(n_sequences, offset, size=60, seed=0, noise=1.0, quantum=None):
    """Maps with three companions of 8 to 15 sigma each, drawn `offset` px off on both axes."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size))
    maps, truths = {}, {}
    for k in range(n_sequences):
        theta = rng.uniform(0, 2 * np.pi / 3) + 2 * np.pi / 3 * np.arange(3)
        r = rng.uniform(8, 25, 3)
        yx = size // 2 + np.column_stack([r * np.sin(theta), r * np.cos(theta)])
        field = gaussian_filter(rng.normal(size=(size, size)), FWHM / 2.355)
        field *= noise / field.std()
        for cy, cx in yx + offset:
            squared = (y - cy) ** 2 + (x - cx) ** 2
            field += rng.uniform(8, 15) * np.exp(-squared / (2 * (FWHM / 2.355) ** 2))
        name = f"{size}_{k}"
        maps[name] = field if quantum is None else np.round(field / quantum) * quantum
        truths[name] = MapTruth(yx, FWHM, 4.0, size // 2 - 3.0, "a", shape=(size, size))
    return maps, truths


def star_warning(maps, truths):
    return [text for text in score_maps(maps, truths, 5.0).warnings if "(n - 1) / 2" in text]


def test_maps_with_the_star_half_a_pixel_low_are_named_with_what_to_do():
    (text,) = star_warning(*answers_of(8, -0.5))
    assert "true positives stand (-0." in text
    assert "an axis of n pixels, n even, has it at n / 2" in text
    assert "shift the maps by +0.5 px on both axes" in text


def test_the_warning_stands_in_the_score_file():
    score = score_maps(*answers_of(8, -0.5), 5.0)
    assert score.to_dict()["warnings"] == list(score.warnings) != []


@pytest.mark.parametrize("offset", [0.0, 0.5, (0.5, -0.5), (0.0, -0.5), -1.0])
def test_other_maps_are_not_named(offset):
    assert star_warning(*answers_of(8, np.asarray(offset))) == []


def test_maps_of_odd_size_have_no_such_convention():
    assert star_warning(*answers_of(8, -0.5, size=61)) == []


def test_an_offset_that_maps_of_odd_size_share_is_not_the_convention():
    even, odd = answers_of(8, -0.5), answers_of(8, -0.5, size=61)
    assert star_warning(even[0] | odd[0], even[1] | odd[1]) == []
    correct = answers_of(8, 0.0, size=61)
    assert len(star_warning(even[0] | correct[0], even[1] | correct[1])) == 1


def test_too_few_true_positives_are_not_judged():
    assert star_warning(*answers_of(1, -0.5, noise=0.01)) == []


def test_ties_of_maps_of_few_values_go_to_smaller_y_and_x_and_are_no_offset():
    """A plateau of an even number of pixels claims the lower of its two middle ones."""
    maps, truths = answers_of(12, 0.0, noise=0.05, quantum=6.0)
    score = score_maps(maps, truths, 5.0)
    errors = [s.yx[s.matching.candidate] - s.truth.injections for s in score.sequences]
    assert is_half_a_pixel_low(np.concatenate(errors))  # to which they add up here
    assert star_warning(maps, truths) == []


def test_detection_lists_are_judged_by_their_own_positions():
    _, truths = answers_of(8, 0.0)
    lists = {
        name: DetectionList(truth.injections - 0.5, [9.0] * 3) for name, truth in truths.items()
    }
    assert len(star_warning(lists, truths)) == 1
    lists = {name: DetectionList(truth.injections, [9.0] * 3) for name, truth in truths.items()}
    assert star_warning(lists, truths) == []


def rate(offset, n, jitter, n_sets=1000):
    """How often sets of n whole-pixel positions with that scatter (px) are named."""
    rng = np.random.default_rng([n, int(10 * jitter)])
    phase = rng.uniform(-0.5, 0.5, (n_sets, n, 2))
    claimed = np.rint(phase + offset + jitter * rng.normal(size=phase.shape))
    return np.mean([is_half_a_pixel_low(errors) for errors in claimed - phase])


@pytest.mark.parametrize("n", [6, 10, 25, 100])
@pytest.mark.parametrize("jitter", [0.0, 0.3, 0.6, 1.0])
def test_correct_maps_are_named_in_less_than_one_percent(n, jitter):
    assert rate(0.0, n, jitter) < 0.01


@pytest.mark.parametrize(
    ("n", "jitter", "least"), [(10, 0.0, 0.75), (20, 0.3, 0.9), (50, 0.6, 0.9)]
)
def test_wrong_maps_are_named_where_there_is_enough_to_see(n, jitter, least):
    assert rate(-0.5, n, jitter) > least
