"""PACO: the formulas of the paper, what noise makes of it, what it says of a companion's flux."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._patches import (
    PatchStatistics,
    disc,
    monomials,
    quadratic,
    subpixel_modes,
)
from exobench.baselines.paco import _shrinkage
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map, to_yx
from exobench.datasets.injection import shifted_stamps


def literal_snr(sky, sequence, y, x):
    """S/N at a pixel of the sky, term by term in float64."""
    offsets, (cy, cx) = disc(sky.fwhm), sequence.centre
    reach, frames = int(np.abs(offsets).max()), sequence.cube[0].astype(float)
    padded = np.pad(frames - frames.mean(axis=0), ((0, 0), (reach, reach), (reach, reach)))
    track = ((x - cx) + 1j * (y - cy)) * np.exp(-1j * np.deg2rad(sequence.angles))
    ty, tx = track.imag + cy, track.real + cx
    b = full = left = scatter = 0.0
    for t in range(sequence.n_frames):
        py, px = round(ty[t]), round(tx[t])
        patch = padded[:, py + reach + offsets[:, 0], px + reach + offsets[:, 1]]
        stamps = shifted_stamps(sequence.psf, (ty - py)[:, None], (tx - px)[:, None])[0]
        middle = stamps.shape[-1] // 2
        passing = stamps[:, middle + offsets[:, 0], middle + offsets[:, 1]]
        sample = patch.T @ patch / sequence.n_frames
        own, square = (np.diag(sample) ** 2).sum(), (sample @ sample).trace()
        rho = (square + sample.trace() ** 2 - 2 * own) / (sequence.n_frames + 1) / (square - own)
        rho = min(max(rho, 0), 1)
        w = np.linalg.solve((1 - rho) * sample + rho * np.diag(np.diag(sample)), passing[t])
        b += w @ patch[t]
        full += w @ passing[t]
        left += w @ (passing[t] - passing.mean(axis=0))
        scatter += w @ sample @ w
    return b / np.sqrt(scatter * left / full)


@pytest.mark.parametrize("size", [32, 33])
def test_it_is_the_formulas_of_the_paper_with_the_stated_changes(sky, size):
    sequence = sky.noise((20, size, size), blur=1.2)
    sequence = sky.with_companion(sequence, size // 2 + 4, size // 2 - 6, 2.0)
    detections = load("paco", calibrate=False)(sequence)
    for dy, dx in ((4, -6), (0, 6), (-8, 3)):
        y, x = size // 2 + dy, size // 2 + dx
        expected = literal_snr(sky, sequence, y, x)
        assert detections[y, x] == pytest.approx(expected, rel=0.03, abs=0.03)


def test_covariances_of_a_patch_are_those_of_its_pixels():
    frames = np.random.default_rng(1).normal(5, 1, (12, 15, 17)).astype(np.float32)
    offsets = disc(2.5)
    statistics = PatchStatistics.of(frames, offsets)
    middles = np.array([[7, 8], [3, 12]])
    found = statistics.covariance(statistics.index(*middles.T))
    for (y, x), covariance in zip(middles, found, strict=True):
        patch = frames[:, y + offsets[:, 0], x + offsets[:, 1]]
        expected = np.cov(patch.T, bias=True) / statistics.unit**2
        np.testing.assert_allclose(covariance, expected, atol=1e-5)


def test_a_psf_is_a_polynomial_of_its_place_in_a_pixel(sky):
    psf, offsets = sky.noise((4, 9, 9)).psf[0], disc(sky.fwhm)
    modes = subpixel_modes(psf, offsets)
    dy, dx = np.random.default_rng(2).uniform(-0.5, 0.5, (2, 20))
    stamps = shifted_stamps(psf[np.newaxis], dy[:, None], dx[:, None])[0]
    middle = stamps.shape[-1] // 2
    expected = stamps[:, middle + offsets[:, 0], middle + offsets[:, 1]]
    np.testing.assert_allclose(monomials(dy, dx) @ modes.T, expected, atol=3e-3 * psf.max())
    power = monomials(dy, dx) @ quadratic((modes.T @ modes)[np.newaxis])[0]
    np.testing.assert_allclose(power, (expected**2).sum(axis=1), rtol=5e-3)


def test_shrinkage_is_large_for_few_frames_and_small_for_many():
    rng = np.random.default_rng(3)
    mixing = np.tril(np.ones((20, 20))) / 5
    rho = []
    for n_frames in (10, 1000):
        patch = rng.normal(size=(n_frames, 20)) @ mixing
        sample = np.cov(patch.T, bias=True)[np.newaxis].astype(np.float32)
        rho.append(_shrinkage(sample, n_frames)[0])
        np.testing.assert_allclose(_shrinkage(1e-20 * sample, n_frames)[0], rho[-1], rtol=1e-4)
    assert rho[0] > 0.1
    assert rho[1] < 0.01
    assert _shrinkage(np.diag(np.arange(4, dtype=np.float32))[np.newaxis], 9)[0] == 1


@pytest.mark.parametrize("blur", [pytest.param(0.0, marks=pytest.mark.slow), 1.5])
def test_without_calibration_noise_that_is_new_in_every_frame_has_unit_scatter(sky, blur):
    values = []
    for seed in range(2):
        sequence = sky.noise((40, 41, 41), blur, seed)
        values.append(load("paco", calibrate=False)(sequence)[sky.searched(sequence)])
    assert 0.9 < np.std(values) < 1.1
    assert abs(np.mean(values)) < 0.1


def test_calibration_makes_the_scatter_of_lasting_noise_one(sky):
    rng = np.random.default_rng(5)
    lasting = gaussian_filter(rng.normal(size=(50, 41, 41)), (4, 1.2, 1.2))
    sequence = dataclasses.replace(sky.noise((50, 41, 41)), cube=1e3 * lasting[np.newaxis])
    raw, calibrated = (
        load("paco", calibrate=c)(sequence)[sky.searched(sequence)].std() for c in (False, True)
    )
    assert raw > 1.5
    assert 0.85 < calibrated < 1.15


@pytest.mark.slow
@pytest.mark.parametrize("blur", [0.0, 1.5])
def test_false_alarms_are_as_rare_as_claimed(sky, blur):
    values = np.concatenate(
        [
            load("paco")(sequence)[sky.searched(sequence)]
            for sequence in (sky.noise((30, 51, 51), blur, seed) for seed in range(16))
        ]
    )
    for threshold, claimed in ((2.0, 2.28e-2), (3.0, 1.35e-3)):
        assert claimed / 3 < (values > threshold).mean() < 3 * claimed


@pytest.mark.slow
@pytest.mark.parametrize("blur", [0.0, 1.5])
def test_the_flux_of_a_companion_of_ten_sigma_is_unbiased(sky, blur):
    sequence = sky.noise((40, 51, 51), blur)
    places = ((6, 30), (9, 100), (12, 190), (15, 280), (18, 340))
    shares = sky.shares_found(load("paco"), sequence, places, 10)
    assert shares.mean() == pytest.approx(1, abs=0.1)


def test_masked_pixels_and_frames_that_are_not_square_do_no_harm(sky):
    sequence = sky.noise((30, 40, 57))
    cube = sequence.cube.copy()
    cube[..., radius_map(sequence.shape) < 3] = 0
    cube[..., :, 50:] = 0
    masked = sky.with_companion(dataclasses.replace(sequence, cube=cube), 28, 36, 6.0)
    detections = load("paco")(masked)
    inside = annulus(sequence.shape, 5, 15)
    assert detections.shape == sequence.shape
    assert np.isfinite(detections[inside]).all()
    assert np.unravel_index(np.nanargmax(detections), detections.shape) == (28, 36)


def test_nothing_is_claimed_where_the_sky_does_not_turn(sky):
    detections = load("paco")(sky.noise((20, 31, 31), rotation=0.0))
    assert np.isnan(detections).all()


def test_too_few_frames_are_refused(sky):
    with pytest.raises(InputError, match="3 frames; statistics over time need at least 4"):
        load("paco")(sky.noise((3, 21, 21)))
    with pytest.raises(InputError, match=r"patch_radius must be 0.5 or more, got 0.2"):
        load("paco", patch_radius=0.2)


@pytest.mark.slow
def test_on_the_real_sky_it_shows_a_companion_more_clearly_than_pca(sky, shared_data):
    naco = read_sequence(shared_data / "naco_betapic")
    y, x = (int(np.rint(c)) for c in to_yx(5 * naco.reference_fwhm, 200.0, naco.shape))
    injected = sky.with_companion(naco, y, x, 60.0)
    detections = load("paco")(injected)
    field = annulus(naco.shape, 1.5 * naco.reference_fwhm, edge_distance(naco.shape) - 3)
    found = np.unravel_index(np.argmax(np.where(field, detections, 0)), naco.shape)
    assert np.hypot(found[0] - y, found[1] - x) <= 1.5
    near = np.s_[y - 2 : y + 3, x - 2 : x + 3]
    assert detections[found] > load("pca")(injected)[near].max() + 1
    assert load("paco")(naco)[field].max() < 5
