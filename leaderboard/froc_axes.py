"""FROC curves as every figure of ours draws them: stairs, their band, the axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.scoring.froc_band import froc_band
from exobench.scoring.pooled import unit_statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from exobench.scoring.curve import Curve
    from exobench.scoring.score import Score

_TICKS = (0, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)
_LEAST_END = 10.0
_POINTS_OF_BAND = 80


def froc_end(scores: Sequence[Score]) -> float:
    """False positives per map up to which these scores are drawn, own thresholds included."""
    return max(_LEAST_END, *(1.5 * float(score.overall["fp_per_map"] or 0.0) for score in scores))


def froc_steps(curve: Curve, end: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False positives per map, and the highest TPR there and up to the next.

    Parameters
    ----------
    curve : Curve
        Of a set with injections.
    end : float
        Where the last stair ends.
    """
    fp = np.concatenate([[0], curve.fp])
    tp = np.concatenate([[0], curve.tp])
    last = np.flatnonzero(np.diff(fp, append=fp[-1] + 1))
    x, y = fp[last] / curve.n_maps, tp[last] / curve.n_injected
    within = x <= end
    return np.append(x[within], end), np.append(y[within], y[within][-1])


def draw_band(axes: Axes, score: Score, end: float, colour: str) -> bool:
    """Shade the 95 % interval of the TPR at every number of false positives per map.

    Returns
    -------
    bool
        False, and nothing is drawn, where no place has an interval, as with too few units.
    """
    n_maps = score.curve.n_maps
    n_fp = np.unique(np.rint(np.geomspace(1, end * n_maps, _POINTS_OF_BAND)))
    n_fp = np.concatenate([[0.0], n_fp[n_fp < end * n_maps]])
    # Read between two steps: a replicate of n - 1 units has its steps a little elsewhere.
    band = froc_band(unit_statistics(score.sequences), ((n_fp + 0.5) / n_maps).tolist())
    if band is None or np.isnan(band.low).all():
        return False
    # No shade where there is no interval.
    low, high = (np.where(np.isnan(one), band.tpr, one) for one in (band.low, band.high))
    axes.fill_between(
        np.append(n_fp / n_maps, end),
        np.append(low, low[-1]),
        np.append(high, high[-1]),
        step="post",
        color=colour,
        alpha=0.16,
        linewidth=0,
    )
    return True


def finish_froc(axes: Axes, n_maps: int, end: float) -> None:
    """Scale and label the axes: linear up to one false positive in all maps, then log."""
    axes.set_xscale("symlog", linthresh=1 / n_maps, linscale=0.5)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1.02)
    ticks = [tick for tick in _TICKS if tick <= end and (tick == 0 or tick >= 1 / n_maps)]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("false positives per map")
    axes.set_ylabel("true positive rate")
