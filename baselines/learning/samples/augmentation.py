r"""More samples out of those that there are: turned, moved by part of a pixel, averaged.

Every sample gets an angle, a shift and a partner of its own. Nothing but the pixels of the
samples themselves is used, and partners come from the same samples: what is done to one
split tells it nothing of another.

Fresh draws (`exobench.baselines.learning.samples.labelling`) are better where there is time for
them: they are cut from the residuals at their own sub-pixel places. This is for many epochs
over samples that were once drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines.learning.samples.samples import Samples

_BLOCK = 64  # samples whose weights are held at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """What happens to samples on their way to a network, anew each time.

    Attributes
    ----------
    averages : float
        Share of the samples that are averaged with another of their class and ring.
    turned : float
        Share, of all, that are turned by any angle and shifted.
    shift_px : float
        Largest shift along each axis, in pixels.
    ring_px : float
        Width of the rings within which samples are averaged, in pixels.

    Raises
    ------
    InputError
        If a share is not within 0 and 1, the shift is negative or the width not positive.
    """

    averages: float = 0.2
    turned: float = 0.8
    shift_px: float = 0.5
    ring_px: float = 4.0

    def __post_init__(self) -> None:
        problems = [
            f"{name} must be a share from 0 to 1, got {getattr(self, name)}"
            for name in ("averages", "turned")
            if not 0 <= getattr(self, name) <= 1
        ]
        if not 0 <= self.shift_px < np.inf:
            problems.append(f"shift_px must be 0 or more pixels, got {self.shift_px}")
        if not 0 < self.ring_px < np.inf:
            problems.append(f"ring_px must be a positive number of pixels, got {self.ring_px}")
        if problems:
            raise InputError(*problems)

    @classmethod
    def of_share(cls, share: float) -> Self:
        """One that changes a share of the samples, in the proportions of the default."""
        whole = cls()
        return cls(averages=share * whole.averages, turned=share * whole.turned)

    def __call__(self, samples: Samples, rng: np.random.Generator) -> Samples:
        """As many samples, changed; those of several splits must never come together."""
        chosen, partners = self._pairs(samples, rng)
        changed = averaged(samples, chosen, partners)
        which = np.flatnonzero(rng.random(len(samples)) < self.turned)
        angles = rng.uniform(0, 360, which.size)
        shifts = rng.uniform(-self.shift_px, self.shift_px, (which.size, 2))
        stacks = changed.stacks.copy()
        stacks[which] = turned(stacks[which], angles, shifts)
        return replace(changed, stacks=stacks)

    def _pairs(
        self, samples: Samples, rng: np.random.Generator
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Samples to be averaged, and for each another one of its class and ring."""
        first, second = [], []
        ring = np.floor(samples.radius / self.ring_px).astype(int)
        group = 2 * ring + samples.labels
        group[samples.parents[:, 0] != samples.parents[:, 1]] = -1  # already of two parents
        for number in np.unique(group[group >= 0]):
            members = np.flatnonzero(group == number)
            chosen = members[rng.random(members.size) < self.averages]
            partners = rng.choice(members, chosen.size)
            apart = samples.parents[chosen, 0] != samples.parents[partners, 0]
            first.append(chosen[apart])
            second.append(partners[apart])
        none = np.empty(0, dtype=np.intp)
        return np.concatenate([none, *first]), np.concatenate([none, *second])


def averaged(samples: Samples, first: NDArray[np.intp], second: NDArray[np.intp]) -> Samples:
    r"""All samples, the `first` ones averaged with the `second` ones.

    Stacks and fluxes are means. Of the mean of two residual images of independent noise of
    equal strength, which is what those of a ring are, the noise is smaller by the root of 2:

    .. math:: S/N = (S/N_1 + S/N_2) / \sqrt 2

    Radius and azimuth stay those of the first one.

    Parameters
    ----------
    samples : Samples
    first, second : ndarray of int, shape (m,)
        Of one parent each.
    """
    stacks, snr = samples.stacks.copy(), samples.snr.copy()
    flux, parents = samples.flux.copy(), samples.parents.copy()
    stacks[first] = (samples.stacks[first] + samples.stacks[second]) / 2
    snr[first] = (samples.snr[first] + samples.snr[second]) / np.float32(np.sqrt(2))
    flux[first] = (samples.flux[first] + samples.flux[second]) / 2
    parents[first, 1] = samples.parents[second, 0]
    return replace(samples, stacks=stacks, snr=snr, flux=flux, parents=parents)


