"""How aberrations and conditions change in time, against their laws."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.errors import InputError
from exobench.datasets.simulator import load_preset, preset_names, simulate, simulate_scene
from exobench.datasets.simulator.aberrations import (
    Aberrations,
    LastingPath,
    beam_shift,
    derotator_turn,
    draw_screens,
    polishing_amplitude,
)
from exobench.datasets.simulator.ao_halo import ao_residual
from exobench.datasets.simulator.conditions import draw_conditions
from exobench.datasets.simulator.observation import altitudes
from exobench.datasets.simulator.presets import override, parameters
from exobench.datasets.simulator.pupil import telescope_pupil
from exobench.datasets.simulator.random_walks import correlated, exposed_covariance

PUPIL = telescope_pupil(48, obscuration=0.14, spider_width=0.012)
ABERRATIONS = Aberrations(
    ncpa_static=30.0,
    ncpa_rotating=0.4,
    ncpa_rms=(10.0,),
    ncpa_lifetime=(100.0,),
    ncpa_chromatic=0.0,
    pupil_drift=0.004,
    amplitude_rms=0.0,
)


def test_the_covariance_of_exposures_is_that_of_means_over_them():
    fine = np.arange(1000) / 250  # two exposures of 2
    for lifetime in (0.3, 2.0, 50.0):
        exact = np.exp(-np.abs(fine[:, None] - fine) / lifetime)
        alone, apart = exact[:500, :500].mean(), exact[:500, 500:].mean()
        found = exposed_covariance(2, 2.0, [3.0], [lifetime])
        assert found == pytest.approx([9 * alone, 9 * apart], rel=5e-3)


def test_longer_exposures_are_the_means_of_short_ones():
    rms, lifetimes = (1.0, 2.0), (5.0, 60.0)
    short, long = (exposed_covariance(n, 40 / n, rms, lifetimes) for n in (8, 4))
    # The mean of two neighbours: half their own variance, half their covariance.
    assert long[0] == pytest.approx((short[0] + short[1]) / 2)
    assert long[1] == pytest.approx((short[1] + 2 * short[2] + short[3]) / 4)


def test_a_series_has_the_covariance_asked_for():
    covariance = exposed_covariance(30, 1.0, (1.0, 1.0, 0.5), (0.2, 5.0, 500.0))
    white = np.random.default_rng(1).standard_normal((30, 40_000), dtype=np.float32)
    series = correlated(white, covariance)
    for lag in (0, 1, 6, 29):
        found = (series[: 30 - lag] * series[lag:]).mean()
        assert found == pytest.approx(covariance[lag], abs=0.03)


def test_no_aberration_is_no_series():
    white = np.ones((4, 2), dtype=np.float32)
    assert not correlated(white, exposed_covariance(4, 1.0, (0.0,), (1.0,))).any()


def test_the_lasting_aberrations_keep_their_variance_as_they_turn():
    path = LastingPath.draw(ABERRATIONS, PUPIL, np.random.default_rng(2))
    moved = path.at(np.array([0.0, 20.0]), np.zeros((2, 2)))
    np.testing.assert_allclose(moved[0], path.still + path.turning, atol=1e-3)
    rms = np.sqrt([np.average(screen**2, weights=PUPIL) for screen in moved])
    assert rms == pytest.approx([30.0, 30.0], rel=0.15)
    # 40 % of the variance has turned away from itself.
    correlation = np.average(moved[0] * moved[1], weights=PUPIL) / rms.prod()
    assert correlation == pytest.approx(0.6 + 0.4 * 0.55, abs=0.2)


def test_the_derotator_turns_counter_clockwise():
    spot = np.zeros((48, 48), dtype=np.float32)
    spot[23:25, 40:42] = 1  # at +x
    path = LastingPath(still=np.zeros_like(spot), turning=spot)
    quarter = path.at(np.array([0.0, 90.0]), np.zeros((2, 2)))[1]
    y, x = ndimage.center_of_mass(quarter)
    assert (y, x) == pytest.approx((40.5, 23.5), abs=0.05)  # at +y


def test_the_beam_moves_the_aberrations_of_the_optics():
    x = np.arange(48)
    wave = np.sin(2 * np.pi * 2 * x / 48).astype(np.float32) * np.ones((48, 1), dtype=np.float32)
    path = LastingPath(still=wave, turning=np.zeros_like(wave))
    moved = path.at(np.zeros(1), np.array([[0.0, 0.01]]))[0]
    expected = wave + 0.01 * 4 * np.pi * np.cos(2 * np.pi * 2 * x / 48)
    np.testing.assert_allclose(moved[:, 2:-2], expected[:, 2:-2], atol=2e-3)


def test_the_derotator_follows_the_altitude():
    observation = load_preset("irdis_like").observation
    height = altitudes(observation)
    transit = 90 - abs(observation.declination - observation.latitude)
    assert height.max() == pytest.approx(transit, abs=0.05)
    turn = derotator_turn(ABERRATIONS, observation)
    np.testing.assert_allclose(turn, 0.5 * (height - height[0]))
    assert not derotator_turn(replace(ABERRATIONS, derotator_rate=0.0), observation).any()


def test_the_pupil_drifts_by_as_much_as_asked_for():
    observation = replace(load_preset("irdis_like").observation, n_frames=4000, duration=4e7)
    shift = beam_shift(ABERRATIONS, observation, np.random.default_rng(3))
    assert shift.std(axis=0) == pytest.approx([0.004, 0.004], rel=0.1)


def conditions_of(seed=0, **overrides):
    preset = load_preset("irdis_like", **overrides)
    return preset, draw_conditions(preset.weather, preset.observation, np.random.default_rng(seed))


def test_bad_frames_come_in_spells_and_have_their_variance():
    quality = np.concatenate(
        [conditions_of(seed, bad_fraction=0.1, bad_variance=6.0)[1].quality for seed in range(40)]
    )
    bad = quality > 1.5
    assert bad.mean() == pytest.approx(0.1, abs=0.03)
    assert np.median(quality[quality > 2.5]) == pytest.approx(6, rel=0.25)
    assert bad[1:][bad[:-1]].mean() > 3 * bad.mean()


def test_long_frames_average_good_and_bad():
    short, long = (
        conditions_of(5, bad_fraction=0.15, bad_variance=6.0, n_frames=n, duration=3e5)[1].quality
        for n in (10_000, 200)
    )
    assert long.mean() == pytest.approx(short.mean(), rel=0.15)
    assert long.std() < 0.5 * short.std()


def test_without_bad_spells_all_frames_are_good():
    assert (conditions_of(bad_fraction=0.0)[1].quality == 1).all()


def test_a_bad_frame_has_more_halo_and_less_strehl():
    preset, conditions = conditions_of(bad_fraction=0.0)
    quality = np.ones(252, dtype=np.float32)
    quality[7] = 4
    good, bad = (
        ao_residual(preset.telescope, preset.adaptive_optics, replace(conditions, quality=q))
        for q in (np.ones(252, dtype=np.float32), quality)
    )
    ratio = bad.variance / good.variance
    assert ratio[7] == pytest.approx(4, rel=1e-4)
    assert np.delete(ratio, 7) == pytest.approx(np.ones(251), rel=1e-5)
    assert bad.strehl(1593.0)[7] == pytest.approx(good.strehl(1593.0)[7] ** 4, rel=1e-3)
    assert bad.amplitude(slice(7, 8)) == pytest.approx(2 * good.amplitude(slice(7, 8)), rel=1e-4)


def test_a_screen_of_aberrations_survives_the_sum_of_lifetimes():
    """Every lifetime has the spectrum of polished optics: the sum has it too."""
    amplitude = polishing_amplitude(12)
    half = draw_screens(np.random.default_rng(4), amplitude, 1200).real
    covariance = exposed_covariance(1200, 1.0, (2.0, 1.0), (0.5, 5.0))
    found = correlated(half, covariance)
    assert found.var() == pytest.approx(covariance[0], rel=0.1)
    apart = (found[:, :, 2:] * found[:, :, :-2]).mean() / found.var()
    assert apart == pytest.approx((half[:, :, 2:] * half[:, :, :-2]).mean() / half.var(), abs=0.03)


def test_every_sequence_draws_its_conditions_within_the_ranges():
    ranges = load_preset("irdis_like")
    drawn = [ranges.draw(np.random.default_rng(seed)) for seed in range(50)]
    groups = parameters()
    for name, (low, high) in ranges.drawn.items():
        values = [getattr(getattr(one, groups[name]), name) for one in drawn]
        assert low <= min(values) < low + 0.2 * (high - low)
        assert high - 0.2 * (high - low) < max(values) <= high
    assert all(not one.drawn for one in drawn)


def test_an_override_fixes_a_field_and_leaves_the_other_draws():
    free, fixed = (
        load_preset("irdis_like", **overrides).draw(np.random.default_rng(1))
        for overrides in ({}, {"r0": 0.3})
    )
    assert fixed.weather == replace(free.weather, r0=0.3)
    assert (fixed.observation, fixed.photometry) == (free.observation, free.photometry)


def test_the_conditions_of_a_scene_are_its_own_and_secret():
    one, same, other = (simulate_scene("irdis_like", rng=s, n_frames=3, size=40) for s in (1, 1, 2))
    assert one.preset == same.preset != other.preset
    assert one.preset.weather.r0 != other.preset.weather.r0
    assert one.star.metadata == other.star.metadata == {"simulated": "irdis_like"}


@pytest.mark.parametrize("limits", [(2.0, 1.0), (np.nan, 1.0), ("low", "high")])
def test_impossible_ranges_are_refused(limits):
    preset = load_preset("irdis_like")
    with pytest.raises(InputError, match="irdis_like: no range of a parameter: r0"):
        replace(preset, drawn={"r0": limits})
    with pytest.raises(InputError, match="no range of a parameter: rzero"):
        replace(preset, drawn={"rzero": (1.0, 2.0)})


def test_both_ends_of_every_range_are_possible():
    for name in preset_names():
        preset = load_preset(name)
        for end in (0, 1):
            override(preset, **{field: limits[end] for field, limits in preset.drawn.items()})


def test_a_wide_channel_is_the_mean_of_its_wavelengths():
    fixed = {"n_frames": 3, "size": 60, "coronagraph": "vortex"}
    wide = simulate_scene("nirc2_like", rng=5, samples=3, bandwidth=0.6, **fixed)
    narrow = [
        simulate_scene("nirc2_like", rng=5, wavelength=3.776 + step, bandwidth=0.6, **fixed)
        for step in (-0.2, 0.0, 0.2)
    ]
    expected = np.mean([scene.star.cube for scene in narrow], axis=0)
    np.testing.assert_allclose(wide.star.cube, expected, rtol=2e-3)
    assert wide.star.star_flux == pytest.approx(narrow[1].star.star_flux, rel=0.03)


def test_samples_need_a_bandwidth():
    with pytest.raises(InputError, match="several wavelengths need a bandwidth"):
        simulate("irdis_like", rng=1, samples=3, bandwidth=0.0)
