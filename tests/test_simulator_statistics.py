"""Simulated speckles behave as stated, preset by preset, beside the real cube.

Medians over seeds; tolerances are three times the measured scatter of such a median. The
real values are those of `test_statistics`. The other presets have no cube to compare with:
their rows say what they are, not what they should be.
"""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exobench.datasets.geometry import annulus, to_yx
from exobench.datasets.simulator import load_preset, simulate
from exobench.datasets.statistics import speckle_statistics


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Products as small as these wait for each other's threads."""
    with threadpool_limits(1, user_api="blas"):
        yield


# statistic: (naco_like, tolerance, real NACO cube); typical conditions, nothing drawn
NACO_LIKE = {
    "correlation_1": (0.90, 0.03, 0.918),
    "correlation_10": (0.72, 0.08, 0.771),
    "correlation_40": (0.50, 0.20, 0.461),
    "temporal_scatter": (0.132, 0.05, 0.159),
    "pca_residual": (0.037, 0.004, 0.030),  # 0.034 as light: the rest is the camera's
    "azimuthal_scatter": (0.199, 0.03, 0.178),
    "leading_variance": (0.927, 0.02, 0.917),
    "excess_kurtosis": (1.6, 0.5, 2.01),
    "profile_ratio": (0.271, 0.015, 0.264),
}
IRDIS_LIKE = {
    "correlation_1": (0.94, 0.02),
    "correlation_10": (0.88, 0.03),
    "correlation_40": (0.78, 0.06),
    "temporal_scatter": (0.49, 0.10),
    "pca_residual": (0.12, 0.03),
    "azimuthal_scatter": (0.44, 0.08),
    "leading_variance": (0.963, 0.03),
    "excess_kurtosis": (2.3, 0.4),
    "profile_ratio": (0.40, 0.06),
}
IRDIS_DEMO = {
    "correlation_1": (0.925, 0.03),
    "correlation_10": (0.79, 0.08),
    "correlation_40": (0.73, 0.15),
    "temporal_scatter": (0.40, 0.12),
    "pca_residual": (0.095, 0.02),
    "azimuthal_scatter": (0.45, 0.07),
    "leading_variance": (0.962, 0.025),
    "excess_kurtosis": (2.25, 0.35),
    "profile_ratio": (0.43, 0.06),
}
NIRC2_LIKE = {
    "correlation_1": (0.81, 0.04),
    "correlation_10": (0.70, 0.06),
    "correlation_40": (0.60, 0.09),
    "temporal_scatter": (0.375, 0.07),
    "pca_residual": (0.126, 0.012),
    "azimuthal_scatter": (0.48, 0.09),
    "leading_variance": (0.949, 0.015),
    "excess_kurtosis": (1.33, 0.35),
    "profile_ratio": (0.093, 0.01),
}
LMIRCAM_LIKE = {
    "correlation_1": (0.974, 0.01),
    "correlation_10": (0.958, 0.015),
    "correlation_40": (0.947, 0.03),
    "temporal_scatter": (0.21, 0.04),
    "pca_residual": (0.10, 0.012),
    "azimuthal_scatter": (0.61, 0.10),
    "leading_variance": (0.996, 0.004),
    "excess_kurtosis": (2.0, 0.3),
    "profile_ratio": (0.071, 0.006),
}
SPHERE_IFS_LIKE = {
    "correlation_1": (0.927, 0.03),
    "correlation_10": (0.80, 0.07),
    "correlation_40": (0.79, 0.15),
    "temporal_scatter": (0.325, 0.08),
    "pca_residual": (0.069, 0.03),
    "azimuthal_scatter": (0.485, 0.12),
    "leading_variance": (0.975, 0.03),
    "excess_kurtosis": (2.07, 0.4),
    "profile_ratio": (0.66, 0.25),
}
GPI_LIKE = {
    "correlation_1": (0.925, 0.04),
    "correlation_10": (0.77, 0.09),
    "temporal_scatter": (0.38, 0.15),
    "pca_residual": (0.055, 0.03),
    "azimuthal_scatter": (0.45, 0.10),
    "leading_variance": (0.975, 0.03),
    "excess_kurtosis": (1.53, 0.35),
    "profile_ratio": (0.56, 0.30),
}


def typical(preset, **overrides):
    """The preset without its ranges."""
    return replace(load_preset(preset, **overrides), drawn={})


