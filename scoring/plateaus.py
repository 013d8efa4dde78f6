"""Equal maxima that touch make one claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from numpy.typing import NDArray


def one_per_plateau(maxima: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.intp]:
    """One pixel of each group of touching, equal maxima: the nearest to its centroid.

    Parameters
    ----------
    maxima : ndarray of int, shape (n, 2)
        Pixels ``(y, x)``, in the order of the array.
    values : ndarray of float64, shape (n_y, n_x)
        The map.

    Returns
    -------
    ndarray of int, shape (n_groups, 2)
        In no particular order. Exact ties go to smaller y, then x.
    """
    n_groups, group = _plateaus(maxima, values)
    if n_groups == len(maxima):
        return maxima
    excess = _distance_to_centroid(maxima, group)
    least = np.full(n_groups, np.iinfo(np.int64).max)
    np.minimum.at(least, group, excess)
    # In the order of the array: the first of equally near ones has the smaller y, then x.
    nearest = np.flatnonzero(excess == least[group])
    _, first = np.unique(group[nearest], return_index=True)
    return maxima[nearest[first]]


def _plateaus(
    maxima: NDArray[np.intp], values: NDArray[np.float64]
) -> tuple[int, NDArray[np.signedinteger]]:
    """Number of groups of touching, equal maxima, and the group of each.

    Equal neighbours of a row form a run. Of two runs of adjacent rows that touch, the first
    pixel of one touches the other.
    """
    width = values.shape[1] + 2
    at = (maxima[:, 0] + 1) * width + maxima[:, 1] + 1
    height = values[maxima[:, 0], maxima[:, 1]]
    starts = np.ones(len(at), dtype=bool)
    starts[1:] = (np.diff(at) != 1) | (height[1:] != height[:-1])
    run = np.cumsum(starts) - 1
    run_at = np.full((values.shape[0] + 2) * width, -1, dtype=np.intp)
    run_at[at] = run
    first, level = at[starts], height[starts]
    ones, others = [], []
    for step in (width - 1, width, width + 1):
        for other in (run_at[first + step], run_at[first - step]):
            one = np.flatnonzero(other >= 0)
            one = one[level[one] == level[other[one]]]
            ones.append(one)
            others.append(other[one])
    rows, columns = np.concatenate(ones), np.concatenate(others)
    if rows.size == 0:
        return len(first), run
    graph = coo_array((np.ones(rows.size, dtype=bool), (rows, columns)), shape=(len(first),) * 2)
    n_groups, group = connected_components(graph, directed=False)
    return n_groups, group[run]


def _distance_to_centroid(
    yx: NDArray[np.intp], group: NDArray[np.signedinteger]
) -> NDArray[np.int64]:
    """An integer that grows with the distance of each pixel to the centroid of its group.

    With n pixels of coordinate sum S = n q + f per axis, the squared distance to S / n is
    d^2 - 2 d f / n + a constant of the group, where d = y - q. Times n it is an integer,
    hence exact ties stay exact.
    """
    size = np.bincount(group)
    n = size[group]
    key = np.zeros(len(yx), dtype=np.int64)
    for axis in (0, 1):
        total = np.bincount(group, yx[:, axis]).astype(np.int64)
        quotient, rest = np.divmod(total, size)
        d = yx[:, axis] - quotient[group]
        key += d * (n * d - 2 * rest[group])
    return key
