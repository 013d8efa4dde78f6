"""The audit of false alarms, on noise whose false alarms are known."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from photutils.aperture import CircularAperture
from scipy import signal, stats

from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre, radius_map
from exobench.scoring import significance_map
from exobench.scoring.calibration import (
    BlankField,
    FalseAlarmRate,
    Ring,
    audit,
    blank_fields,
    fit_tail,
    gaussian_claim,
    ring_in_noise,
)
from exobench.scoring.calibration.fields import element_positions, sample_field
from exobench.scoring.calibration.rates import CandidateRate, design_effect
from exobench.scoring.calibration.tail import fit_excesses, n_in_tail

FWHM, RADII, EDGES = 4.0, (5.0, 13.0), (1.25, 2.0, 2.75, 3.25)


def normal_maps(n, seed=0, size=61):
    """Maps whose pixels are independent and standard normal, so that every claim holds."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(size, size)) for _ in range(n)]


def rate(count, n, n_effective=None, claimed=0.01):
    return FalseAlarmRate(
        value=3.0, claimed=claimed, count=count, n=n, n_effective=float(n_effective or n)
    )


# Places.


def test_elements_are_one_fwhm_apart_and_inside_the_radii():
    field = BlankField(detection_map=np.zeros((60, 61)), fwhm=5.0, radii=(6.0, 27.0))
    for index in range(5):
        at = element_positions(field, index)
        distance = np.hypot(*(at[:, np.newaxis] - at).transpose(2, 0, 1))
        np.fill_diagonal(distance, np.inf)
        # Two nearest pixels are each up to 0.71 px off the places that touch.
        assert distance.min() > 5.0 - 1.42
        radius = field.separations(at) * 5.0
        assert radius.min() >= 6
        assert radius.max() <= 27
        # As many as touching discs fill of the area, which leave gaps.
        assert 0.55 < len(at) / (4 * (27**2 - 6**2) / 25) < 1


def test_many_maps_look_at_all_pixels_alike():
    field = BlankField(detection_map=np.zeros((41, 40)), fwhm=4.0, radii=(6.0, 18.0))
    seen = np.concatenate([element_positions(field, index) for index in range(2000)])
    places, times = np.unique(seen, axis=0, return_counts=True)
    radius = field.separations(places) * 4
    inside = (radius > 7) & (radius < 17)
    assert inside.sum() == ((radius_map((41, 40)) > 7) & (radius_map((41, 40)) < 17)).sum()
    assert times[inside].std() < 0.25 * times[inside].mean()


def test_values_without_a_claim_are_no_looks():
    values = np.full((41, 41), np.nan)
    values[20:, :] = 1.0
    whole = BlankField(detection_map=np.ones((41, 41)), fwhm=4.0, radii=(5.0, 18.0))
    half = BlankField(detection_map=values, fwhm=4.0, radii=(5.0, 18.0))
    n_whole, n_half = (sample_field(f, (0, 99), 0).elements[0].size for f in (whole, half))
    assert 0.4 * n_whole < n_half < 0.65 * n_whole


def test_areas_of_the_bins_add_up_to_that_of_the_scored_area():
    field = BlankField(detection_map=np.zeros((61, 61)), fwhm=4.0, radii=(5.0, 28.0), unit_px=3.0)
    resels = sample_field(field, (0.0, 3.0, 6.0, np.inf), 0).n_resels
    assert resels.sum() == pytest.approx(4 * (28**2 - 5**2) / 16)
    assert resels[1] == pytest.approx(4 * (18**2 - 9**2) / 16)


def test_only_the_area_with_values_is_searched():
    radius = radius_map((61, 61))
    values = np.where(radius < 14, np.nan, 0.0)
    field = BlankField(detection_map=values, fwhm=4.0, radii=(6.0, 28.0))
    resels = sample_field(field, (1.5, 3.5, 7.0), 0).n_resels
    np.testing.assert_allclose(resels, [0, 4 * (28**2 - 14**2) / 16])
    found = audit([field], values=(2.0,), edges=(1.5, 3.5, 7.0))
    assert [one.n_fields for one in (found.overall, *found.bins)] == [1, 1]
    half = np.where(np.arange(61) < 30, np.nan, np.zeros((61, 1)))
    field = BlankField(detection_map=half, fwhm=4.0, radii=(6.0, 28.0))
    whole = 4 * (28**2 - 6**2) / 16
    assert sample_field(field, (0, 99), 0).n_resels[0] == pytest.approx(whole / 2, rel=0.02)


