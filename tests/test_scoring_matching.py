"""Rule 3: which candidate is which injection."""

import numpy as np
import pytest

from exobench.scoring.matching import match


def outcome(candidates, injections, tolerance=3.0):
    """For each candidate the index of its injection, "fp" or "neither"."""
    found = match(
        np.array(candidates, dtype=float).reshape(-1, 2),
        np.array(injections, dtype=float).reshape(-1, 2),
        tolerance,
    )
    taken = {int(c): i for i, c in enumerate(found.candidate) if c >= 0}
    assert set(taken) == set(np.flatnonzero(found.true).tolist())
    return [taken.get(k, "fp" if found.false[k] else "neither") for k in range(len(candidates))]


def test_a_candidate_at_exactly_the_tolerance_is_true():
    assert outcome([(10, 13)], [(10, 10)]) == [0]


def test_a_candidate_beyond_the_tolerance_is_false():
    assert outcome([(10, 13.000001)], [(10, 10)]) == ["fp"]


def test_the_nearest_injection_wins():
    assert outcome([(10, 11.6)], [(10, 10), (10, 13)]) == [1]


def test_equally_near_injections_go_to_smaller_y_then_x_whatever_their_order():
    assert outcome([(10, 11)], [(10, 12), (10, 10)]) == [1]
    assert outcome([(11, 10)], [(12, 10), (10, 10)]) == [1]
    assert outcome([(11, 11)], [(12, 10), (10, 12)]) == [1]


def test_the_first_candidate_takes_the_injection_even_if_the_second_is_nearer():
    assert outcome([(10, 12), (10, 10)], [(10, 10)]) == [0, "neither"]


def test_a_second_candidate_takes_the_next_free_injection():
    assert outcome([(10, 11), (10, 11.5)], [(10, 11), (10, 13)]) == [0, 1]


def test_a_candidate_that_finds_only_taken_injections_is_neither_true_nor_false():
    assert outcome([(10, 9), (10, 12), (10, 16)], [(10, 10)]) == [0, "neither", "fp"]


def test_a_blank_sequence_makes_every_candidate_false():
    assert outcome([(10, 9), (10, 12)], []) == ["fp", "fp"]


def test_without_candidates_nothing_is_found():
    found = match(np.empty((0, 2)), np.array([[3.0, 4.0]]), 3.0)
    assert found.candidate.tolist() == [-1]
    assert np.isnan(found.error_px).all()


def test_the_error_is_the_distance_in_pixels():
    found = match(np.array([[13, 14]]), np.array([[50.0, 50], [10, 10]]), 5.0)
    assert found.error_px[1] == pytest.approx(5.0)
    assert found.candidate.tolist() == [-1, 0]
