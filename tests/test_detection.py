"""Detection maps of a reduction: STIM against its formula, normalisation by radial scatter."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._detection import normalized, stim_map
from exobench.baselines._subtraction import Reduction
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus, radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion, ImageSequence

ANGLES = np.linspace(-30, 60, 40)
FWHM = 4.0


def sequence_of(cube, angles=ANGLES):
    y, x = np.indices((13, 13)) - 6
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    psf /= psf[x**2 + y**2 <= FWHM**2 / 4].sum()
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=angles,
        psf=np.stack([psf] * len(cube)),
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def noise(shape=(1, 40, 51, 51), seed=0):
    rng = np.random.default_rng(seed)
    return gaussian_filter(rng.normal(size=shape), (0, 0, 1.2, 1.2)).astype(np.float32)


def test_stim_is_the_mean_over_the_standard_deviation_of_the_derotated_frames():
    frames = noise()[0] + np.float32(0.3)
    turned = derotate(frames, ANGLES).astype(float)
    expected = turned.mean(axis=0) / turned.std(axis=0)
    inside = radius_map(frames.shape) < 24
    np.testing.assert_allclose(stim_map(frames, ANGLES)[inside], expected[inside], rtol=1e-5)


def test_stim_makes_no_claim_where_nothing_changes():
    frames = np.zeros((12, 21, 21), dtype=np.float32)
    assert np.isnan(stim_map(frames, np.linspace(0, 40, 12))).all()
    frames += 3
    stim = stim_map(frames, np.zeros(12))
    assert np.isnan(stim).all()


def test_a_speckle_that_flickers_is_fainter_in_stim_than_a_companion_of_the_same_mean():
    frames = 0.1 * noise()[0]
    turns = np.zeros(40)
    frames[:, 25, 40] += 1
    frames[::2, 25, 10] += 2
    stim = stim_map(frames, turns)
    assert stim[25, 40] > 5 * stim[25, 10] > 0


@pytest.mark.parametrize("detection", ["significance", "normalized", "stim", "normalized_stim"])
@pytest.mark.parametrize("n_wavelengths", [1, 2])
def test_a_strong_companion_is_the_brightest_place_of_every_map(detection, n_wavelengths):
    star = sequence_of(np.concatenate([noise(seed=s) for s in range(n_wavelengths)]))
    companion = Companion(separation=0.15, position_angle=20, flux=12.0)
    sequence = inject(star, [companion])
    detections = load("median", detection=detection)(sequence)
    found = np.unravel_index(np.nanargmax(detections), detections.shape)
    assert np.hypot(*np.subtract(found, companion.position(sequence))) <= 1
    searched = annulus(detections.shape, FWHM, 22)
    assert np.isfinite(detections[searched]).all()
    assert not np.isinf(detections).any()


def test_one_is_the_brightest_speckle_of_a_normalized_stim_map():
    detections = load("median", detection="normalized_stim")(sequence_of(noise()))
    flipped = load("median", detection="stim")(sequence_of(noise(), -ANGLES))
    plain = load("median", detection="stim")(sequence_of(noise()))
    np.testing.assert_allclose(detections, plain / np.nanmax(flipped), rtol=1e-6)


def test_a_normalized_map_has_the_same_scatter_at_every_separation():
    radius = radius_map((101, 101))
    values = np.random.default_rng(1).normal(size=radius.shape) * (1 + radius / 10)
    values[radius < 5] = np.nan
    values[60, 80] = 500
    scaled = normalized(values, FWHM)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(values))
    for inner in (10, 20, 30, 40):
        ring = scaled[annulus(radius.shape, inner, inner + 5)]
        # 1000 and more independent values: 1.48 MAD is within 4 of its 4 % errors
        assert 1.4826 * np.median(np.abs(ring - np.median(ring))) == pytest.approx(1, abs=0.15)
    assert np.unravel_index(np.nanargmax(scaled), scaled.shape) == (60, 80)


def test_where_nothing_scatters_there_is_no_normalized_value():
    assert np.isnan(normalized(np.zeros((31, 31)), FWHM)).all()
    assert np.isnan(normalized(np.full((31, 31), np.nan), FWHM)).all()


def test_normalizing_mends_the_scale_of_frames_that_are_not_independent():
    # speckles that live long: the same residual in many frames, so that rings are not Gaussian
    rng = np.random.default_rng(3)
    y, x = to_yx(rng.uniform(6, 24, 40), rng.uniform(0, 360, 40), (51, 51))
    image = np.zeros((51, 51))
    np.add.at(image, (np.rint(y).astype(int), np.rint(x).astype(int)), 30.0)
    cube = np.stack([gaussian_filter(image, 1.5)] * 40)[np.newaxis] + noise()
    maps = {
        d: load("median", detection=d)(sequence_of(cube)) for d in ("significance", "normalized")
    }
    ring = annulus((51, 51), 8, 20)
    scatter = {d: 1.4826 * np.median(np.abs(m[ring] - np.median(m[ring]))) for d, m in maps.items()}
    assert abs(scatter["normalized"] - 1) < abs(scatter["significance"] - 1) + 0.05
    assert scatter["normalized"] == pytest.approx(1, abs=0.1)


def test_a_reduction_without_frames_has_no_stim_map():
    @dataclasses.dataclass(frozen=True, slots=True)
    class Blank(Reduction):
        def reduce(self, sequence):
            return np.zeros(sequence.shape, dtype=np.float32)

    assert Blank(detection="normalized")(sequence_of(noise())).shape == (51, 51)
    with pytest.raises(InputError, match="detection must be one of significance, normalized, got"):
        Blank(detection="stim")


@pytest.mark.slow
@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_stim_maps_are_those_of_vip():
    metrics = pytest.importorskip(
        "vip_hci.metrics", reason="needs the extra: pip install 'exobench[peers]'"
    )
    frames = noise()[0]
    theirs = metrics.stim_map(derotate(frames, ANGLES).astype(float))
    inside = radius_map(frames.shape) < 24
    np.testing.assert_allclose(stim_map(frames, ANGLES)[inside], theirs[inside], rtol=1e-4)