def test_what_lies_beyond_the_frame_is_not_searched():
    field = BlankField(detection_map=np.zeros((41, 41)), fwhm=4.0, radii=(0.0, 1000.0))
    expected = 41**2 / (np.pi * 4)
    assert sample_field(field, (0, np.inf), 0).n_resels[0] == pytest.approx(expected, rel=0.01)


def test_a_map_without_a_value_is_no_search():
    found = audit(blank_fields([np.full((61, 61), np.nan)] * 3, FWHM, (5.0, 28.0)))
    assert found.overall.n_fields == 0
    rate = found.overall.in_map[0]
    assert (rate.count, rate.n, rate.probability, rate.interval) == (0, 0, None, (0.0, 1.0))
    assert found.overall.in_search[0].interval is None
    json.dumps(found.to_dict(), allow_nan=False)


def test_masked_pixels_make_no_claim():
    maps = normal_maps(5)
    masked = [np.ma.masked_greater(one, 1.0) for one in maps]
    as_nan = [np.where(one > 1.0, np.nan, one) for one in maps]
    found, expected = (
        audit(blank_fields(some, FWHM, (5.0, 28.0))).to_dict() for some in (masked, as_nan)
    )
    assert found == expected


# Counts.


@pytest.mark.parametrize(("count", "n"), [(0, 50), (3, 50), (50, 50), (17, 1000)])
def test_intervals_are_those_of_clopper_and_pearson(count, n):
    expected = stats.binomtest(count, n).proportion_ci(0.95, method="exact")
    assert rate(count, n).interval == pytest.approx(tuple(expected))


def test_dependent_looks_widen_the_interval():
    assert rate(20, 1000, 100).interval == pytest.approx(rate(2, 100).interval)


@pytest.mark.parametrize(("count", "known"), [(0, False), (2, False), (3, True)])
def test_fewer_than_three_alarms_state_a_bound_and_no_probability(count, known):
    one = rate(count, 1000)
    assert (one.probability is not None) is known
    assert (one.ratio is not None) is known
    assert (one.sigma is not None) is known
    assert one.interval[1] > count / 1000
    json.dumps(one.to_dict(), allow_nan=False)


def test_three_alarms_of_dependent_looks_are_too_few():
    assert rate(5, 1000, 500).probability is None
    assert rate(6, 1000, 500).probability == pytest.approx(0.006)


def test_a_rate_is_worth_its_gaussian_sigma():
    one = rate(10, 1000, claimed=0.002)
    assert one.ratio == pytest.approx(5)
    assert one.sigma == pytest.approx(stats.norm.isf(0.01))
    assert not one.agrees
    assert one.to_dict()["ratio_interval"] == pytest.approx([b / 0.002 for b in one.interval])


def test_without_claim_or_look_there_is_nothing_to_agree_with():
    assert rate(10, 1000, claimed=None).agrees is None
    assert rate(0, 0, 1).agrees is None
    assert rate(0, 0, 1).interval == (0, 1)


def test_candidates_have_a_poisson_interval():
    one = CandidateRate(value=3.0, count=7, n_resels=100.0)
    low, high = (100 * bound for bound in one.interval)
    assert stats.poisson.sf(6, low) == pytest.approx(0.025)
    assert stats.poisson.cdf(7, high) == pytest.approx(0.025)
    assert CandidateRate(value=3.0, count=2, n_resels=100.0).per_resel is None


def test_the_design_effect_is_one_for_independent_looks_and_their_number_for_copies():
    rng = np.random.default_rng(0)
    independent = [
        design_effect(rng.binomial(40, 0.1, 60).astype(float), np.full(60, 40.0))
        for _ in range(200)
    ]
    assert 1 <= np.mean(independent) < 1.15
    copies = [design_effect(40.0 * rng.binomial(1, 0.1, 60), np.full(60, 40.0)) for _ in range(200)]
    assert np.mean(copies) == pytest.approx(40, rel=0.05)
    assert design_effect(np.array([0.0, 1, 0, 1]), np.ones(4)) == pytest.approx(1)
    assert design_effect(np.zeros(4), np.ones(4)) == 1
    assert design_effect(np.array([3.0]), np.array([9.0])) == 1


# Tails.


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4])
def test_the_fit_is_as_good_as_maximum_likelihood(shape):
    rng = np.random.default_rng(1)
    excess = np.sort(stats.genpareto.rvs(shape, scale=2.0, size=400, random_state=rng))
    found, (best, _, best_scale) = fit_excesses(excess), stats.genpareto.fit(excess, floc=0)

    def likelihood(c, s):
        return stats.genpareto.logpdf(excess, c, scale=s).sum()

    assert found == pytest.approx((best, best_scale), rel=0.05, abs=0.03)
    assert likelihood(*found) > likelihood(best, best_scale) - 0.25


