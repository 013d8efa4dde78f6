"""TRAP: the fit in time of every pixel, what noise makes of it, what it says of a flux."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._light_curves import rings_of_sectors
from exobench.baselines.trap import _weighted_power
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, frame_centre, radius_map, to_yx
from exobench.datasets.injection import shifted_stamps

FWHM = 3.0


def noise(sky, shape, shared=0.0, seed=0, rotation=80.0):
    """White noise of unit variance; fluctuations that all pixels share, of so many sigma."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(shape[0], 3)) @ rng.normal(size=(3, shape[1] * shape[2]))
    cube = rng.normal(size=shape) + shared * common.reshape(shape)
    return sky.of(cube, rotation)


def tracks(sequence, ys, xs):
    cy, cx = frame_centre(sequence.shape)
    at = ((xs - cx) + 1j * (ys - cy))[:, None] * np.exp(-1j * np.deg2rad(sequence.angles))
    return at.imag + cy, at.real + cx


def near_track(sequence, ty, tx, radius):
    """Mask of the pixels within that distance of the pixels nearest to a track."""
    y, x = np.indices(sequence.shape)
    mask = np.zeros(sequence.shape, dtype=bool)
    for py, px in zip(np.rint(ty).ravel(), np.rint(tx).ravel(), strict=True):
        mask |= (y - py) ** 2 + (x - px) ** 2 <= radius**2 + 1e-9
    return mask


def literal_fit(sequence, y, x, systematics, *, components=0.2, white_noise=0.02):
    """Flux and error at a pixel of the sky: a generalised least-squares fit per pixel."""
    frames, n_frames = sequence.cube[0].astype(float), sequence.n_frames
    spread = frames.std(axis=0)
    middle, sector = next(
        (radius, (ys, xs))
        for radius, sectors in rings_of_sectors(sequence.shape, FWHM)
        for ys, xs in sectors
        if ((ys == y) & (xs == x)).any()
    )
    touched = near_track(sequence, *tracks(sequence, *sector), 1.5 * FWHM)
    ring = np.abs(radius_map(sequence.shape) - middle) <= 2.5 * FWHM
    seen = ((frames - frames.mean(axis=0)) / spread)[:, ring & ~touched]
    vectors, values, _ = np.linalg.svd(seen)
    values = np.pad(values**2, (0, n_frames - values.size))[: n_frames - 1]
    ty, tx = tracks(sequence, np.array([y]), np.array([x]))
    py, px = np.rint(ty[0]).astype(int), np.rint(tx[0]).astype(int)
    stamps = shifted_stamps(sequence.psf, (ty[0] - py)[:, None], (tx[0] - px)[:, None])[0]
    half, pad = stamps.shape[-1] // 2, 40
    scene = np.zeros((n_frames, *(n + 2 * pad for n in sequence.shape)))
    for t in range(n_frames):
        row, column = pad + py[t] - half, pad + px[t] - half
        scene[t, row : row + 2 * half + 1, column : column + 2 * half + 1] = stamps[t]
    curves = scene[:, pad:-pad, pad:-pad]
    b = a = 0.0
    for j in zip(*np.nonzero(near_track(sequence, *tracks(sequence, *sector), FWHM)), strict=True):
        if systematics == "components":
            k = round(components * n_frames)
            design = np.column_stack([curves[:, *j], np.ones(n_frames), vectors[:, :k]])
            covariance = np.eye(n_frames)
            freedom = n_frames - k - 2
        else:
            design = np.column_stack([curves[:, *j], np.ones(n_frames)])
            shared = (vectors[:, :-1] * values / values.mean()) @ vectors[:, :-1].T
            covariance = (1 - white_noise) * shared + white_noise * np.eye(n_frames)
            freedom = n_frames - 2
        inverse = np.linalg.inv(covariance)
        normal = np.linalg.inv(design.T @ inverse @ design)
        solution = normal @ design.T @ inverse @ frames[:, *j]
        rest = frames[:, *j] - design @ solution
        variance = rest @ inverse @ rest / freedom * normal[0, 0]
        a += 1 / variance
        b += solution[0] / variance
    return b / a, 1 / np.sqrt(a)


