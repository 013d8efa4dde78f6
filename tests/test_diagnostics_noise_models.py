"""From S/N to false-positive fraction and back, against quantiles, counting and applefy."""

import numpy as np
import pytest
from photutils.aperture import CircularAperture
from scipy import stats

from exobench.baselines import load
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.scoring.diagnostics import (
    GaussianNoise,
    LaplaceNoise,
    fpf_of_sigma,
    sigma_of_fpf,
    threshold_curve,
)
from exobench.scoring.snr import significance, snr_at

MODELS = [GaussianNoise(), LaplaceNoise(n_draws=400)]
FIVE_SIGMA = 2.866515718791946e-07


def counted_snr(draw, n_noise, n_draws=60_000, seed=0):
    """Two-sample t of simulated apertures of one law, the first of each against the others."""
    values = draw(np.random.default_rng(seed), (n_draws, n_noise + 1))
    signal, noise = values[:, 0], values[:, 1:]
    return (signal - noise.mean(axis=1)) / noise.std(axis=1, ddof=1) / np.sqrt(1 + 1 / n_noise)


def test_five_sigma_is_a_false_positive_in_three_and_a_half_million():
    assert fpf_of_sigma(5) == pytest.approx(FIVE_SIGMA)
    np.testing.assert_allclose(sigma_of_fpf(fpf_of_sigma([-1.0, 0.0, 5.0, 9.0])), [-1, 0, 5, 9])


def test_gaussian_thresholds_are_quantiles_of_student():
    n_noise = np.array([2, 5, 12, 60])
    expected = stats.t.isf(FIVE_SIGMA, n_noise - 1)
    np.testing.assert_allclose(GaussianNoise().threshold(FIVE_SIGMA, n_noise), expected)


def test_gaussian_false_positive_fractions_agree_with_the_significance_map():
    snr, n_noise = np.array([-3.0, 0.5, 4.0, 30.0]), np.array([4, 9, 17, 40])
    fpf = GaussianNoise().false_positive_fraction(snr, n_noise)
    np.testing.assert_allclose(sigma_of_fpf(fpf), significance(snr, n_noise), rtol=1e-9)


