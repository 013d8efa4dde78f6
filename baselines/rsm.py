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
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

    Values = NDArray[np.float64]
    Singles = NDArray[np.float32]

_LARGEST = 300.0  # of a log-likelihood ratio: the exponentials of two of them are finite


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

    The map holds the logarithm of these odds in units of its robust scatter over the field,
    counted from its median (both with the lowest beta everywhere): a change of scale, the
    same at all pixels, after which a threshold of 5 serves every sequence. NaN within half a
    FWHM of the star, beyond the largest whole circle of the frame, and where residuals never
    change.

    Attributes
    ----------
    over : str
        The methods, with commas between them: subtractions, with their own default options.
    intensities : str
        Values of beta that are tried, with commas between them, in standard deviations of
        the noise of one frame. A companion at the limit of detection is fainter than 1 (0.3
        to 0.5 with 60 frames), but to try as little finds fewer: at beta = 1 all pixels
        without a clear companion lose, and what is left stands alone. Brighter ones need
        steps of at most 2: with the density of Laplace all heights above beta are alike.
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
        switches cost by more than one observation says: a bright companion may be found in
        a neighbouring ring, if that has the higher beta.
    smoothing : bool
        Whether what comes after an observation counts too (forward-backward), or only what
        came before (the filter of the first paper).
    tempered : bool
        Whether log-likelihood ratios are divided by `redundancy`, measured over the field, since
        frames share speckles and methods share frames; without, odds are exaggerated.
    calibrate : bool
        Whether the map is in units of its scatter. False: the odds themselves, as the number
        z of standard deviations with ``P(noise) = Q(z)``, Q the tail of a Gaussian; 0
        at even odds, and below for most companions that can be found, as none is expected
        to be as faint. Both are increasing functions of the odds, computed from
        logarithms, so that no two odds are alike for being close to certain.
    rotation : str
        As of `Subtraction`.

    Notes
    -----
    The reference implementation (PyRSM, of the authors; there is none in vip_hci) differs in
    the defaults: patch = mean, odds = observation, intensities that multiply a PSF of unit
    flux rather than of unit peak, histograms compared to choose a density, nothing
    tempered, and a map of probabilities. The forward models of PSFs, and the search for the
    best options (auto-RSM), are left out. Frames of several wavelengths are further
    observations, each channel with its own noise; a companion has the same beta in all.

    Of 60 companions near the limit, injected into each of the real NACO sequence, naco_like
    and irdis_like, the map finds 62, 43 and 40 % at 1 false positive per map, and the S/N maps
    of annular_pca 35, 42 and 37 %, of loci 63, 35 and 28 %, of nmf 48, 20 and 25 %, of pca 35,
    28 and 18 %: clearly more than pca, as many as the best of its methods, which differs
    from sequence to sequence. (Half the width of an interval is 12 %; the density and the
    betas were chosen on these companions.)

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
    intensities: str = "1,2,4,8,16,32,64"
    patch: str = "fitted"
    patch_size: int = 5
    noise: str = "laplace"
    n_switches: float = 1.0
    odds: str = "pixel"
    smoothing: bool = True
    tempered: bool = True
    calibrate: bool = True
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
        """Odds of a companion at every pixel, as `calibrate` says; shape (n_y, n_x).

        NaN where there is no value.
        """
        detections = np.full(sequence.shape, np.nan)
        cubes = list(self._cubes(sequence))
        known = np.logical_and.reduce([cube.max(axis=0) > cube.min(axis=0) for cube, _ in cubes])
        rings = Rings.of(known, sequence.reference_fwhm)
        if rings.pixels.size:
            observed = [
                Observations(
                    frames=cube,
                    stamp=stamp,
                    pixels=rings.pixels,
                    noise=Noise.fitted(cube, rings, self.noise),
                )
                for cube, stamp in cubes
            ]
            odds, faintest = self.log_odds(observed, rings)
            scaled = in_scatters(odds, faintest) if self.calibrate else as_significance(odds)
            detections.flat[rings.pixels] = scaled
        return detections

    def _cubes(self, sequence: ImageSequence) -> Iterator[tuple[Singles, Singles]]:
        """Derotated values of each channel and method, and what a companion is in them."""
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

    def log_odds(self, observed: Sequence[Observations], rings: Rings) -> tuple[Values, Values]:
        """Logarithms of the odds of a companion at every pixel of the rings.

        With the likeliest intensity in each ring, and with the lowest one in all.
        """
        grid, each = _intensities(self.intensities), np.ones(rings.pixels.size, dtype=np.float32)

        def unweighted(intensity: Singles) -> Singles:
            return np.concatenate([part.log_ratios(intensity) for part in observed])

        share = 1 / redundancy(unweighted(grid[0] * each)) if self.tempered else 1.0

        def ratios(intensity: Singles) -> Singles:
            weighted: Singles = np.float32(share) * unweighted(intensity)
            return weighted.clip(-_LARGEST, _LARGEST)

        n_observations = sum(len(part.frames) for part in observed)
        chains = Chains.of(rings.lengths.tolist(), n_observations, self.n_switches)
        likelihoods = [
            before_pixels(passages(ratios(beta * each), chains), chains)[1] for beta in grid
        ]
        best = grid[np.argmax(likelihoods, axis=0)][chains.chain]
        return self._odds(ratios(best), chains), self._odds(ratios(grid[0] * each), chains)

    def _odds(self, seen: Singles, chains: Chains) -> Values:
        passed = passages(seen, chains)
        before = before_pixels(passed, chains)[0]
        after = after_pixels(passed, chains) if self.smoothing else np.ones_like(before)
        if self.odds == "pixel":
            return pixel_log_odds(seen, before, after, chains)
        return np.asarray(temporal_median(log_odds(seen, before, after, chains)), dtype=np.float64)


def in_scatters(log_odds: Values, of_noise: Values) -> Values:
    """Logarithms of odds less the median of those of noise, over their robust scatter."""
    median = np.median(of_noise)
    scatter = 1.4826 * float(np.median(np.abs(of_noise - median)))
    if scatter == 0:
        return np.full_like(log_odds, np.nan)
    return np.asarray((log_odds - median) / scatter)


def as_significance(log_odds: Values) -> Values:
    """Standard deviations z of a Gaussian with odds ``(1 - Q(z)) / Q(z)``, Q its tail; odd."""
    size = np.abs(log_odds)
    return np.asarray(np.sign(log_odds) * -ndtri_exp(-size - np.log1p(np.exp(-size))))


def _intensities(text: str) -> Singles:
    grid = np.array([float(word) for word in text.split(",")], dtype=np.float32)
    if not (np.isfinite(grid).all() and (grid > 0).all()):
        raise ValueError(text)
    return np.unique(grid)


baseline = RSM
