"""Where residual speckles give way to background noise.

Residual speckles are not Gaussian, background noise is. In the frames that a subtraction
leaves, tests of normality reject near the star and stop rejecting where the background takes
over, at a radius that depends little on the number of components removed: a map of p-values
over both shows the two regimes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import optimize, special

from exobench.datasets.errors import InputError
from exobench.scoring.diagnostics.normality import TESTS
from exobench.scoring.diagnostics.rings import ring_fluxes
from exobench.scoring.diagnostics.separations import Separations, checked_radii, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics.injections import Algorithm

QUICK_TESTS = ("shapiro_wilk", "anderson_darling", "kolmogorov_smirnov")
"""Of `exobench.scoring.diagnostics.TESTS`, those that take less than a millisecond."""

_SMALLEST_P = 1e-300
_N_PARAMETERS = 3
# Logarithms of background and speckle variance at the outermost radius, relative to what is
# measured there, and the exponent; scatter of a logarithm from radius to radius.
_START, _LEAST, _MOST = (0.0, -1.0, 4.0), (-20.0, -20.0, 0.5), (20.0, 20.0, 20.0)
_SCATTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NoiseRegimes:
    """Normality and level of the noise by separation, and the radii at which both change.

    Attributes
    ----------
    name : str
        Of the sequence.
    separations : Separations
        Of shape (n_radii,).
    labels : tuple of str
        Of the algorithms.
    p_values : ndarray, shape (n_algorithms, n_radii)
        Of Gaussian noise, over frames and tests; NaN where there are too few apertures.
    combined : ndarray, shape (n_radii,)
        Over the algorithms as well: twice their median, at most 1.
    noise : ndarray, shape (n_algorithms, n_radii)
        Standard deviation of aperture sums (rms over frames), in the unit of the cube.
    p_least : float
        Below it noise is taken to be speckles.
    boundary_px : float or None
        Radius from which on the combined p-values stay at `p_least` or above, single dips
        forgiven: half-way between two radii. 0 where no radius is left to speckles, None
        where none is left to the background. Radii without a p-value are passed over.
    crossover_px : float or None
        Radius at which speckles and background are equally strong: where the two terms of
        ``variance = background + speckles r^-m`` meet, fitted to the levels of the noise
        (mean over the algorithms of their logarithms). More data move the boundary outwards,
        to the last trace of speckles, and leave the crossover where it is. None where it is
        not inside the radii, or there are fewer than four of them.
    """

    name: str
    separations: Separations
    labels: tuple[str, ...]
    p_values: NDArray[np.float64]
    combined: NDArray[np.float64]
    noise: NDArray[np.float64]
    p_least: float
    boundary_px: float | None
    crossover_px: float | None

    def table(self) -> pd.DataFrame:
        """One row per radius: combined p-value, then p-value and noise of each algorithm."""
        import pandas as pd

        columns: dict[str, NDArray[Any]] = {**self.separations.columns(), "p_value": self.combined}
        for label, p_values, noise in zip(self.labels, self.p_values, self.noise, strict=True):
            columns |= {f"p_value {label}": p_values, f"noise {label}": noise}
        return pd.DataFrame(columns)

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where a number is not finite."""
        content = {
            "name": self.name,
            **self.separations.columns(),
            "labels": list(self.labels),
            "p_values": self.p_values,
            "combined": self.combined,
            "noise": self.noise,
            "p_least": self.p_least,
            "boundary_px": self.boundary_px,
            "crossover_px": self.crossover_px,
        }
        return {key: plain(value) for key, value in content.items()}


def noise_regimes(
    sequence: ImageSequence,
    algorithms: Mapping[str, Algorithm],
    *,
    radii_px: ArrayLike | None = None,
    tests: str | Iterable[str] = QUICK_TESTS,
    p_least: float = 0.01,
    max_images: int = 100,
) -> NoiseRegimes:
    """Normality of the noise by separation and algorithm, and where it changes.

    Parameters
    ----------
    sequence : ImageSequence
        Without companions.
    algorithms : mapping of str to callable
        By label, such as the number of components: sequence -> residual frames
        (n, n_y, n_x), or one image (n_y, n_x), in which few apertures tell little. The
        `residuals` of a subtraction baseline.
    radii_px : array_like, shape (n_radii,), or None
        Increasing, in pixels; by default every FWHM, while an aperture fits.
    tests : str or iterable of str
        Of `exobench.scoring.diagnostics.TESTS`.
    p_least : float
        Between 0 and 1.
    max_images : int
        At most so many frames are tested, evenly spread: neighbours in time are alike.

    Raises
    ------
    InputError
        If an option is out of range or an algorithm returns something else.

    Notes
    -----
    p-values of the frames are combined as those of independent tests (Fisher). Where they
    see the same data they are combined without that assumption: those of the tests by the
    Cauchy combination, those of the algorithms by twice their median, which asks what most
    of them leave and not what the worst leaves.

    References
    ----------
    Cantero et al. (2023), A&A 680, A86: the idea, with principal components.
    Fisher (1932), Statistical Methods for Research Workers, Sect. 21.1.
    Liu & Xie (2020), JASA 115, 393: the Cauchy combination.
    Rüger (1978), Metrika 25, 171: twice the median of p-values.
    """
    tests = (tests,) if isinstance(tests, str) else tuple(tests)
    _check_options(algorithms, tests, p_least, max_images)
    radii = checked_radii(sequence, radii_px)
    measured = [
        _measured(_frames(algorithm(sequence), sequence, max_images), sequence, radii, tests)
        for algorithm in algorithms.values()
    ]
    p_values = np.stack([p for p, _ in measured])
    noise = np.stack([spread for _, spread in measured])
    combined = np.minimum(2 * np.median(p_values, axis=0), 1)
    answered = np.isfinite(combined)
    first = first_background(combined[answered] >= p_least)
    return NoiseRegimes(
        name=sequence.name,
        separations=Separations.of(sequence, radii),
        labels=tuple(algorithms),
        p_values=p_values,
        combined=combined,
        noise=noise,
        p_least=float(p_least),
        boundary_px=_boundary(radii[answered], first),
        crossover_px=_crossover(radii, noise),
    )


