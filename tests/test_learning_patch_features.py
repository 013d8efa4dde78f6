"""What forests and small networks see of patches."""

import numpy as np
import pytest
from scipy import stats

from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import Ring
from exobench.baselines.learning.samples.samples import Batch
from exobench.baselines.learning.shallow.patch_features import (
    compressed,
    features_of,
    mirrored,
    psf_template,
    template_features,
)
from exobench.datasets.errors import InputError

SETTINGS = PatchSettings(patch=7, n_ranks=2)
RING = Ring(inner=6.0, outer=10.0)


@pytest.fixture(scope="module")
def stacks():
    return np.random.default_rng(0).normal(size=(5, 3, 7, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def noise(sky):
    return sky.noise((12, 31, 31), blur=1.0)


def test_template_features_are_pearsons_correlations_and_standard_deviations(stacks, noise):
    template = psf_template(noise, 7)
    found = template_features(stacks, template)
    slices = stacks.reshape(15, 49)
    expected = [stats.pearsonr(one, template.ravel()).statistic for one in slices]
    np.testing.assert_allclose(found[:, :3].ravel(), expected, atol=1e-6)
    np.testing.assert_allclose(found[:, 3:].ravel(), slices.std(axis=1), rtol=1e-5)


def test_a_flat_slice_is_like_no_companion(noise):
    found = template_features(np.full((1, 2, 7, 7), 3.0), psf_template(noise, 7))
    np.testing.assert_array_equal(found, 0)


def test_the_template_of_a_psf_is_its_middle_or_all_of_it(noise):
    psf = noise.psf[0]
    np.testing.assert_array_equal(psf_template(noise, 7), psf[9:16, 9:16])
    wide = psf_template(noise, 29)
    np.testing.assert_array_equal(wide[2:27, 2:27], psf)
    assert wide.sum() == pytest.approx(psf.sum())


def test_features_of_a_batch_are_as_many_as_their_kind_says(stacks):
    batch = Batch.of(stacks, np.ones((5, 3)), np.zeros(5, dtype=int))
    template = np.eye(7)
    assert features_of(batch, "stack", template).shape == (5, 3 * 49)
    short, long = (features_of(batch, kind, template) for kind in ("template", "template+snr"))
    np.testing.assert_array_equal(long[:, :6], short)
    np.testing.assert_array_equal(long[:, 6:], 1)
    with pytest.raises(InputError, match="features must be one of template, template"):
        features_of(batch, "wavelets", template)


def test_compression_is_linear_in_noise_and_logarithmic_in_what_is_bright():
    patches = np.array([0.01, -0.01, 1e4])[:, np.newaxis, np.newaxis] * np.ones((3, 2, 2))
    found = compressed(patches)
    np.testing.assert_allclose(found[:2, 0], [0.01, -0.01], rtol=1e-4)
    np.testing.assert_allclose(found[2], np.log(2 * 1e4), rtol=1e-6)


def test_mirrored_patches_are_the_eight_symmetries_of_a_square():
    patch = np.arange(9.0)[np.newaxis]
    images = mirrored(patch)
    assert len({tuple(one) for one in images}) == 8
    np.testing.assert_array_equal(images[:1], patch)
    np.testing.assert_array_equal(images[:, 4], 4)
    assert {tuple(one[[0, 2, 8, 6]]) for one in images} == {
        tuple(np.roll(corners, n)) for corners in ([0, 2, 8, 6], [0, 6, 8, 2]) for n in range(4)
    }
