"""The counting of the 2020 challenge, defects included."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.scoring import legacy

PLANET = [(70, 50)]


def g(x, y, amp=10.0, s=4 / 2.355):
    """Gaussian on 101 x 101 pixels, position as (x, y) from 0."""
    rows, columns = np.indices((101, 101))
    return amp * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * s**2))


def count(frame, thresholds=(3,), injections=PLANET, npix=2, **options):
    return legacy.binary_map(frame, thresholds, injections, 4, npix=npix, **options)


def with_pixels(pixels, value=5.0, background=None):
    frame = np.zeros((101, 101)) if background is None else background
    for x, y in pixels:
        frame[y, x] = value
    return frame


def test_case_0_a_planet_is_counted_at_each_threshold_below_its_peak():
    assert count(g(70, 50)) == ([1], [0])
    assert count(g(70, 50), [1, 3, 9, 20]) == ([1, 1, 0, 0], [0, 0, 0, 0])


def test_case_0_an_empty_map_and_a_pixel_equal_to_the_threshold_are_nothing():
    assert count(np.zeros((101, 101))) == ([0], [0])
    assert count(with_pixels([(70, 50)], 3.0), npix=1) == ([0], [0])


def test_case_1_five_pixels_are_five_detections_of_one_planet():
    pixels = [(70, 50), *((70 + dx, 50 + dy) for dx in (-2, 2) for dy in (-2, 2))]
    assert count(with_pixels(pixels), npix=1) == ([5], [0])


def test_case_2_a_fragment_on_the_planet_is_a_false_positive():
    near = [(x, y) for x in (66, 67) for y in (48, 49)]
    far = [(x, y) for x in (72, 73) for y in (52, 53)]
    assert count(with_pixels(near + far)) == ([1], [1])


def test_case_3_two_planets_in_one_blob_count_at_most_once():
    assert count(g(48, 50) + g(53, 50), injections=[(48, 50), (53, 50)]) == ([0], [1])
    assert count(g(50, 50, s=3), injections=[(48, 50), (52, 50)]) == ([1], [0])


@pytest.mark.parametrize(
    ("amp", "expected"),
    [(a, ([1], [0])) for a in (10, 30, 100, 300)]
    + [(1e3, ([0], [2])), (1e4, ([0], [3])), (1e6, ([0], [5]))],
)
def test_case_4_a_bright_planet_is_lost(amp, expected):
    assert count(g(70, 50, amp)) == expected


def test_case_5_detections_rise_with_the_threshold():
    found = count(g(70, 50, amp=6, s=4), [0.5, 1, 2, 3, 4, 5, 5.9])
    assert found == ([0, 0, 0, 1, 1, 1, 0], [5, 4, 2, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(1, (1, 0)), (2, (1, 0)), (2.5, (1, 0)), (3, (0, 1)), (3.5, (0, 1)), (4, (0, 1)), (6, (0, 1))],
)
def test_case_6_a_blob_counts_up_to_some_offset(offset, expected):
    detections, false_positives = count(g(70 + offset, 50))
    assert (detections[0], false_positives[0]) == expected


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(2.5, (1, 0)), (3, (0, 0)), (3.5, (0, 1)), (4, (0, 0)), (5, (0, 0)), (6, (0, 0))],
)
def test_case_6_at_a_high_threshold_the_phase_of_the_pixels_decides(offset, expected):
    detections, false_positives = count(g(70 + offset, 50), [9])
    assert (detections[0], false_positives[0]) == expected


def test_case_7_a_constant_map_is_as_many_false_positives_as_discs_fit():
    assert count(np.full((101, 101), 5.0)) == ([0], [227])


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(10, 10, 2), (11, 11, 3), (12, 12, 3), (13, 13, 4), (14, 14, 4), (11, 12, 3)],
)
def test_case_7b_a_large_blob_counts_by_its_area(height, width, expected):
    frame = np.zeros((101, 101))
    frame[10 : 10 + height, 10 : 10 + width] = 5
    assert count(frame) == ([0], [expected])


def test_case_8_pixels_that_touch_at_a_corner_are_apart():
    assert count(np.eye(101) * 5, injections=[(70, 70)]) == ([0], [0])


def test_case_8b_a_single_pixel_counts_if_npix_is_one():
    frame = with_pixels([(20, 20)], 4.0, g(70, 50))
    assert count(frame, npix=1) == ([1], [1])
    assert count(frame, npix=2) == ([1], [0])


def test_case_8c_nan_is_tolerated():
    rows, columns = np.indices((101, 101)) - 50
    frame = np.where(np.hypot(rows, columns) >= 45, np.nan, g(70, 50))
    assert count(frame) == ([1], [0])


@pytest.mark.parametrize("nothing", [(), [], np.zeros((0, 2)), [[]]])
def test_case_9_every_way_to_write_no_injections_is_accepted(nothing):
    assert count(g(70, 50), injections=nothing) == ([0], [1])


def test_a_large_blob_without_injections_counts_by_how_nothing_is_written():
    """The original tries one injection without a place for [], none for shape (0, 2)."""
    constant = np.full((101, 101), 5.0)
    assert count(constant, injections=[]) == ([0], [227])
    assert count(constant, injections=np.zeros((0, 2))) == ([0], [1])


def test_a_blob_of_exactly_the_largest_size_is_not_too_large():
    """9 x 10 pixels are 2 discs of 45; one pixel more counts as round(91 / 45)."""
    frame = np.zeros((101, 101))
    frame[10:19, 10:20] = 5
    assert count(frame) == ([0], [1])
    frame[19, 10] = 5
    assert count(frame) == ([0], [2])


def test_case_9_none_is_a_type_error():
    with pytest.raises(TypeError, match="got None"):
        count(g(70, 50), injections=None)


@pytest.mark.parametrize("place", [(50, 70), (-5, -5), (101, 50)])
def test_case_10_a_wrong_place_passes_unnoticed(place):
    assert count(g(70, 50), injections=[place]) == ([0], [1])


def test_case_10_only_a_place_beyond_the_size_is_refused_once_a_blob_meets_it():
    with pytest.raises(ValueError, match="injection 2 lies beyond the frame"):
        count(g(70, 50), injections=[(20, 20), (102, 50)])
    assert count(g(70, 50), injections=[(70, 50), (102, 50)]) == ([1], [0])
    assert count(np.zeros((101, 101)), injections=[(102, 50)]) == ([0], [0])


def test_cases_15c_and_17():
    assert count(np.full((101, 101), 5.0), max_blob_fact=1e9) == ([1], [0])
    assert count(g(78, 50), overlap_threshold=0) == ([0], [1])
    assert count((g(70, 50) > 3).astype(float), [0.5]) == ([1], [0])


def test_case_15_false_positives_fall_with_npix():
    places = np.random.default_rng(0).integers(5, 95, (30, 2))
    frame = np.max([g(70, 50), *(g(x, y, amp=4) for x, y in places)], axis=0)
    found = [count(frame, npix=npix) for npix in (1, 2, 5, 10, 20, 40, 60)]
    assert found == [([1], [30])] * 3 + [([1], [0])] * 2 + [([0], [0])] * 2
    assert count(frame, overlap_threshold=-1) == ([31], [0])


def test_case_18_false_positives_of_smooth_noise():
    noise = gaussian_filter(np.random.default_rng(1).normal(size=(160, 160)), 4 / 2.355)
    places = [(40, 60), (100, 100), (80, 30), (60, 120), (120, 50)]
    found = count(noise / noise.std(), [0, 0.5, 1, 1.5, 2, 2.5, 3, 4], places)
    assert found == ([0, 0, 0, 0, 1, 0, 0, 0], [298, 226, 165, 122, 59, 23, 6, 0])


@pytest.mark.parametrize("npix", [0, 1.5])
def test_npix_must_be_a_positive_whole_number(npix):
    with pytest.raises(ValueError, match="npix must be a positive whole number"):
        count(g(70, 50), npix=npix)


def test_a_cube_is_refused():
    with pytest.raises(ValueError, match=r"2-D, got shape \(1, 101, 101\)"):
        count(np.zeros((1, 101, 101)))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # the peer divides by the empty disc of a stray injection
@pytest.mark.parametrize("seed", range(40))
def test_counts_equal_those_of_vip(seed):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    rng = np.random.default_rng(seed)
    shape = rng.integers(30, 80, 2)
    frame = gaussian_filter(rng.normal(size=shape), rng.uniform(0.6, 2.5))
    frame /= frame.std()
    if seed % 3 == 0:
        frame[rng.random(shape) < 0.05] = np.nan
    injections = [tuple(rng.uniform(-5, shape[::-1])) for _ in range(seed % 6)]
    injections = injections or [[], (), np.zeros((0, 2)), [[]]][seed % 4]
    settings = {
        "npix": int(rng.integers(1, 6)),
        "overlap_threshold": rng.uniform(0.1, 0.9),
        "max_blob_fact": rng.uniform(0.5, 3),
    }
    thresholds, fwhm = rng.uniform(-1, 4, 4), rng.uniform(1.5, 6)
    expected = metrics.compute_binary_map(frame, thresholds, injections, fwhm, **settings)[:2]
    assert legacy.binary_map(frame, thresholds, injections, fwhm, **settings) == expected
