"""Positions and spectra beside the truth: every number against its definition or another way."""

import json

import numpy as np
import pytest
from scipy import integrate, stats

from exobench.datasets.errors import InputError
from exobench.scoring.characterization import (
    Characterization,
    CharacterizationTruth,
    Estimates,
    Rules,
    score_characterization,
)
from exobench.scoring.characterization.energy import energy_score_gaussian, energy_score_samples
from exobench.scoring.characterization.pooled import pooled_coverage, pooled_mean
from exobench.scoring.characterization.statements import (
    LEVELS,
    position_by_samples,
    position_by_sigma,
    spectrum_by_samples,
    spectrum_by_sigma,
)


def truth(positions=((0.0, 20.0), (30.0, 0.0)), contrasts=None, **fields):
    positions = np.array(positions, dtype=float)
    contrasts = np.full((len(positions), 4), 1e-5) if contrasts is None else np.array(contrasts)
    settings = {"pixel_scale": 0.0075, "first_guess_px": 5.0} | fields
    return CharacterizationTruth(positions=positions, contrasts=contrasts, **settings)


def positions(values, **statement):
    return Characterization(positions=Estimates(values=np.array(values, dtype=float), **statement))


def contrasts(values, **statement):
    return Characterization(contrasts=Estimates(values=np.array(values, dtype=float), **statement))


def scored(answer, true, **options):
    """Astrometry or photometry of one sequence, whichever was answered; and its companions."""
    score = score_characterization({"a": answer}, {"a": true}, **options)
    return score.astrometry or score.photometry, score.companions


# positions


def test_distance_is_l2_in_pixels_and_in_milliarcsec():
    summary, companions = scored(positions([[3.0, 24.0], [30.0, 0.0]]), truth())
    assert companions[0].position.distance_px == pytest.approx(5)
    assert companions[0].position.distance_mas == pytest.approx(37.5)
    assert summary.means["distance_px"].value == pytest.approx(2.5)  # over companions
    assert summary.means["distance_mas"].value == pytest.approx(18.75)


def test_bias_has_a_sign_along_each_axis_away_from_the_star_and_about_it():
    # the first stands on +x, the second on +y: outwards is +x, then +y; counter-clockwise +y, -x
    _, companions = scored(positions([[1.0, 22.0], [33.0, -4.0]]), truth())
    assert companions[0].position.offset.tolist() == [1, 2]
    assert companions[0].position.radial_px == pytest.approx(2)
    assert companions[0].position.tangential_px == pytest.approx(1)
    assert companions[1].position.radial_px == pytest.approx(3)
    assert companions[1].position.tangential_px == pytest.approx(4)


def test_a_companion_that_is_not_detected_counts_with_the_radius_of_the_first_guesses():
    answer = positions([[-1, -1], [30.0, 0.5]], detected=[[False, False], [True, True]])
    summary, companions = scored(answer, truth())
    assert not companions[0].position.detected
    assert companions[0].position.distance_px == 5
    assert companions[0].position.energy_score_px == 5
    assert summary.means["distance_px"].value == pytest.approx(2.75)
    assert summary.means["bias_x_px"].value == pytest.approx(0.5)  # of those that are detected
    assert (summary.n_companions, summary.n_detected) == (2, 1)
    far, _ = scored(answer, truth(positions=((0.0, 200.0), (30.0, 0.0))))
    assert far.means["distance_px"].value == summary.means["distance_px"].value
    other, _ = scored(answer, truth(), rules=Rules(undetected_px=2.0))
    assert other.means["distance_px"].value == pytest.approx(1.25)


def test_log_likelihood_is_that_of_two_independent_normal_errors():
    _, (first, _) = scored(
        positions([[0.3, 20.4], [30, 0]], sigma=[[0.2, 0.5], [1.0, 1.0]]), truth()
    )
    expected = stats.multivariate_normal([0, 20], np.diag([0.04, 0.25])).logpdf([0.3, 20.4])
    assert first.position.log_likelihood == pytest.approx(expected)


