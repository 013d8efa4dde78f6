"""Simulated speckles behave as stated, preset by preset, beside the real cube.

Medians over seeds; tolerances are three times the measured scatter of such a median. The
real values are those of `test_statistics`. The other presets have no cube to compare with:
their rows say what they are, not what they should be.
"""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exobench.datasets.geometry import annulus
from exobench.datasets.simulator import simulate
from exobench.datasets.statistics import speckle_statistics


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    """Products as small as these wait for each other's threads."""
    with threadpool_limits(1, user_api="blas"):
        yield


# statistic: (naco_like, tolerance, real NACO cube)
NACO_LIKE = {
    "correlation_1": (0.922, 0.02, 0.92),
    "correlation_10": (0.77, 0.05, 0.77),
    "correlation_40": (0.61, 0.14, 0.46),  # forgets too slowly over hours
    "temporal_scatter": (0.145, 0.04, 0.16),
    "pca_residual": (0.032, 0.004, 0.030),
    "azimuthal_scatter": (0.18, 0.04, 0.178),
    "leading_variance": (0.914, 0.04, 0.92),
    "excess_kurtosis": (2.0, 0.45, 2.0),
    "profile_ratio": (0.294, 0.03, 0.264),  # a little too flat
}
IRDIS_LIKE = {
    "correlation_1": (0.96, 0.02),
    "correlation_10": (0.92, 0.04),
    "correlation_40": (0.84, 0.08),
    "temporal_scatter": (0.29, 0.12),
    "pca_residual": (0.092, 0.03),
    "azimuthal_scatter": (0.46, 0.16),
    "leading_variance": (0.94, 0.04),
    "excess_kurtosis": (2.1, 0.5),
    "profile_ratio": (0.45, 0.08),
}
IFS_LIKE = {
    "correlation_1": (0.94, 0.05),
    "correlation_10": (0.87, 0.10),
    "correlation_40": (0.80, 0.15),
    "temporal_scatter": (0.26, 0.10),
    "pca_residual": (0.068, 0.02),
    "azimuthal_scatter": (0.50, 0.10),
    "leading_variance": (0.945, 0.05),
    "excess_kurtosis": (1.85, 0.5),
    "profile_ratio": (0.84, 0.35),
}


def medians(preset, seeds, **overrides):
    found = [speckle_statistics(simulate(preset, rng=seed, **overrides)) for seed in seeds]
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


def test_naco_like_comes_near_the_real_cube(naco_like):
    far = {
        name
        for name, (_, tolerance, real) in NACO_LIKE.items()
        if abs(naco_like[name] - real) > 1.2 * tolerance
    }
    assert far <= {"correlation_40", "profile_ratio"}


def test_irdis_like_of_a_demo_is_much_the_same():
    lags = {"correlation_1": (0.94, 0.03), "correlation_10": (0.83, 0.08)}
    short = {**IRDIS_LIKE, **lags, "correlation_40": (0.77, 0.15)}
    assert_table(medians("irdis_like", range(4), n_frames=60, size=100), short)


@pytest.mark.slow
def test_irdis_like_has_the_statistics_of_its_table():
    assert_table(medians("irdis_like", range(2)), IRDIS_LIKE)


@pytest.mark.slow
def test_sphere_ifs_like_has_the_statistics_of_its_table():
    assert_table(medians("sphere_ifs_like", range(3), n_wavelengths=3), IFS_LIKE)


def test_the_speckles_of_an_ifs_scale_with_wavelength():
    runs = [
        speckle_statistics(
            simulate("sphere_ifs_like", rng=seed, n_wavelengths=5, n_frames=11, duration=704.0)
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
    return simulate("irdis_like", rng=1, n_frames=60)