def first_background(is_gaussian: NDArray[np.bool_]) -> int | None:
    """Number of the first radius from which on noise stays Gaussian; None if it never does.

    A radius counts as the majority of itself and its two neighbours says, the last one as
    it says itself.
    """
    if is_gaussian.size == 0:
        return None
    padded = np.concatenate([is_gaussian[:1], is_gaussian, is_gaussian[-1:]]).astype(int)
    smooth = padded[:-2] + padded[1:-1] + padded[2:] >= 2
    speckled = np.flatnonzero(~smooth)
    first = int(speckled[-1]) + 1 if speckled.size else 0
    return first if first < smooth.size else None


def fisher_combined(p_values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """p-value of independent tests together; NaN values are left out, NaN where none is left."""
    known = np.isfinite(p_values)
    logs = np.log(np.maximum(np.where(known, p_values, 1.0), _SMALLEST_P))
    n = known.sum(axis=axis)
    with np.errstate(invalid="ignore"):
        combined = special.gammaincc(n, -logs.sum(axis=axis))
    return np.where(n > 0, combined, np.nan)


def cauchy_combined(p_values: NDArray[np.float64], axis: int = 0) -> NDArray[np.float64]:
    """p-value of dependent tests together; NaN values are left out, NaN where none is left."""
    known = np.isfinite(p_values)
    p = np.clip(np.where(known, p_values, 0.5), _SMALLEST_P, 1 - 1e-15)
    # cot(pi p) is the tangent of Liu & Xie without its loss of digits at small p.
    total, n = (known / np.tan(np.pi * p)).sum(axis=axis), known.sum(axis=axis)
    mean = total / np.maximum(n, 1)
    combined = np.arctan2(1, mean) / np.pi
    return np.where(n > 0, combined, np.nan)


def _check_options(
    algorithms: Mapping[str, Algorithm], tests: tuple[str, ...], p_least: float, max_images: int
) -> None:
    problems = [] if algorithms else ["algorithms must name at least one"]
    unknown = [test for test in tests if test not in TESTS]
    if unknown or not tests:
        problems.append(f"tests must be some of {', '.join(TESTS)}, got {', '.join(tests)}")
    if not 0 < p_least < 1:
        problems.append(f"p_least must lie between 0 and 1, got {p_least}")
    if max_images < 1:
        problems.append(f"max_images must be 1 or more, got {max_images}")
    if problems:
        raise InputError(*problems)


def _frames(returned: ArrayLike, sequence: ImageSequence, max_images: int) -> NDArray[np.float64]:
    frames = np.asarray(returned, dtype=np.float64)
    if frames.ndim < 2 or frames.shape[-2:] != sequence.shape or frames.size == 0:
        raise InputError(
            f"{sequence.name}: an algorithm must return frames of shape "
            f"(n, {sequence.shape[0]}, {sequence.shape[1]}), got {frames.shape}"
        )
    frames = frames.reshape(-1, *sequence.shape)
    if not np.isfinite(frames).all():
        raise InputError(f"{sequence.name}: an algorithm returned frames that are not finite")
    kept = np.linspace(0, len(frames) - 1, min(len(frames), max_images)).round().astype(int)
    return np.asarray(frames[kept])


def _measured(
    frames: NDArray[np.float64],
    sequence: ImageSequence,
    radii: NDArray[np.float64],
    tests: tuple[str, ...],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """p-value and standard deviation of the frames' apertures at each radius."""
    p_values, noise = np.full(radii.size, np.nan), np.empty(radii.size)
    for i, radius in enumerate(radii):
        rings = [ring_fluxes(frame, sequence.reference_fwhm, radius)[0] for frame in frames]
        noise[i] = np.sqrt(np.mean([ring.var(ddof=1) for ring in rings]))
        spread = [ring for ring in rings if np.ptp(ring) > 0]
        found = np.array([[TESTS[test](ring) for test in tests] for ring in spread])
        if found.size:
            p_values[i] = cauchy_combined(fisher_combined(found))
    return p_values, noise


def _boundary(radii: NDArray[np.float64], first: int | None) -> float | None:
    if first is None:
        return None
    return float((radii[first - 1] + radii[first]) / 2) if first else 0.0


def _crossover(radii: NDArray[np.float64], noise: NDArray[np.float64]) -> float | None:
    """Where the fitted power law of the speckles meets the fitted background."""
    if radii.size < _N_PARAMETERS + 1 or not (noise > 0).all():
        return None
    log_variance = 2 * np.log(noise).mean(axis=0)
    log_variance -= log_variance[-1]
    log_radius = np.log(radii / radii[-1])

    def misfit(parameters: NDArray[np.float64]) -> NDArray[np.float64]:
        background, speckles, slope = parameters
        model = np.logaddexp(background, speckles - slope * log_radius)
        return np.asarray(model - log_variance)

    fit = optimize.least_squares(
        misfit, _START, bounds=(_LEAST, _MOST), loss="soft_l1", f_scale=_SCATTER
    )
    background, speckles, slope = fit.x
    crossover = radii[-1] * np.exp((speckles - background) / slope)
    return float(crossover) if radii[0] <= crossover <= radii[-1] else None