@pytest.mark.parametrize(
    ("size", "systematics"),
    [
        (30, "components"),
        (31, "covariance"),
        pytest.param(31, "components", marks=pytest.mark.slow),
        pytest.param(30, "covariance", marks=pytest.mark.slow),
    ],
)
def test_it_is_a_least_squares_fit_to_every_pixel(sky, size, systematics):
    sequence = noise(sky, (20, size, size), shared=0.5)
    sequence = sky.with_companion(sequence, size // 2 + 4, size // 2 - 6, 20.0)
    maps = load("trap", systematics=systematics, calibrate=False)._raw(sequence)[0]
    for dy, dx in ((4, -6), (0, 8), (-8, 3)):
        y, x = size // 2 + dy, size // 2 + dx
        flux, sigma = literal_fit(sequence, y, x, systematics)
        assert maps.sigma[y, x] == pytest.approx(sigma, rel=0.03)
        assert maps.flux[y, x] == pytest.approx(flux, abs=0.1 * sigma)


def test_weighted_powers_are_those_of_whole_light_curves_however_many_frames():
    rng = np.random.default_rng(1)
    frames, pixels = np.arange(150), np.arange(40)
    lit = np.abs(frames - 4 * pixels[:, np.newaxis, np.newaxis]) < 9
    curves = (lit * rng.normal(size=(40, 3, 150))).astype(np.float32)
    weights = np.cov(rng.normal(size=(150, 400))).astype(np.float32)
    whole = np.einsum("jpt,ts,jps->jp", curves, weights, curves, optimize=True)
    np.testing.assert_allclose(_weighted_power(curves, weights), whole, rtol=1e-4)
    assert _weighted_power(curves[:0], weights).shape == (0, 3)


@pytest.mark.parametrize("systematics", ["components", "covariance"])
def test_without_calibration_noise_has_unit_scatter_under_systematics_twice_as_strong(
    sky, systematics
):
    sequence = noise(sky, (36, 37, 37), shared=1.2, seed=2)
    found = load("trap", systematics=systematics, calibrate=False)(sequence)
    values = found[sky.searched(sequence)]
    assert 0.85 < np.std(values) < 1.2
    assert abs(np.mean(values)) < 0.15


def test_the_flux_of_a_companion_of_ten_sigma_is_unbiased(sky):
    sequence, method = noise(sky, (30, 37, 37), shared=1.0), load("trap")
    blank, calibration = method.calibrated(sequence)
    shares = []
    for radius, theta in ((6, 30), (9, 150), (13, 270)):
        y, x = (int(np.rint(c)) for c in to_yx(radius, theta, sequence.shape))
        flux = 10 * blank.sigma[y, x]
        where = np.zeros(sequence.shape, dtype=bool)
        where[y, x] = True
        injected = sky.with_companion(sequence, y, x, flux)
        found = method.estimate_at(injected, where, calibration).flux[y, x]
        shares.append((found - blank.flux[y, x]) / flux)
    assert np.mean(shares) == pytest.approx(1, abs=0.06)


def test_calibration_makes_the_scatter_of_noise_alike_in_neighbours_one(sky):
    rng = np.random.default_rng(5)
    blurred = gaussian_filter(rng.normal(size=(30, 37, 37)), (0, 1.2, 1.2))
    sequence = dataclasses.replace(
        noise(sky, (30, 37, 37)), cube=1e3 * blurred[np.newaxis].astype(np.float32)
    )
    raw, calibrated = (
        load("trap", calibrate=c)(sequence)[sky.searched(sequence)].std() for c in (False, True)
    )
    assert raw > 1.5
    assert 0.85 < calibrated < 1.15


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_claimed(sky):
    values = np.concatenate(
        [
            load("trap")(sequence)[sky.searched(sequence)]
            for sequence in (noise(sky, (30, 41, 41), 1.0, seed) for seed in range(12))
        ]
    )
    for threshold, claimed in ((2.0, 2.28e-2), (3.0, 1.35e-3)):
        assert claimed / 3 < (values > threshold).mean() < 3 * claimed


def test_masked_pixels_and_frames_that_are_not_square_do_no_harm(sky):
    sequence = noise(sky, (20, 30, 41))
    cube = sequence.cube.copy()
    cube[..., radius_map(sequence.shape) < 3] = 0
    cube[..., :, 37:] = 0
    masked = sky.with_companion(dataclasses.replace(sequence, cube=cube), 20, 26, 15.0)
    detections = load("trap")(masked)
    inside = annulus(sequence.shape, 5, 12)
    assert detections.shape == sequence.shape
    assert np.isfinite(detections[inside]).all()
    assert np.unravel_index(np.nanargmax(detections), detections.shape) == (20, 26)


@pytest.mark.parametrize("systematics", ["components", "covariance"])
def test_nothing_is_claimed_where_the_sky_does_not_turn(sky, systematics):
    detections = load("trap", systematics=systematics)(noise(sky, (12, 21, 21), rotation=0.0))
    assert np.isnan(detections).all()


def test_six_frames_are_enough_and_fewer_are_refused(sky):
    assert np.isfinite(load("trap")(noise(sky, (6, 21, 21)))).any()
    with pytest.raises(InputError, match="5 frames; fits in time need at least 6"):
        load("trap")(noise(sky, (5, 21, 21)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"components": 0.95}, r"components must be 0.9 or less, got 0.95"),
        ({"white_noise": 0.0}, r"white_noise must be more than 0.0, got 0.0"),
        ({"systematics": "none"}, "systematics must be one of covariance, components"),
        ({"patch_radius": 0.1}, r"patch_radius must be 0.5 or more, got 0.1"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        load("trap", **options)


@pytest.mark.slow
def test_on_the_real_sky_it_shows_a_close_companion_more_clearly_than_pca(sky, shared_data):
    naco = read_sequence(shared_data / "naco_betapic")
    y, x = (int(np.rint(c)) for c in to_yx(2.5 * naco.reference_fwhm, 200.0, naco.shape))
    injected = sky.with_companion(naco, y, x, 400.0)
    detections = load("trap")(injected)
    assert detections[y - 1 : y + 2, x - 1 : x + 2].max() > (
        load("pca")(injected)[y - 2 : y + 3, x - 2 : x + 3].max()
    )