def test_the_threshold_follows_loretan_and_phillips():
    assert [n_in_tail(n) for n in (10, 1000, 100_000)] == [0, 51, 881]


def test_a_tail_quotes_no_probability_below_three_in_the_number_of_blanks():
    tail = fit_tail(np.random.default_rng(2).normal(size=6000), np.random.default_rng(0))
    assert tail.least_probability == 3 / 6000
    x = np.linspace(tail.threshold - 1, 8, 2000)
    p, (low, high) = tail.probability(x), tail.interval(x)
    known = np.isfinite(p)
    assert p[known].min() >= 3 / 6000
    assert np.isnan(p[x < tail.threshold]).all()
    assert np.isnan(p[x > tail.value_at(3 / 6000) + 1e-9]).all()
    assert known.any()
    np.testing.assert_array_equal(np.isfinite(low), known)
    assert (low[known] <= p[known]).all()
    assert (p[known] <= high[known]).all()
    assert np.isnan(tail.value_at(2.9 / 6000))
    assert np.isnan(tail.value_at(0.5))
    assert tail.probability(tail.value_at(0.002)) == pytest.approx(0.002)


def test_dependent_blanks_are_quoted_less_far_and_less_sure():
    values = np.random.default_rng(2).normal(size=6000)
    alone = fit_tail(values, np.random.default_rng(0))
    shared = fit_tail(values, np.random.default_rng(0), n_effective=1500.0)
    assert shared.least_probability == 3 / 1500
    assert np.ptp(shared.interval(2.3)) > 1.5 * np.ptp(alone.interval(2.3))


def test_the_interval_of_a_tail_covers():
    rng, hits = np.random.default_rng(3), 0
    for _ in range(80):
        tail = fit_tail(stats.t.rvs(5, size=2000, random_state=rng), rng, n_bootstrap=100)
        value = stats.t.isf(0.005, 5)
        low, high = tail.interval(value)
        hits += low <= 0.005 <= high
    # 95 % of 80 is 76; 69 and fewer have a probability of 0.2 %.
    assert hits > 69


@pytest.mark.parametrize(
    "values",
    [
        np.linspace(0, 1, 200),
        np.round(np.random.default_rng(0).normal(size=5000), 1),
        np.minimum(np.random.default_rng(0).normal(size=5000), 2.5),
        np.zeros(5000),
        np.concatenate([np.random.default_rng(0).normal(size=5000), np.full(60, 40.0)]),
    ],
    ids=["few", "coarse", "cut off", "constant", "two kinds"],
)
def test_what_has_no_such_tail_gets_none(values):
    assert fit_tail(values, np.random.default_rng(0)) is None


# Audits.


def test_normal_pixels_are_worth_what_they_claim_at_every_separation():
    found = audit(blank_fields(normal_maps(300), FWHM, (5.0, 28.0)), edges=(1.25, 3, 5, 7))
    rates = [row for one in (found.overall, *found.bins) for row in one.at_element]
    # Each of these sixteen intervals misses once in twenty, or less often.
    assert sum(not row.agrees for row in rates) <= 2
    three = found.overall.at_element[1]
    assert three.n > 35_000
    assert three.claimed == pytest.approx(gaussian_claim(3.0))
    assert found.overall.value_for(three.claimed) == pytest.approx(3.0, abs=0.15)
    assert found.overall.value_for(gaussian_claim(5.0)) is None
    assert found.overall.at_element[3].probability is None


def test_an_optimistic_method_is_found_out():
    maps = (2 * one for one in normal_maps(100))
    found = audit(blank_fields(maps, FWHM, (5.0, 28.0)), values=(4.0,))
    (row,) = found.overall.at_element
    assert row.sigma == pytest.approx(2.0, abs=0.1)
    assert row.ratio > 500
    assert not row.agrees


def test_a_method_that_errs_near_the_star_alone_is_found_out_there_alone():
    y, x = np.indices((61, 61)) - 30
    near = np.where(np.hypot(y, x) < 12, 1.5, 1.0)
    found = audit(
        blank_fields((near * one for one in normal_maps(150)), FWHM, (5.0, 28.0)),
        values=(3.0,),
        edges=(1.25, 3.0, 7.0),
    )
    inner, outer = (one.at_element[0] for one in found.bins)
    assert inner.ratio > 10
    assert outer.agrees


