"""CPU time of strict scoring and of scoring entries again; time of comparing a board."""

import hashlib
import time
from concurrent.futures import Executor, Future
from datetime import UTC, datetime

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.challenge.documents import write_json
from exobench.challenge.entries import FolderEntryStore
from exobench.challenge.manifest import read_manifest
from exobench.challenge.rescore import plan_rescoring, rescore
from exobench.challenge.submission import read_submission, submission_bytes
from exobench.scoring import MapTruth, SequenceCounts, compare, score_maps
from exobench.scoring.curve import pooled_curve
from exobench.scoring.sequences import evaluate_sequence

N_MAPS, SIZE, N_ENTRIES = 9, 160, 5

cpu_time = pytest.mark.benchmark(timer=time.process_time)


def submission(n_maps, size):
    """Maps and truths of `n_maps` sequences of three instruments."""
    rng = np.random.default_rng(0)
    truths = {f"s{k}": truth_of(size, f"i{k % 3}", rng) for k in range(n_maps)}
    return maps_of(truths, size, rng), truths


def truth_of(size, instrument, rng):
    """Up to three companions, with labels."""
    middle, n_injected = size // 2, rng.integers(0, 4)
    r, theta = rng.uniform(12, middle - 10, n_injected), rng.uniform(0, 2 * np.pi, n_injected)
    injections = np.column_stack([middle + r * np.sin(theta), middle + r * np.cos(theta)])
    return MapTruth(
        *(injections, 4.0, 6.0, middle - 3.0, instrument),
        lambda_over_d_px=3.7,
        strata=tuple(rng.choice(["bright", "middle", "faint"], n_injected).tolist()),
        spectra=tuple(rng.choice(["L", "T"], n_injected).tolist()),
    )


def maps_of(truths, size, rng):
    """Smooth noise of unit spread, the companions of the truth at 3 to 8 sigma."""
    maps = {}
    y, x = np.indices((size, size))
    for name, truth in truths.items():
        frame = gaussian_filter(rng.normal(size=(size, size)), 1.7)
        frame /= frame.std()
        for cy, cx in truth.injections:
            squared = (y - cy) ** 2 + (x - cx) ** 2
            frame += rng.uniform(3, 8) * np.exp(-squared / (2 * 1.7**2))
        maps[name] = frame.astype(np.float32)
    return maps


KINDS = {
    "smooth": lambda frame: frame,
    "white": lambda frame: np.random.default_rng(1).normal(size=frame.shape),
    "rounded": lambda frame: np.round(frame),
    "constant": np.ones_like,
}


@cpu_time
@pytest.mark.parametrize("kind", KINDS)
def test_candidates_and_curve_of_a_map_of_251(benchmark, kind):
    (frame,), (truth,) = (list(part.values()) for part in submission(1, 251))
    answer = KINDS[kind](frame).astype(np.float64)
    curve = benchmark(lambda: pooled_curve([evaluate_sequence("s", answer, truth, 5.0)]))
    assert len(curve.value) > 0


@cpu_time
@pytest.mark.parametrize(("n_maps", "size"), [(9, 160), (200, 101)])
def test_score_maps_with_intervals(benchmark, n_maps, size):
    maps, truths = submission(n_maps, size)
    score = benchmark(lambda: score_maps(maps, truths, 5.0).to_dict())
    assert score["interval"]["tpr"] is not None
    assert [row["stratum"] for row in score["per_stratum"]] == ["bright", "middle", "faint"]


@cpu_time
def test_score_maps_that_are_constant(benchmark):
    """The slowest kind of map: every pixel is a maximum."""
    _, truths = submission(9, 160)
    maps = dict.fromkeys(truths, np.ones((160, 160), dtype=np.float32))
    score = benchmark(score_maps, maps, truths, 5.0)
    assert len(score.curve.value) == 1


