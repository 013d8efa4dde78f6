"""FMMF: the change of KLIP models, exact to first order, and what it makes of a companion."""

import dataclasses

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines._forward_klip import FrameModel
from exobench.baselines._passing import along_circle, passing_shares, passing_steps
from exobench.baselines._patches import Stamps, disc, displaced_psf, part
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import to_yx


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_the_change_of_a_model_is_its_derivative(n_components):
    rng = np.random.default_rng(n_components)
    frames = rng.normal(size=(9, 60)) * np.linspace(3, 1, 9)[:, np.newaxis]
    companion, library, target = rng.normal(size=(9, 60)), np.array([0, 2, 3, 5, 6, 7, 8]), 4

    def model_of(step):
        seen = frames + step * companion
        return FrameModel.of(seen @ seen.T, target, library, n_components)

    model = model_of(0.0)
    change = frames @ companion.T + companion @ frames.T
    onto = (model.leading.T @ change)[:, np.newaxis].astype(np.float32)
    found = model.change(change[np.newaxis, target].astype(np.float32), onto)[0]
    assert (found[[1, 4]] == 0).all()
    seen = [frames + step * companion for step in (-1e-4, 1e-4)]
    grams = [s @ s.T for s in seen]
    before, after = (weights_of(g, target, library, n_components) for g in grams)
    np.testing.assert_allclose(found[library], (after - before) / 2e-4, rtol=2e-3, atol=2e-4)


def weights_of(gram, target, library, n_components):
    """In float64, from the projection itself."""
    values, vectors = np.linalg.eigh(gram[np.ix_(library, library)])
    vectors, values = vectors[:, -n_components:], values[-n_components:]
    return vectors @ (vectors.T @ gram[library, target] / values)


def test_a_companion_passes_where_it_stands_in_the_other_frames():
    angles, radius = np.array([0.0, 5, 12, 40]), 15.0
    steps = passing_steps(radius, reach=8.0)
    dy, dx = along_circle(radius, steps)
    shares = passing_shares(angles, steps)
    # a companion that is at azimuth 0 in frame 1
    y, x = (shares[:, 1].T @ d[0] for d in (dy, dx))
    azimuth = np.deg2rad(angles[1] - angles)
    np.testing.assert_allclose(y[:3], radius * np.sin(azimuth[:3]), atol=0.02)
    np.testing.assert_allclose(x[:3], radius * (np.cos(azimuth[:3]) - 1), atol=0.02)
    np.testing.assert_allclose(shares[:, 1].sum(axis=0), [1, 1, 1, 0], atol=1e-6)


def test_few_shapes_tell_what_a_psf_looks_like_on_a_patch(sky):
    psf, offsets = sky.noise((4, 9, 9)).psf[0], disc(sky.fwhm)
    stamps = Stamps.of(psf, offsets)
    assert stamps.basis.shape[1] < 0.6 * len(offsets)
    np.testing.assert_allclose(
        stamps.basis.T @ stamps.basis, np.eye(stamps.basis.shape[1]), atol=1e-5
    )
    dy, dx = np.array([-0.4, 0.1, 0.3]), np.array([0.2, -0.1, 0.45])
    expected = displaced_psf(psf, offsets, dy, dx)
    found = stamps.images[part(dy, dx)] @ stamps.basis.T
    np.testing.assert_allclose(found, expected, atol=0.06 * psf.max())
    frames = np.random.default_rng(0).normal(size=(5, 20, 22)).astype(np.float32)
    seen = stamps.seen(frames, np.array([7]), np.array([11]))[0]
    patch = frames[:, 7 + offsets[:, 0], 11 + offsets[:, 1]]
    np.testing.assert_allclose(seen, stamps.basis.T @ patch.T, atol=1e-5)


@pytest.mark.parametrize("n_components", [pytest.param(2, marks=pytest.mark.slow), 6])
def test_what_a_faint_companion_leaves_of_itself_is_foreseen(sky, n_components):
    sequence = sky.flickering((30, 45, 46), speckles=200.0)
    method = load("fmmf", n_components=n_components)
    shares = sky.shares_found(method, sequence, ((7, 0), (10, 127), (14, 282)), 0.5)
    np.testing.assert_allclose(shares, 1, atol=0.15)


@pytest.mark.slow
def test_the_flux_of_a_companion_of_ten_sigma_is_unbiased(sky):
    sequence = sky.flickering((40, 51, 51), speckles=100.0)
    places = ((7, 30), (11, 100), (14, 190), (17, 280), (20, 340))
    shares = sky.shares_found(load("fmmf"), sequence, places, 10)
    assert shares.mean() == pytest.approx(1, abs=0.1)


def test_noise_has_unit_scatter(sky):
    values = []
    for seed in range(3):
        sequence = sky.flickering((25, 41, 41), speckles=50.0, seed=seed)
        values.append(load("fmmf", n_components=5)(sequence)[sky.searched(sequence)])
    assert 0.9 < np.std(values) < 1.1


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_claimed(sky):
    values = []
    for seed in range(12):
        sequence = sky.noise((25, 51, 51), seed=seed)
        values.append(load("fmmf", n_components=5)(sequence)[sky.searched(sequence)])
    for threshold, claimed in ((2.0, 2.28e-2), (3.0, 1.35e-3)):
        assert claimed / 3 < (np.array(values) > threshold).mean() < 3 * claimed


def test_long_sequences_are_binned_and_the_field_need_not_be_square(sky):
    sequence = sky.with_companion(sky.flickering((30, 40, 57), speckles=20.0), 30, 35, 6.0)
    method = load("fmmf", n_components=3, max_frames=15)
    detections = method(sequence)
    assert detections.shape == (40, 57)
    assert np.unravel_index(np.nanargmax(detections), detections.shape) == (30, 35)
    assert np.isnan(detections[0, 0])


def test_stamps_are_whitened_where_the_noise_is_coloured(sky):
    sequence = sky.noise((30, 41, 41))
    lasting = gaussian_filter(sequence.cube, (0, 0, 1.0, 1.0))
    coloured = dataclasses.replace(sequence, cube=lasting / lasting.std())
    field = sky.searched(coloured)
    scatter = {
        noise: load("fmmf", n_components=3, noise=noise).estimate(coloured).flux[field].std()
        for noise in ("white", "coloured")
    }
    assert scatter["coloured"] < scatter["white"]


def test_impossible_options_and_too_few_frames_are_refused(sky):
    with pytest.raises(InputError, match="10 components for 8 frames"):
        load("fmmf")(sky.noise((8, 31, 31)))
    with pytest.raises(InputError, match="noise must be one of coloured, white, got 'pink'"):
        load("fmmf", noise="pink")
    with pytest.raises(InputError) as caught:
        load("fmmf", n_components=0, delta_rotation=0.0)
    assert caught.value.problems == (
        "n_components must be 1 or more, got 0",
        "delta_rotation must be more than 0, got 0.0",
    )


@pytest.mark.slow
def test_on_the_real_sky_it_shows_a_companion_that_turns_with_the_sky(sky, shared_data):
    naco = read_sequence(shared_data / "naco_betapic")
    y, x = (int(np.rint(c)) for c in to_yx(5 * naco.reference_fwhm, 200.0, naco.shape))
    injected = sky.with_companion(naco, y, x, 60.0)
    near = np.s_[y - 2 : y + 3, x - 2 : x + 3]
    detections = load("fmmf")(injected)
    assert detections[near].max() > 4
    flipped = dataclasses.replace(injected, angles=-injected.angles)
    assert load("fmmf")(flipped)[near].max() < 3