def test_the_error_factor_is_what_stated_errors_must_be_multiplied_by():
    rng = np.random.default_rng(3)
    true = truth(positions=rng.uniform(10, 40, (150, 2)))
    made = positions(true.positions + rng.normal(0, 0.6, (150, 2)), sigma=np.full((150, 2), 0.2))
    summary, _ = scored(made, true)
    assert summary.means["error_factor"].value == pytest.approx(3, rel=0.1)


# energy score


@pytest.mark.parametrize(
    ("offset", "sigma"), [((0.0, 0.0), (1.0, 1.0)), ((0.3, -1.2), (0.5, 2.0)), ((3.0, 4.0), (1, 2))]
)
def test_the_energy_score_of_a_normal_posterior_is_its_definition_integrated(offset, sigma):
    sy, sx = sigma

    def mean_length(dy, dx, factor):
        density = stats.multivariate_normal(
            [0, 0], np.diag([(factor * sy) ** 2, (factor * sx) ** 2])
        )
        span = 9 * factor
        grid_y, grid_x = (np.linspace(-span * s, span * s, 801) for s in sigma)
        y, x = np.meshgrid(grid_y, grid_x, indexing="ij")
        values = density.pdf(np.stack([y, x], axis=-1)) * np.hypot(y + dy, x + dx)
        return integrate.simpson(integrate.simpson(values, x=grid_x), x=grid_y)

    expected = mean_length(*offset, 1) - mean_length(0, 0, np.sqrt(2)) / 2
    found = energy_score_gaussian(np.array(offset), np.array(sigma, dtype=float))
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_round_normal_posterior_at_the_truth_has_the_closed_form():
    # E|X| = sigma sqrt(pi / 2) of a Rayleigh distribution, and sqrt(2) times that for X - X'
    expected = np.sqrt(np.pi / 2) * (1 - 1 / np.sqrt(2)) * 0.3
    assert energy_score_gaussian(np.zeros(2), np.full(2, 0.3)) == pytest.approx(expected)


def test_a_sharp_posterior_scores_its_distance():
    found = energy_score_gaussian(np.array([3.0, 4.0]), np.full(2, 1e-5))
    assert found == pytest.approx(5, rel=1e-5)


def test_samples_score_what_their_distribution_does_and_fewer_gain_nothing():
    rng = np.random.default_rng(0)
    offset, sigma = np.array([0.5, -0.4]), np.array([0.5, 1.0])
    expected = energy_score_gaussian(offset, sigma)
    for n, repeats in ((1000, 15), (2, 4000)):
        drawn = rng.normal(offset, sigma, (repeats, n, 2))
        found = np.array([energy_score_samples(one, np.zeros(2)) for one in drawn])
        assert abs(found.mean() - expected) < 4 * found.std() / np.sqrt(repeats)


def test_samples_by_blocks_are_all_pairs():
    samples = np.random.default_rng(1).normal(size=(1203, 2))
    apart = np.hypot(*(samples[:, None] - samples[None]).transpose(2, 0, 1))
    expected = np.hypot(*(samples - 1).T).mean() - apart.sum() / (2 * 1203 * 1202)
    assert energy_score_samples(samples, np.ones(2)) == pytest.approx(expected)


def test_the_honest_width_has_the_best_score():
    rng = np.random.default_rng(2)
    offsets = rng.normal(0, 0.5, (100, 2))
    means = {
        width: np.mean([energy_score_gaussian(o, np.full(2, width)) for o in offsets])
        for width in (0.2, 0.5, 1.2)
    }
    assert min(means, key=means.get) == 0.5


# spectra


def test_relative_l1_has_a_mean_and_a_sum_over_channels():
    true = truth(contrasts=[[1e-5, 2e-5, 4e-5, 1e-5], [1e-5] * 4])
    summary, (first, _) = scored(contrasts([[1.1e-5, 2.4e-5, 3.2e-5, 1e-5], [1e-5] * 4]), true)
    assert first.spectrum.relative_l1 == pytest.approx([0.1, 0.2, 0.2, 0])
    assert first.spectrum.relative_l1_mean == pytest.approx(0.125)
    assert first.spectrum.relative_l1_sum == pytest.approx(0.5)
    assert first.spectrum.relative_bias == pytest.approx(0.025)
    assert first.spectrum.spectrum_l1 == pytest.approx((1 + 4 + 8) / 80)
    assert summary.means["relative_l1_mean"].value == pytest.approx(0.0625)
    assert summary.means["relative_l1_sum"].value == pytest.approx(0.25)


