"""The mean S/N over numbers of components: what it averages, its scale, and what it finds."""

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines.learning.residuals.flux_ranges import flux_range
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.injection import inject
from exobench.scoring.snr import snr_at

SETTINGS = PatchSettings(patch=3, n_ranks=6)


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)


def test_it_averages_the_s_n_of_residual_images(sequence):
    mean = load("mean_snr", n_ranks=6)._mean_snr(sequence)
    ring = rings(sequence, 3)[4]
    yx = ring.pixels(sequence.shape)[::7]
    for shown, sign in zip(mean, (1, -1), strict=True):
        images = RingResiduals(sequence, ring, SETTINGS).images(sign)
        # Pixels of other rings are NaN, and discs near the limits of the ring reach into them.
        whole = np.nan_to_num(np.asarray(images, dtype=np.float64))
        middle = yx[np.abs(np.hypot(*(yx - 30.0).T) - ring.middle) < 0.3]
        expected = np.mean(
            [snr_at(image, sequence.reference_fwhm, middle) for image in whole], axis=0
        )
        np.testing.assert_allclose(shown[tuple(middle.T)], expected, atol=0.12)
        assert np.corrcoef(shown[tuple(middle.T)], expected)[0, 1] > 0.99


def test_noise_is_in_gaussian_sigma(sequence):
    blanks = [sequence, *(simulate("naco_like", rng=i, n_frames=30, size=61) for i in (1, 2))]
    maps = [load("mean_snr")(blank) for blank in blanks]
    values = np.concatenate([shown[np.isfinite(shown)] for shown in maps])
    assert values.size > 4000
    assert values.std() == pytest.approx(1, abs=0.1)
    assert values.mean() == pytest.approx(0, abs=0.1)


@pytest.mark.slow
def test_faint_companions_stand_out_more_than_after_any_one_number_of_components(sequence):
    (ring,) = (one for one in rings(sequence, 3) if one.inner <= 17 < one.outer)
    flux = flux_range(sequence, ring, SETTINGS, np.random.default_rng(0)).high
    places = ring.positions(24, np.random.default_rng(1), sequence.shape)
    blank = load("mean_snr")._mean_snr(sequence)[0]
    residuals = RingResiduals(sequence, ring, SETTINGS)
    curves = residuals.snr_curves(ring.pixels(sequence.shape))
    found = np.concatenate(
        [residuals.positives(companion_at(sequence, yx, flux)).snr for yx in places]
    )
    noise = np.append(curves.std(axis=0), np.nanstd(blank[tuple(ring.pixels(sequence.shape).T)]))
    signal = np.append(found.mean(axis=0), found.mean())
    assert (signal / noise)[-1] > (signal / noise)[:-1].max()


def test_a_companion_is_brightest_where_it_is(sequence):
    yx = np.array([44.0, 40.0])
    with_companion = inject(sequence, [companion_at(sequence, yx, 2e-4 * sequence.star_flux[0])])
    found = load("mean_snr")(with_companion)
    peak = np.unravel_index(np.nanargmax(found), found.shape)
    assert np.hypot(*(peak - yx)) < 1
    assert found[peak] > 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_ranks": 0}, "n_ranks must be 1 or more"),
        ({"explained": 0}, "explained must be more than 0"),
        ({"explained": 1.1}, "explained must be 1 or less"),
    ],
)
def test_options_out_of_range_are_refused(options, said):
    with pytest.raises(InputError, match=said):
        load("mean_snr", **options)


def test_a_single_frame_is_refused():
    one = simulate("irdis_like", rng=0, n_frames=1, size=61)
    with pytest.raises(InputError, match="1 frame; mean_snr needs 2 or more"):
        load("mean_snr")(one)