@pytest.mark.parametrize(("n_entries", "n_sequences"), [(5, 9), (10, 20), (50, 200)])
def test_compare_a_board(benchmark, n_entries, n_sequences):
    rng = np.random.default_rng(0)
    board = {
        f"e{k}": [
            SequenceCounts(f"s{i}", "a", f"s{i}", int(rng.binomial(3, 0.6)), int(rng.poisson(1)), 3)
            for i in range(n_sequences)
        ]
        for k in range(n_entries)
    }
    found = benchmark.pedantic(compare, (board, "f1"), rounds=1)
    assert len(found.p_values) == n_entries * (n_entries - 1) // 2


# Kept entries scored again: nine maps of 160x160 each, from zip to score file


class InProcess(Executor):
    """Does a task at once, so that its CPU time is seen."""

    def submit(self, task, /, *arguments, **keywords):
        """The finished future of a task."""
        future = Future()
        future.set_result(task(*arguments, **keywords))
        return future


def write_challenge(folder, truths):
    companions = {
        name: [
            {
                **{"y": y, "x": x, "separation": 0.3, "position_angle": 0.0, "flux": 1.0},
                **{"contrast": None, "stratum": "middle", "snr": {}},
            }
            for y, x in truth.injections.tolist()
        ]
        for name, truth in truths.items()
    }
    truth = {
        **{"format": 1, "salt": "0" * 64, "metric_version": 1, "recipe": {}, "secret": "0" * 64},
        "sequences": {name: {"companions": rows} for name, rows in companions.items()},
    }
    write_json(folder / "private" / "truth.json", truth, mode=0o600)
    sequences = [
        {
            **{"name": name, "instrument": truth.instrument, "unit": name, "files": {}},
            **{"shape": [1, 60, SIZE, SIZE], "fwhm": truth.fwhm, "pixel_scale": 0.0123},
            **{"wavelengths": [1.6], "diameter": 8.0, "lambda_over_d_px": 3.7},
            **{"inner_radius_px": truth.inner_radius_px, "outer_radius_px": truth.outer_radius_px},
            **{"tolerance_fwhm": 1.0, "origin": "simulated"},
        }
        for name, truth in truths.items()
    ]
    content = (folder / "private" / "truth.json").read_bytes()
    manifest = {
        **{"format": 1, "name": "bench", "kind": "practice", "exobench": "0"},
        **{"metric_version": 1, "rank_by": "f1", "commitment": hashlib.sha256(content).hexdigest()},
        "tracks": {"adi": {"sequences": sequences}},
    }
    write_json(folder / "public" / "manifest.json", manifest)


def keep_entries(folder, n_entries, seed=0):
    """Entries with noise of their own, each with a score that another scorer made."""
    rng = np.random.default_rng(seed)
    truths = {f"toy_{n}": truth_of(SIZE, f"i{n % 3}", rng) for n in range(N_MAPS)}
    write_challenge(folder, truths)
    store, manifest = FolderEntryStore(folder), read_manifest(folder)
    for _ in range(n_entries):
        answer = read_submission(submission_bytes(maps_of(truths, SIZE, rng), 5), manifest)
        store.keep(answer, {"per_sequence": []}, received=datetime.now(UTC))


@pytest.fixture(scope="module")
def challenge(tmp_path_factory):
    """A challenge with five entries."""
    folder = tmp_path_factory.mktemp("challenge")
    keep_entries(folder, N_ENTRIES)
    return folder


@cpu_time
def test_rescore_entries(benchmark, challenge):
    """Every round compares all of them and, since none is written, finds them changed."""

    def work():
        return list(rescore(plan_rescoring(challenge, keep=False), InProcess()))

    found = benchmark(work)
    assert [one.state for one in found] == ["changed"] * N_ENTRIES
    seconds = benchmark.stats.stats.min / N_ENTRIES
    benchmark.extra_info["minutes for 1000 entries on 2 cores"] = seconds * 1000 / 2 / 60
    assert np.isfinite(seconds)
