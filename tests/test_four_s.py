"""4S: the closed form against the published loss, what its mask spares of a companion."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import convolve, gaussian_filter
from scipy.optimize import minimize

from exobench.baselines import load
from exobench.baselines._patches import disc
from exobench.baselines.four_s import ridge_residuals
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, radius_map, to_yx

FWHM = 3.0


def speckled(sky, shape, seed=0, rotation=80.0):
    """White noise on speckles that hold still and flicker."""
    rng = np.random.default_rng(seed)
    patterns = gaussian_filter(rng.normal(size=(4, *shape[1:])), (0, 1.2, 1.2))
    patterns *= 30 * np.exp(-radius_map(shape) / 10) / patterns.std()
    strengths = 1 + 0.1 * rng.normal(size=(shape[0], 4)).cumsum(axis=0)
    cube = np.tensordot(strengths, patterns, axes=1) + rng.normal(size=shape)
    return sky.of(cube, rotation)


def masks(shape, radius):
    """For every pixel (row), 1 where the predictors are farther than the radius, else 0."""
    y, x = (c.ravel() for c in np.indices(shape))
    return np.hypot(y[:, None] - y, x[:, None] - x) > radius + 1e-9


# A mask of 13 pixels, more than the frames or fewer.
@pytest.mark.parametrize("n_frames", [8, 30])
@pytest.mark.parametrize("strength", [0.001, 1.0])
def test_residuals_are_those_of_a_ridge_regression_for_every_pixel(n_frames, strength):
    rng = np.random.default_rng(n_frames)
    shape = (7, 10)
    targets, predictors = rng.normal(size=(2, n_frames, *shape))
    predictors += 3 * rng.normal(size=(n_frames, 1, 1))
    flat, z = targets.reshape(n_frames, -1), predictors.reshape(n_frames, -1)
    penalty = strength * (z**2).sum() / n_frames
    expected = np.empty_like(flat)
    for i, allowed in enumerate(masks(shape, 2.0)):
        seen = z[:, allowed]
        normal = seen.T @ seen + penalty * np.eye(seen.shape[1])
        expected[:, i] = flat[:, i] - seen @ np.linalg.solve(normal, seen.T @ flat[:, i])
    found = ridge_residuals(targets.astype("f4"), predictors.astype("f4"), disc(2.0), strength)
    np.testing.assert_allclose(found.reshape(n_frames, -1), expected, atol=2e-5)


def test_the_published_loss_minimised_step_by_step_leaves_the_same_frames(sky):
    sequence = speckled(sky, (8, 6, 5))
    frames = sequence.cube[0].astype(float)
    spread = frames.std(axis=0)
    x = ((frames - frames.mean(axis=0)) / spread).reshape(8, -1)
    allowed = masks(sequence.shape, 0.7 * FWHM)
    y, z = np.indices(sequence.psf.shape[1:]) - sequence.psf.shape[1] // 2
    kernel = np.where(np.hypot(y, z) <= FWHM, sequence.psf[0], 0) / sequence.psf.max()
    kernel[12, 13] *= 1.3  # not symmetric, so that its direction matters
    sequence = dataclasses.replace(sequence, psf=kernel[np.newaxis])
    kernel = kernel[9:16, 9:16]  # the rest is 0

    def correlated(images, psf):
        shaped = images.reshape(-1, *sequence.shape)
        return convolve(shaped, psf[np.newaxis, ::-1, ::-1], mode="constant").reshape(images.shape)

    power = (correlated(x, kernel[::-1, ::-1]) ** 2).sum() / 8

    def loss(raw):
        raw = raw.reshape(allowed.shape)
        rest = x - x @ correlated(raw * allowed, kernel).T
        slope = correlated(-2 * rest.T @ x, kernel[::-1, ::-1]) * allowed + 2 * 0.02 * power * raw
        return (rest**2).sum() + 0.02 * power * (raw**2).sum(), slope.ravel()

    options = {"maxiter": 1000, "ftol": 1e-12, "gtol": 1e-6}
    raw = minimize(loss, np.zeros(allowed.size), jac=True, method="L-BFGS-B", options=options).x
    betas = correlated(raw.reshape(allowed.shape) * allowed, kernel)
    expected = (x - x @ betas.T).reshape(frames.shape)
    found = load("four_s", ridge=0.02, mask_radius=0.7).residuals(sequence)
    scale = (found * expected).sum(axis=0) / (expected**2).sum(axis=0)
    radius = np.rint(radius_map(sequence.shape))
    rings = [spread[radius == r].mean() for r in range(int(radius.max()) + 1)]
    np.testing.assert_allclose(
        scale, np.interp(radius_map(sequence.shape), range(len(rings)), rings), rtol=1e-3
    )
    found /= scale
    np.testing.assert_allclose(found, expected, atol=2e-3 * expected.std())


def test_light_within_the_mask_of_a_pixel_predicts_nothing_of_it():
    rng = np.random.default_rng(3)
    targets, predictors = rng.normal(size=(2, 12, 11, 11)).astype("f4")
    y, x = np.indices((11, 11))
    brighter = predictors + 50 * rng.normal(size=(12, 1, 1)) * (np.hypot(y - 4, x - 6) < 2.1)
    more_power = (predictors**2).sum() / (brighter**2).sum()
    left = {
        radius: [
            ridge_residuals(targets, z.astype("f4"), disc(radius), strength)[:, 4, 6]
            for z, strength in ((predictors, 0.1), (brighter, 0.1 * more_power))
        ]
        for radius in (1.0, 2.1)
    }
    np.testing.assert_allclose(*left[2.1], atol=1e-4)
    assert np.abs(np.subtract(*left[1.0])).max() > 0.05


def test_masked_pixels_and_frames_that_are_not_square_do_no_harm(sky):
    sequence = speckled(sky, (16, 30, 41))
    cube = sequence.cube.copy()
    cube[..., radius_map(sequence.shape) < 3] = 0
    cube[..., :, 37:] = 0
    masked = sky.with_companion(dataclasses.replace(sequence, cube=cube), 20, 26, 15.0)
    frames = load("four_s").residuals(masked)
    assert frames.shape == masked.cube.shape[1:]
    assert np.isfinite(frames).all()
    detections = load("four_s")(masked)
    inside = np.where(annulus(sequence.shape, 5, 12), detections, -np.inf)
    found = np.unravel_index(np.nanargmax(inside), inside.shape)
    assert np.hypot(*np.subtract(found, (20, 26))) <= 1


def test_frames_without_any_change_leave_nothing(sky):
    sequence = speckled(sky, (5, 21, 21))
    still = dataclasses.replace(sequence, cube=np.ones_like(sequence.cube))
    assert not load("four_s").residuals(still).any()


def test_three_frames_are_enough_and_fewer_are_refused(sky):
    assert np.isfinite(load("four_s").reduce(speckled(sky, (3, 21, 21)))).all()
    with pytest.raises(InputError, match="2 frames; regressions in time need at least 3"):
        load("four_s").reduce(speckled(sky, (2, 21, 21)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": 0.0}, r"ridge must be more than 0.0, got 0.0"),
        ({"mask_radius": 0.2}, r"mask_radius must be 0.5 or more, got 0.2"),
        ({"psf_radius": -1.0}, r"psf_radius must be 0.0 or more, got -1.0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        load("four_s", **options)


@pytest.mark.slow
def test_on_the_real_sky_it_shows_companions_more_clearly_than_pca(sky, shared_data):
    naco = read_sequence(shared_data / "naco_betapic")
    blank = dataclasses.replace(naco, angles=-naco.angles)
    shown = {"four_s": [], "pca": []}
    for radius, theta, flux in ((3.0, 20.0, 230.0), (4.5, 140.0, 105.0), (7.0, 260.0, 65.0)):
        for turn in (0.0, 90.0):
            place = to_yx(radius * naco.reference_fwhm, theta + turn, naco.shape)
            y, x = (int(np.rint(c)) for c in place)
            injected = sky.with_companion(blank, y, x, flux)
            for name, values in shown.items():
                values.append(load(name)(injected)[y - 1 : y + 2, x - 1 : x + 2].max())
    assert np.mean(shown["four_s"]) > np.mean(shown["pca"])
