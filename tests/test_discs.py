import numpy as np
import pytest
from photutils.geometry import circular_overlap_grid

from exobench.datasets.discs import disc_below, disc_overlap

EDGES = np.linspace(-6, 6, 25)


@pytest.mark.parametrize("radius", [0.2, 0.5, 1.5, 2.285, np.sqrt(2), 4.0, 5.7, 40.0])
@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.25), (-0.137, 0.318)])
def test_overlaps_are_those_of_photutils(radius, shift):
    y, x = EDGES - shift[0], EDGES[3:] - shift[1]
    expected = circular_overlap_grid(x[0], x[-1], y[0], y[-1], x.size - 1, y.size - 1, radius, 1, 0)
    np.testing.assert_allclose(
        disc_overlap(y, x, radius), 0.25 * expected, rtol=0, atol=1e-13 * max(1, radius**2)
    )


def test_a_disc_on_the_grid_has_all_its_area_there_and_one_beyond_it_none():
    assert disc_overlap(EDGES, EDGES, 3.7).sum() == pytest.approx(np.pi * 3.7**2, rel=1e-14)
    np.testing.assert_array_equal(disc_overlap(EDGES + 20, EDGES, 3.7), 0)


def test_halves_quarters_and_all_of_a_disc_are_below_its_lines_of_symmetry_and_its_end():
    y, x = [0, 0, 9, 9, -9, 2], [0, 9, 0, 9, 9, -2]
    expected = np.pi * 4 * np.array([1 / 4, 1 / 2, 1 / 2, 1, 0, 0])
    np.testing.assert_allclose(disc_below(y, x, 2.0), expected, atol=1e-14)
