"""Normality tests against their laws, noise regimes against a known crossover."""

import json
from dataclasses import replace

import numpy as np
import pytest
from photutils.aperture import CircularAperture
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import radius_map
from exobench.datasets.sequence import ImageSequence
from exobench.scoring.diagnostics import (
    TESTS,
    noise_regimes,
    normal_quantiles,
    normality_tests,
    ring_fluxes,
)
from exobench.scoring.diagnostics.noise_regimes import (
    cauchy_combined,
    first_background,
    fisher_combined,
)
from exobench.scoring.diagnostics.normality import anderson_darling, kolmogorov_smirnov

FWHM = 4.0


def make_sequence(frames):
    return ImageSequence(
        name="toy_1",
        cube=np.asarray(frames)[np.newaxis],
        angles=np.zeros(len(frames)),
        psf=np.ones((1, 11, 11)),
        fwhm=FWHM,
        pixel_scale=0.01,
    )


@pytest.mark.parametrize("test", TESTS)
@pytest.mark.parametrize("n", [20, 60])
def test_p_values_of_gaussian_samples_are_uniform(test, n):
    samples = np.random.default_rng(0).normal(3.0, 2.0, (400 if test == "dagostino" else 1000, n))
    p_values = np.array([TESTS[test](sample) for sample in samples])
    # Exact laws of the four are known approximately only, D'Agostino's the least.
    distance = stats.kstest(p_values, "uniform").statistic
    assert distance < (0.09 if test == "dagostino" else 0.05)
    assert np.mean(p_values < 0.05) == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize("test", TESTS)
def test_laplacian_samples_are_rejected_more_often(test):
    samples = np.random.default_rng(1).laplace(size=(200, 80))
    assert np.mean([TESTS[test](sample) < 0.05 for sample in samples]) > 0.5


def test_published_critical_values_have_their_level():
    # Lilliefors' 5 % point for 20 values, as corrected by Dallal & Wilkinson (1986): 0.192.
    # D'Agostino & Stephens (1986), Table 4.7: 0.752 at 5 %, 1.035 at 1 %.
    rng = np.random.default_rng(2)
    found = {"kolmogorov": [], "anderson": []}
    for _ in range(2000):
        sample = np.sort(rng.normal(size=20))
        z = stats.norm.cdf((sample - sample.mean()) / sample.std(ddof=1))
        distance = max((np.arange(1, 21) / 20 - z).max(), (z - np.arange(20) / 20).max())
        found["kolmogorov"].append((distance, kolmogorov_smirnov(sample)))
        odd = 2 * np.arange(1, 21) - 1
        a = -20 - np.mean(odd * (np.log(z) + np.log(1 - z[::-1])))
        found["anderson"].append((a * (1 + 0.75 / 20 + 2.25 / 400), anderson_darling(sample)))
    for name, critical, level in (
        ("kolmogorov", 0.192, 0.05),
        ("anderson", 0.752, 0.05),
        ("anderson", 1.035, 0.01),
    ):
        statistic, p_value = np.array(sorted(found[name])).T
        assert np.interp(critical, statistic, p_value) == pytest.approx(level, rel=0.06)


def test_p_values_fall_with_distance_from_normality():
    for test in (anderson_darling, kolmogorov_smirnov):
        base = stats.norm.ppf((np.arange(30) + 0.5) / 30)
        p_values = [test(np.sign(base) * np.abs(base) ** power) for power in (1, 2, 3, 6, 40)]
        assert (np.diff(p_values) < 0).all()
        assert 0 <= p_values[-1] < 1e-6
        assert p_values[0] > 0.99


def test_few_apertures_leave_some_tests_without_an_answer():
    frames = np.random.default_rng(3).normal(size=(1, 61, 61))
    found = normality_tests(make_sequence(frames), frames[0], radii_px=[4.0, 8.0, 20.0])
    np.testing.assert_array_equal(found.n_apertures, [6, 12, 31])
    finite = {test: np.isfinite(p).tolist() for test, p in found.p_values.items()}
    assert finite == {
        "shapiro_wilk": [True, True, True],
        "anderson_darling": [False, True, True],
        "dagostino": [False, False, True],
        "kolmogorov_smirnov": [True, True, True],
    }
    assert (
        json.loads(json.dumps(found.to_dict(), allow_nan=False))["p_values"]["dagostino"][0] is None
    )
    assert list(found.table()["n_apertures"]) == [6, 12, 31]


def test_p_values_are_those_of_the_apertures():
    image = np.random.default_rng(4).normal(size=(61, 61))
    found = normality_tests(make_sequence([image]), image, radii_px=[20.0], n_rotations=3)
    rings = ring_fluxes(image, FWHM, 20.0, 3)
    expected = np.mean([stats.shapiro(ring).pvalue for ring in rings])
    assert found.p_values["shapiro_wilk"][0] == pytest.approx(expected)


