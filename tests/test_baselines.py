"""Every baseline, present and future, keeps the contract.

A new file in `baselines/` is tested here without a line of its own: on odd and even
frames, of one wavelength and of several, for the tracks that it says it answers.
"""

import dataclasses
import functools
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from exobench.baselines import describe_options, learns, load, names, parse_options
from exobench.baselines._inverse import FluxEstimator
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus, edge_distance, radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence

FWHM = 3.0
SEPARATION_PX, AZIMUTH, FLUX = np.hypot(17, 14), np.rad2deg(np.arctan2(17, -14)), 25.0
SEED = 8
TRACKS = {"adi": np.array([1.6]), "adi_ifs": np.array([1.2, 1.35, 1.5])}

TAKE_SECONDS = ("four_s", "rsm")  # a channel, as the inverse methods do
TAKE_LONGEST = ("fmmf", "trap")  # whose own tests soon see whether they find companions
SLOW_IN_CHANNELS = ("frame_differencing", "llsg")  # a second or two for all of them
QUICK, SLOW, EXHAUSTIVE = (), (pytest.mark.slow,), (pytest.mark.slow, pytest.mark.exhaustive)


def cases(sizes, first, last, longest=SLOW):
    """Every baseline, track and size; of one that takes long, all but two are left to rare runs.

    `first` and `last` mark its first and last case, `longest` the first of one that takes
    longest; the other baselines are quick, most of them in several channels too.
    """
    for name in names():
        if learns(name):  # for minutes on each sequence: its own tests have less to learn
            continue
        baseline = load(name)
        own = [(track, size) for track in TRACKS if track in baseline.tracks for size in sizes]
        is_long = name in TAKE_SECONDS or isinstance(baseline, FluxEstimator)
        marks = dict.fromkeys(own, EXHAUSTIVE if is_long else QUICK)
        if is_long:
            marks |= {own[-1]: last} | {own[0]: longest if name in TAKE_LONGEST else first}
        if name in SLOW_IN_CHANNELS:
            marks |= {case: SLOW for case in own if case[0] == "adi_ifs"}
        for track, size in own:
            yield pytest.param(
                name, track, size, id=f"{name}-{track}-{size}", marks=marks[track, size]
            )


CASES = [*cases((60, 61), first=QUICK, last=SLOW)]
EVEN = [*cases((60,), first=SLOW, last=SLOW)]
SIGNS = [*cases((60,), first=SLOW, last=EXHAUSTIVE)]
SPARSE = [*cases((60,), first=QUICK, last=SLOW, longest=QUICK)]


@functools.cache
def speckled(track, size):
    """Speckles that hold still, spread with wavelength and flicker a little; white noise."""
    rng = np.random.default_rng(SEED + size)
    wavelengths, n_frames = TRACKS[track], 60
    shape = (size, size)
    fine = gaussian_filter(rng.normal(size=(3, 4 * size, 4 * size)), (0, 6.4, 6.4))
    fine *= 1e3 / fine.std()
    cube = np.empty((wavelengths.size, n_frames, *shape), dtype=np.float32)
    strengths = 1 + 0.0005 * rng.normal(size=(n_frames, 3)).cumsum(axis=0)
    decline = np.exp(-radius_map(shape) / 15)
    for channel, scale in zip(cube, wavelengths / wavelengths.max(), strict=True):
        seen = np.stack([stretched(pattern, scale, size) for pattern in fine])
        channel[:] = 2e3 * decline + decline * np.tensordot(strengths, seen, axes=1)
    cube += rng.normal(0, 3, cube.shape)
    y, x = np.indices((21, 21)) - 10
    sigma = FWHM / 2.3548 * wavelengths / np.median(wavelengths)
    psf = np.exp(-(x**2 + y**2) / (2 * sigma[:, np.newaxis, np.newaxis] ** 2))
    return ImageSequence(
        name=f"toy_{size}",
        cube=cube,
        angles=np.linspace(-20, 80, n_frames),
        psf=normalise_psf(psf).psf,
        fwhm=2.3548 * sigma,
        pixel_scale=0.0125,
        wavelengths=wavelengths,
    )


