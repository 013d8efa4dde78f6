"""Annular PCA: what it keeps of a companion, what it equals, the real sky and VIP."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._low_rank import pca_residuals
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.apertures import ApertureSums
from exobench.scoring.snr import significance_at

FWHM = 4.0


@pytest.fixture(scope="module")
def naco(shared_data):
    return read_sequence(shared_data / "naco_betapic")


def star(angles, drift=0.0, size=61):
    """Speckles that hold still, but for two patterns that drift; no noise to speak of."""
    rng = np.random.default_rng(1)
    y, x = np.indices((21, 21)) - 10
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    patterns = rng.normal(size=(3, size, size))
    strengths = np.linspace(-1, 1, len(angles))[:, np.newaxis] ** [1, 2]
    cube = 1000 + 50 * patterns[0] + drift * np.tensordot(strengths, patterns[1:], axes=1)
    cube = np.broadcast_to(cube, (len(angles), size, size))
    return ImageSequence(
        name="toy",
        cube=(cube + 1e-3 * rng.normal(size=cube.shape))[np.newaxis],
        angles=np.asarray(angles),
        psf=normalise_psf(psf[np.newaxis]).psf,
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def throughput(baseline, sequence, radius, theta=30.0, flux=1.0):
    """Flux of a companion in its aperture on the residual image, over what was injected."""
    companion = Companion(
        separation=radius * sequence.pixel_scale, position_angle=theta - 90, flux=flux
    )
    image = baseline.reduce(inject(sequence, [companion])).astype(np.float64)
    y, x = to_yx(radius, theta, sequence.shape)
    cy, cx = sequence.centre
    sums = ApertureSums.of(image, FWHM, radius, 1)
    return sums.at(np.array([(x - cx) + 1j * (y - cy)]))[0, 0] / flux


def test_static_speckles_are_removed_and_a_companion_that_moves_survives():
    sequence = star(np.linspace(0, 90, 40))
    method = load("annular_pca", n_components=1, delta_rotation=2.0)
    residual = method.reduce(sequence)
    assert np.abs(residual[radius_map(residual.shape) < 28]).max() < 2e-3
    assert throughput(method, sequence, radius=18.0) > 0.95


def test_the_exclusion_protects_a_companion_from_being_subtracted_from_itself():
    sequence = star(np.linspace(0, 60, 40), drift=10.0)
    kept = [
        throughput(load("annular_pca", n_components=6, delta_rotation=d), sequence, 18.0, flux=60)
        for d in (0.0, 1.5)
    ]
    assert kept[1] > 0.75
    assert kept[0] < kept[1] - 0.2


def test_a_model_is_made_of_frames_far_enough_and_of_no_others():
    angles = np.linspace(0, 40, 30)
    sequence = star(angles, drift=10.0)
    method = load("annular_pca", n_components=1, annulus_width=2.0, delta_rotation=1.0)
    ring = annulus(sequence.shape, 16, 23.99)
    spoilt = sequence.cube.copy()
    spoilt[0, 15, ring] += np.random.default_rng(2).normal(size=ring.sum()) * 3000
    before, after = (
        method.residuals(s)[:, ring] for s in (sequence, dataclasses.replace(sequence, cube=spoilt))
    )
    changed = np.abs(after - before).max(axis=1) > 1
    moved = 2 * 20 * np.sin(np.deg2rad(np.abs(angles - angles[15])) / 2)
    expected = moved >= FWHM
    expected[15] = True
    np.testing.assert_array_equal(changed, expected)


@pytest.mark.parametrize("size", [40, 41])
def test_one_ring_without_exclusion_is_full_frame_pca_of_the_same_pixels(size):
    sequence = star(np.linspace(0, 60, 30), drift=10.0, size=size)
    method = load("annular_pca", n_components=4, annulus_width=1e3, delta_rotation=0.0)
    inside = radius_map(sequence.shape) < edge_distance(sequence.shape) + 0.5
    frames = sequence.cube[0]
    residuals = method.residuals(sequence)
    for part in (inside, ~inside):
        np.testing.assert_allclose(residuals[:, part], pca_residuals(frames[:, part], 4), atol=2e-3)


def test_segments_are_modelled_apart():
    sequence = star(np.linspace(0, 60, 30), drift=10.0)
    spoilt = sequence.cube.copy()
    spoilt[0, ::2, 40, 40] += 1e4
    other = dataclasses.replace(sequence, cube=spoilt)
    method = load("annular_pca", n_components=2, n_segments=4)
    left = np.s_[:, :, :30]
    np.testing.assert_array_equal(method.residuals(other)[left], method.residuals(sequence)[left])


def test_with_too_little_rotation_the_frames_farthest_apart_serve():
    sequence = star(np.linspace(0, 0.5, 30), drift=10.0)
    residual = load("annular_pca", n_components=3, delta_rotation=1.0).reduce(sequence)
    assert np.isfinite(residual).all()
    assert residual[radius_map(residual.shape) < 28].std() < 1


def test_the_real_field_is_blank(naco):
    fwhm = naco.reference_fwhm
    searched = annulus(naco.shape, 1.5 * fwhm, edge_distance(naco.shape) - fwhm / 2)
    assert load("annular_pca")(naco)[searched].max() < 5


def test_a_companion_is_found_on_the_real_field_and_only_with_the_right_sign(naco):
    method, fwhm = load("annular_pca"), naco.reference_fwhm
    separation_px, theta = 5.5 * fwhm, 200.0
    position = np.transpose(to_yx(separation_px, theta, naco.shape))
    companion = Companion(
        separation=separation_px * naco.pixel_scale, position_angle=theta - 90, flux=100.0
    )
    injected = inject(naco, [companion])
    detections = method(injected)
    found = np.unravel_index(np.nanargmax(detections), detections.shape)
    # The top of a significance map is flat: noise that falls outwards draws the peak along.
    assert np.hypot(*(np.array(found) - position)) <= fwhm / 2
    assert detections[found] > 4.5
    assert significance_at(method.reduce(injected), fwhm, [position])[0] > 0.9 * detections[found]
    flipped = dataclasses.replace(injected, angles=-injected.angles)
    assert significance_at(method.reduce(flipped), fwhm, [position])[0] < 2


def test_every_impossible_option_is_named():
    with pytest.raises(InputError) as caught:
        load("annular_pca", n_components=0, n_segments=0, delta_rotation=-1.0)
    assert caught.value.problems == (
        "n_components must be 1 or more, got 0",
        "n_segments must be 1 or more, got 0",
        "delta_rotation must be 0 or more, got -1.0",
    )
    with pytest.raises(InputError, match="annulus_width must be more than 0, got nan"):
        load("annular_pca", annulus_width=float("nan"))
    with pytest.raises(InputError, match="n_segments must be 360 or less, got 361"):
        load("annular_pca", n_segments=361)


def test_as_many_components_as_frames_are_refused(naco):
    with pytest.raises(InputError, match="61 components for 61 frames"):
        load("annular_pca", n_components=61)(naco)


@pytest.mark.peers
@pytest.mark.slow
def test_the_residual_frames_are_those_of_vip(naco):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    fwhm, width = float(naco.fwhm[0]), 9
    theirs, _, _ = psfsub.pca_annular(
        naco.cube[0].astype(np.float64),
        naco.angles.copy(),
        fwhm=fwhm,
        asize=width,
        ncomp=5,
        delta_rot=0.5,
        imlib="vip-fft",
        nproc=1,
        verbose=False,
        full_output=True,
    )
    ours = load("annular_pca", n_components=5, annulus_width=width / fwhm, delta_rotation=0.5)
    # The innermost ring has too few frames far enough, for which the two have other rules;
    # the peer moves its outermost ring inwards by a pixel.
    compared = annulus(naco.shape, width, 4 * width - 1.01)
    frames = ours.residuals(naco)[:, compared], theirs[:, compared]
    assert np.corrcoef(*(f.ravel() for f in frames))[0, 1] > 0.9999
