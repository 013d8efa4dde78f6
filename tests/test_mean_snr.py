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

SETTINGS = PatchSettings(patch=5, n_ranks=6)


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)


@pytest.mark.parametrize(("preset", "number"), [("irdis_like", 4), ("lmircam_like", 1)])
def test_it_averages_the_s_n_of_residual_images_up_to_the_borders_of_a_ring(preset, number):
    """Discs are whole there, of a FWHM of 3.5 and of 8.6 pixels."""
    sequence = simulate(preset, rng=np.random.default_rng(0), n_frames=30, size=81)
    method = load("mean_snr", n_ranks=6)
    settings = method._settings(sequence)
    ring = rings(sequence, settings.patch)[number]
    residuals = RingResiduals(sequence, ring, settings)
    yx = ring.pixels(sequence.shape)
    for shown, sign in zip(method._mean_snr(sequence), (1, -1), strict=True):
        # Beyond what discs of this ring reach the images have no value.
        images = np.nan_to_num(np.asarray(residuals.images(sign), dtype=np.float64))
        expected = np.mean([snr_at(one, sequence.reference_fwhm, yx) for one in images], axis=0)
        np.testing.assert_allclose(shown[tuple(yx.T)], expected, atol=0.15)
        assert np.abs(shown[tuple(yx.T)] - expected).std() < 0.02


def test_channels_are_averaged_before_the_scatter_is_measured():
    sequence = simulate("sphere_ifs_like", rng=1, n_frames=12, size=61, n_wavelengths=2)
    method = load("mean_snr", n_ranks=4)
    means = [method._mean_snr(sequence.channel(i))[0] for i in range(2)]
    found = method(sequence)
    known = np.isfinite(found)
    np.testing.assert_array_equal(known, np.isfinite(sum(means)))
    for together, most in ((sum(means), 0.999), (means[0], 0.98)):
        rank = np.corrcoef(found[known], together[known])[0, 1]
        assert (rank > most) == (together is not means[0])
    assert 0.9 < found[known].std() < 1.1


def test_noise_is_in_gaussian_sigma(sequence):
    blanks = [sequence, *(simulate("naco_like", rng=i, n_frames=30, size=61) for i in (1, 2))]
    maps = [load("mean_snr")(blank) for blank in blanks]
    values = np.concatenate([shown[np.isfinite(shown)] for shown in maps])
    assert values.size > 4000
    assert values.std() == pytest.approx(1, abs=0.1)
    assert values.mean() == pytest.approx(0, abs=0.1)


@pytest.mark.slow
def test_faint_companions_stand_out_more_than_after_any_one_number_of_components(sequence):
    (ring,) = (one for one in rings(sequence, 5) if one.inner <= 17 < one.outer)
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