def turned(
    stacks: NDArray[np.float32], angles: NDArray[np.float64], shifts: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Patches turned about their centres, then moved; each by its own angle and shift.

    By cubic splines, mirrored at the borders of the patch. The S/N of the centre changes by
    as little as the patch there: it is not measured again.

    Parameters
    ----------
    stacks : ndarray of float32, shape (n, n_ranks, patch, patch)
    angles : ndarray, shape (n,)
        Counter-clockwise with y up, in degrees.
    shifts : ndarray, shape (n, 2)
        Along y and x, in pixels.

    Returns
    -------
    ndarray of float32, shape of `stacks`

    References
    ----------
    Unser, Aldroubi & Eden (1993), IEEE Trans. Signal Process. 41, 821.
    """
    patch = stacks.shape[-1]
    filtered = _spline_filter(patch)
    moved = np.empty_like(stacks)
    for start in range(0, len(stacks), _BLOCK):
        block = slice(start, start + _BLOCK)
        y, x = _sources(patch, angles[block], shifts[block])
        weights = (
            _spline_weights(y, patch)[..., :, np.newaxis]
            * _spline_weights(x, patch)[..., np.newaxis, :]
        )
        coefficients = filtered @ stacks[block] @ filtered.T
        n, n_ranks = coefficients.shape[:2]
        values = coefficients.reshape(n, n_ranks, -1) @ weights.reshape(n, patch**2, -1).swapaxes(
            1, 2
        )
        moved[block] = values.reshape(n, n_ranks, patch, patch)
    return moved


def _sources(
    patch: int, angles: NDArray[np.float64], shifts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the pixels of turned and moved patches come from, each of shape (n, patch**2)."""
    middle = (patch - 1) / 2
    y, x = (axis.ravel() - middle for axis in np.indices((patch, patch)))
    dy, dx = y - shifts[:, :1], x - shifts[:, 1:]
    turn = np.deg2rad(angles)[:, np.newaxis]
    return (
        middle + np.cos(turn) * dy - np.sin(turn) * dx,
        middle + np.sin(turn) * dy + np.cos(turn) * dx,
    )


def _spline_filter(n: int) -> NDArray[np.float32]:
    """Matrix from `n` values to the coefficients of the cubic spline through them."""
    values = np.zeros((n, n))
    for tap, weight in ((-1, 1 / 6), (0, 4 / 6), (1, 1 / 6)):
        np.add.at(values, (np.arange(n), _mirrored(np.arange(n) + tap, n).astype(int)), weight)
    return np.asarray(np.linalg.inv(values), dtype=np.float32)


def _spline_weights(places: NDArray[np.float64], n: int) -> NDArray[np.float32]:
    """Weights of `n` spline coefficients in the values at some places, on a last axis."""
    where = _mirrored(places, n).ravel()
    below = np.floor(where).astype(np.intp)
    after = where - below
    before = 1 - after
    taps = (
        before**3 / 6,
        2 / 3 - after**2 * (1 - after / 2),
        2 / 3 - before**2 * (1 - before / 2),
        after**3 / 6,
    )
    weights = np.zeros((where.size, n), dtype=np.float32)
    row = np.arange(where.size)
    for tap, weight in enumerate(taps, start=-1):
        weights[row, _mirrored(below + tap, n).astype(np.intp)] += weight
    return weights.reshape(*places.shape, n)


def _mirrored(places: NDArray[np.floating] | NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """Places folded at the first and the last of `n` pixels."""
    period = 2 * (n - 1)
    folded = np.asarray(places, dtype=np.float64) % period
    return np.minimum(folded, period - folded)
