"""Regimes along the residuals of several methods: noise, or a companion in it (RSM map)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.special import ndtri_exp

from exobench.baselines._options import check_options
from exobench.baselines._registry import load
from exobench.baselines._rsm_filter import (
    Chains,
    after_pixels,
    before_pixels,
    log_odds,
    passages,
    pixel_log_odds,
)
from exobench.baselines._rsm_likelihood import (
    DENSITIES,
    Noise,
    Observations,
    Rings,
    fitted_peaks,
    psf_stamp,
    redundancy,
)
from exobench.baselines._subtraction import Subtraction, temporal_median
from exobench.datasets.errors import InputError
from exobench.datasets.rotation import INTERPOLATIONS, derotate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]

_LARGEST = 80.0  # of a log-likelihood ratio, whose exponential is taken


@dataclass(frozen=True, slots=True)
class RSM:
    r"""Odds of a companion at each pixel, from the residual frames of several methods at once.

    The derotated residual frames of all methods make one series per ring: pixel after
    pixel, method after method, frame after frame. It is in one of two regimes, and the
    observation ``x`` of patch pixels ``k`` is

    .. math:: x_k = \mu + S \beta \sigma \psi_k + \epsilon_k, \quad S \in \{0, 1\},

    with ``psi`` the off-axis PSF, its peak 1, and the noise ``epsilon`` of mean 0 and
    standard deviation ``sigma``, each ring and method its own. Between two observations noise
    turns into companion with probability ``n_switches / (n n_pixels)`` and back with
    ``1 / (n n_switches)``, for ``n`` observations of each of the ``n_pixels`` of a ring.
    Forward and backward filters give the odds of S = 1. ``beta`` is that of the greatest
    likelihood of the whole ring.

    The map holds the odds as a significance: the number z of standard deviations with
    ``P(noise) = Q(z)``, Q the tail of a Gaussian; 0 at even odds. It is computed from
    logarithms, so that no two odds are alike for being close to certain. NaN within half a
    FWHM of the star, beyond the largest whole circle of the frame, and where residuals
    never change.

    Attributes
    ----------
    over : str
        The methods, with commas between them: subtractions, with their own default options.
    intensities : str
        Values of beta that are tried, with commas between them, in standard deviations of
        the noise (of one frame).
    patch : str
        What is observed. fitted: one number, the height of the PSF fitted to the patch, with
        the noise of such heights. mean: the patch, whose likelihood is the mean over its
        pixels of ``f(x_k - mu - S beta sigma psi_k)``; the papers' way, which knows nothing
        of how pixels go together.
    patch_size : int
        Side of the patch, in pixels, odd.
    noise : str
        Density f: ``"laplace"``, ``"gaussian"``, or ``"auto"``, the likelier one in each ring.
    n_switches : float
        Expected number of companions in a ring. More of them raise all odds.
    odds : str
        Of what the map is: ``"pixel"``, of a companion in all observations of a pixel
        against one in none; ``"observation"``, the median over the observations of a pixel
        of the odds at each, the papers' map. The latter cannot exceed what two
        switches cost by more than one observation says, however bright a companion is.
    smoothing : bool
        Whether what comes after an observation counts too (forward-backward), or only what
        came before (the filter of the first paper).
    tempered : bool
        Whether log-likelihood ratios are divided by `redundancy`, measured over the field, since
        frames share speckles and methods share frames; without, odds are exaggerated.
    rotation : str
        As of `Subtraction`.

    Notes
    -----
    The reference implementation (PyRSM, of the authors; there is none in vip_hci) differs in
    the defaults: patch = mean, odds = observation, intensities of 1 and more times a PSF
    of unit flux rather than of unit peak, histograms compared to choose a density, and
    nothing tempered. The forward models of PSFs, and the search for the best options
    (auto-RSM), are left out. Frames of several wavelengths are further observations, each
    channel with its own noise; a companion has the same beta in all.

    References
    ----------
    Dahlqvist, Cantalloube & Absil (2020), A&A 633, A95.
    Dahlqvist, Louppe & Absil (2021), A&A 646, A49 (forward-backward).
    Dahlqvist, Cantalloube & Absil (2021), A&A 656, A54 (auto-RSM).
    """

    tracks: ClassVar[tuple[str, ...]] = ("adi", "adi_ifs")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "patch": ("fitted", "mean"),
        "noise": DENSITIES,
        "odds": ("pixel", "observation"),
        "rotation": INTERPOLATIONS,
    }

    over: str = "annular_pca,loci,nmf"
    intensities: str = "0.3,1,3"
    patch: str = "fitted"
    patch_size: int = 5
    noise: str = "laplace"
    n_switches: float = 1.0
    odds: str = "pixel"
    smoothing: bool = True
    tempered: bool = True
    rotation: str = "fourier"

    def __post_init__(self) -> None:
        check_options(self, at_least={"patch_size": 1}, above={"n_switches": 0})
        problems = [] if self.patch_size % 2 else [f"patch_size must be odd, got {self.patch_size}"]
        try:
            _intensities(self.intensities)
        except ValueError:
            problems.append(
                "intensities must be numbers above 0 with commas between them, "
                f"got {self.intensities!r}"
            )
        names = [name.strip() for name in self.over.split(",")]
        if len(set(names)) < len(names):
            problems.append(f"over must name each method once, got {self.over!r}")
        for name in names:
            if not isinstance(load(name), Subtraction):
                problems.append(
                    f"over must name methods that subtract the star frame by frame, such as "
                    f"annular_pca, loci, nmf; {name} does not"
                )
        if problems:
            raise InputError(*problems)

    def __call__(self, sequence: ImageSequence) -> Values:
        """Odds of a companion at every pixel, as a significance; shape (n_y, n_x).

        NaN where there is no value.
        """
        cubes = list(self._cubes(sequence))
        known = np.logical_and.reduce([cube.max(axis=0) > cube.min(axis=0) for cube, _ in cubes])
        rings = Rings.of(known, sequence.reference_fwhm)
        significance = np.full(sequence.shape, np.nan)
        if rings.pixels.size:
            observed = self.observations(cubes, rings)
            significance.flat[rings.pixels] = as_significance(self.log_odds(observed, rings))
        return significance

    def _cubes(self, sequence: ImageSequence) -> Iterator[tuple[Singles, Singles]]:
        """Derotated values of each method and channel, and what a companion is in them."""
        for i in range(sequence.n_wavelengths):
            channel = sequence.channel(i)
            stamp = psf_stamp(channel.psf[0], self.patch_size)
            for name in self.over.split(","):
                method = load(name.strip())
                assert isinstance(method, Subtraction)
                turned = derotate(method.residuals(channel), channel.angles, self.rotation)
                if self.patch == "fitted":
                    yield fitted_peaks(turned, stamp), np.ones((1, 1), dtype=np.float32)
                else:
                    yield turned, stamp

    def observations(self, cubes: list[tuple[Singles, Singles]], rings: Rings) -> Observations:
        """Values of all cubes on the rings, in units of their noise.

        Parameters
        ----------
        cubes : list of (values, stamp)
            Values of shape (n_frames, n_y, n_x), and what a companion of unit height looks
            like in them, shape (size, size).
        rings : Rings
        """
        values, laplace, shapes = [], [], []
        for cube, stamp in cubes:
            flat = cube.reshape(len(cube), -1)
            fit = Noise.fitted(flat, rings, self.noise)
            ring = np.repeat(np.arange(rings.lengths.size), rings.lengths)
            scale = np.where(fit.scale > 0, fit.scale, np.inf)[ring].astype(np.float32)
            location = fit.location[ring].astype(np.float32)
            part = _patches(cube, rings, stamp.shape[0])
            values.append((part - location) / scale)
            laplace.append(np.broadcast_to(fit.laplace[ring], part.shape[1:]))
            shapes.append(np.repeat(stamp.reshape(-1, 1), len(cube), axis=1))
        return Observations(
            values=np.concatenate(values, axis=1),
            shape=np.concatenate(shapes, axis=1),
            laplace=np.concatenate(laplace),
        )

    def log_odds(self, observed: Observations, rings: Rings) -> Values:
        """Logarithm of the odds of a companion at every pixel of the rings."""
        grid = _intensities(self.intensities)
        n_observations, n_pixels = observed.laplace.shape
        chains = Chains.of(rings.lengths.tolist(), n_observations, self.n_switches)
        each = np.ones(n_pixels, dtype=np.float32)
        share = np.float32(1)
        if self.tempered:
            share = np.float32(1 / redundancy(observed.log_ratios(grid[0] * each)))

        def ratios(intensity: Singles) -> Singles:
            return np.clip(share * observed.log_ratios(intensity), -_LARGEST, _LARGEST)

        likelihoods = [
            before_pixels(passages(ratios(beta * each), chains), chains)[1] for beta in grid
        ]
        best = grid[np.argmax(likelihoods, axis=0)][chains.chain]
        seen = ratios(best)
        passed = passages(seen, chains)
        before = before_pixels(passed, chains)[0]
        after = after_pixels(passed, chains) if self.smoothing else np.ones_like(before)
        if self.odds == "pixel":
            return pixel_log_odds(seen, before, after, chains)
        return np.asarray(temporal_median(log_odds(seen, before, after, chains)), dtype=np.float64)


def as_significance(log_odds: Values) -> Values:
    """Standard deviations z of a Gaussian with odds ``(1 - Q(z)) / Q(z)``, Q its tail; odd."""
    size = np.abs(log_odds)
    return np.asarray(np.sign(log_odds) * -ndtri_exp(-size - np.log1p(np.exp(-size))))


def _intensities(text: str) -> Singles:
    grid = np.array([float(word) for word in text.split(",")], dtype=np.float32)
    if not (np.isfinite(grid).all() and (grid > 0).all()):
        raise ValueError(text)
    return np.unique(grid)


def _patches(cube: Singles, rings: Rings, size: int) -> Singles:
    """Values about every pixel of the rings, shape (size**2, n_frames, n_pixels)."""
    if size == 1:
        return cube.reshape(1, len(cube), -1)[:, :, rings.pixels]
    half = size // 2
    padded = np.pad(cube, ((0, 0), (half, half), (half, half)))
    y, x = np.unravel_index(rings.pixels, cube.shape[1:])
    offsets = np.ndindex(size, size)
    return np.stack([padded[:, y + dy, x + dx] for dy, dx in offsets])


baseline = RSM
