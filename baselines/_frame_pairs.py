"""Pairs of frames whose difference holds a companion twice, and what makes them alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Frames = NDArray[np.float32]
    Pairs = NDArray[np.intp]

BALANCES = ("lsq", "total", "l1", "none")
_REWEIGHTINGS = 20


def frame_pairs(angles: Values, least: float, radius: float) -> Pairs:
    """For each frame the next one, in angle, in which a companion has moved far enough.

    Parameters
    ----------
    angles : ndarray, shape (n_frames,)
        In degrees.
    least, radius : float
        Motion and distance from the star, in pixels.

    Returns
    -------
    ndarray of int, shape (n_pairs, 2)
        Later and earlier frame of each. A frame with nothing far enough after it, and in
        no pair yet, takes the last one far enough before it.
    """
    if least > 2 * radius:
        return np.empty((0, 2), dtype=np.intp)
    turn = np.rad2deg(2 * np.arcsin(least / (2 * radius)))
    order = np.argsort(angles, kind="stable")
    ordered = angles[order]
    after = np.searchsorted(ordered, ordered + turn)
    before = np.searchsorted(ordered, ordered - turn, side="right") - 1
    pairs = [(a, i) for i, a in enumerate(after) if a < ordered.size]
    taken = {a for a, _ in pairs}
    alone = (i for i in range(len(pairs), ordered.size) if i not in taken)
    pairs += [(i, int(before[i])) for i in alone if before[i] >= 0]
    return order[np.array(pairs, dtype=np.intp).reshape(-1, 2)]


def balances(values: Frames, pairs: Pairs, method: str) -> tuple[Values, Values]:
    """Factor and offset that make the earlier frame of each pair like the later one.

    Parameters
    ----------
    values : ndarray, shape (n_frames, n_pixels)
    pairs : ndarray of int, shape (n_pairs, 2)
    method : str
        One of `BALANCES`: least squares, ratio of the sums, least absolute values, 1.

    Returns
    -------
    gamma, offset : ndarray, shape (n_pairs,)
    """
    gamma, offset = np.ones(len(pairs)), np.zeros(len(pairs))
    for k, (p, n) in enumerate(pairs if method != "none" else ()):
        later, earlier = values[p].astype(np.float64), values[n].astype(np.float64)
        if method == "l1":
            gamma[k], offset[k] = _least_absolute(earlier, later)
            continue
        other = earlier if method == "lsq" else np.ones_like(earlier)
        below = float(earlier @ other)
        gamma[k] = later @ other / below if below else 1
    return gamma, offset


def _least_absolute(x: Values, y: Values) -> tuple[float, float]:
    """Slope and offset of the line of least absolute deviations, by reweighted least squares."""
    weight, line = np.ones_like(x), np.array([1.0, 0.0])
    design = np.stack([x, np.ones_like(x)], axis=1)
    for _ in range(_REWEIGHTINGS):
        line = np.linalg.lstsq(design * weight[:, np.newaxis], y * weight, rcond=None)[0]
        deviation = np.abs(y - design @ line)
        if not deviation.any():
            break
        weight = 1 / np.sqrt(np.maximum(deviation, 1e-3 * deviation.mean()))
    return float(line[0]), float(line[1])
