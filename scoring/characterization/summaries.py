"""Positions and spectra of all companions together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.scoring.calibration.pit import UniformityTest, uniformity_test
from exobench.scoring.characterization.pooled import Mean, pooled_coverage, pooled_mean
from exobench.scoring.characterization.statements import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exobench.scoring.characterization.pooled import Coverage
    from exobench.scoring.characterization.position import PositionResult
    from exobench.scoring.characterization.spectrum import SpectrumResult
    from exobench.scoring.characterization.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """All companions of an entry together, positions or spectra.

    Attributes
    ----------
    n_companions, n_detected : int
        All of them, and those with an estimate (of any channel).
    n_missing : int
        Sequences without a file: their companions count as not detected.
    means : mapping of str to Mean
        Over companions, by name.
    coverage : mapping of str to Coverage or None
        By name: of which statement (sigma or samples) and of which probability.
    uniformity : UniformityTest or None
        Of the transforms of both coordinates, by samples where there are any; None for
        spectra, whose channels err together.
    """

    n_companions: int
    n_detected: int
    n_missing: int
    means: Mapping[str, Mean]
    coverage: Mapping[str, Coverage | None]
    uniformity: UniformityTest | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON types; null where nothing was stated."""
        test = self.uniformity
        return {
            "n_companions": self.n_companions,
            "n_detected": self.n_detected,
            "n_missing": self.n_missing,
            **{name: mean.value for name, mean in self.means.items()},
            "n_with_sigma": self.means["log_likelihood"].n,
            "coverage": {
                name: None if one is None else one.to_dict() for name, one in self.coverage.items()
            },
            "uniformity": None
            if test is None
            else {"n": test.n, "statistic": test.statistic, "pvalue": test.pvalue},
        }

    def intervals(self) -> dict[str, list[float] | None]:
        """95 % intervals of the means, by name."""
        return {
            name: None if mean.interval is None else list(mean.interval)
            for name, mean in self.means.items()
        }


def position_summary(
    results: Sequence[PositionResult], units: Sequence[str], seed: int, n_missing: int
) -> Summary:
    """That of all positions; `units` says by companion what is resampled."""
    columns: dict[str, list[float | None]] = {
        "distance_px": [r.distance_px for r in results],
        "distance_mas": [r.distance_mas for r in results],
        "energy_score_px": [r.energy_score_px for r in results],
        "bias_y_px": [None if r.offset is None else float(r.offset[0]) for r in results],
        "bias_x_px": [None if r.offset is None else float(r.offset[1]) for r in results],
        "bias_radial_px": [r.radial_px for r in results],
        "bias_tangential_px": [r.tangential_px for r in results],
        "log_likelihood": [r.log_likelihood for r in results],
    }
    transforms = [one.transforms for r in results if (one := r.samples or r.sigma) is not None]
    return Summary(
        n_companions=len(results),
        n_detected=sum(r.detected for r in results),
        n_missing=n_missing,
        means={
            **_means(columns, units, seed),
            "error_factor": _error_factor(results, units, seed),
        },
        coverage=_coverage(results, units),
        uniformity=uniformity_test(np.concatenate(transforms)) if transforms else None,
    )


def spectrum_summary(
    results: Sequence[SpectrumResult], units: Sequence[str], seed: int, n_missing: int
) -> Summary:
    """That of all spectra; `units` says by companion what is resampled."""
    columns: dict[str, list[float | None]] = {
        "relative_l1_mean": [r.relative_l1_mean for r in results],
        "relative_l1_sum": [r.relative_l1_sum for r in results],
        "spectrum_l1": [r.spectrum_l1 for r in results],
        "relative_crps": [float(r.crps.mean()) for r in results],
        "relative_bias": [r.relative_bias for r in results],
        "log_likelihood": [r.log_likelihood for r in results],
    }
    return Summary(
        n_companions=len(results),
        n_detected=sum(bool(r.detected.any()) for r in results),
        n_missing=n_missing,
        means={
            **_means(columns, units, seed),
            "error_factor": _error_factor(results, units, seed),
        },
        coverage=_coverage(results, units),
    )


def _means(
    columns: Mapping[str, Sequence[float | None]], units: Sequence[str], seed: int
) -> dict[str, Mean]:
    return {
        name: pooled_mean(values, units, seed, low=-np.inf if _is_signed(name) else 0.0)
        for name, values in columns.items()
    }


def _is_signed(name: str) -> bool:
    return "bias" in name or name == "log_likelihood"


def _error_factor(
    results: Sequence[PositionResult] | Sequence[SpectrumResult], units: Sequence[str], seed: int
) -> Mean:
    """By how much stated errors must be multiplied to be as large as those made (rms)."""
    squares = [None if r.chi is None else float((r.chi**2).mean()) for r in results]
    return pooled_mean(squares, units, seed, low=0.0, root=True)


def _coverage(
    results: Sequence[PositionResult] | Sequence[SpectrumResult], units: Sequence[str]
) -> dict[str, Coverage | None]:
    found = {}
    for source in ("sigma", "samples"):
        statements: list[Statement | None] = [getattr(r, source) for r in results]
        stated = [(s, unit) for s, unit in zip(statements, units, strict=True) if s is not None]
        for name, level in LEVELS.items():
            found[f"{source}_{name}"] = pooled_coverage(
                [s.inside[name] for s, _ in stated], [unit for _, unit in stated], level
            )
    return found
