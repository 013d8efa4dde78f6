"""Where companions went into real frames cannot be found by the traces of the injection.

The search of `forensics` must not tell their tracks from others, though it does where the
traces are left in.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.concealment import concealed, faded, grid_step, unmeasured
from exobench.datasets.files import write_sequence
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.datasets.stars import RealStar

_spec = importlib.util.spec_from_file_location(
    "forensics", Path(__file__).with_name("forensics.py")
)
forensics = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(forensics)

SIZE, N_FRAMES, FWHM = 61, 16, 4.0
N_CUBES, N_TRACKS = 10, 3  # of either kind, in each cube
RADII = (13.0, 18.0, 23.0)  # px
NOISE = 6.0  # counts


def psf(n=17):
    """A core on a halo that does not end at the edge of the stamp."""
    y, x = np.indices((n, n)) - n // 2
    r2 = x**2 + y**2
    return np.exp(-r2 / 5.8) + 0.02 / (1 + r2 / 30)


def real_frames(seed):
    """Smooth, slowly changing speckles and white noise, as counts."""
    rng = np.random.default_rng(seed)
    speckles = ndimage.gaussian_filter(rng.standard_normal((N_FRAMES, SIZE, SIZE)), (3, 1.5, 1.5))
    speckles /= speckles.std()
    profile = 4000 / (1 + radius_map((SIZE, SIZE)) / 6) ** 2
    noise = NOISE * rng.standard_normal(speckles.shape)
    return (profile * (1 + 0.2 * speckles) + noise + 40)[np.newaxis]


def sequence_of(cube):
    return ImageSequence(
        name="real_1",
        cube=cube.astype(np.float32),
        angles=np.linspace(0, 40, N_FRAMES),
        psf=psf()[np.newaxis].astype(np.float32),
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def with_border(cube):
    """Zeros outside a circle that moves from frame to frame, and dead pixels."""
    cube = np.rint(cube)
    y, x = np.indices(cube.shape[-2:])
    for t, frame in enumerate(cube[0]):
        frame[np.hypot(y - 30 - t % 3, x - 30 + t % 2) > 25] = 0
    cube[0, :, 5::11, 4::7] = 0
    return cube


COARSE = {
    "integers": np.rint,
    "scaled integers": lambda cube: np.rint(cube / 1.7) * 0.0137 + 2.0,
    "half precision": lambda cube: cube.astype(np.float16),
    "a border of zeros": with_border,
    "an integer bias in each frame": lambda cube: (
        np.rint(cube) + np.arange(N_FRAMES)[:, np.newaxis, np.newaxis] / 3
    ),
}


QUICK = ("integers",)
KINDS = [pytest.param(k, marks=[] if k in QUICK else pytest.mark.slow) for k in COARSE]


def injected_cubes(coarsen, conceal):
    for seed in range(N_CUBES):
        rng = np.random.default_rng([7, seed])
        counts = real_frames(seed)
        sequence = sequence_of(coarsen(counts))
        flux = (
            20 * NOISE * sequence.cube[0, :, 20:40, 20:40].std() / counts[0, :, 20:40, 20:40].std()
        )
        azimuths = rng.uniform(0, 360, N_TRACKS)
        companions = [
            Companion(separation=radius / 100, position_angle=azimuth - 90, flux=flux)
            for radius, azimuth in zip(RADII, azimuths, strict=True)
        ]
        cube = inject(sequence, companions).cube
        if conceal:
            cube = concealed(sequence.cube, cube, rng)
        yield forensics.Evidence(
            frames=cube,
            angles=sequence.angles,
            radii=RADII,
            azimuths=azimuths,
            core=1.5 * FWHM,
            half=sequence.psf.shape[-1] // 2,
        )


@pytest.mark.parametrize("kind", KINDS)
def test_injections_into_coarse_values_leave_no_trace(kind):
    assert forensics.auc(injected_cubes(COARSE[kind], conceal=True)) < forensics.CHANCE


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_them_where_the_traces_are_left(kind):
    assert forensics.auc(injected_cubes(COARSE[kind], conceal=False)) > 0.85


@pytest.mark.slow
def test_injections_into_fine_values_leave_no_trace():
    assert forensics.auc(injected_cubes(lambda cube: cube, conceal=True)) < forensics.CHANCE


@pytest.mark.parametrize(
    "companions", [[], [Companion(separation=0.15, position_angle=0.0, flux=9.0)]]
)
def test_a_star_in_files_gets_its_companions_concealed(tmp_path, companions):
    sequence = sequence_of(np.rint(real_frames(6)))
    write_sequence(replace(sequence, wavelengths=np.array([1.6])), tmp_path / "star.h5")
    star = RealStar(path=tmp_path / "star.h5", wavelength=None, diameter=8.0, centring="trust")
    field = star.observe("real_1", lambda purpose: np.random.default_rng(len(purpose)))
    cube = field.with_companions(companions).cube
    assert not grid_step(cube.ravel()).any()
    expected = inject(replace(sequence, psf=faded(sequence.psf, 8.5)), companions).cube
    assert 0 < np.abs(cube - expected).max() < 0.501


def test_values_without_a_grid_are_left_alone():
    sequence = sequence_of(real_frames(1))
    assert not grid_step(sequence.cube.ravel()).any()
    injected = inject(sequence, [Companion(separation=0.15, position_angle=0.0, flux=100.0)])
    hidden = concealed(sequence.cube, injected.cube, np.random.default_rng(1))
    np.testing.assert_array_equal(hidden, injected.cube)


@pytest.mark.parametrize("bias", [0.0, 12.0, 3000.0])
@pytest.mark.parametrize("step", [1.0, 0.0137, 250.0])
def test_the_step_of_scaled_integers_is_found(step, bias):
    values = (np.rint(real_frames(2)) * step + bias * step).astype(np.float32)
    assert grid_step(values.ravel()) == pytest.approx(step, rel=1e-4)


def test_the_step_of_numbers_kept_in_half_the_bits_grows_with_them():
    values = real_frames(3).astype(np.float16).ravel()
    step = grid_step(values.astype(np.float32))
    np.testing.assert_allclose(step, np.abs(np.spacing(values)).astype(np.float32))


def test_borders_and_dead_pixels_hold_no_measurement_and_lone_equal_ones_do():
    cube = np.random.default_rng(4).standard_normal((1, 5, 30, 30)).astype(np.float32)
    cube[0, 2, :, :3] = 0
    cube[0, :, 20, 21] = 7
    cube[0, 1, 10, 10] = cube[0, 1, 10, 11] = 1.5
    expected = np.zeros(cube.shape, dtype=bool)
    expected[0, 2, :, :3] = True
    expected[0, :, 20, 21] = True
    np.testing.assert_array_equal(unmeasured(cube), expected)


def test_noise_of_one_step_is_all_that_is_added():
    sequence = sequence_of(np.rint(real_frames(5)))
    hidden = concealed(sequence.cube, sequence.cube, np.random.default_rng(2))
    added = hidden - sequence.cube
    assert np.abs(added).max() <= 0.501
    assert added.var() == pytest.approx(1 / 12, rel=0.02)
    assert replace(sequence, cube=hidden).cube.dtype == np.float32
