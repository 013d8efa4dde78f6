"""LOCI: its zones, what it keeps of a companion, the real sky and VIP."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines.loci import LOCI
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map, to_polar, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.snr import significance_at

FWHM = 4.0


@pytest.fixture(scope="module")
def naco(shared_data):
    return read_sequence(shared_data / "naco_betapic")


def sequence_of(frames, angles):
    y, x = np.indices((21, 21)) - 10
    psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2)
    return ImageSequence(
        name="toy",
        cube=frames[np.newaxis],
        angles=angles,
        psf=normalise_psf(psf[np.newaxis]).psf,
        fwhm=FWHM,
        pixel_scale=0.01,
    )


@pytest.mark.parametrize("shape", [(60, 60), (61, 61), (61, 50)])
@pytest.mark.parametrize("g", [0.05, 1.0, 2.0])
def test_the_zones_hold_every_pixel_once_and_each_is_within_what_it_is_fitted_on(shape, g):
    zones = list(LOCI(g=g, n_a=40.0).zones(shape, FWHM))
    pixels = np.concatenate([zone.pixels for zone in zones])
    np.testing.assert_array_equal(np.sort(pixels), np.arange(shape[0] * shape[1]))
    circle = np.flatnonzero(radius_map(shape) < edge_distance(shape) + 0.5)
    for zone in zones:
        assert set(np.intersect1d(zone.pixels, circle)) <= set(zone.fitted)


@pytest.mark.parametrize(("n_a", "g"), [(50.0, 1.0), (100.0, 0.5), (100.0, 2.0)])
def test_optimisation_zones_have_the_area_and_the_shape_of_the_paper(n_a, g):
    shape, fwhm = (401, 401), 5.0
    depth = np.sqrt(np.pi * g * n_a / 4) * fwhm
    checked = 0
    for zone in LOCI(n_a=n_a, g=g).zones(shape, fwhm):
        radius, theta = to_polar(*np.unravel_index(zone.fitted, shape), shape)
        if radius.max() + depth > 200 or radius.min() < 30 or theta.max() - theta.min() > 180:
            continue
        inner, azimuth = radius.min(), np.deg2rad(np.ptp(theta))
        assert np.ptp(radius) == pytest.approx(depth, abs=1.5)
        # A ring has a whole number of sectors: theirs is the nearest to what is asked.
        asked = 1 / (g / 2 + g * inner / depth)
        sectors = 2 * np.pi / asked
        assert azimuth == pytest.approx(2 * np.pi / round(sectors), rel=0.05)
        area = zone.fitted.size * round(sectors) / sectors
        assert area == pytest.approx(n_a * np.pi * (fwhm / 2) ** 2, rel=0.05)
        checked += 1
    assert checked > 5


def test_a_zone_at_the_edge_is_fitted_farther_in_rather_than_on_fewer_pixels():
    zones = list(LOCI(n_a=30.0, g=1.0).zones((81, 81), FWHM))
    depth = np.sqrt(np.pi * 30 / 4) * FWHM
    radius = radius_map((81, 81)).ravel()
    outer = zones[-1]
    assert radius[outer.fitted].max() == pytest.approx(40.5, abs=0.5)
    assert np.ptp(radius[outer.fitted]) == pytest.approx(depth, abs=1.5)
    assert max(radius[zone.pixels].max() for zone in zones) == radius.max()


def test_frames_that_are_linear_combinations_of_others_leave_nothing():
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(4, 51, 51))
    frames = 100 + np.tensordot(rng.normal(size=(40, 4)), patterns, axes=1)
    sequence = sequence_of(frames.astype(np.float32), np.linspace(0, 120, 40))
    assert np.abs(load("loci", damping=0.0).residuals(sequence)).max() < 5e-3


def test_a_companion_that_moves_survives_and_more_of_it_with_a_wider_exclusion():
    rng = np.random.default_rng(3)
    strengths = np.linspace(-1, 1, 40)[:, np.newaxis] ** [0, 1, 2]
    frames = 100 + np.tensordot(strengths, rng.normal(size=(3, 61, 61)), axes=1)
    frames += 0.05 * rng.normal(size=frames.shape)
    sequence = sequence_of(frames.astype(np.float32), np.linspace(0, 80, 40))
    companion = Companion(separation=0.18, position_angle=20.0, flux=20.0)
    injected = inject(sequence, [companion])
    y, x = np.rint(companion.position(sequence)).astype(int)
    place = np.s_[y - 1 : y + 2, x - 1 : x + 2]
    truth = 20.0 * sequence.psf[0, 9:12, 9:12].sum()
    kept = []
    for n_delta in (0.25, 1.0):
        method = load("loci", n_delta=n_delta)
        empty, full = (method.reduce(s)[place].sum() for s in (sequence, injected))
        assert abs(empty) < 0.05 * truth
        kept.append(full / truth)
    assert kept[1] > 0.7
    assert kept[0] < kept[1] - 0.05


def test_a_model_is_made_of_frames_far_enough_and_of_no_others():
    rng = np.random.default_rng(3)
    frames = 100 + 10 * rng.normal(size=(30, 61, 61))
    angles = np.linspace(0, 40, 30)
    sequence = sequence_of(frames.astype(np.float32), angles)
    method = load("loci", n_delta=1.0, n_a=1e3, g=1e-3, dr=2.0, damping=1e-6)
    ring = annulus(sequence.shape, 16, 23.99)
    spoilt = sequence.cube.copy()
    spoilt[0, 15] += 100 * rng.normal(size=sequence.shape)
    before, after = (
        method.residuals(s)[:, ring] for s in (sequence, dataclasses.replace(sequence, cube=spoilt))
    )
    moved = 2 * 20 * np.sin(np.deg2rad(np.abs(angles - angles[15])) / 2)
    expected = moved >= FWHM
    expected[15] = True
    np.testing.assert_array_equal(np.abs(after - before).max(axis=1) > 0.5, expected)


def test_with_little_rotation_frames_far_apart_serve():
    rng = np.random.default_rng(4)
    frames = (100 + rng.normal(size=(12, 51, 51))).astype(np.float32)
    residual = load("loci").reduce(sequence_of(frames, np.linspace(0, 0.1, 12)))
    assert np.isfinite(residual).all()
    assert residual.std() < 1


def test_the_real_field_is_blank(naco):
    fwhm = naco.reference_fwhm
    searched = annulus(naco.shape, 1.5 * fwhm, edge_distance(naco.shape) - fwhm / 2)
    assert load("loci")(naco)[searched].max() < 5


@pytest.mark.parametrize("theta", [110.0, pytest.param(200.0, marks=pytest.mark.slow)])
def test_a_companion_is_found_on_the_real_field_and_only_with_the_right_sign(naco, theta):
    method, fwhm = load("loci"), naco.reference_fwhm
    separation_px = 5.5 * fwhm
    position = np.transpose(to_yx(separation_px, theta, naco.shape))
    companion = Companion(
        separation=separation_px * naco.pixel_scale, position_angle=theta - 90, flux=80.0
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
        load("loci", damping=-0.1, n_delta=0.0, n_a=-3.0, g=float("inf"), dr=0.0)
    assert caught.value.problems == (
        "damping must be 0 or more, got -0.1",
        "n_delta must be more than 0, got 0.0",
        "n_a must be more than 0, got -3.0",
        "g must be finite, got inf",
        "dr must be more than 0, got 0.0",
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dr": 0.01}, "rings must be at least 1 px wide"),
        ({"g": 1e300}, r"optimisation zones of n_a = 100 and g = 1e\+300 are thinner than a pixel"),
        ({"g": 100.0, "n_a": 1.0}, "zones of n_a = 1 and g = 100 are thinner than a pixel"),
        ({"n_a": 1e-300}, "are thinner than a pixel; take a larger n_a, or g nearer to 1"),
        ({"damping": 1e308}, r"damping must be 1e\+06 or less, got 1e\+308"),
    ],
)
def test_zones_without_pixels_and_weights_without_end_are_refused(options, said):
    sequence = sequence_of(np.ones((4, 41, 41), dtype=np.float32), np.arange(4.0))
    with pytest.raises(InputError, match=said):
        load("loci", **options)(sequence)


def test_frames_smaller_than_an_optimisation_zone_are_reduced():
    frames = np.random.default_rng(1).normal(size=(4, 2, 9)).astype(np.float32)
    residuals = load("loci").residuals(sequence_of(frames, np.arange(4.0)))
    assert residuals.shape == frames.shape
    assert np.isfinite(residuals).all()


def test_a_single_frame_is_refused():
    sequence = sequence_of(np.ones((1, 41, 41), dtype=np.float32), np.zeros(1))
    with pytest.raises(InputError, match="toy: 1 frame to tell the star by; expected 2 or more"):
        load("loci")(sequence)


@pytest.mark.peers
@pytest.mark.slow
def test_the_residual_frames_are_those_of_vip(naco):
    """Whole rings fitted on themselves, without damping: where both methods are the same."""
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    fwhm, width = float(naco.fwhm[0]), 9
    theirs, _, _ = psfsub.xloci(
        naco.cube[0].astype(np.float64),
        naco.angles.copy(),
        fwhm=fwhm,
        asize=width,
        n_segments=1,
        delta_rot=0.5,
        dist_threshold=100,
        optim_scale_fact=1,
        tol=1e-9,
        imlib="vip-fft",
        nproc=1,
        verbose=False,
        full_output=True,
    )
    dr, g = width / fwhm, 1e-4
    dr, g = width / fwhm, 1e-4
    ours = load("loci", n_delta=0.5, dr=dr, g=g, n_a=4 * dr**2 / (np.pi * g), damping=0.0)
    # The innermost ring has too few frames far enough, for which the two have other rules;
    # the peer moves its outermost ring inwards by a pixel.
    compared = annulus(naco.shape, width, 4 * width - 1.01)
    frames = ours.residuals(naco)[:, compared], theirs[:, compared]
    assert np.corrcoef(*(f.ravel() for f in frames))[0, 1] > 0.999
