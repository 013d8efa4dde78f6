r"""Training, validation and test apart on the sky: by parent, and by sectors of azimuth.

Patches of one companion, or of one place, are no strangers to each other: whoever has seen
one recognises the other, and a score on such a validation set says nothing. So every split
has sectors of the field for its own, and a patch belongs to one only if it lies in it with
all its pixels, however it is turned: between patches of two splits there is always a gap.

Sectors are counted on the detector at mid-rotation, where the images of both classes meet. A
place at azimuth ``theta`` of the derotated image stands there at ``theta - m``, with ``m`` the
middle of the range of the angles, and one of the image derotated by negated angles at
``theta + m``.

Two patches of different classes may still share pixels of a few single frames, where the
turned and the counter-turned track cross, but none of the images that they are cut from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import KDTree

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from exobench.baselines.learning.samples.samples import Samples

SPLITS = ("train", "validation", "test")
SHARES = (0.6, 0.2, 0.2)
_ROUNDING = 1e-3  # px: positions of samples are float32


class LeakError(ValueError):
    """Two splits share a parent, or pixels: what is learnt on one is known on the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sectors:
    """Which azimuths belong to which split.

    Attributes
    ----------
    start : float
        Azimuth at which the first sector begins, in degrees; they follow one another
        counter-clockwise in the order of `SPLITS`.
    shares : tuple of float
        Of the circle: for training, validation and test; 0: no such split.
    repeats : int
        How often the row of sectors comes round. More of them spread every split over the
        field, and leave more of it in gaps.
    turns : (float, float)
        Degrees by which the images of class c- and class c+ are turned against the detector
        at mid-rotation; see `turns_of`.

    Raises
    ------
    InputError
        If the shares are not three from 0 on that sum to 1, or there is no whole number of
        repeats.
    """

    start: float = 0.0
    shares: tuple[float, float, float] = SHARES
    repeats: int = 1
    turns: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        problems = []
        good = len(self.shares) == len(SPLITS) and all(0 <= share <= 1 for share in self.shares)
        if not good or abs(sum(self.shares) - 1) > 1e-9:
            problems.append(
                "shares of training, validation and test must be three numbers from 0 to 1 that "
                f"sum to 1, got {tuple(self.shares)}"
            )
        if self.repeats < 1:
            problems.append(f"sectors must be repeated 1 time or more, got {self.repeats}")
        if problems:
            raise InputError(*problems)

    @property
    def names(self) -> tuple[str, ...]:
        """The splits that there are."""
        return tuple(name for name, share in zip(SPLITS, self.shares, strict=True) if share > 0)

    def arcs(self, split: str, radius: float, reach: float) -> list[tuple[float, float]]:
        """Azimuths on the detector at which a patch lies wholly in sectors of a split.

        Parameters
        ----------
        split : str
            One of `SPLITS`.
        radius : float
            Of the centre of the patch, in pixels.
        reach : float
            Of the patch from its centre, in pixels; see `reach_of`.

        Returns
        -------
        list of (float, float)
            Intervals in degrees; none where no patch fits.
        """
        if self.names == (split,):
            return [(self.start, self.start + 360)]
        if radius <= reach:
            return []
        margin = np.rad2deg(np.arcsin(reach / radius))
        arcs = [(low + margin, high - margin) for low, high in self._sectors(split)]
        return [(float(low), float(high)) for low, high in arcs if low < high]

    def azimuths(
        self,
        split: str,
        radius: NDArray[np.float64],
        quantile: NDArray[np.float64],
        reach: float,
    ) -> NDArray[np.float64]:
        """Azimuths on the detector at quantiles from 0 to 1 of the arcs of a split.

        Parameters
        ----------
        split : str
            One of `SPLITS`.
        radius, quantile : ndarray, shape (n,)
            Radii at which there are `arcs`.
        reach : float
            As in `arcs`.

        Returns
        -------
        ndarray, shape (n,)
        """
        if self.names == (split,):
            return np.asarray(self.start + 360 * quantile)
        low, high = np.array(self._sectors(split)).T
        number = np.minimum((quantile * self.repeats).astype(int), self.repeats - 1)
        margin = np.rad2deg(np.arcsin(reach / radius))
        width = high[number] - low[number] - 2 * margin
        return np.asarray(low[number] + margin + width * (quantile * self.repeats - number))

    def detector_azimuth(self, azimuth: ArrayLike, labels: ArrayLike) -> NDArray[np.float64]:
        """Azimuth on the detector at mid-rotation, of places in the images of their classes."""
        turns = np.asarray(self.turns)[np.asarray(labels, dtype=np.intp)]
        return np.asarray(np.asarray(azimuth, dtype=np.float64) - turns)

    def image_azimuth(self, detector: ArrayLike, label: int) -> NDArray[np.float64]:
        """Azimuth in the image of a class, from 0 to 360, of places on the detector."""
        return np.asarray((np.asarray(detector, dtype=np.float64) + self.turns[label]) % 360)

    def split_of(
        self, radius: ArrayLike, azimuth: ArrayLike, labels: ArrayLike, reach: float
    ) -> NDArray[np.int_]:
        """Index in `SPLITS` of the split in which a patch wholly lies, -1 in the gaps.

        Parameters
        ----------
        radius, azimuth, labels : array_like, shape (n,)
            As in `Samples`.
        reach : float
            Of a patch from its centre, in pixels.
        """
        radii = np.asarray(radius, dtype=np.float64)
        along = self.detector_azimuth(azimuth, labels)
        found = np.full(radii.shape, -1)
        if len(self.names) == 1:
            found[:] = SPLITS.index(self.names[0])
            return found
        inside = radii > reach
        margin = np.rad2deg(
            np.arcsin(np.divide(reach, radii, out=np.ones_like(radii), where=inside))
        )
        for name in self.names:
            for low, high in self._sectors(name):
                after = (along - low) % 360
                here = inside & (after >= margin) & (after <= high - low - margin)
                found[here] = SPLITS.index(name)
        return found

    def _sectors(self, split: str) -> list[tuple[float, float]]:
        edges = np.concatenate([[0.0], np.cumsum(self.shares)]) * 360 / self.repeats
        number = SPLITS.index(split)
        first = self.start + 360 / self.repeats * np.arange(self.repeats)
        low, high = first + edges[number], first + edges[number + 1]
        return list(zip(low.tolist(), high.tolist(), strict=True))