def stretched(pattern, scale, size):
    """Middle `size` pixels of a pattern magnified about the middle."""
    magnified = zoom(pattern, scale, order=1)
    first = magnified.shape[0] // 2 - size // 2
    return magnified[first : first + size, first : first + size]


@functools.cache
def with_companion(track, size):
    position_angle = AZIMUTH - 90
    star = speckled(track, size)
    separation = SEPARATION_PX * star.pixel_scale
    return inject(
        star, [Companion(separation=separation, position_angle=position_angle, flux=FLUX)]
    )


@functools.cache
def detection_map(name, track, size):
    return load(name)(with_companion(track, size))


@functools.cache
def sparse(track, size):
    """The middle of every other frame, for what does not hang on their size and number."""
    star, middle = speckled(track, size), slice(12, -12)
    cube = star.cube[:, ::2, middle, middle]
    return dataclasses.replace(star, cube=cube, angles=star.angles[::2])


@functools.cache
def sparse_map(name, track, size):
    return load(name)(sparse(track, size))


def searched(shape):
    return annulus(shape, 1.5 * FWHM, edge_distance(shape) - FWHM)


def peak(detections):
    inside = np.where(searched(detections.shape), detections, -np.inf)
    return np.unravel_index(np.nanargmax(inside), inside.shape)


@pytest.mark.parametrize("name", names())
def test_a_baseline_is_a_frozen_dataclass_that_says_what_it_is(name):
    baseline = load(name)
    assert dataclasses.is_dataclass(baseline)
    assert type(baseline).__dataclass_params__.frozen
    assert type(baseline).__doc__.strip()
    assert sys.modules[type(baseline).__module__].__doc__.strip()
    assert set(baseline.tracks) <= set(TRACKS)
    assert baseline.tracks


@pytest.mark.parametrize(("name", "track", "size"), CASES)
def test_maps_have_the_shape_of_a_frame_and_values_in_the_field(name, track, size):
    detections = detection_map(name, track, size)
    assert detections.shape == (size, size)
    assert np.issubdtype(detections.dtype, np.floating)
    assert np.isfinite(detections[searched(detections.shape)]).all()
    assert not np.isinf(detections).any()


@pytest.mark.parametrize(("name", "track", "size"), CASES)
def test_a_strong_companion_is_the_brightest_place_within_a_pixel(name, track, size):
    detections = detection_map(name, track, size)
    expected = to_yx(SEPARATION_PX, AZIMUTH, detections.shape)
    found = peak(detections)
    assert np.hypot(found[0] - expected[0], found[1] - expected[1]) <= 1
    assert detections[found] > 5


@pytest.mark.parametrize(("name", "track", "size"), SIGNS)
def test_with_the_sign_of_the_angles_flipped_it_is_not_found(name, track, size):
    sequence = with_companion(track, size)
    flipped = load(name)(dataclasses.replace(sequence, angles=-sequence.angles))
    y, x = np.rint(to_yx(SEPARATION_PX, AZIMUTH, flipped.shape)).astype(int)
    right = detection_map(name, track, size)[y - 1 : y + 2, x - 1 : x + 2].max()
    assert flipped[y - 1 : y + 2, x - 1 : x + 2].max() < 0.5 * right


@pytest.mark.parametrize(("name", "track", "size"), EVEN)
def test_a_field_without_companion_is_not_full_of_detections(name, track, size):
    detections = load(name)(speckled(track, size))
    assert detections[searched(detections.shape)].max() < 6.5


@pytest.mark.parametrize(("name", "track", "size"), SPARSE)
def test_the_same_input_gives_the_same_map_and_is_left_alone(name, track, size):
    sequence = sparse(track, size)
    before = sequence.cube.copy()
    np.testing.assert_array_equal(load(name)(sequence), sparse_map(name, track, size))
    np.testing.assert_array_equal(sequence.cube, before)