def test_searching_a_map_raises_more_alarms_than_its_elements():
    found = audit(blank_fields(normal_maps(200), FWHM, (5.0, 28.0)), values=(3.0, 4.0))
    for element, search, in_map in zip(
        found.overall.at_element, found.overall.in_search, found.overall.in_map, strict=True
    ):
        assert search.per_resel > 3 * element.claimed
        assert in_map.count <= search.count
        # Every pixel is independent here: as many looks as pixels.
        n_pixels = np.pi * (28**2 - 5**2)
        expected = 1 - (1 - element.claimed) ** n_pixels
        assert in_map.interval[0] < expected < in_map.interval[1]
        assert in_map.claimed == pytest.approx(
            1 - (1 - element.claimed) ** (4 * (28**2 - 5**2) / 16)
        )


def test_maps_that_differ_from_each_other_are_not_taken_for_many_looks():
    nights = np.random.default_rng(5).uniform(0.5, 2.0, 60)
    maps = [s * one for s, one in zip(nights, normal_maps(60), strict=True)]
    found = audit(blank_fields(maps, FWHM, (5.0, 28.0)), values=(3.0,))
    assert found.overall.design_effect > 3
    assert found.overall.n_effective < found.overall.elements.size / 3
    assert found.overall.tail.n_effective == found.overall.n_effective


def test_copies_of_one_map_count_once():
    fields = [
        BlankField(detection_map=one, fwhm=FWHM, radii=(5.0, 28.0), group=f"star {k}")
        for k, one in enumerate(normal_maps(30))
        for _ in range(4)
    ]
    alone = [
        BlankField(detection_map=f.detection_map, fwhm=FWHM, radii=f.radii) for f in fields[::4]
    ]
    copied, once = (audit(some, values=(3.5,)).overall.in_map[0] for some in (fields, alone))
    assert 0 < once.count < once.n
    assert copied.count == 4 * once.count
    assert copied.n_effective == pytest.approx(once.n, rel=0.05)


def test_an_audit_is_the_same_twice_and_plain_json():
    first, second = (
        audit(blank_fields(normal_maps(20), FWHM, (5.0, 28.0)), seed=3).to_dict() for _ in range(2)
    )
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert first["overall"]["high"] is None  # infinite


def test_a_map_that_claims_nothing_is_measured_all_the_same():
    found = audit(blank_fields(normal_maps(20), FWHM, (5.0, 28.0)), values=(2.0,), claim=None)
    row = found.overall.to_dict()["at_element"][0]
    assert row["claimed"] is row["ratio"] is row["agrees"] is row["value_needed"] is None
    assert row["probability"] == pytest.approx(0.0228, rel=0.5)


# The S/N map on Gaussian noise.


def test_the_exact_tail_of_independent_apertures_is_that_of_student():
    t = np.array([0.3, 1.0, 3.0, 5.0, 20.0])
    for n in (3, 7, 40):
        ring = Ring(covariance=2.5 * np.eye(n))
        np.testing.assert_allclose(ring.snr_tail(t), stats.t(n - 2).sf(t), rtol=1e-9)
        sigma = np.array([1.0, 3.0, 5.0])
        # The inverse of Student's distribution for one degree of freedom limits.
        np.testing.assert_allclose(ring.significance_tail(sigma), stats.norm.sf(sigma), rtol=1e-4)


def test_the_exact_tail_holds_for_correlated_apertures():
    steps = np.minimum(np.arange(6), 6 - np.arange(6))
    covariance = np.array([np.roll(0.4**steps, k) for k in range(6)])
    rng = np.random.default_rng(6)
    sums = rng.multivariate_normal(np.zeros(6), covariance, 200_000)
    noise = sums[:, 1:]
    snr = (sums[:, 0] - noise.mean(axis=1)) / (noise.std(axis=1, ddof=1) * np.sqrt(1 + 1 / 5))
    for t in (1.0, 2.5, 5.0):
        exact = float(Ring(covariance=covariance).snr_tail(t)[0])
        assert abs((snr > t).mean() - exact) < 4 * np.sqrt(exact / 200_000)