def test_a_ring_without_spread_has_no_p_value():
    image = np.random.default_rng(5).normal(size=(61, 61)) * (radius_map((61, 61)) > 16)
    found = normality_tests(make_sequence([image]), image, radii_px=[8.0, 24.0])
    np.testing.assert_array_equal(np.isnan(found.p_values["shapiro_wilk"]), [True, False])


def test_an_image_with_holes_is_refused():
    image = np.random.default_rng(6).normal(size=(61, 61))
    image[30, 40] = np.nan
    with pytest.raises(InputError, match="toy_1: the image has NaN pixels"):
        normality_tests(make_sequence(np.zeros((1, 61, 61))), image)


def test_quantiles_are_those_of_a_probability_plot():
    sample = np.random.default_rng(7).laplace(2.0, 3.0, 200)
    (theoretical, ordered), (slope, intercept, r) = stats.probplot(sample)
    found = normal_quantiles(sample)
    np.testing.assert_allclose(found.theoretical, theoretical)
    np.testing.assert_allclose(found.ordered, ordered)
    assert (found.slope, found.intercept, found.r_squared) == pytest.approx(
        (slope, intercept, r**2)
    )


@pytest.mark.parametrize("sample", [[1.0, 2.0], [1.0, 1.0, 1.0], [1.0, np.nan, 2.0]])
def test_too_little_for_quantiles_is_refused(sample):
    with pytest.raises(InputError, match="three or more finite values that differ"):
        normal_quantiles(sample)


def test_fisher_is_that_of_scipy_and_leaves_out_what_is_unknown():
    p = np.array([[0.01, 0.5], [0.2, 0.9], [np.nan, 0.4]])
    expected = [stats.combine_pvalues(c[np.isfinite(c)]).pvalue for c in p.T]
    np.testing.assert_allclose(fisher_combined(p), expected)
    assert np.isnan(fisher_combined(np.full((2, 1), np.nan)))[0]


def test_cauchy_keeps_one_value_and_the_least_of_many():
    p = np.array([1e-200, 1e-9, 0.3, 0.99])
    np.testing.assert_allclose(cauchy_combined(p[np.newaxis]), p, rtol=1e-9)
    assert cauchy_combined(np.array([1e-20, 0.5, 0.5, np.nan])) == pytest.approx(3e-20)
    rng = np.random.default_rng(8)
    alike = np.repeat(rng.uniform(size=(1, 5000)), 3, axis=0)
    assert np.mean(cauchy_combined(alike) < 0.05) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize(
    ("pattern", "first"),
    [
        ("ssssgggg", 4),
        ("gssssggg", 5),
        ("sssggsgg", 3),  # one dip is forgiven
        ("sssggssg", 7),  # two are not, but the last radius stands for itself
        ("ssssssss", None),
        ("gggggggg", 0),
        ("ggsggggg", 0),
    ],
)
def test_the_background_begins_where_noise_stays_gaussian(pattern, first):
    assert first_background(np.array([letter == "g" for letter in pattern])) == first


def two_regimes(seed, crossover, n_frames=24, size=91, slope=3.0):
    """Speckles, the intensity of a Gaussian field, that equal the background at `crossover`."""
    rng = np.random.default_rng(seed)

    def field():
        return gaussian_filter(rng.normal(size=(n_frames, size, size)), (0, 1.5, 1.5))

    speckles, background = field() ** 2 + field() ** 2, field()
    radius = np.maximum(radius_map((size, size)), 1.0)
    scale = [
        np.array([ring_fluxes(frame, FWHM, crossover)[0].std(ddof=1) for frame in frames])
        for frames in (speckles, background)
    ]
    ratio = np.sqrt(np.mean(scale[1] ** 2) / np.mean(scale[0] ** 2))
    return make_sequence(ratio * speckles * (crossover / radius) ** slope + background)


@pytest.mark.parametrize(
    ("crossover", "seed"),
    [
        (18.0, 0),
        pytest.param(22.0, 1, marks=pytest.mark.slow),
        pytest.param(28.0, 2, marks=pytest.mark.slow),
    ],
)
def test_the_boundary_lies_where_speckles_give_way(crossover, seed):
    sequence = two_regimes(seed, crossover)
    found = noise_regimes(sequence, {"none": lambda s: s.cube[0]})
    assert found.boundary_px == pytest.approx(crossover, abs=1.5 * FWHM)
    assert found.crossover_px == pytest.approx(crossover, abs=1.0 * FWHM)
    # At 1 FWHM six apertures tell little.
    inside = (found.separations.fwhm > 1.5) & (found.separations.px < crossover - 2 * FWHM)
    assert found.combined[inside].max() < 1e-3


@pytest.mark.slow
def test_more_frames_move_the_boundary_but_not_the_crossover():
    few, many = (
        noise_regimes(two_regimes(3, 16.0, n, 81), {"none": lambda s: s.cube[0]}) for n in (8, 60)
    )
    assert many.boundary_px >= few.boundary_px
    assert abs(many.crossover_px - few.crossover_px) < 1.0 * FWHM
    assert many.combined.min() < few.combined.min()


