"""Where companions went in cannot be found by the traces of the injection.

A forensic search: along the track of a companion, outside its own light, count zeros,
repeated values, used bits and steps at the edge of the stamp; the same along tracks where
nothing is. A classifier learns from some cubes and is asked about the others. It must not
tell the two kinds of tracks apart, though it does where the traces are left in.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from exobench.datasets.concealment import concealed, grid_step, unmeasured
from exobench.datasets.files import write_sequence
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.datasets.simulator import expose, simulate_scene
from exobench.datasets.stars import RealStar

SIZE, N_FRAMES, FWHM = 61, 16, 4.0
N_CUBES, N_TRACKS = 10, 3  # of either kind, in each cube
CORE, STAMP = 1.5 * FWHM, 9.0  # px from the track: the companion's own light, the stamp's reach
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


def tracks(azimuths, angles, shape):
    """Positions (y, x) in every frame of sources at RADII, shape (n_tracks, n_frames, 2)."""
    cy, cx = frame_centre(shape)
    theta = np.deg2rad(np.asarray(azimuths)[:, np.newaxis] - angles)
    radii = np.array(RADII)[:, np.newaxis]
    return np.stack([cy + radii * np.sin(theta), cx + radii * np.cos(theta)], axis=-1)


def trailing_zero_bits(values):
    bits = values.astype(np.float32).view(np.uint32) | np.uint32(1 << 23)
    return np.log2((bits & -bits.astype(np.int64)).astype(float))


def traces(frames, track):
    """What an injection may leave around a track in frames (n_frames, y, x), as numbers."""
    y, x = np.indices(frames.shape[-2:])
    found = []
    for frame, (cy, cx) in zip(frames, track, strict=True):
        side = np.maximum(np.abs(y - round(cy)), np.abs(x - round(cx)))
        wings = (side <= STAMP - 1) & (np.hypot(y - cy, x - cx) > CORE)
        values = frame[wings]
        levels, counts = np.unique(frame, return_counts=True)
        repeats = counts[np.searchsorted(levels, values)]
        inner = frame[(side >= STAMP - 2) & (side < STAMP)].mean()
        outer = frame[(side >= STAMP) & (side < STAMP + 2)].mean()
        found.append(
            (
                (values == 0).mean(),
                (repeats > 1).mean(),
                np.log(repeats).mean(),
                trailing_zero_bits(values).mean(),
                np.abs(values - np.rint(values)).mean(),
                (inner - outer) / frame.std(),
            )
        )
    found = np.array(found)
    return np.concatenate([found.mean(axis=0), found.std(axis=0)])


def auc(cubes):
    """Of the search on cubes it has not learnt from; cubes: (frames, angles, azimuths)."""
    features, labels, groups = [], [], []
    for number, (frames, angles, azimuths) in enumerate(cubes):
        for is_injected, turn in ((1, 0.0), (0, 60.0), (0, 180.0), (0, 300.0)):
            for track in tracks(np.asarray(azimuths) + turn, angles, frames.shape[-2:]):
                features.append(traces(frames, track))
                labels.append(is_injected)
                groups.append(number)
    forest = RandomForestClassifier(
        200, min_samples_leaf=3, class_weight="balanced", random_state=1
    )
    guess = cross_val_predict(
        forest, features, labels, groups=groups, cv=GroupKFold(5), method="predict_proba"
    )
    return roc_auc_score(labels, guess[:, 1])


# Standard deviation of the AUC of a guess on 30 tracks with companions and 90 without: 0.06.
CHANCE = 0.5 + 3 * 0.06


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
        yield cube[0], sequence.angles, azimuths


@pytest.mark.parametrize("kind", KINDS)
def test_injections_into_coarse_values_leave_no_trace(kind):
    assert auc(injected_cubes(COARSE[kind], conceal=True)) < CHANCE


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_them_where_the_traces_are_left(kind):
    assert auc(injected_cubes(COARSE[kind], conceal=False)) > 0.85


@pytest.mark.slow
def test_injections_into_fine_values_leave_no_trace():
    assert auc(injected_cubes(lambda cube: cube, conceal=True)) < CHANCE


def simulated_cubes():
    for seed in range(N_CUBES):
        rng = np.random.default_rng([8, seed])
        scene = simulate_scene("irdis_like", rng=rng, size=SIZE, n_frames=N_FRAMES, n_pupil=32)
        azimuths = rng.uniform(0, 360, N_TRACKS)
        companions = [
            Companion(separation=radius * scene.star.pixel_scale, position_angle=a - 90, flux=1e-4)
            for radius, a in zip(RADII, azimuths, strict=True)
        ]
        yield expose(scene, companions, rng=rng).cube[0], scene.star.angles, azimuths


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
    expected = inject(sequence, companions).cube
    assert 0 < np.abs(cube - expected).max() < 0.501


@pytest.mark.slow
def test_companions_of_simulated_stars_leave_no_trace():
    assert auc(simulated_cubes()) < CHANCE


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
