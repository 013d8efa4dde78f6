import numpy as np
import pytest
from astropy.io import fits
from scipy.special import j1

from exobench.datasets.centring import shift
from exobench.datasets.errors import SequenceError
from exobench.datasets.psf import aperture_flux, fit_fwhm, magnified, normalise_psf


def gaussian(n, fwhm, y, x, flux=1.0):
    """Gaussian of total flux `flux`."""
    rows, columns = np.indices((n, n))
    sigma2 = fwhm**2 / (8 * np.log(2))
    square = (rows - y) ** 2 + (columns - x) ** 2
    return flux * np.exp(-square / (2 * sigma2)) / (2 * np.pi * sigma2)


def airy(n, lambda_over_d, y, x):
    rows, columns = np.indices((n, n))
    v = np.pi * np.hypot(rows - y, columns - x) / lambda_over_d + 1e-9
    return (2 * j1(v) / v) ** 2


@pytest.fixture
def naco_psf(shared_data):
    return fits.getdata(shared_data / "naco_betapic" / "naco_psf_1.fits").astype(float)


@pytest.mark.parametrize("fwhm", [1.2, 1.5, 2.0, 3.0, 4.57, 9.0])
@pytest.mark.parametrize("offset", [(0, 0), (0.5, 0.5), (-0.31, 0.17), (6.2, -5.7)])
def test_the_fwhm_of_a_gaussian_is_exact_wherever_it_stands(fwhm, offset):
    stamp = gaussian(41, fwhm, 20 + offset[0], 20 + offset[1], flux=1e4)
    assert fit_fwhm(stamp) == pytest.approx(fwhm, rel=1e-4)


def test_the_fwhm_of_an_elliptical_star_is_the_geometric_mean_of_its_axes():
    rows, columns = np.indices((41, 41)) - 20
    along, across = (rows + columns) / np.sqrt(2), (rows - columns) / np.sqrt(2)
    stamp = np.exp(-4 * np.log(2) * ((along / 6) ** 2 + (across / 4) ** 2))
    assert fit_fwhm(stamp) == pytest.approx(np.sqrt(24), rel=1e-4)


def test_the_fwhm_of_an_airy_pattern_is_near_its_true_one():
    # 1.029 lambda/D for a clear circular pupil; the Gaussian core fit stays within 4 %
    assert fit_fwhm(airy(61, 4.0, 30, 30)) == pytest.approx(1.029 * 4, rel=0.04)


def test_the_real_naco_psf_has_its_known_fwhm_and_aperture_flux(naco_psf):
    normal = normalise_psf(naco_psf)
    assert normal.fwhm[0] == pytest.approx(4.57, abs=0.01)
    assert normal.flux[0] == pytest.approx(1.22, abs=0.01)
    assert normal.psf.shape == (1, 39, 39)


def test_the_fwhm_does_not_depend_on_the_pixel_phase_of_a_real_star(naco_psf):
    rng = np.random.default_rng(2)
    widths = [fit_fwhm(shift(naco_psf, offset)) for offset in rng.uniform(-0.5, 0.5, (5, 2))]
    np.testing.assert_allclose(widths, fit_fwhm(naco_psf), rtol=1e-4)


def test_a_hot_pixel_does_not_pass_for_the_star():
    stamp = gaussian(41, 5, 20, 20)
    stamp[4, 33] = 3 * stamp.max()
    assert fit_fwhm(stamp) == pytest.approx(5, rel=0.01)


def test_noise_of_a_hundredth_of_the_peak_moves_the_fwhm_by_less_than_two_percent():
    rng = np.random.default_rng(4)
    stamp = gaussian(31, 4, 15, 15)
    noisy = stamp + rng.normal(scale=0.01 * stamp.max(), size=stamp.shape)
    assert fit_fwhm(noisy) == pytest.approx(4, rel=0.02)


def test_aperture_flux_counts_partial_pixels_exactly():
    assert aperture_flux(np.ones((21, 21)), 7.3) == pytest.approx(np.pi * 3.65**2)
    assert aperture_flux(np.ones((20, 20)), 0.5) == pytest.approx(np.pi * 0.25**2)


def test_a_gaussian_holds_half_its_flux_within_1_fwhm():
    assert aperture_flux(gaussian(81, 20, 40, 40), 20) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("size", [40, 41])