def medians(preset, seeds, **overrides):
    found = [speckle_statistics(simulate(typical(preset, **overrides), rng=seed)) for seed in seeds]
    table = {
        f"correlation_{lag}": [f.correlation[i] for f in found] for i, lag in enumerate((1, 10, 40))
    }
    names = [name for name in NACO_LIKE if not name.startswith("correlation")]
    table |= {name: [getattr(f, name) for f in found] for name in names}
    return {name: float(np.median(values)) for name, values in table.items()}


def assert_table(found, expected):
    wrong = {
        name: (found[name], value, tolerance)
        for name, (value, tolerance, *_) in expected.items()
        if not abs(found[name] - value) <= tolerance
    }
    assert not wrong


@pytest.fixture(scope="module")
def naco_like():
    return medians("naco_like", range(6))


def test_naco_like_has_the_statistics_of_its_table(naco_like):
    assert_table(naco_like, NACO_LIKE)


def test_naco_like_is_within_a_quarter_of_the_real_cube(naco_like):
    ratios = {name: naco_like[name] / real for name, (_, _, real) in NACO_LIKE.items()}
    assert all(0.75 <= ratio <= 1.27 for ratio in ratios.values()), ratios


def test_sequences_of_naco_like_differ_as_their_conditions_do():
    drawn = [
        speckle_statistics(simulate("naco_like", rng=seed)).temporal_scatter for seed in range(6)
    ]
    assert np.std(drawn) > 0.1 * np.mean(drawn)


def test_irdis_like_of_a_demo_has_the_statistics_of_its_table():
    assert_table(medians("irdis_like", range(4), n_frames=60, size=100), IRDIS_DEMO)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preset", "table", "overrides"),
    [
        ("irdis_like", IRDIS_LIKE, {}),
        ("nirc2_like", NIRC2_LIKE, {}),
        ("lmircam_like", LMIRCAM_LIKE, {}),
        ("sphere_ifs_like", SPHERE_IFS_LIKE, {"n_wavelengths": 3}),
        ("gpi_like", GPI_LIKE, {"n_wavelengths": 3}),
    ],
)
def test_the_other_presets_have_the_statistics_of_their_tables(preset, table, overrides):
    assert_table(medians(preset, range(3), **overrides), table)


def test_satellite_spots_stand_at_their_separation_in_every_channel():
    preset = typical("gpi_like", n_frames=4, n_wavelengths=2)
    images = simulate(preset, rng=1).cube.mean(axis=1)
    for image, wavelength in zip(images, preset.sampling.wavelengths, strict=True):
        scale = preset.telescope.lambda_over_d(wavelength) / preset.sampling.pixel_scale
        y, x = to_yx(20.0 * scale, np.array([45.0, 135.0, 225.0, 315.0]), image.shape)
        around = annulus(image.shape, 20.0 * scale - 2, 20.0 * scale + 2)
        at_spots = image[np.rint(y).astype(int), np.rint(x).astype(int)]
        assert at_spots.min() > 2 * np.median(image[around])


def test_the_speckles_of_an_ifs_scale_with_wavelength():
    runs = [
        speckle_statistics(
            simulate(
                typical("sphere_ifs_like", n_wavelengths=5, n_frames=11, duration=704.0), rng=seed
            )
        )
        for seed in range(4)
    ]
    before = np.median([run.channel_correlation for run in runs], axis=0)
    after = np.median([run.aligned_correlation for run in runs], axis=0)
    # 0.95, 1.05, 1.15, 1.25 and 1.35 um
    assert before == pytest.approx([0.30, 0.65, 1.0, 0.70, 0.33], abs=0.2)
    assert after == pytest.approx([0.85, 0.97, 1.0, 0.98, 0.94], abs=0.06)
    # Chromatic aberrations leave something that scaling does not align.
    assert after.min() < 0.99


@pytest.mark.parametrize(
    ("separation", "contrast"), [(0.2, 1.4e-4), (0.4, 3.8e-5), (0.6, 2.6e-5), (0.9, 4.2e-5)]
)
def test_irdis_like_has_the_raw_contrast_of_its_class(irdis, separation, contrast):
    mean = irdis.cube[0].mean(axis=0)
    at = separation / irdis.pixel_scale
    found = mean[annulus(irdis.shape, at - 0.5, at + 0.5)].mean()
    assert found == pytest.approx(contrast, rel=0.3)


@pytest.fixture(scope="module")
def irdis():
    return simulate(typical("irdis_like", n_frames=60), rng=1)
