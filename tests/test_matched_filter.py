"""The matched filter: its S/N in theory, in white and in coloured noise, and on residuals."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import load
from exobench.baselines.matched_filter import filtered
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import annulus, radius_map, to_polar
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence

FWHM, SIZE, NOISE = 4.0, 101, 3.0
Y, X = np.indices((25, 25)) - 12
PSF = normalise_psf(np.exp(-4 * np.log(2) * (X**2 + Y**2) / FWHM**2), FWHM).psf[0].astype(float)
FIELD = annulus((SIZE, SIZE), 2 * FWHM, 46)


def images(blur, n, seed=0):
    """Pairs of independent images of noise of unit variance, white or blurred."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(n, 2, SIZE, SIZE)), (0, 0, blur, blur))
    return noise / noise.std()


def with_source(image, y, x, flux):
    image = image.copy()
    image[y - 12 : y + 13, x - 12 : x + 13] += flux * PSF
    return image


@pytest.mark.parametrize("coloured", [False, True])
def test_in_white_noise_flux_and_error_are_those_of_theory(coloured):
    error = NOISE / np.sqrt((PSF**2).sum())
    maps = [
        filtered(NOISE * seen, NOISE * other, PSF, FWHM, coloured=coloured)
        for seen, other in images(0, 12)
    ]
    sigma = np.mean([m.sigma[FIELD].mean() for m in maps])
    assert sigma == pytest.approx(error, rel=0.03 if coloured else 0.02)
    snr = np.concatenate([m.snr[FIELD] for m in maps])
    assert snr.std() == pytest.approx(1, abs=0.03)
    seen, other = NOISE * images(0, 1)[0]
    blank, found = (
        filtered(image, other, PSF, FWHM, coloured=coloured)
        for image in (seen, with_source(seen, 30, 65, 10 * error))
    )
    change = found.flux[30, 65] - blank.flux[30, 65]
    assert change == pytest.approx(10 * error, rel=0.02)  # some is in the median of its ring
    assert change / sigma == pytest.approx(10, rel=0.03 if coloured else 0.02)


@pytest.mark.parametrize("coloured", [False, True])
def test_what_all_of_a_ring_shares_is_no_companion(coloured):
    offset = -0.5 * NOISE * np.exp(-radius_map((SIZE, SIZE)) / 40)
    seen, other = NOISE * images(0, 1)[0]
    plain, shifted = (
        filtered(seen + shift, other + shift, PSF, FWHM, coloured=coloured) for shift in (0, offset)
    )
    assert abs(shifted.snr[FIELD].mean()) < 0.1  # -1.4 without
    assert shifted.snr[FIELD].std() == pytest.approx(plain.snr[FIELD].std(), abs=0.1)


def test_noise_whose_median_is_below_its_mean_has_unit_scatter_in_many_channels():
    rng = np.random.default_rng(5)
    n_channels = 6
    cube = gaussian_filter(rng.exponential(size=(n_channels, 12, 61, 61)) ** 2, (0, 0, 1, 1))
    sequence = ImageSequence(
        name="skewed",
        cube=cube.astype(np.float32),
        angles=np.linspace(0, 70, 12),
        psf=np.repeat(PSF[np.newaxis], n_channels, axis=0),
        fwhm=FWHM,
        pixel_scale=0.02,
        wavelengths=np.linspace(1.0, 1.3, n_channels),
    )
    field = annulus((61, 61), 1.5 * FWHM, 28)
    method = load("matched_filter", subtraction="median")
    noise = method(sequence)[field]
    assert abs(noise.mean()) < 0.2
    assert noise.std() == pytest.approx(1, abs=0.1)
    flux = 12 * float(np.median(method.estimate(sequence).sigma[field]))
    companion = Companion(separation=17 * 0.02, position_angle=40.0, flux=flux)
    found = method(inject(sequence, [companion]))
    y, x = np.rint(companion.position(sequence)).astype(int)
    assert found[y, x] > 7


