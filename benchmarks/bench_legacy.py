"""Time of the scoring of 2020: blobs beside their peer, and a whole submission."""

from time import process_time

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.scoring import MapTruth, legacy

SIZE = 251
N_RUNS = 5


def snr_like(n_injections):
    """Smooth noise of unit spread with companions of 3 to 12 sigma; positions as (x, y)."""
    rng = np.random.default_rng(0)
    frame = smooth_noise(rng, SIZE)
    places = [tuple(place) for place in rng.uniform(20, SIZE - 20, (n_injections, 2))]
    rows, columns = np.indices(frame.shape)
    for x, y in places:
        squared = (columns - x) ** 2 + (rows - y) ** 2
        frame += rng.uniform(3, 12) * np.exp(-squared / (2 * 1.7**2))
    return frame, places


def smooth_noise(rng, size):
    frame = gaussian_filter(rng.normal(size=(size, size)), 1.7)
    return frame / frame.std()


def white_noise(n_injections):
    rng = np.random.default_rng(0)
    places = [tuple(place) for place in rng.uniform(20, SIZE - 20, (n_injections, 2))]
    return rng.normal(size=(SIZE, SIZE)), places


CASES = {
    "S/N-like, 1 injection": (snr_like(1), np.linspace(0, 10, 100)),
    "S/N-like, 5 injections": (snr_like(5), np.linspace(0, 10, 100)),
    "S/N-like, 20 injections": (snr_like(20), np.linspace(0, 10, 100)),
    "white noise, 1 injection": (white_noise(1), np.linspace(0, 4, 100)),
    # A tenth of the thresholds, on both sides: the peer takes a quarter of an hour for all.
    "white noise, 5 injections": (white_noise(5), np.linspace(0, 4, 10)),
}


@pytest.mark.parametrize("case", CASES)
def test_binary_map(benchmark, case):
    (frame, places), thresholds = CASES[case]
    detections, _ = benchmark(legacy.binary_map, frame, thresholds, places, 4.0, 2)
    assert len(detections) == len(thresholds)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")  # the peer warns where nothing is above a threshold
@pytest.mark.parametrize("case", CASES)
def test_binary_map_beside_vip(benchmark, case):
    """CPU of both in one process; the ratio is in `extra_info`."""
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    (frame, places), thresholds = CASES[case]
    arguments = (frame, thresholds, places, 4.0, 2)
    ours, found = cpu_seconds(legacy.binary_map, arguments, N_RUNS)
    # The slow peer runs once where once takes minutes.
    n_runs = 1 if len(places) > 1 else 3
    theirs, expected = cpu_seconds(metrics.compute_binary_map, arguments, n_runs)
    assert found == expected[:2]
    benchmark.extra_info |= {"ours_s": ours, "vip_s": theirs, "ratio": theirs / ours}
    benchmark.pedantic(legacy.binary_map, arguments, rounds=1)


def cpu_seconds(function, arguments, n_runs):
    """Median CPU time of some runs, and what the last returned."""
    seconds = []
    for _ in range(n_runs):
        start = process_time()
        found = function(*arguments)
        seconds.append(process_time() - start)
    return float(np.median(seconds)), found


@pytest.mark.parametrize("way", [legacy.process_detmaps, legacy.published_analysis])
def test_a_submission_of_nine_maps_of_160_px(benchmark, way):
    rng = np.random.default_rng(0)
    maps = {f"a_{i}": smooth_noise(rng, 160) for i in range(9)}
    truths = {
        name: MapTruth(80 + rng.uniform(-40, 40, (3, 2)), 4.0, 6.0, 77.0, "a") for name in maps
    }
    assert len(benchmark(way, maps, truths, 3.0).sequences) == 9
