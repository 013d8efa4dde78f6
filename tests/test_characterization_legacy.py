"""The second phase of the challenge: its numbers, and every known defect of them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from exobench.scoring.characterization import (
    Characterization,
    CharacterizationTruth,
    Estimates,
    score_characterization,
)
from exobench.scoring.legacy.characterization import (
    CHARACTERIZATION_DEFECTS,
    ListedFile,
    phase2_astrometry,
    phase2_photometry,
    scratch_collisions,
    scratch_folder,
)


def listed(**files):
    return [ListedFile.of(name, values) for name, values in files.items()]


def codes(number):
    assert all(d.code in CHARACTERIZATION_DEFECTS for d in number.defects)
    return [d.code for d in number.defects]


def message(number, code):
    (found,) = [d.message for d in number.defects if d.code == code]
    return found


def strict(positions=None, contrasts=None):
    """The score under the modern rules; truths and estimates of sequences, by name."""
    of = positions or contrasts
    truths, answers = {}, {}
    for name, (truth, estimate) in of.items():
        n = len(truth)
        other = np.ones((n, 2 if contrasts else 3))
        truths[name] = CharacterizationTruth(
            positions=np.array(truth if positions else other)[:, ::-1],
            contrasts=np.array(truth if contrasts else other),
            pixel_scale=0.01,
            first_guess_px=5.0,
        )
        values = np.array(estimate)[:, ::-1] if positions else np.array(estimate)
        estimates = Estimates(values=values, detected=values != -1)
        answers[name] = (
            Characterization(positions=estimates)
            if positions
            else Characterization(contrasts=estimates)
        )
    score = score_characterization(answers, truths)
    return score.astrometry if positions else score.photometry


def test_1_a_tenth_too_much_in_39_channels_is_0_1_and_not_39_times_that():
    truth = np.full((1, 39), 4e-6)
    number = phase2_photometry(listed(a=truth), listed(a=1.1 * truth))
    assert number.value == pytest.approx(0.100)
    assert message(number, "mean_of_channels") == (
        "0.1 is a mean over channels; the sum that was announced is 3.9, 39 times as much"
    )
    both = strict(contrasts={"a": (truth, 1.1 * truth)}).means
    assert both["relative_l1_mean"].value == pytest.approx(0.1)
    assert both["relative_l1_sum"].value == pytest.approx(3.9)


def test_one_channel_has_no_sum():
    number = phase2_photometry(listed(a=[[2.0]]), listed(a=[[2.0]]))
    assert (number.value, codes(number)) == (0.0, [])


def test_what_has_no_error_has_no_defect_either():
    truth = listed(a=[[2.0, 3.0]], b=[[1.0, 4.0], [5.0, 6.0]])
    for measure in (phase2_astrometry, phase2_photometry):
        assert (measure(truth, truth).value, codes(measure(truth, truth))) == (0, [])


def test_an_estimate_beyond_all_bounds_has_a_distance():
    assert phase2_astrometry(listed(a=[[3.0, 4.0]]), listed(a=[[1e200, 0.0]])).value == 1e200


def test_2_a_planet_declared_as_not_detected_costs_250000_in_contrast():
    truth = np.full((1, 39), 4e-6)
    number = phase2_photometry(listed(a=truth), listed(a=np.full((1, 39), -1.0)))
    assert number.value == pytest.approx(250000, abs=1.01)
    assert message(number, "undetected_contrast") == (
        "a: planet 1 is declared as not detected in 39 of 39 channels, which cost 250001 each"
    )
    fair = strict(contrasts={"a": (truth, np.full((1, 39), -1.0))})
    assert fair.means["relative_l1_mean"].value == 1
    assert fair.n_detected == 0


def test_2_a_planet_declared_as_not_detected_costs_its_separation_in_position():
    truth, sent = [[30.0, 0.0], [30.0, 40.0]], [[30.1, 0.0], [-1.0, -1.0]]
    number = phase2_astrometry(listed(a=truth), listed(a=sent))
    assert number.value == pytest.approx(25.05)  # mean(0.1, 50)
    assert message(number, "undetected_position") == (
        "a: planet 2 is declared as not detected and costs its separation, 50 px"
    )
    assert strict(positions={"a": (truth, sent)}).means["distance_px"].value == pytest.approx(2.55)


def test_2_one_coordinate_of_minus_one_is_a_position():
    number = phase2_astrometry(listed(a=[[-1.0, 30.0]]), listed(a=[[-1.0, 31.0]]))
    assert (number.value, codes(number)) == (1.0, [])


def test_3_cubes_count_alike_whatever_their_number_of_planets():
    truth = {"a": [[30.0, 0.0], [0.0, 30.0]], "b": [[30.0, 0.0], [0.0, 30.0], [9.0, 9.0]]}
    sent = {
        "a": np.add(truth["a"], [1.0, 1.0]),
        "b": np.add(truth["b"], [1.0, 0.0]),
    }
    number = phase2_astrometry(listed(**truth), listed(**sent))
    assert number.value == pytest.approx(1.207, abs=5e-4)
    assert message(number, "mean_of_cubes") == (
        "1.20711 px is the mean over cubes; over planets, as announced, it is 1.16569 px"
    )
    fair = strict(positions={name: (truth[name], sent[name]) for name in truth})
    assert fair.means["distance_px"].value == pytest.approx(1.166, abs=5e-4)


def test_4_files_are_paired_by_their_place_in_the_zip():
    truth = listed(a_2=[[10.0, 0.0]], a_10=[[0.0, 20.0]])
    right, sorted_by_name = truth, [truth[1], truth[0]]
    assert phase2_astrometry(truth, right).value == 0
    number = phase2_astrometry(truth, sorted_by_name)
    assert number.value == pytest.approx(np.hypot(10, 20))
    assert "2 of 2 files were compared with another sequence" in message(
        number, "paired_by_listing"
    )
    fair = strict(
        positions={"a_10": ([[0.0, 20.0]], [[0.0, 20.0]]), "a_2": ([[10.0, 0]], [[10.0, 0]])}
    )
    assert fair.means["distance_px"].value == 0


def test_5_the_first_argument_is_the_truth_though_the_description_says_the_submission():
    truth, sent = listed(a=[[1.0, 1.0]]), listed(a=[[2.0, 2.0]])
    number = phase2_photometry(truth, sent)
    assert number.value == 1.0
    assert phase2_photometry(sent, truth).value == 0.5
    assert message(number, "arguments_reversed") == (
        "with the submission as first argument, as described, 1 would be 0.5"
    )
    assert "arguments_reversed" not in codes(phase2_astrometry(truth, sent))  # a distance has none


def test_6_two_submissions_of_one_second_share_a_folder():
    noon = datetime(2024, 2, 7, 12, 0, 0, tzinfo=UTC)
    assert scratch_folder(noon) == "Wed Feb  7 12:00:00 2024"
    later = noon + timedelta(milliseconds=900)
    (defect,) = scratch_collisions([noon, later, noon + timedelta(seconds=1)])
    assert defect.code == "scratch_collision"
    assert defect.message.startswith("2 submissions would")
    assert scratch_collisions([noon, noon + timedelta(seconds=1)]) == ()


def test_7_a_channel_without_light_outweighs_all_others():
    truth = np.array([[1e-5] * 9 + [1e-9]])
    sent = truth + 1e-7  # the same error everywhere
    number = phase2_photometry(listed(a=truth), listed(a=sent))
    assert number.value == pytest.approx((9 * 0.01 + 100) / 10)
    assert message(number, "tiny_truth") == (
        "a: 1 of 10 channels of planet 1 have less than 10% of its mean contrast and make "
        "100% of its error"
    )
    fair = strict(contrasts={"a": (truth, sent)}).means
    assert fair["relative_l1_mean"].value == pytest.approx((9 * 0.01 + 1e-7 / 9.0001e-7) / 10)
    assert fair["spectrum_l1"].value == pytest.approx(1e-6 / truth.sum())


def test_7_errors_and_posteriors_have_no_effect():
    truth = listed(a=[[10.0, 0.0]])
    sent = [ListedFile.of("a", [[10.5, 0.0]], has_errors=True)]
    number = phase2_astrometry(truth, sent)
    assert (number.value, codes(number)) == (0.5, ["errors_unused"])


@pytest.mark.parametrize(
    "sent",
    [
        listed(a=[[1.0, 1.0]]),
        listed(a=[[1.0, 1.0]], b=[[1.0, 1.0]]),
        listed(a=[[1.0]], b=[[1.0, 1.0], [1.0, 1.0]]),
    ],
)
def test_too_few_files_planets_or_channels_stop_the_scorer(sent):
    truth = listed(a=[[1.0, 1.0]], b=[[1.0, 1.0], [1.0, 1.0]])
    for measure in (phase2_astrometry, phase2_photometry):
        number = measure(truth, sent)
        assert (number.value, codes(number)) == (None, ["short_answer_stops"])


def test_more_than_was_asked_for_is_never_looked_at():
    truth = listed(a=[[1.0, 1.0]])
    more = listed(a=[[1.0, 1.0, 9.0], [5.0, 5.0, 5.0]], b=[[1.0, 1.0]])
    assert phase2_photometry(truth, more).value == 0
