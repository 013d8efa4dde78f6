"""The sky turns while a frame is exposed, and companions move along with it."""

from dataclasses import replace
from math import erf

import numpy as np
import pytest
from astropy.io import fits

from exobench.datasets.injection import companion_signal, inject
from exobench.datasets.probes import Probes
from exobench.datasets.psf import aperture_flux, normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.datasets.simulator import simulate_scene
from exobench.datasets.simulator.scene import scene_signals
from exobench.datasets.smearing import SHARP_ARC, instants, n_instants, rotation_per_frame

FWHM = 4.0


def turning(angles, size=201, **fields):
    """A sequence without light, of a Gaussian PSF."""
    y, x = np.indices((31, 31)) - 15
    psf = normalise_psf(np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2)[np.newaxis])
    return ImageSequence(
        name="empty_1",
        cube=np.zeros((1, len(angles), size, size), dtype=np.float32),
        angles=np.asarray(angles, dtype=float),
        psf=psf.psf,
        fwhm=FWHM,
        pixel_scale=0.02,
        **fields,
    )


def steady(arc_fwhm, radius, n_frames=3):
    """Angles at which a companion at `radius` px moves by so many FWHM during a frame."""
    return np.rad2deg(arc_fwhm * FWHM / radius) * (np.arange(n_frames) - n_frames // 2)


def uniform_arc(along, arc_fwhm):
    """A Gaussian of peak 1 smeared evenly over a straight line, at places along it, in FWHM."""
    sigma = 1 / np.sqrt(8 * np.log(2))
    root = sigma * np.sqrt(2)
    ends = [erf((along + side * arc_fwhm / 2) / root) for side in (1, -1)]
    return sigma * np.sqrt(np.pi / 2) / arc_fwhm * (ends[0] - ends[1])


@pytest.mark.parametrize("arc", [0.3, 0.5, 0.8, 1.0, 1.7, 3.0])
def test_a_frame_shows_the_mean_over_the_arc_of_its_exposure(arc):
    # Far out, where an arc is nearly a straight line: here along x, at 90 degrees.
    radius = 85
    sequence = turning(steady(arc, radius))
    companion = Companion(separation=radius * 0.02, position_angle=0, flux=1.0)
    peak = 1 / aperture_flux(sequence.psf[0] / sequence.psf.max(), FWHM)
    row = inject(sequence, [companion]).cube[0, 1, 100 + radius, 88:113] / peak
    expected = [uniform_arc(offset / FWHM, arc) for offset in np.arange(-12, 13)]
    assert row == pytest.approx(np.array(expected), abs=6e-3)


@pytest.mark.parametrize("arc", [0.26, 0.5, 0.51, 1.0, 2.0, 3.0])
def test_the_instants_give_the_smeared_peak_of_a_gaussian(arc):
    nodes, weights = instants(n_instants(arc))
    peak = weights @ np.exp(-4 * np.log(2) * (nodes * arc) ** 2)
    assert peak == pytest.approx(uniform_arc(0.0, arc), rel=5e-3)
    assert weights.sum() == pytest.approx(1)


def test_a_short_arc_needs_one_instant_and_costs_little_of_the_peak():
    assert n_instants(0.99 * SHARP_ARC) == 1
    assert uniform_arc(0.0, SHARP_ARC) > 0.985


def test_the_same_companion_further_in_is_sharper():
    sequence = turning(steady(1.0, 80))
    peaks = []
    for radius in (15, 40, 80):
        companion = Companion(separation=radius * 0.02, position_angle=0, flux=1.0)
        peaks.append(inject(sequence, [companion]).cube[0, 1].max())
    sharp = sequence.psf.max()
    assert peaks[0] == pytest.approx(sharp, rel=1e-3)
    assert peaks[1] == pytest.approx(sharp * uniform_arc(0.0, 0.5), rel=5e-3)
    assert peaks[2] == pytest.approx(sharp * uniform_arc(0.0, 1.0), rel=1e-2)


def test_the_light_of_a_smeared_companion_is_all_there():
    sequence = turning(steady(1.3, 60))
    companion = Companion(separation=60 * 0.02, position_angle=77, flux=3.0)
    total = companion_signal(sequence, companion).stamps.sum(axis=(0, 2, 3))
    assert total == pytest.approx(np.full(3, 3 * sequence.psf.sum()), rel=1e-4)


def test_probes_are_smeared_as_companions_are():
    sequence = turning(steady(1.0, 60))
    radii = np.array([20.0, 60.0])
    probes = Probes(sequence=sequence, radii_px=radii, spectra=np.ones((2, 1)))
    injected = probes.injected([(1, 0)], np.array([2.0]))
    companion = Companion(separation=60 * 0.02, position_angle=probes.theta(1, 0) - 90, flux=2.0)
    np.testing.assert_allclose(injected.cube, inject(sequence, [companion]).cube, atol=1e-7)
    assert injected.cube.max() < 0.9 * 2 * sequence.psf.max()


@pytest.mark.parametrize("injection", ["optical", "stamp"])
def test_companions_of_simulated_stars_are_smeared(injection):
    scene = simulate_scene("irdis_like", rng=5, n_frames=4, size=120, duration=4000.0)
    star = scene.star
    radius = 50
    companion = Companion(separation=radius * star.pixel_scale, position_angle=10, contrast=1e-3)
    one, many = (
        scene_signals(scene, [companion], injection=injection, smearing=n)[0].stamps[0]
        for n in (1, None)
    )
    arcs = radius * np.deg2rad(np.abs(rotation_per_frame(star))) / star.fwhm[0]
    assert arcs.max() > 1
    lost = many.max(axis=(1, 2)) / one.max(axis=(1, 2))
    # The core of the PSF is about a Gaussian; its wings make up for some of the loss.
    assert lost == pytest.approx(np.array([uniform_arc(0.0, arc) for arc in arcs]), abs=0.06)


def test_a_steady_rotation_is_that_of_every_frame():
    assert rotation_per_frame(turning(np.arange(8) * -1.5)) == pytest.approx(np.full(8, -1.5))
    assert rotation_per_frame(turning([20.0])).tolist() == [0]


@pytest.mark.parametrize("with_times", [False, True])
def test_a_gap_between_exposures_smears_neither(with_times):
    angles = np.array([0.0, 2, 4, 6, 8, 48, 50, 52, 54, 56])
    times = 30 * angles if with_times else None
    rotation = rotation_per_frame(turning(angles, times=times))
    assert rotation == pytest.approx(np.full(10, 2.0))


def test_overheads_now_and_then_do_not_lengthen_exposures():
    steps = np.array([1, 1, 1.8, 1, 1, 1.8, 1, 2.6, 1, 1.8, 1, 1, 1.8])
    angles = np.concatenate([[0], np.cumsum(steps)])
    assert rotation_per_frame(turning(angles)) == pytest.approx(np.full(14, 1.0))
    timed = turning(angles, times=60 * angles)
    assert rotation_per_frame(timed) == pytest.approx(np.full(14, 1.0))


def test_a_passage_near_the_zenith_smears_its_own_frames_most():
    angles = np.rad2deg(np.arctan(np.linspace(-6, 6, 61)))
    expected = np.gradient(angles)
    for times in (None, 60.0 * np.arange(61)):
        rotation = rotation_per_frame(turning(angles, times=times))
        assert rotation == pytest.approx(expected, rel=0.35)
        assert rotation.argmax() == pytest.approx(30, abs=2)


def test_angles_that_jump_by_a_turn_are_those_of_a_steady_sky():
    angles = np.array([356.0, 358, 0, 2, 4, 6])
    times = 60.0 * np.arange(6)
    assert rotation_per_frame(turning(angles)) == pytest.approx(np.full(6, 2.0))
    assert rotation_per_frame(turning(angles, times=times)) == pytest.approx(np.full(6, 2.0))


def test_times_out_of_order_are_not_relied_on():
    times = np.array([0.0, 60, 60, 30, 90])
    sequence = turning(np.arange(5) * 2.0, times=times)
    assert rotation_per_frame(sequence) == pytest.approx(np.full(5, 2.0))


def test_the_real_sequence_is_smeared_by_its_exposures_and_not_by_its_pauses(shared_data):
    angles = fits.getdata(shared_data / "naco_betapic" / "naco_pa_1.fits")
    rotation = rotation_per_frame(turning(angles))
    steps = np.diff(angles)
    # Of the sky's whole turn a good part falls into the pauses between exposures.
    assert 0.6 * np.ptp(angles) < rotation.sum() < 0.9 * np.ptp(angles)
    assert rotation.max() < 0.5 * steps.max()
    assert (rotation > 0.9 * steps.min()).all()


def test_a_companion_smeared_by_hand_is_left_as_it_is_asked_for():
    sequence = turning(steady(1.0, 60))
    companion = Companion(separation=1.2, position_angle=0, flux=1.0)
    once = inject(sequence, [companion], smearing=1).cube
    assert once[0, 1].max() == pytest.approx(sequence.psf.max(), rel=1e-4)
    still = replace(sequence, angles=np.zeros(3))
    np.testing.assert_allclose(inject(still, [companion]).cube[0, 1], once[0, 1], atol=1e-6)