def test_a_channel_that_is_not_detected_counts_as_a_contrast_of_zero():
    known = [[True, True, False, False], [False] * 4]
    values = [[1e-5, 1e-5, -1, -1], [-1.0] * 4]
    _, (first, second) = scored(contrasts(values, detected=known), truth())
    _, (zeros, _) = scored(contrasts([[1e-5, 1e-5, 0, 0], [0.0] * 4]), truth())
    assert first.spectrum.relative_l1_mean == zeros.spectrum.relative_l1_mean == 0.5
    assert first.spectrum.spectrum_l1 == pytest.approx(zeros.spectrum.spectrum_l1)
    assert first.spectrum.relative_bias == 0
    assert second.spectrum.relative_l1.tolist() == [1] * 4
    assert second.spectrum.relative_bias is None
    _, (other, _) = scored(
        contrasts(values, detected=known), truth(), rules=Rules(undetected_error=3.0)
    )
    assert other.spectrum.relative_l1.tolist() == [0, 0, 3, 3]


def test_the_depth_of_a_band_is_divided_by_a_tenth_of_the_mean_and_counted():
    true = truth(positions=[[0.0, 20.0]], contrasts=[[2e-5, 2e-5, 1e-9]])
    answer = contrasts([[2e-5, 2e-5, 1e-9 + 1e-7]])
    _, (one,) = scored(answer, true)
    floor = 0.1 * np.mean([2e-5, 2e-5, 1e-9])
    assert one.spectrum.relative_l1[2] == pytest.approx(1e-7 / floor)
    assert one.spectrum.floored.tolist() == [False, False, True]
    _, (raw,) = scored(answer, true, rules=Rules(floor=0))
    assert raw.spectrum.relative_l1[2] == pytest.approx(100)
    assert not raw.spectrum.floored.any()


def test_spectra_do_not_depend_on_the_unit_of_the_contrast():
    rng = np.random.default_rng(5)
    true, sigma = rng.uniform(1, 3, (2, 6)), np.full((2, 6), 0.2)
    sent = true + rng.normal(0, 0.2, true.shape)
    drawn = sent[..., None] + rng.normal(0, 0.2, (2, 6, 50))
    rows = []
    for unit in (1.0, 1e-6):
        answer = contrasts(sent * unit, sigma=sigma * unit, samples=drawn * unit)
        _, (one, _) = scored(answer, truth(contrasts=true * unit))
        row = one.spectrum.to_dict()
        rows.append(np.hstack([np.ravel(row[key]) for key in row]))
    np.testing.assert_allclose(*rows, rtol=1e-6)


def test_crps_of_samples_of_errors_and_of_a_point_agree_where_they_must():
    rng = np.random.default_rng(6)
    true = truth(positions=[[0.0, 20.0]], contrasts=[[1.0, 2.0]])
    sent, sigma = np.array([[1.2, 1.7]]), np.array([[0.3, 0.4]])
    samples = rng.normal(sent[..., None], sigma[..., None], (1, 2, 200_000))
    (point,), (normal,), (drawn,) = (
        [c.spectrum.crps for c in scored(contrasts(sent, **s), true)[1]]
        for s in ({}, {"sigma": sigma}, {"sigma": sigma, "samples": samples})
    )
    assert point == pytest.approx([0.2, 0.15])
    assert drawn == pytest.approx(normal, rel=0.01)
    assert (normal < point).any()


# coverage