def test_gaussian_noise_has_no_boundary():
    frames = np.random.default_rng(9).normal(size=(20, 61, 61))
    found = noise_regimes(make_sequence(frames), {"1": lambda s: s.cube[0]})
    assert found.boundary_px == 0


def test_speckles_up_to_the_edge_have_no_boundary():
    found = noise_regimes(two_regimes(4, 16.0, 40, 61, slope=0.0), {"1": lambda s: s.cube[0]})
    assert found.boundary_px is None
    assert found.crossover_px is None
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["boundary_px"] is None


def test_algorithms_are_told_apart_and_combined_by_twice_their_median():
    sequence = two_regimes(5, 14.0, 8, 61)
    white = np.random.default_rng(10).normal(size=(8, 61, 61))
    found = noise_regimes(
        sequence, {"a": lambda s: s.cube[0], "b": lambda s: s.cube[0], "c": lambda s: white}
    )
    assert found.p_values.shape == (3, found.separations.px.size)
    np.testing.assert_allclose(found.combined, np.minimum(2 * found.p_values[0], 1))
    assert {"p_value", "p_value c", "noise a"} <= set(found.table())
    np.testing.assert_allclose(found.noise[2, 2:], found.noise[2, 2:].mean(), rtol=0.15)


def test_frames_are_thinned_evenly():
    frames = np.random.default_rng(11).normal(size=(30, 41, 41))
    sequence = make_sequence(frames)
    some = noise_regimes(sequence, {"a": lambda s: s.cube[0]}, max_images=4)
    same = noise_regimes(sequence, {"a": lambda s: s.cube[0][[0, 10, 19, 29]]})
    np.testing.assert_allclose(some.p_values, same.p_values)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"algorithms": {}}, "at least one"),
        ({"tests": ["lilliefors"]}, "tests must be some of shapiro_wilk"),
        ({"p_least": 0}, "p_least must lie"),
        ({"max_images": 0}, "max_images must be 1"),
        ({"algorithms": {"a": lambda s: np.zeros(3)}}, r"frames of shape \(n, 41, 41\)"),
        ({"algorithms": {"a": lambda s: np.full((41, 41), np.nan)}}, "not finite"),
    ],
)
def test_bad_input_is_one_clear_sentence(options, message):
    sequence = make_sequence(np.zeros((1, 41, 41)))
    with pytest.raises(InputError, match=message):
        noise_regimes(sequence, **{"algorithms": {"a": lambda s: s.cube[0]}} | options)


def aperture_sum(frame, position, photometry_mode):
    aperture = CircularAperture(position, photometry_mode.aperture_radius)
    return position, aperture.do_photometry(frame, method="exact")[0][0]


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_real_residual_has_the_tests_of_applefy(shared_data, monkeypatch):
    """The same p-values to 1e-3, with the same rings: ours touch, applefy's count 2 pi r / FWHM.

    Both counts agree at these radii; the sums differ by 1e-5. Its mean runs from 0 to 360
    degrees with both ends in it, so that one rotation is compared.
    """
    applefy = pytest.importorskip(
        "applefy.gaussianity.residual_tests",
        reason="needs the extra: pip install 'exobench[peers]'",
    )
    from applefy.utils.photometry import AperturePhotometryMode

    # Its own get_flux fails with the tables of photutils 3.
    monkeypatch.setattr("applefy.utils.photometry.get_flux", aperture_sum)
    sequence = read_sequence(shared_data / "naco_betapic")
    image = np.asarray(load("pca", n_components=10).reduce(sequence), dtype=float)
    fwhm = sequence.reference_fwhm
    radii = fwhm * np.array([2.0, 4.2, 7.1, 9.0])
    found = normality_tests(sequence, image, radii_px=radii)
    for i, radius in enumerate(radii):
        _, expected = applefy.test_normality_shapiro_wilk(
            image, radius / fwhm, fwhm, 1, AperturePhotometryMode("AS", psf_fwhm_radius=fwhm / 2)
        )
        assert found.n_apertures[i] == int(2 * np.pi * radius / fwhm)
        assert found.p_values["shapiro_wilk"][i] == pytest.approx(expected, abs=2e-3)
        pixels, _, _ = applefy.extract_circular_annulus(image, radius / fwhm, fwhm)
        assert normal_quantiles(pixels).r_squared == pytest.approx(applefy.gaussian_r2(pixels))


def test_the_real_cube_is_ruled_by_speckles_inside(shared_data):
    sequence = read_sequence(shared_data / "naco_betapic")
    found = noise_regimes(
        replace(sequence, name="beta Pic"),
        {"30": load("pca", n_components=30).residuals},
        radii_px=sequence.reference_fwhm * np.array([4.0, 7.0, 8.0, 10.0]),
        tests=["shapiro_wilk"],
    )
    assert (found.combined[1:3] < 1e-10).all()
    assert found.combined[[0, 3]].min() > 1e-3