@pytest.mark.parametrize("model", MODELS)
def test_a_threshold_has_its_false_positive_fraction(model):
    n_noise = np.array([3, 11, 40])
    for fpf in (0.9, 0.5, 0.1, 1e-3, 1e-7):
        found = model.false_positive_fraction(model.threshold(fpf, n_noise), n_noise)
        np.testing.assert_allclose(found, fpf, rtol=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_no_threshold_claims_anything_from_a_single_noise_aperture(model):
    np.testing.assert_array_equal(model.threshold(0.01, [0, 1]), [np.inf, np.inf])
    assert np.isnan(model.false_positive_fraction(5.0, [0, 1])).all()
    assert np.isnan(model.false_positive_fraction(np.nan, 9))


@pytest.mark.parametrize("model", MODELS)
def test_what_is_no_fraction_is_refused(model):
    with pytest.raises(InputError, match="lies between 0 and 1, got 5"):
        model.threshold(5.0, 10)


@pytest.mark.parametrize("n_noise", [2, 3, 6, 20, 80])
def test_laplacian_fractions_are_those_of_counting(n_noise):
    snr = counted_snr(lambda rng, shape: rng.laplace(size=shape), n_noise)
    for value in (-1.0, 0.7, 2.0, 4.0):
        n_above = (snr > value).sum()
        fpf = LaplaceNoise().false_positive_fraction(value, n_noise)
        assert fpf == pytest.approx(n_above / snr.size, abs=4 * np.sqrt(n_above) / snr.size)


def test_two_noise_apertures_leave_nothing_to_draw():
    # One configuration, up to its mirror image: the fraction is exact, whatever the seed.
    found = [LaplaceNoise(n_draws=2, seed=s).false_positive_fraction(5.0, 2) for s in (0, 1)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    # Numerically, over the mean and half the difference of the two noise apertures.
    half = (np.arange(1000) + 0.5) * 0.015
    mean = (np.arange(-1000, 1000)[:, np.newaxis] + 0.5) * 0.015
    weight = np.exp(-np.abs(mean - half) - np.abs(mean + half))
    tail = stats.laplace.sf(mean + 5 * np.sqrt(2) * half * np.sqrt(1.5))
    assert found[0] == pytest.approx((weight * tail).sum() / weight.sum(), rel=2e-3)


def test_few_draws_give_a_precise_five_sigma_threshold():
    thresholds = [
        LaplaceNoise(n_draws=500, seed=seed).threshold(FIVE_SIGMA, [3, 10, 40]) for seed in range(4)
    ]
    assert (np.std(thresholds, axis=0) / np.mean(thresholds, axis=0) < 0.01).all()


def test_the_same_seed_gives_the_same_numbers():
    first, again, other = (
        LaplaceNoise(n_draws=20, seed=seed).threshold(1e-4, 9) for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


def test_odd_numbers_of_draws_are_refused():
    with pytest.raises(InputError, match="even number, 2 or more, got 7"):
        LaplaceNoise(n_draws=7)


def test_the_threshold_falls_towards_five_sigma_away_from_the_star():
    curve = threshold_curve([1.0, 2.0, 5.0, 30.0, 1000.0])
    assert (np.diff(curve.snr) < 0).all()
    assert curve.snr[-1] == pytest.approx(5, abs=0.01)
    np.testing.assert_allclose(curve.significance, 5, rtol=1e-9)
    # At 1 FWHM six apertures fit: one is tested, five measure the noise.
    assert curve.n_noise[0] == 5
    assert curve.signal[0] == pytest.approx(stats.t.isf(FIVE_SIGMA, 4) * np.sqrt(1.2))
    assert curve.fpf_at_sigma[0] == pytest.approx(stats.t.sf(5, 4))
    assert list(curve.table().columns[:2]) == ["separation_fwhm", "n_noise"]
    assert curve.to_dict()["fpf"] == pytest.approx(FIVE_SIGMA)


def test_laplacian_noise_asks_for_more_significance_than_five_sigma():
    curve = threshold_curve([2.0, 10.0], noise=LaplaceNoise(n_draws=400))
    assert (curve.significance > 6).all()


@pytest.mark.parametrize(
    ("separations", "sigma", "message"), [(0.2, 5, "0.5 FWHM or more"), (1.0, 0, "positive")]
)
def test_senseless_threshold_curves_are_refused(separations, sigma, message):
    with pytest.raises(InputError, match=message):
        threshold_curve(separations, sigma=sigma)


@pytest.fixture
def applefy_statistics():
    return pytest.importorskip(
        "applefy.statistics", reason="needs the extra: pip install 'exobench[peers]'"
    )


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_thresholds_and_fractions_are_those_of_applefy(applefy_statistics):
    test = applefy_statistics.TTest()
    for n_noise in (3, 8, 40):
        # The same quantiles of the same law: equal to rounding.
        expected = test.fpf_2_t(FIVE_SIGMA, n_noise)
        assert GaussianNoise().threshold(FIVE_SIGMA, n_noise) == pytest.approx(expected)
        expected = test.t_2_fpf(4.0, n_noise)
        assert GaussianNoise().false_positive_fraction(4.0, n_noise) == pytest.approx(expected)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_snr_of_the_real_residual_is_that_of_applefy(applefy_statistics, shared_data):
    # Its statistic of the apertures of our ring, by photutils: sums differ by some 1e-4 of a sigma.
    sequence = read_sequence(shared_data / "naco_betapic")
    image = np.asarray(load("pca", n_components=10).reduce(sequence), dtype=float)
    fwhm, (cy, cx) = sequence.reference_fwhm, sequence.centre
    for radius in (9.0, 20.0, 40.0):
        step = 2 * np.arcsin(fwhm / (2 * radius))
        theta = -step * np.arange(int(2 * np.pi / step))
        centres = np.stack([cx + radius * np.cos(theta), cy + radius * np.sin(theta)], axis=1)
        flux = CircularAperture(centres, fwhm / 2).do_photometry(image, method="exact")[0]
        fpf, snr = applefy_statistics.TTest().test_2samp(float(flux[0]), flux[1:])
        found = snr_at(image, fwhm, [[cy, cx + radius]])[0]
        assert found == pytest.approx(snr, abs=2e-3)
        found = GaussianNoise().false_positive_fraction(found, flux.size - 1)
        assert found == pytest.approx(fpf, rel=1e-2)


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_laplacian_thresholds_are_those_of_applefy(applefy_statistics):
    # Its bootstrap counts, and cannot be seeded: 2e6 draws know 3 sigma to 2 % in FPF, which is
    # 0.3 to 1 % in S/N; its table ends with garbage far beyond what the draws resolve.
    test = applefy_statistics.LaplaceBootstrapTest()
    for n_noise in (5, 12, 40):
        test.run_bootstrap_experiment(200_000, n_noise, num_draws=2_000_000)
        for sigma in (1.0, 2.0, 3.0):
            fpf = float(fpf_of_sigma(sigma))
            expected = float(test.fpf_2_t(fpf, n_noise))
            assert LaplaceNoise().threshold(fpf, n_noise) == pytest.approx(expected, rel=0.02)