@pytest.mark.parametrize("grainy", [False, True])
def test_the_covariance_of_a_ring_is_that_of_its_aperture_sums(grainy):
    shape, fwhm, (y, x) = (25, 25), 4.0, (12, 18)
    cy, cx = frame_centre(shape)
    azimuth = np.arctan2(y - cy, x - cx) - 2 * np.arcsin(fwhm / 12) * np.arange(9)
    centres = np.stack([cx + 6 * np.cos(azimuth), cy + 6 * np.sin(azimuth)], axis=-1)
    apertures = CircularAperture(centres, fwhm / 2)
    kernel = np.add.outer([0.0, 1.0, 2.0], [1.0, 2.0, 0.5]) if grainy else None
    rng, sums = np.random.default_rng(7), []
    for _ in range(700):
        frame = rng.normal(size=(27, 27) if grainy else shape)
        if grainy:
            frame = signal.convolve(frame, kernel, mode="valid")
        sums.append(apertures.do_photometry(frame, method="exact")[0])
    exact = ring_in_noise(shape, fwhm, (y, x), kernel).covariance
    error = np.sqrt(np.outer(exact.diagonal(), exact.diagonal()) / 700)
    assert np.abs(np.cov(np.array(sums).T) - exact).max() < 5 * error.max()


def test_there_is_no_ring_close_to_the_star():
    with pytest.raises(InputError, match="fewer than two noise apertures"):
        ring_in_noise((25, 25), 4.0, (12, 14))


@pytest.mark.slow
def test_the_significance_map_of_gaussian_noise_is_audited_right_at_every_separation():
    rng = np.random.default_rng(8)
    maps = (significance_map(rng.normal(size=(31, 31)), FWHM) for _ in range(200))
    found = audit(blank_fields(maps, FWHM, RADII), values=(1.0, 2.0, 3.0), edges=EDGES)
    assert [one.n_fields for one in found.bins] == [200, 200, 200]
    assert sum(not row.agrees for one in found.bins for row in one.at_element) <= 1


@pytest.mark.parametrize("snr", [0.5, 3.0])
def test_the_exact_tail_of_negative_values_is_that_of_the_other_side(snr):
    ring = ring_in_noise((61, 61), FWHM, (30, 38))
    low, middle, high = ring.snr_tail([-snr, 0.0, snr])
    assert low == pytest.approx(1 - high)
    assert middle == pytest.approx(0.5)


# What cannot be.


def test_values_that_every_map_reaches_are_audited_without_a_word():
    found = audit(blank_fields(normal_maps(5), FWHM, (5.0, 28.0)), values=(-50.0,))
    assert found.overall.in_map[0].claimed == 1.0
    assert found.overall.at_element[0].ratio == 1.0


def test_a_claim_that_is_no_probability_is_refused():
    with pytest.raises(InputError, match=r"claim .* 2\.0 for a value of 3\.0"):
        audit(blank_fields(normal_maps(1), FWHM, (5.0, 28.0)), values=(3.0,), claim=lambda x: 2.0)


def test_a_tail_is_fitted_to_any_list_of_finite_numbers():
    values = np.random.default_rng(3).normal(size=5000)
    listed, array = (fit_tail(v, np.random.default_rng(1)) for v in (values.tolist(), values))
    assert listed.shape == array.shape
    for wrong in ([*values, np.nan], values[np.newaxis], ["a"]):
        with pytest.raises(InputError, match="blank values"):
            fit_tail(wrong, np.random.default_rng(1))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.floats(-3, 3), st.integers(5, 9))
def test_any_map_can_be_audited(n, level, size):
    maps = [np.full((size, size), level)] * n
    document = audit(blank_fields(maps, 2.0, (1.0, 3.0))).to_dict()
    json.dumps(document, allow_nan=False)
    assert document["n_fields"] == n


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"detection_map": np.zeros((2, 9, 9))}, "2-D"),
        ({"detection_map": np.zeros((9, 9), complex)}, "real numbers"),
        ({"detection_map": np.full((9, 9), np.inf)}, r"\+inf"),
        ({"fwhm": np.nan}, "fwhm"),
        ({"radii": (4.0, 2.0)}, "inner < outer"),
        ({"unit_px": 0.0}, "unit_px"),
    ],
)
def test_a_field_that_makes_no_sense_is_refused(change, message):
    good = {"detection_map": np.zeros((9, 9)), "fwhm": 2.0, "radii": (1.0, 4.0)}
    with pytest.raises(InputError, match=message):
        BlankField(**good | change)


def test_settings_that_make_no_sense_are_refused_all_at_once():
    with pytest.raises(InputError, match="no blank field"):
        audit([])
    with pytest.raises(InputError) as problems:
        audit(blank_fields(normal_maps(1), 4.0, (5, 28)), values=(np.nan,), edges=(3, 2))
    assert len(problems.value.problems) == 2
