"""SODINN: trained on a sequence, it finds what is in it."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from exobench.baselines import load
from exobench.baselines.learning.detector import detector_map, train_detector
from exobench.baselines.learning.networks import model_file
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion

OPTIONS = {"samples": 150, "n_ranks": 8, "epochs": 12, "device": "cpu"}
RADIUS, AZIMUTH = 17.0, 40.0


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)


@pytest.fixture(scope="module")
def detector(sequence, tmp_path_factory):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    lessons = load("sodinn", **OPTIONS).lessons(sequence)
    return train_detector(sequence, lessons, tmp_path_factory.mktemp("training"))[0]


@pytest.fixture(scope="module")
def with_companion(sequence):
    """One three times as bright as what gives the star's residual, after PCA, 5 sigma."""
    from exobench.baselines.learning.residuals.flux_ranges import flux_range
    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.residuals.rings import patch_side, rings

    patch = patch_side(sequence.reference_fwhm)
    (ring,) = (one for one in rings(sequence, patch) if one.inner <= RADIUS < one.outer)
    settings = PatchSettings(patch=patch, n_ranks=8)
    fluxes = flux_range(sequence, ring, settings, np.random.default_rng(0))
    separation = RADIUS * sequence.pixel_scale
    companion = Companion(
        separation=separation, position_angle=AZIMUTH - 90, flux=3 * float(np.max(fluxes.high))
    )
    return inject(sequence, [companion])


@pytest.mark.slow
def test_the_map_of_a_trained_model_peaks_at_the_companion(detector, with_companion):
    found = detector_map(detector, with_companion, device="cpu")
    assert np.isfinite(found).mean() > 0.4
    peak = np.unravel_index(np.nanargmax(found), found.shape)
    expected = to_yx(RADIUS, AZIMUTH, found.shape)
    assert np.hypot(peak[0] - expected[0], peak[1] - expected[1]) < with_companion.reference_fwhm


@pytest.mark.slow
def test_all_outputs_rank_pixels_alike(detector, sequence):
    maps = [
        detector_map(detector, sequence, output=one, device="cpu")
        for one in ("significance", "log_odds", "probability")
    ]
    known = np.isfinite(maps[0])
    orders = [np.argsort(one[known], kind="stable") for one in maps[:2]]
    np.testing.assert_array_equal(*orders)
    assert (np.diff(maps[2][known][orders[1]]) >= 0).all()
    assert (maps[2][known] < 0.5).mean() > 0.99


@pytest.mark.slow
def test_significances_are_those_of_the_noise_of_the_map(detector, sequence):
    shown = detector_map(detector, sequence, device="cpu")
    pixels = shown[np.isfinite(shown)]
    assert np.median(pixels) == pytest.approx(0, abs=1e-3)
    assert (pixels > norm.isf(0.1)).mean() == pytest.approx(0.1, abs=1e-3)


@pytest.mark.slow
def test_a_model_file_gives_the_map_of_its_model_in_either_framework(detector, sequence, tmp_path):
    path = tmp_path / "model.safetensors"
    model_file.save(detector, path)
    torch_map = load("sodinn", model=str(path), device="cpu")(sequence)
    np.testing.assert_array_equal(torch_map, detector_map(detector, sequence, device="cpu"))
    pytest.importorskip("flax", reason="needs the extra: pip install 'exobench[jax]'")
    flax_map = load("sodinn", model=str(path), framework="flax", device="cpu")(sequence)
    np.testing.assert_allclose(flax_map, torch_map, atol=1e-3)


@pytest.mark.slow
def test_training_leaves_the_sequence_as_it_was_and_its_files_nowhere(sequence, tmp_path):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    before = sequence.cube.copy()
    load("sodinn", **OPTIONS | {"epochs": 1})(sequence)
    np.testing.assert_array_equal(sequence.cube, before)
    assert not any(Path.cwd().glob("samples.h5"))


def test_its_options_decide_how_it_is_taught(sequence):
    usual = load("sodinn").lessons(sequence)
    assert (usual.filters, usual.normalisation, usual.recipes[0].negatives) == (
        (8, 16),
        "noise",
        "negated",
    )
    options = {"width": 40, "normalisation": "slice", "negatives": "elsewhere"}
    published = load("sodinn", learning_rate=1e-4, **options).lessons(sequence)
    assert published.filters == (40, 80)
    assert published.normalisation == "slice"
    assert published.recipes[0].negatives == "elsewhere"
    assert published.training.learning_rate == 1e-4


def test_a_model_without_calibration_is_refused(sequence):
    from exobench.baselines.learning.networks.architecture import Architecture, initial_weights

    architecture = Architecture(kind="conv3d", n_ranks=8, patch=9)
    weights = initial_weights(architecture, np.random.default_rng(0))
    bare = model_file.Model(architecture=architecture, weights=weights)
    with pytest.raises(InputError, match="does not say what its values mean"):
        detector_map(model_file.Detector(parts=(bare,)), sequence)


@pytest.mark.parametrize("name", ["sodinn", "na_sodinn"])
def test_options_of_a_training_are_refused_beside_a_model(name):
    heeded = {"framework": "flax", "device": "cpu", "output": "log_odds"}
    assert load(name, model="night.safetensors", samples=1000, **heeded).output == "log_odds"
    with pytest.raises(InputError, match="samples, snr_curve: not beside a model") as caught:
        load(name, model="night.safetensors", samples=80, snr_curve=False, **heeded)
    assert "leave out model=night.safetensors to train on each sequence" in str(caught.value)
    assert "(beside it count framework, device, output)" in str(caught.value)


@pytest.mark.parametrize(("by", "read_as"), [("sodinn", "na_sodinn"), ("na_sodinn", "sodinn")])
def test_a_model_of_another_method_is_refused(tmp_path, by, read_as):
    pytest.importorskip("safetensors", reason="needs the extra: pip install 'exobench[torch]'")
    from exobench.baselines.learning.networks.architecture import Architecture, initial_weights

    architecture = Architecture(kind="conv3d", n_ranks=8, patch=9)
    weights = initial_weights(architecture, np.random.default_rng(0))
    part = model_file.Model(architecture=architecture, weights=weights)
    path = tmp_path / "model"
    model_file.save(model_file.Detector(parts=(part,), provenance={"method": by}), path)
    assert load(by, model=str(path)).detector().provenance == {"method": by}
    other = load(read_as, model=str(path))
    for used in (other.detector, lambda: other.trained(None)):
        with pytest.raises(InputError, match=f"model: was trained by {by}, not by {read_as}"):
            used()


@pytest.mark.slow
def test_a_detector_says_which_method_trained_it(detector):
    assert detector.provenance["method"] == "sodinn"


def test_too_few_frames_for_the_ranks_are_refused(sequence):
    short = dataclasses.replace(
        sequence, cube=sequence.cube[:, :4], angles=sequence.angles[:4], times=None
    )
    with pytest.raises(InputError, match="4 frames; the network needs 5 or more"):
        load("sodinn", **OPTIONS)(short)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "resnet"}, "network must be one of conv3d, convlstm, lstm, gru"),
        ({"framework": "keras"}, "framework must be one of torch, flax"),
        ({"samples": 10}, "samples must be 60 or more"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        load("sodinn", **options)