@pytest.mark.parametrize("blur", [0.7, 1.0, 1.5])
def test_in_coloured_noise_it_beats_the_filter_for_white_noise(blur):
    scatter = {}
    for coloured in (False, True):
        maps = [filtered(seen, o, PSF, FWHM, coloured=coloured) for seen, o in images(blur, 8)]
        scatter[coloured] = np.std([m.flux[FIELD] for m in maps])
        if coloured:
            claimed = np.mean([m.sigma[FIELD] for m in maps])
    assert scatter[True] < scatter[False]
    assert 0.9 < scatter[True] / claimed < 1.15


def test_the_gain_in_coloured_noise_is_that_of_theory():
    blur = 1.2
    k = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    signal = np.abs(np.fft.fft2(PSF, (256, 256))) ** 2
    power = np.exp(-4 * np.pi**2 * blur**2 * k**2)
    power /= power.mean()
    power_known = power.clip(1e-3 * power.mean())
    optimal = np.mean(signal / power_known) ** 2 / np.mean(signal * power / power_known**2)
    white = np.mean(signal) ** 2 / np.mean(signal * power)
    expected = np.sqrt(optimal / white)
    scatter = [
        np.std([filtered(s, o, PSF, FWHM, coloured=c).flux[FIELD] for s, o in images(blur, 8)])
        for c in (False, True)
    ]
    assert expected > 1.1
    assert scatter[0] / scatter[1] > 0.95 * expected


def test_nothing_is_made_of_nothing():
    empty = np.zeros((31, 31))
    assert np.isnan(filtered(empty, empty, PSF, FWHM, coloured=True).snr).all()


def sequence(seed=0, size=61):
    rng = np.random.default_rng(seed)
    cube = 50 * gaussian_filter(rng.normal(size=(size, size)), 1.5) + rng.normal(
        size=(1, 40, size, size)
    )
    return ImageSequence(
        name="noise",
        cube=cube,
        angles=np.linspace(-45, 45, 40),
        psf=PSF[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
    )


@pytest.mark.parametrize(
    "subtraction", ["median", "pca", pytest.param("annular_pca", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("noise", ["white", "coloured"])
def test_it_searches_the_residuals_of_any_subtraction(subtraction, noise):
    method = load("matched_filter", subtraction=subtraction, n_components=2, noise=noise)
    blank, (y, x) = sequence(), (30 + 11, 30 - 9)
    estimate = method.estimate(blank)
    radius, theta = to_polar(y, x, blank.shape)
    flux = 10 * estimate.sigma[y, x]
    companion = Companion(separation=radius * 0.01, position_angle=theta - 90, flux=flux)
    found = method.estimate(inject(blank, [companion], smearing=1))
    snr = np.nan_to_num(found.snr)
    assert np.hypot(*(np.array(np.unravel_index(snr.argmax(), snr.shape)) - (y, x))) <= 1
    # a tenth, and what the few probes of so small a field leave open
    assert found.flux[y, x] - estimate.flux[y, x] == pytest.approx(flux, rel=0.25)


def test_noise_has_unit_scatter():
    field = annulus((61, 61), 2 * FWHM, 26)
    values = [load("matched_filter")(sequence(seed))[field] for seed in range(4)]
    assert 0.9 < np.std(values) < 1.1


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["white", "coloured"])
def test_noise_is_as_wide_and_alarms_are_as_rare_as_claimed(sky, noise):
    method = load("matched_filter", noise=noise)
    field = sky.searched(sky.noise((4, 61, 61)))
    maps = np.array([method(sky.noise((16, 61, 61), seed=seed)) for seed in range(120)])
    radius = radius_map((61, 61))
    for inner in np.arange(1.5, 8.5) * sky.fwhm:
        ring = field & (radius >= inner) & (radius < inner + sky.fwhm)
        assert 0.9 < maps[:, ring].std() < 1.1
    for threshold, claimed in ((2.0, 2.28e-2), (3.0, 1.35e-3), (4.0, 3.17e-5)):
        assert claimed / 3 < (maps[:, field] > threshold).mean() < 3 * claimed


def test_impossible_options_are_named():
    with pytest.raises(InputError, match="subtraction must be one of annular_pca, pca, median"):
        load("matched_filter", subtraction="nmf")
    with pytest.raises(InputError, match="noise must be one of coloured, white, got 'pink'"):
        load("matched_filter", noise="pink")
    with pytest.raises(InputError, match="n_components must be 1 or more"):
        load("matched_filter", n_components=0)
