"""The counting by blobs of the 2020 challenge, against its peer and at its edges."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.datasets.errors import InputError
from exobench.scoring import MapTruth, legacy

PLANET = [(70, 50)]


def g(x, y, amp=10.0, s=4 / 2.355):
    """Gaussian on 101 x 101 pixels, position as (x, y) from 0."""
    rows, columns = np.indices((101, 101))
    return amp * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * s**2))


def count(frame, thresholds=(3,), injections=PLANET, npix=2, **options):
    return legacy.binary_map(frame, thresholds, injections, 4, npix=npix, **options)


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


def test_areas_are_added_one_by_one_before_they_are_rounded():
    """Of 12 blobs whose areas are 38.5 discs in all, the sum in floats is a little more."""
    sizes = [225, 314, 295, 286, 394, 306, 239, 188, 379, 313, 176, 196]
    frame = np.zeros((8, 450))
    x = 0
    for size in sizes:
        filled, rest = divmod(size, 8)
        frame[:, x : x + filled] = 5
        frame[:rest, x + filled] = 5
        x += filled + 2
    assert sum(sizes) == 38.5 * 86  # pixels nearer than 6 to the centre of 8 x 450
    assert legacy.binary_map(frame, [3], [(400, -20)], 6) == ([0], [39])


@pytest.mark.parametrize("npix", [0, 1.5])
def test_npix_must_be_a_positive_whole_number(npix):
    with pytest.raises(ValueError, match="npix must be a positive whole number"):
        count(g(70, 50), npix=npix)


def test_a_cube_is_refused():
    with pytest.raises(InputError, match=r"2-D, got shape \(1, 101, 101\)"):
        count(np.zeros((1, 101, 101)))
    hidden = {"a_1": MapTruth([(50, 70)], 4.0, 6.0, 46.0, "toy")}
    with pytest.raises(InputError, match=r"2-D, got shape \(1, 101, 101\)"):
        legacy.process_detmaps({"a_1": np.zeros((1, 101, 101))}, hidden, 3)


@pytest.mark.parametrize("fwhm", [0, -1, np.nan, np.inf, 1e300, 1e-200])
def test_fwhm_must_be_a_positive_number(fwhm):
    with pytest.raises(InputError, match="fwhm must be a positive number of pixels"):
        legacy.binary_map(g(70, 50), [3], PLANET, fwhm)


def test_answers_that_are_no_maps_are_refused_by_both_ways_with_every_problem():
    hidden = {"a_1": MapTruth([(50, 70)], 4.0, 6.0, 46.0, "toy", shape=(101, 101))}
    answers = {"a_1": g(70, 50) * 1j, "b_1": g(70, 50)}
    for way in (legacy.process_detmaps, legacy.published_analysis):
        with pytest.raises(InputError) as error:
            way(answers, hidden, 3)
        assert [line.split(";")[0] for line in error.value.problems] == [
            "a_1: a detection map must hold real numbers, got complex128",
            "unknown sequence 'b_1'",
        ]


def test_maps_are_read_as_float64_of_whatever_they_are_made():
    """0.1 in single precision is above 0.1, which is the threshold; a list is a map too."""
    hidden = {"a_1": MapTruth([(50, 70)], 4.0, 6.0, 46.0, "toy", shape=(101, 101))}
    frame = np.where(g(70, 50) > 3, np.float32(0.1), np.float32(0))
    for one in (frame, frame.tolist()):
        assert legacy.process_detmaps({"a_1": one}, hidden, 0.1).f1 == 1
        assert legacy.published_analysis({"a_1": one}, hidden, 0.1).ranking.value == 1


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # the peer divides by the empty disc of a stray injection
@pytest.mark.parametrize("seed", range(40))
def test_counts_equal_those_of_vip(seed):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    rng = np.random.default_rng(seed)
    shape = rng.integers(30, 80, 2)
    frame = smooth(rng.normal(size=shape), rng.uniform(0.6, 2.5))
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


def server_of_2020(metrics, maps, truths, threshold, npix, fwhm):
    """The pooling of the server, transcribed; False positives, Recall, Precision, F1."""
    tp = fp = n_injected = 0
    for name, truth in truths.items():
        values = maps[name]
        injections = [(x, y) for y, x in truth.injections]
        if len(injections) > 0:
            n_det, n_fps, _ = metrics.compute_binary_map(
                values, [threshold], injections, fwhm.get(name, truth.fwhm), npix, 0.7, 2
            )
        tp += n_det[0]
        fp += n_fps[0]
        n_injected += len(injections)
    recall = tp / n_injected if n_injected > 0 else 0
    precision = f1 = 0
    if tp + fp > 0:
        precision = tp / (tp + fp)
        f1 = 2 * precision * recall / (precision + recall)
    return fp, recall, precision, f1


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # the peer divides by the empty disc of a stray injection
@pytest.mark.parametrize("seed", range(60))
def test_pooled_scores_equal_those_of_the_server_and_stop_where_it_stopped(seed):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    rng = np.random.default_rng(seed)
    names = [f"a_{i}" for i in range(4)]
    maps = {name: smooth(rng.normal(size=(45, 45)), 1.7) for name in names}
    if seed % 5 == 0:
        del maps[rng.choice(names)]
    truths = {
        name: MapTruth(rng.uniform(0, 47, (rng.integers(0, 3), 2)), 4.0, 0.0, 20.0, "a")
        for name in names
    }
    npix = int(rng.integers(1, 4))
    fwhm = {"a_1": float(rng.uniform(2, 40))} if seed % 3 == 0 else {}
    threshold = rng.uniform(1, 3.5)
    settings = legacy.ParticipantSettings(npix=npix, fwhm=fwhm)
    score = legacy.process_detmaps(maps, truths, threshold, settings)
    try:
        expected = server_of_2020(metrics, maps, truths, threshold, npix, fwhm)
    except (KeyError, UnboundLocalError, ZeroDivisionError, ValueError):
        assert score.scores_txt("3d") is None
        assert {d.code for d in score.defects} & STOPS
    else:
        assert (score.fp, score.recall, score.precision, score.f1) == expected
        assert not {d.code for d in score.defects} & STOPS


STOPS = {"missing_map_stops", "blank_first_stops", "stray_stops", "zero_division"}


def smooth(noise, width):
    frame = gaussian_filter(noise, width)
    return frame / frame.std()


SEED = 20201121
N_MAPS, N_PARTS = 500, 20


def random_case(rng):
    """Map, thresholds, injections as (x, y), FWHM and npix; sizes spread evenly in logarithm."""

    def size_between(low, high):
        return int(np.rint(np.exp(rng.uniform(np.log(low - 0.49), np.log(high + 0.49)))))

    shape = size_between(41, 251), size_between(41, 251)
    fwhm = rng.uniform(2, 6)
    injections = [tuple(rng.uniform(0, shape[::-1])) for _ in range(size_between(1, 20))]
    kind = rng.choice(["noise", "snr", "probability"])
    smoothing = 0 if kind == "noise" and rng.random() < 0.5 else fwhm / 2.355
    frame = smooth(rng.normal(size=shape), smoothing)
    if kind != "noise":
        rows, columns = np.indices(shape)
        for x, y in injections:
            squared = (columns - x) ** 2 + (rows - y) ** 2
            frame += rng.uniform(0, 15) * np.exp(-squared * 2.77 / fwhm**2)
    if kind == "probability":
        frame = 1 / (1 + np.exp(-2 * (frame - 3)))
    if rng.random() < 0.5:
        frame = frame.astype(np.float32)
    thresholds = rng.uniform(frame.min(), frame.max(), size_between(1, 100))
    thresholds[::5] = rng.choice(frame.ravel(), thresholds[::5].size)  # exactly a pixel
    return frame, thresholds, injections, fwhm, int(rng.integers(1, 4))


@pytest.mark.slow
@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # the peer warns where nothing is above a threshold
@pytest.mark.parametrize(
    "part",
    # The peer takes ten minutes over all: one part stands for the rest in `make test-all`.
    [pytest.param(part, marks=[pytest.mark.exhaustive] * (part >= 1)) for part in range(N_PARTS)],
)
def test_counts_of_500_random_maps_equal_those_of_vip(part):
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    for rng in np.random.default_rng([SEED, part]).spawn(N_MAPS // N_PARTS):
        case = random_case(rng)
        assert legacy.binary_map(*case) == metrics.compute_binary_map(*case)[:2]