@pytest.mark.parametrize(("name", "track", "size"), SPARSE)
def test_the_unit_of_the_cube_does_not_matter(name, track, size):
    sequence = sparse(track, size)
    scaled = dataclasses.replace(sequence, cube=sequence.cube * np.float32(3e-7))
    field = searched(scaled.shape)
    np.testing.assert_allclose(
        load(name)(scaled)[field], sparse_map(name, track, size)[field], atol=0.05
    )


@pytest.mark.parametrize(("name", "track", "size"), EVEN)
def test_static_speckles_are_removed(name, track, size):
    baseline, sequence = load(name), speckled(track, size)
    if not hasattr(baseline, "reduce"):
        pytest.skip(f"{name} makes no residual image")
    image, field = baseline.reduce(sequence), searched((size, size))
    assert image.shape == (size, size)
    assert image[field].std() < 0.05 * sequence.cube[:, :, field].std()


def test_the_four_baselines_of_the_first_version_are_there():
    assert {"median", "pca", "llsg", "sdi_pca"} <= set(names())


@pytest.mark.extras
def test_naming_the_baselines_imports_none_of_them():
    code = (
        "import sys; from exobench.baselines import names; assert names();"
        "loaded = {m for m in sys.modules if m.startswith('exobench.baselines.')};"
        "assert all(m.startswith('exobench.baselines._') for m in loaded), loaded;"
        "assert not {'torch', 'jax', 'streamlit', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_reach_the_baseline():
    assert load("pca", n_components=3).n_components == 3
    assert load("llsg", threshold=2).threshold == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("pcaa", {}, r"no baseline 'pcaa'; there are .*median, .*pca.*; did you mean pca\?"),
        ("pca", {"ncomp": 3}, r"pca has no option 'ncomp'; there are n_components \(int = 10\)"),
        (
            "median",
            {"ncomp": 3},
            r"no option 'ncomp'; there are .*detection \(str = 'significance'\)",
        ),
        ("median", {"detection": "snr"}, "detection must be one of significance, .*, got 'snr'"),
        ("pca", {"n_components": "3"}, "option n_components must be int, got '3'"),
        ("pca", {"n_components": True}, "option n_components must be int, got True"),
        ("llsg", {"threshold": -1.0}, "threshold must be 0 or more"),
    ],
)
def test_what_cannot_be_loaded_is_explained(name, options, message):
    with pytest.raises(InputError, match=message):
        load(name, **options)


def test_options_of_the_command_line_take_the_types_of_their_fields():
    assert parse_options("pca", ["n_components=12"]) == {"n_components": 12}
    words = ["threshold = 2", "n_components=5"]
    assert parse_options("llsg", words) == {"threshold": 2.0, "n_components": 5}
    assert parse_options("median", []) == {}


def test_every_problem_of_the_options_is_named_at_once():
    with pytest.raises(InputError) as caught:
        parse_options("pca", ["n_components=ten", "n_components", "rank=3", "=4"])
    assert [p.split(",")[0].split(";")[0] for p in caught.value.problems] == [
        "pca: option n_components must be int",
        "an option is written name=value",
        "pca has no option 'rank'",
        "an option is written name=value",
    ]


@pytest.mark.parametrize("detection", ["significance", "stim"])
def test_frames_may_be_turned_by_interpolation(detection):
    pytest.importorskip("cv2", reason="needs the extra: pip install 'exobench[opencv]'")
    sequence, field = with_companion("adi", 61), searched((61, 61))
    exact = load("median", detection=detection)(sequence)
    fast = load("median", detection=detection, rotation="cubic")(sequence)
    assert np.hypot(*np.subtract(peak(fast), peak(exact))) <= 1
    assert 0.9 < np.corrcoef(fast[field], exact[field])[0, 1] < 1 - 1e-9


def test_options_are_described_by_type_and_default():
    assert describe_options("sdi_median") == {
        "detection": "str = 'significance'",
        "rotation": "str = 'fourier'",
    }
    assert next(iter(describe_options("pca"))) == "n_components"
    assert describe_options("pca")["n_components"] == "int = 10"
    assert describe_options("llsg")["threshold"] == "float = 1.0"