def turns_of(angles: NDArray[np.float64], *, negated: bool = True) -> tuple[float, float]:
    """Degrees by which the images of classes c- and c+ are turned against mid-rotation.

    Parameters
    ----------
    angles : ndarray, shape (n_frames,)
        Derotation angles of the sequence.
    negated : bool
        Class c- comes from the image derotated by negated angles.
    """
    middle = float(angles.min() + angles.max()) / 2
    return (-middle if negated else middle), middle


def reach_of(patch: int) -> float:
    """Pixels that a square patch extends from its centre, in whatever direction it is turned."""
    return float(patch / np.sqrt(2))


def split_samples(samples: Samples, sectors: Sectors) -> dict[str, Samples]:
    """The samples of every split; those in the gaps are in none.

    Parameters
    ----------
    samples : Samples
        Of one parent each: averages are made within a split, afterwards.
    sectors : Sectors

    Raises
    ------
    ValueError
        If a sample has two parents.
    """
    if (samples.parents[:, 0] != samples.parents[:, 1]).any():
        raise ValueError("samples of two parents cannot be split; average after splitting")
    reach = reach_of(samples.patch)
    number = sectors.split_of(samples.radius, samples.azimuth, samples.labels, reach)
    parts = {name: samples.take(number == SPLITS.index(name)) for name in sectors.names}
    check_no_leak(parts, sectors)
    return parts


def check_no_leak(samples_by_split: Mapping[str, Samples], sectors: Sectors) -> None:
    """Refuse splits that share a parent, or in which patches may share a pixel.

    Whatever way they were made: only parents and places of the samples count.

    Parameters
    ----------
    samples_by_split : mapping of str to Samples
    sectors : Sectors
        Tells where the images of the two classes lie on the detector.

    Raises
    ------
    LeakError
        With one line for every pair of splits and kind of leak.
    """
    problems = []
    trees = {name: _places(one, sectors) for name, one in samples_by_split.items()}
    for (first, one), (second, other) in combinations(samples_by_split.items(), 2):
        common = np.intersect1d(one.parents, other.parents)
        if common.size:
            problems.append(
                f"{first} and {second} share {common.size} parents, such as {common[0]}; "
                "split before samples are augmented"
            )
        if not (len(one) and len(other)):
            continue
        least = reach_of(one.patch) + reach_of(other.patch)
        tree, places = KDTree(trees[first]), trees[second]
        distance = np.min(tree.query(places, distance_upper_bound=least)[0])
        if distance < least - _ROUNDING:
            problems.append(
                f"patches of {first} and {second} share pixels: centres are {distance:.2f} px "
                f"apart, expected {least:.2f} px or more; keep whole sectors and a gap between them"
            )
    if problems:
        raise LeakError("\n".join(problems))


def _places(samples: Samples, sectors: Sectors) -> NDArray[np.float64]:
    """Of the centres on the detector at mid-rotation, in pixels from the star, shape (n, 2)."""
    turned = np.deg2rad(sectors.detector_azimuth(samples.azimuth, samples.labels))
    radius = samples.radius.astype(np.float64)
    return np.stack([radius * np.sin(turned), radius * np.cos(turned)], axis=1)
