"""At which flux a significance reaches 5 sigma, from few trials.

Significance grows with flux at most in proportion, ever more slowly, and may fall again: the
wings of a bright source enter its own noise apertures, and a subtraction that sees it takes
more of it. In logarithms of both it is concave. From that follows what trials on either side
leave possible between them, and where to try next.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

SIGMA = 5.0

Trial = tuple[float, float]
"""Flux, and the significance that it reached."""

_TOLERANCE = 0.4  # in sigma: near enough to go on to SIGMA by the slope between two trials
_LEAST_SLOPE = 0.15  # d log significance / d log flux: below it, the probe is its own noise
_STEEP = 0.5  # the same slope: from it on, two trials on one side say where the crossing is
_FLAT = 0.05  # the same slope: below it, fainter probes might do better
_STEEPEST = 1.0  # the same slope, of either sign: nothing rises or falls faster
_TIGHT = 1.1  # ratio of the fluxes between which 5 sigma must be that needs no further trial
_WIDE = 1.5  # the same ratio: from it on, a slope is one of the curve and not of the noise
_SEEN = 1.0  # in sigma: below it, what the place holds without a probe hides its growth
_MOST_UNSEEN = 20.0  # factor in flux after which a probe that is not seen will not be
_MAX_STEP = 5.0  # factor in flux between trials
_OVERSHOOT = 1.1


class Search:
    """The faintest flux that reaches 5 sigma: what was tried, and what to try next."""

    def __init__(self) -> None:
        self._tried: list[Trial] = []

    def learn(self, flux: float, significance: float) -> None:
        """Take in what a flux reached."""
        self._tried = sorted([*self._tried, (flux, significance)])

    def next_flux(self) -> float | None:
        """What to try next; None if the flux is known, or cannot be expected to exist."""
        if self._is_unmeasurable or self._is_met:
            return None
        if self._bracket is not None:
            return _within(*self._bracket)
        for i, trial in enumerate(self._tried):
            if trial[1] >= SIGMA:
                return _step(trial, self._tried[i : i + 2], 1 / _OVERSHOOT)
        if self._may_grow:
            return _step(self._tried[-1], self._tried[-2:], _OVERSHOOT)
        if _slope(*self._tried[:2]) < (_FLAT if self._is_seen else 0):
            return self._tried[0][0] / _MAX_STEP
        return self._between()

    def root(self) -> float:
        """Flux of 5 sigma; infinite where it was not met."""
        if self._bracket is not None and not self._is_unmeasurable:
            low, high = self._bracket
            is_narrow = high[0] / low[0] < _WIDE
            return _bounds(low, high)[1] if is_narrow else _within(low, high)
        if self._is_unmeasurable or not self._is_met:
            return float(np.inf)
        pair = _nearest_pair(self._tried)
        flux, reached = min(pair, key=lambda trial: abs(trial[1] - SIGMA))
        return flux * float((SIGMA / reached) ** (1 / _slope(*pair)))

    @property
    def _is_unmeasurable(self) -> bool:
        return any(np.isnan(significance) for _, significance in self._tried)

    @property
    def _is_seen(self) -> bool:
        return max(significance for _, significance in self._tried) >= _SEEN

    @property
    def _bracket(self) -> tuple[Trial, Trial] | None:
        """The faintest trial that reaches 5 sigma, after the brightest of the fainter ones."""
        for low, high in pairwise(self._tried):
            if low[1] < SIGMA <= high[1]:
                return low, high
        return None

    @property
    def _is_met(self) -> bool:
        """True if two trials say where 5 sigma is, one of them close to it."""
        if len(self._tried) < 2:
            return False
        if self._bracket is not None:
            earliest, latest = _bounds(*self._bracket)
            return latest / earliest < _TIGHT
        pair = _nearest_pair(self._tried)
        return _distance(pair) < _TOLERANCE and _slope(*pair) >= _STEEP

    @property
    def _may_grow(self) -> bool:
        """True unless the brightest trials show that significance hardly grows any more."""
        if len(self._tried) < 2:
            return True
        fainter, brighter = self._tried[-2:]
        if brighter[0] / fainter[0] < _WIDE:
            return True
        went = brighter[0] / self._tried[0][0]
        if not self._is_seen and brighter[1] >= fainter[1] and went < _MOST_UNSEEN:
            return True
        return _slope(fainter, brighter) >= _LEAST_SLOPE

    def _between(self) -> float | None:
        """Where 5 sigma may be reached between two trials that do not; None if nowhere.

        Slopes fall along a concave curve: between two trials it lies below the lines that
        lead on from the pairs on both sides.
        """
        for i, (low, high) in enumerate(pairwise(self._tried)):
            if high[0] / low[0] < _WIDE:
                continue
            rise = _slope(*self._tried[i - 1 : i + 1]) if i > 0 else _STEEPEST
            fall = _slope(*self._tried[i + 1 : i + 3]) if i + 2 < len(self._tried) else -_STEEPEST
            ratio, chord = high[0] / low[0], _slope(low, high)
            if fall < chord < rise:
                step = ratio ** ((chord - fall) / (rise - fall))
                if max(low[1], 0) * step**rise >= SIGMA * _OVERSHOOT:
                    return float(low[0] * step)
        return None


def _step(trial: Trial, pair: list[Trial], overshoot: float) -> float:
    """Flux at which 5 sigma is expected, by the slope of a pair, and a little further."""
    flux, reached = trial
    # Significance grows more slowly than flux, ever more so: a little too far, to bracket
    # the crossing.
    slope = max(_slope(*pair), _LEAST_SLOPE) if len(pair) == 2 else 1.0
    step = (SIGMA * overshoot / max(reached, 0.5)) ** (1 / slope)
    return flux * float(np.clip(step, 1 / _MAX_STEP, _MAX_STEP))


def _within(low: Trial, high: Trial) -> float:
    """Between the fluxes between which 5 sigma must be reached."""
    earliest, latest = _bounds(low, high)
    return float(np.sqrt(earliest * latest)) if earliest < latest else latest


def _bounds(low: Trial, high: Trial) -> tuple[float, float]:
    """Flux at which growth in proportion leads to 5 sigma, and a straight line to `high` does.

    The first comes later where a place holds less than nothing without a probe.
    """
    crossing = low[0] + (SIGMA - low[1]) / (high[1] - low[1]) * (high[0] - low[0])
    return max(low[0] * SIGMA / max(low[1], _SEEN), low[0]), crossing


def _slope(fainter: Trial, brighter: Trial) -> float:
    """Of the logarithm of significance against that of flux, between two trials."""
    gain = max(brighter[1], 1e-3) / max(fainter[1], 1e-3)
    return float(np.log(gain) / np.log(brighter[0] / fainter[0]))


def _distance(pair: tuple[Trial, Trial]) -> float:
    """Of the nearer of two trials to 5 sigma."""
    return min(abs(significance - SIGMA) for _, significance in pair)


def _nearest_pair(tried: list[Trial]) -> tuple[Trial, Trial]:
    """The two trials nearest to 5 sigma, the fainter first."""
    nearest = sorted(tried, key=lambda trial: abs(trial[1] - SIGMA))[:2]
    fainter, brighter = sorted(nearest)
    return fainter, brighter