def test_one_region_a_unit_has_the_exact_clopper_pearson_interval():
    inside = [np.array([i < 13]) for i in range(20)]
    found = pooled_coverage(inside, [str(i) for i in range(20)], 0.68)
    expected = stats.binomtest(13, 20).proportion_ci(method="exact")
    assert (found.n, found.n_inside, found.n_effective) == (20, 13, pytest.approx(20))
    assert found.interval == pytest.approx(tuple(expected))


def test_channels_that_agree_count_once():
    inside = [np.full(39, i < 13) for i in range(20)]
    found = pooled_coverage(inside, [str(i) for i in range(20)], 0.68)
    assert found.n_effective == 20
    all_of_them = pooled_coverage([np.ones(39, dtype=bool)] * 5, list("abcde"), 0.68)
    assert all_of_them.n_effective == 5
    assert all_of_them.interval == (pytest.approx(0.025 ** (1 / 5)), 1.0)
    assert pooled_coverage([], [], 0.68) is None


def test_the_interval_of_coverage_holds_it_where_channels_err_together():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(150):
        shared = rng.normal(size=(21, 1))
        z = np.sqrt(0.7) * shared + np.sqrt(0.3) * rng.normal(size=(21, 39))
        inside = list(np.abs(z) < 1)
        low, high = pooled_coverage(inside, [str(i // 3) for i in range(21)], 0.68).interval
        held += low <= LEVELS["68"] <= high
    assert held / 150 > 0.93


def test_stated_regions_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    n = 1000
    offsets = rng.normal(0, [0.5, 2.0], (n, 2))
    by_sigma = [position_by_sigma(o, np.array([0.5, 2.0])) for o in offsets]
    spectrum = spectrum_by_sigma(offsets[:, 0], np.full(n, 0.5))
    for name, level in LEVELS.items():
        spread = 4 * np.sqrt(level * (1 - level) / n)
        assert np.mean([s.inside[name] for s in by_sigma]) == pytest.approx(level, abs=spread)
        assert spectrum.inside[name].mean() == pytest.approx(level, abs=spread)


def test_posteriors_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(4)
    n, root = 500, np.linalg.cholesky([[1.0, 0.8], [0.8, 1.0]])
    drawn = root @ rng.normal(size=(n, 2, 101))
    found = [position_by_samples(d[:, 1:], d[:, 0], rng) for d in drawn]
    spectrum = spectrum_by_samples(drawn[:, 0, 1:], drawn[:, 0, 0], rng)
    for name, level in LEVELS.items():
        spread = 4 * np.sqrt(level * (1 - level) / n)
        assert np.mean([s.inside[name] for s in found]) == pytest.approx(level, abs=spread + 0.01)
        assert spectrum.inside[name].mean() == pytest.approx(level, abs=spread)
    assert stats.kstest(np.concatenate([s.transforms for s in found]), "uniform").pvalue > 1e-3


@pytest.mark.parametrize("n_samples", [2, 5, 30])
def test_few_samples_hold_the_truth_as_often_as_many(n_samples):
    rng = np.random.default_rng(9)
    n = 400
    drawn = rng.normal(size=(n, 2, n_samples + 1))
    found = [position_by_samples(d[:, 1:], d[:, 0], rng) for d in drawn]
    for name, level in LEVELS.items():
        spread = 4 * np.sqrt(level * (1 - level) / n)
        assert np.mean([s.inside[name] for s in found]) == pytest.approx(level, abs=spread)


def test_samples_on_a_line_have_an_ellipse_that_holds_what_lies_on_it():
    rng = np.random.default_rng(8)
    line = np.array([[1.0], [2.0]]) * rng.normal(size=400)
    assert position_by_samples(line, np.array([0.1, 0.2]), rng).inside["68"].all()
    assert not position_by_samples(line, np.array([0.1, -0.2]), rng).inside["95"].any()


# means and intervals


def test_one_companion_a_unit_has_the_interval_of_student():
    values = np.random.default_rng(0).uniform(1, 2, 9)
    found = pooled_mean(list(values), [str(i) for i in range(9)], 0)
    expected = stats.t.interval(0.95, 8, values.mean(), stats.sem(values))
    assert found.value == pytest.approx(values.mean())
    assert found.interval == pytest.approx(expected)
    assert pooled_mean(list(values[:5]), list("abcde"), 0).interval is None


def test_companions_of_one_unit_are_resampled_together():
    values = [1.0, 3.0] * 6
    together = pooled_mean(values, [str(i // 2) for i in range(12)], 0)
    assert together.interval is None  # every unit agrees: no width
    assert pooled_mean(values, [str(i) for i in range(12)], 0).interval is not None


def test_from_40_units_on_the_interval_is_a_bootstrap_that_repeats():
    values = list(np.random.default_rng(0).exponential(size=50))
    units = [str(i) for i in range(50)]
    first = pooled_mean(values, units, 1, low=0.0)
    assert first == pooled_mean(values, units, 1, low=0.0)
    low, high = first.interval
    assert low < first.value < high
    assert high - first.value > first.value - low  # as skewed as the values


def test_what_is_undefined_stays_out_of_a_mean():
    found = pooled_mean([1.0, None, 3.0], list("abc"), 0)
    assert (found.value, found.n) == (2.0, 2)
    nothing = pooled_mean([None], ["a"], 0)
    assert (nothing.value, nothing.interval, nothing.n) == (None, None, 0)
    assert pooled_mean([4.0, 12.0], list("ab"), 0, root=True).value == pytest.approx(np.sqrt(8))


# answers and truths


def full_set(n_sequences=7, seed=0):
    rng = np.random.default_rng(seed)
    truths, answers = {}, {}
    for i in range(n_sequences):
        n = 1 + i % 3
        true = truth(rng.uniform(5, 40, (n, 2)), rng.uniform(1e-6, 1e-5, (n, 4)), instrument="x")
        at, bright = (
            Estimates(
                values=(v := t + s * rng.normal(size=t.shape)),
                sigma=np.full(t.shape, s),
                samples=v[..., None] + s * rng.normal(size=(*t.shape, 60)),
            )
            for t, s in ((true.positions, 0.2), (true.contrasts, 5e-7))
        )
        truths[f"x_{i}"] = true
        answers[f"x_{i}"] = Characterization(positions=at, contrasts=bright)
    return answers, truths


def test_the_order_of_sequences_changes_nothing_but_the_listing():
    answers, truths = full_set()
    one = score_characterization(answers, truths).to_dict()
    other = score_characterization(
        dict(reversed(answers.items())), dict(reversed(truths.items()))
    ).to_dict()
    assert one["per_sequence"] == other["per_sequence"][::-1]
    np.testing.assert_allclose(
        [one["overall"][k][m] for k, m in SOME], [other["overall"][k][m] for k, m in SOME]
    )


SOME = [("astrometry", "distance_px"), ("astrometry", "energy_score_px"),
        ("photometry", "relative_l1_sum"), ("photometry", "relative_crps")]  # fmt: skip


def test_the_score_file_is_json_and_says_the_rules():
    answers, truths = full_set()
    found = json.loads(
        json.dumps(score_characterization(answers, truths).to_dict(), allow_nan=False)
    )
    assert (found["format"], found["mode"], found["challenge"]) == (1, "characterization", None)
    assert found["rules"] == {"undetected_px": None, "undetected_error": 1.0, "floor": 0.1}
    assert found["overall"]["astrometry"]["n_companions"] == 13
    assert found["overall"]["photometry"]["coverage"]["samples_95"]["n"] == 13 * 4
    assert found["overall"]["astrometry"]["uniformity"]["n"] == 26
    assert found["interval"]["astrometry"]["distance_px"][0] > 0
    third = found["per_sequence"][2]["companions"][2]
    assert third["number"] == 3
    assert len(third["photometry"]["relative_l1"]) == 4
    assert len(third["astrometry"]["pit_samples"]) == 2


def test_a_sequence_without_answer_is_not_detected_and_a_kind_without_any_is_null():
    answers, truths = full_set()
    only = {
        name: Characterization(positions=a.positions)
        for name, a in answers.items()
        if name != "x_2"
    }
    score = score_characterization(only, truths)
    assert score.photometry is None
    assert score.to_dict()["overall"]["photometry"] is None
    assert (score.astrometry.n_missing, score.astrometry.n_detected) == (1, 10)
    assert [c.position.distance_px for c in score.companions if c.sequence == "x_2"] == [5, 5, 5]


def test_estimates_that_do_not_fit_the_truth_are_all_listed():
    with pytest.raises(InputError) as caught:
        score_characterization(
            {
                "a": positions([[1.0, 2.0]]),
                "b": contrasts([[1.0] * 3] * 2),
                "c": positions([[1, 2]]),
            },
            {"a": truth(), "b": truth()},
        )
    assert [problem.split(" must")[0] for problem in caught.value.problems] == [
        "unknown sequence 'c'; there are a, b",
        "a: positions",
        "b: contrasts",
    ]
    with pytest.raises(InputError, match="no positions and no contrasts"):
        score_characterization({}, {"a": truth()})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"values": [1.0, 2.0]}, "shape (companions, quantities)"),
        ({"values": [[1.0, np.nan]]}, "companion 1, quantity 2 of 2: the estimate is not finite"),
        ({"values": [[1.0, 2.0]], "detected": [True]}, "detected must have the shape"),
        ({"values": [[1.0, 2.0]], "sigma": [[1.0, -0.1]]}, "finite and positive"),
        ({"values": [[1.0, 2.0]], "sigma": [[0.0, 1.0]]}, "quantity 1 of 2: the 1-sigma"),
        ({"values": [[1.0, 2.0]], "sigma": [[np.nan, 1.0]]}, "finite and positive"),
        ({"values": [[1.0, 2.0]], "sigma": [1.0, 1.0]}, "errors must have the shape"),
        ({"values": [[1.0, 2.0]], "samples": np.ones((2, 1, 9))}, "(1, 2, n_samples)"),
        ({"values": [[1.0, 2.0]], "samples": np.ones((1, 2, 1))}, "n_samples >= 2"),
        ({"values": [[1.0, 2.0]], "samples": np.ones((1, 2, 9))}, "samples are equal"),
        ({"values": [[1.0, 2.0]], "samples": np.full((1, 2, 3), np.inf)}, "is not finite"),
    ],
)
def test_estimates_that_cannot_be_are_refused_with_their_reason(fields, said):
    with pytest.raises(InputError) as caught:
        Estimates(**fields)
    assert said in caught.value.problems[0]


def test_what_is_said_of_a_companion_that_is_not_detected_is_not_looked_at():
    made = Estimates(
        values=[[-1.0, -1.0], [3.0, 4.0]],
        detected=[[False, False], [True, True]],
        sigma=[[-1.0, np.nan], [1.0, 1.0]],
        samples=np.concatenate(
            [np.zeros((1, 2, 5)), np.random.default_rng(0).normal(size=(1, 2, 5))]
        ),
    )
    assert np.isnan(made.values[0]).all()
    assert np.isnan(made.sigma[0]).all()
    with pytest.raises(InputError, match="companion 1: detected in one coordinate"):
        positions([[1.0, 2.0]], detected=[[True, False]])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"positions": np.zeros((1, 2))}, "not that of the star"),
        ({"positions": [[np.inf, 1.0]]}, "must be finite"),
        ({"positions": np.zeros((0, 2)), "contrasts": np.zeros((0, 3))}, "n >= 1"),
        ({"contrasts": np.ones((3, 4))}, "as many companions"),
        ({"contrasts": [[1.0, 0.0], [1.0, 1.0]]}, "finite and positive"),
        ({"pixel_scale": 0.0}, "pixel_scale must be"),
        ({"first_guess_px": np.nan}, "first_guess_px must be"),
    ],
)
def test_truths_that_cannot_be_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        truth(**change)


def test_rules_are_numbers_that_are_not_negative():
    with pytest.raises(InputError) as caught:
        Rules(undetected_px=-1.0, undetected_error=np.inf, floor=np.nan)
    assert len(caught.value.problems) == 3