@pytest.mark.parametrize("peak", [(20, 20), (19.6, 20.3), (23.5, 17.25)])
def test_a_psf_is_centred_odd_sized_and_of_unit_flux(size, peak):
    normal = normalise_psf(gaussian(size, 5, *peak, flux=1000))
    n = normal.psf.shape[-1]
    assert normal.psf.dtype == np.float32
    assert n % 2 == 1
    expected = gaussian(n, 5, n // 2, n // 2)
    expected /= aperture_flux(expected, 5)
    np.testing.assert_allclose(normal.psf[0], expected, atol=1e-4 * expected.max())
    assert aperture_flux(normal.psf[0], normal.fwhm[0]) == pytest.approx(1, abs=1e-6)
    assert normal.flux[0] == pytest.approx(500, rel=0.01)


def test_a_normal_psf_stays_as_it_is(naco_psf):
    once = normalise_psf(shift(naco_psf, (0.4, -0.3)))
    twice = normalise_psf(once.psf)
    np.testing.assert_allclose(twice.psf, once.psf, atol=1e-6)
    np.testing.assert_allclose(twice.fwhm, once.fwhm, rtol=1e-5)
    np.testing.assert_allclose(twice.flux, 1, atol=1e-5)


def test_every_wavelength_is_fitted_and_normalised_by_itself():
    widths, fluxes = np.array([3.0, 4.0, 6.0]), np.array([10.0, 1.0, 5.0])
    stamps = [gaussian(51, w, 25, 25 + w / 10, f) for w, f in zip(widths, fluxes, strict=True)]
    normal = normalise_psf(stamps)
    np.testing.assert_allclose(normal.fwhm, widths, rtol=1e-3)
    np.testing.assert_allclose(normal.flux, fluxes / 2, rtol=0.03)
    assert [np.argmax(p) for p in normal.psf] == [normal.psf[0].size // 2] * 3


def test_a_stated_fwhm_is_taken_at_its_word():
    normal = normalise_psf(gaussian(41, 5, 20, 20), fwhm=8.0)
    assert normal.fwhm[0] == 8
    assert aperture_flux(normal.psf[0], 8.0) == pytest.approx(1, abs=1e-6)


def test_the_real_ifs_psf_widens_with_the_wavelength(shared_data):
    folder = shared_data / "sphere_ifs_v471tau"
    normal = normalise_psf(fits.getdata(folder / "sphere_v471tau_psf.fits"))
    wavelengths = fits.getdata(folder / "sphere_v471tau_wl.fits").astype(float)
    assert normal.psf.shape == (39, 25, 25)
    assert np.corrcoef(normal.fwhm, wavelengths)[0, 1] > 0.98


def test_the_even_sized_irdis_psf_is_cropped_to_odd(shared_data):
    path = shared_data / "sphere_irdis_51eri" / "SPHERE_51ERI_psf.fits"
    normal = normalise_psf(fits.getdata(path))
    assert normal.psf.shape == (1, 63, 63)
    assert np.argmax(normal.psf) == normal.psf.size // 2


@pytest.mark.parametrize("factor", [0.8, 1.0, 1.3])
def test_a_magnified_psf_is_as_much_wider(factor):
    (wider,) = magnified(gaussian(61, 5, 30, 30), [factor])
    assert fit_fwhm(wider) == pytest.approx(5 * factor, rel=2e-3)


@pytest.mark.parametrize(
    ("stamp", "message"),
    [
        (np.zeros((9, 9)), "zero everywhere"),
        (-gaussian(21, 4, 10, 10), "no positive value"),
        (np.full((9, 9), np.nan), "NaN or infinite"),
        (np.ones((21, 21)), "no star that a Gaussian fits"),
        (np.pad([[1.0]], 10), "no star that a Gaussian fits"),
        (np.eye(15), "no star that a Gaussian fits"),  # the fit runs off along the ridge
        (gaussian(41, 6, 38, 20), "leaves only 5x5 around its peak"),
        (np.ones(9), "one image .* or one per wavelength"),
        (np.ones((2, 2, 9, 9)), "one image .* or one per wavelength"),
    ],
)
def test_a_psf_that_cannot_be_used_is_refused_with_the_reason(stamp, message):
    with pytest.raises(SequenceError, match=message):
        normalise_psf(stamp)


def test_the_channels_in_question_are_named_once_per_problem():
    stamps = np.stack([gaussian(21, 4, 10, 10)] * 4)
    stamps[1] = 0
    stamps[3] = 0
    stamps[2, 0, 0] = np.nan
    with pytest.raises(SequenceError) as error:
        normalise_psf(stamps)
    assert [problem.rpartition("(")[2] for problem in error.value.problems] == [
        "channels [1, 3])",
        "channels [2])",
    ]


def test_a_fwhm_that_does_not_match_the_channels_is_refused():
    with pytest.raises(SequenceError, match="2 values of fwhm for 3"):
        normalise_psf(np.stack([gaussian(21, 4, 10, 10)] * 3), fwhm=[1.0, 2.0])


def test_a_fwhm_that_is_not_a_width_is_refused():
    with pytest.raises(SequenceError, match="fwhm must be positive"):
        normalise_psf(gaussian(21, 4, 10, 10), fwhm=-1.0)
