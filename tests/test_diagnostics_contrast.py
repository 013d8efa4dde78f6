"""Contrast curves against their equation, their meaning, vip_hci and applefy."""

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
from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.scoring.diagnostics import (
    Injections,
    LaplaceNoise,
    contrast_curve,
    fpf_of_sigma,
    ring_noise,
)
from exobench.scoring.snr import snr_at

FWHM, SIZE = 4.0, 61
RADII = np.array([8.0, 16.0, 24.0])
# Of the VLT/NACO sequence: the published flux of beta Pictoris in these frames.
NACO = {"star_flux": 764939.6, "wavelengths": [3.8], "diameter": 8.2}


def gaussian_psf(size=21):
    y, x = np.indices((size, size)) - size // 2
    return normalise_psf(np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2), FWHM).psf[0]


def white(seed=0, n_wavelengths=1, **keywords):
    """Smooth Gaussian noise on a sky that does not turn."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(n_wavelengths, 2, SIZE, SIZE)), (0, 0, 1, 1))
    return ImageSequence(
        name="toy_1",
        cube=noise,
        angles=[0, 0],
        psf=np.repeat(gaussian_psf()[np.newaxis], n_wavelengths, axis=0),
        fwhm=FWHM,
        pixel_scale=0.01,
        **keywords,
    )


def dimmed_mean(sequence):
    """An algorithm that leaves four tenths of everything."""
    return 0.4 * sequence.cube.mean(axis=(0, 1))


@pytest.fixture(scope="module")
def sequence():
    return white(star_flux=[1000.0], wavelengths=[1.6], diameter=8.0)


def test_the_limit_is_threshold_times_noise_over_throughput(sequence):
    curve = contrast_curve(
        sequence, dimmed_mean, injections=Injections(radii_px=RADII, n_azimuths=3), sigma=4.0
    )
    np.testing.assert_allclose(curve.throughput, 0.4, rtol=1e-2)  # of pixels half in
    noise = ring_noise(dimmed_mean(sequence), FWHM, RADII)
    n_noise = np.floor(np.pi / np.arcsin(FWHM / (2 * RADII))) - 1
    tau = stats.t.isf(stats.norm.sf(4), n_noise - 1)
    np.testing.assert_allclose(curve.noise, noise)
    np.testing.assert_allclose(curve.threshold, tau)
    expected = tau * noise * np.sqrt(1 + 1 / n_noise) / curve.throughput
    np.testing.assert_allclose(curve.flux, expected)
    np.testing.assert_allclose(curve.large_sample_flux, 4 * noise / curve.throughput)
    np.testing.assert_allclose(curve.contrast, expected / 1000)
    np.testing.assert_allclose(curve.delta_mag, -2.5 * np.log10(expected / 1000))


def test_half_of_the_companions_at_the_limit_reach_the_significance():
    above = []
    for seed in range(4):
        sequence = white(seed)
        curve = contrast_curve(
            sequence, dimmed_mean, injections=Injections(radii_px=RADII[1:], n_azimuths=1)
        )
        for radius, flux, threshold in zip(RADII[1:], curve.flux, curve.threshold, strict=True):
            for angle in range(0, 360, 30):
                one = Companion(separation=radius * 0.01, position_angle=angle, flux=flux)
                image = dimmed_mean(inject(sequence, [one]))
                above.append(snr_at(image, FWHM, [one.position(sequence)])[0] > threshold)
    # 96 companions, neighbours not quite independent: within 3 of their standard deviations.
    assert np.mean(above) == pytest.approx(0.5, abs=0.15)


def test_laplacian_noise_asks_for_brighter_companions_than_gaussian(sequence):
    placed = Injections(radii_px=RADII, n_azimuths=1)
    gaussian = contrast_curve(sequence, dimmed_mean, injections=placed)
    laplacian = contrast_curve(
        sequence, dimmed_mean, injections=placed, noise=LaplaceNoise(n_draws=200)
    )
    assert laplacian.noise_model == "Laplacian"
    assert (laplacian.delta_mag < gaussian.delta_mag - 0.5).all()


def test_what_a_mask_takes_makes_limits_brighter_by_as_much(sequence):
    clear, masked = (
        contrast_curve(
            sequence,
            dimmed_mean,
            injections=Injections(radii_px=RADII, n_azimuths=2, transmission=transmission),
        )
        for transmission in (None, np.array([0.25, 1.0, 1.0]))
    )
    np.testing.assert_allclose(masked.flux / clear.flux, [4, 1, 1], rtol=1e-2)


def test_without_the_flux_of_the_star_there_is_no_contrast():
    curve = contrast_curve(white(), dimmed_mean, injections=Injections(radii_px=RADII))
    assert curve.contrast is None
    assert curve.delta_mag is None
    assert "contrast" not in curve.table()
    assert np.isfinite(curve.flux).all()


def test_several_wavelengths_share_a_spectrum():
    sequence = white(n_wavelengths=2, star_flux=[3000.0, 1000.0])
    curve = contrast_curve(
        sequence, dimmed_mean, injections=Injections(radii_px=RADII, n_azimuths=1)
    )
    np.testing.assert_allclose(curve.throughput, 0.4, rtol=1e-2)  # of pixels half in
    np.testing.assert_allclose(curve.contrast, curve.flux / 2000)


def test_an_algorithm_that_leaves_nothing_has_no_limit(sequence):
    empty = dimmed_mean(sequence)
    curve = contrast_curve(
        sequence, lambda s: empty, injections=Injections(radii_px=RADII, n_azimuths=1)
    )
    assert np.isinf(curve.flux).all()
    assert json.loads(json.dumps(curve.to_dict(), allow_nan=False))["flux"] == [None] * 3


def test_a_noiseless_ring_is_no_failure(sequence):
    masked = np.hypot(*(np.indices((SIZE, SIZE)) - SIZE // 2)) > 12
    curve = contrast_curve(
        sequence,
        lambda s: dimmed_mean(s) * masked,
        injections=Injections(radii_px=RADII, n_azimuths=1),
    )
    assert curve.flux[0] == np.inf
    assert np.isfinite(curve.flux[1:]).all()


def test_the_table_names_its_units(sequence):
    curve = contrast_curve(
        sequence, dimmed_mean, injections=Injections(radii_px=RADII, n_azimuths=1)
    )
    table = curve.table()
    assert list(table["separation_px"]) == list(RADII)
    assert {"separation_arcsec", "separation_lambda_over_d", "delta_mag"} <= set(table)
    assert np.isnan(table["throughput_scatter"]).all()


@pytest.mark.parametrize(
    ("algorithm", "options", "message"),
    [
        (dimmed_mean, {"sigma": 0}, "sigma must be a positive"),
        (dimmed_mean, {"injected_snr": np.inf}, "injected_snr must be a positive"),
        (lambda s: s.cube[0], {}, r"toy_1: .*shape \(61, 61\).*got \(2, 61, 61\)"),
        (lambda s: np.full(s.shape, np.nan), {}, "without a finite value"),
    ],
)
def test_bad_input_is_one_clear_sentence(sequence, algorithm, options, message):
    with pytest.raises(InputError, match=message):
        contrast_curve(sequence, algorithm, **options)


@pytest.fixture(scope="module")
def naco(shared_data):
    return replace(read_sequence(shared_data / "naco_betapic"), **NACO)


@pytest.fixture(scope="module")
def naco_curve(naco):
    return contrast_curve(naco, load("pca", n_components=10).reduce)


def test_the_real_cube_has_a_plausible_curve(naco):
    curve = contrast_curve(
        naco,
        load("pca", n_components=10).reduce,
        injections=Injections(radii_px=naco.reference_fwhm * np.array([4.0, 10.0]), n_azimuths=2),
    )
    assert 0.15 < curve.throughput[0] < 0.3 < curve.throughput[1] < 0.6
    assert 8.5 < curve.delta_mag[0] < 9.8
    assert 10.5 < curve.delta_mag[1] < 11.6


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_real_cube_has_the_curve_of_vip(naco, naco_curve):
    """vip_hci.metrics.contrast_curve around the same reduction, companions 3 FWHM apart.

    Its noise is that of one ring of apertures (n instead of n - 1), ours the mean of twelve
    rings; it counts the tested aperture among those of the noise; its companions stand at
    other azimuths. At 1 FWHM, where one part in a hundred of a companion is left, both are
    noise.
    """
    vip = pytest.importorskip(
        "vip_hci.metrics.contrcurve", reason="needs the extra: pip install 'exobench[peers]'"
    )
    reduce = load("pca", n_components=10).reduce

    def algorithm(cube, angle_list, verbose=False):
        return reduce(replace(naco, cube=cube[np.newaxis], angles=angle_list))

    found = vip.contrast_curve(
        naco.cube[0].astype(float),
        naco.angles,
        naco.psf[0].astype(float),
        naco.reference_fwhm,
        naco.pixel_scale,
        NACO["star_flux"],
        algorithm,
        nbranch=6,
        fc_snr=20,
        noise_sep=None,
        smooth=False,
        interp_order=None,
        plot=False,
        verbose=False,
    )
    n = len(found)
    np.testing.assert_allclose(found["distance"], naco_curve.separations.px[:n])
    beyond = slice(1, n)
    ratio = naco_curve.throughput[beyond] / found["throughput"].to_numpy()[beyond]
    np.testing.assert_allclose(ratio, 1, atol=0.15)
    ratio = naco_curve.noise[:n] / found["noise"].to_numpy()
    np.testing.assert_allclose(ratio, 1, atol=0.25)
    vip_mag = -2.5 * np.log10(found["sensitivity_student"].to_numpy())
    difference = naco_curve.delta_mag[beyond] - vip_mag[beyond]
    assert np.abs(difference).max() < 0.35
    assert np.abs(np.median(difference)) < 0.1
    # The same small-sample correction, but for the aperture that it counts twice.
    n_all = np.floor(2 * np.pi * found["distance"] / naco.reference_fwhm)
    tau = stats.t.isf(float(fpf_of_sigma(5)), n_all - 1) * np.sqrt(1 + 1 / n_all)
    np.testing.assert_allclose(found["sigma corr"], tau, rtol=1e-6)


def aperture_sum(frame, position, photometry_mode):
    """What applefy's get_flux is to return: its own fails with the tables of photutils 3."""
    aperture = CircularAperture(position, photometry_mode.aperture_radius)
    return position, aperture.do_photometry(frame, method="exact")[0][0]


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_real_cube_has_the_limits_of_applefy(naco, naco_curve, monkeypatch):
    """The analytic curve of applefy from the same residual and throughput: 0.04 mag apart.

    It takes the median over rings of the limit on top of the noise at the place of the
    companion, we the limit of the mean variance; its ring has floor(2 pi r / FWHM)
    apertures, which overlap a little at 1 FWHM. Its centre is (n - 1) / 2: right for
    this odd frame.
    """
    applefy = pytest.importorskip(
        "applefy.utils.contrast_curve", reason="needs the extra: pip install 'exobench[peers]'"
    )
    import pandas as pd
    from applefy.statistics import TTest
    from applefy.utils.photometry import AperturePhotometryMode

    monkeypatch.setattr("applefy.utils.photometry.get_flux", aperture_sum)
    radii, throughput = naco_curve.separations.px, naco_curve.throughput
    median, _, _ = applefy.compute_contrast_curve(
        pd.Series(throughput, index=radii),
        NACO["star_flux"],
        np.asarray(load("pca", n_components=10).reduce(naco), dtype=float),
        float(fpf_of_sigma(5)),
        TTest(),
        naco.reference_fwhm / 2,
        AperturePhotometryMode("AS", psf_fwhm_radius=naco.reference_fwhm / 2),
        num_rot_iter=36,
    )
    difference = naco_curve.delta_mag + 2.5 * np.log10(median)
    assert np.abs(difference[1:]).max() < 0.1
    assert abs(np.median(difference)) < 0.03
