"""How many companions of a campaign are found at a rate of false positives, and by whom more.

A companion is found if its candidate exceeds the lowest threshold at which the blank maps
have no more than so many false positives each, on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.challenge.campaigns.pairs import compared
from exobench.challenge.campaigns.tables import read_frame
from exobench.scoring.binomial import binomial_interval
from exobench.scoring.froc_band import froc_band
from exobench.scoring.intervals import FEWEST_UNITS
from exobench.scoring.pooled import UnitStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from exobench.challenge.campaigns.pairs import Column, Pair

FP_PER_MAP = 1.0
EVERYWHERE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many companions of a stratum an algorithm finds.

    Attributes
    ----------
    algorithm, stratum : str
        The stratum of separation, or `EVERYWHERE`.
    found, n : int
    interval : tuple of float
        95 %: over the sequences, threshold included, where there are six or more and they
        differ; else Clopper & Pearson's, for the threshold that was met.
    over_sequences : bool
        Which of the two.
    """

    algorithm: str
    stratum: str
    found: int
    n: int
    interval: tuple[float, float]
    over_sequences: bool

    @property
    def tpr(self) -> float:
        """Fraction found."""
        return self.found / self.n


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Summary:
    """Rates at one false positive per map.

    Attributes
    ----------
    thresholds : dict of str to float
        By algorithm: candidates above it are detections.
    refilled : dict of str to (float or None)
        By algorithm: false positives above it of a refilled map, mean; None without any.
    paths : dict of str to str
        By algorithm: how sequences with companions were reduced; see
        `exobench.baselines._reinjection.path_of`.
    rates : tuple of Rate
    pairs : tuple of Pair
    """

    thresholds: dict[str, float]
    refilled: dict[str, float | None]
    paths: dict[str, str]
    rates: tuple[Rate, ...]
    pairs: tuple[Pair, ...]


def summarized(folder: Path, labels: Sequence[str]) -> Summary:
    """What a finished campaign comes down to."""
    injections, false, costs = (
        read_frame(folder, name) for name in ("injections", "false_positives", "costs")
    )
    return summary_of(injections, false, list(dict.fromkeys(costs["sequence"])), labels)


def summary_of(
    injections: pd.DataFrame, false: pd.DataFrame, sequences: list[str], labels: Sequence[str]
) -> Summary:
    """What the tables of a campaign come down to.

    Parameters
    ----------
    injections, false : DataFrame
        Of all algorithms, which have the same injections in the same order.
    sequences : list of str
        Each with one blank map of each algorithm.
    labels : sequence of str
        Algorithms; the others are compared with the first.
    """
    rates, columns, thresholds, refilled, paths = [], {}, {}, {}, {}
    strata = strata_of(injections)
    for label in labels:
        rows = injections[injections["algorithm"] == label].reset_index(drop=True)
        mine = false[false["algorithm"] == label]
        threshold = threshold_at(mine, len(sequences))
        thresholds[label] = threshold
        refilled[label] = _refilled_rate(mine, threshold)
        paths[label] = str(rows["path"].iloc[0])
        found = detected(rows, threshold)
        columns[label] = (rows, found)
        for stratum in strata:
            here = inside(rows, stratum)
            band = band_at(rows[here], mine, sequences, [FP_PER_MAP])
            rates.append(_rate(label, stratum, found[here], band))
    pairs = [
        pair
        for stratum in strata
        for pair in compared(_of_stratum(columns, stratum), stratum, len(sequences))
    ]
    return Summary(
        thresholds=thresholds,
        refilled=refilled,
        paths=paths,
        rates=tuple(rates),
        pairs=tuple(pairs),
    )


def strata_of(injections: pd.DataFrame) -> list[str]:
    """Strata of separation from the star out, and `EVERYWHERE` behind them if they are several."""
    first = injections.groupby("separation_stratum")["separation_px"].min().sort_values()
    names = [str(name) for name in first.index]
    return [*names, EVERYWHERE] if len(names) > 1 else names


def threshold_at(false: pd.DataFrame, n_maps: int, fp_per_map: float = FP_PER_MAP) -> float:
    """What a candidate must exceed for no more false positives per blank map.

    Parameters
    ----------
    false : DataFrame
        False positives of one algorithm.
    n_maps : int
        Blank maps that were searched.
    fp_per_map : float
    """
    values = np.sort(false.loc[false["map"] == "blank", "value"].to_numpy())[::-1]
    allowed = int(np.floor(fp_per_map * n_maps + 1e-9))
    return float(values[allowed]) if values.size > allowed else -np.inf


def detected(rows: pd.DataFrame, threshold: float) -> NDArray[np.bool_]:
    """Whether the candidate of each injection is above the threshold; without one it is not."""
    values = rows["candidate_value"].to_numpy(dtype=np.float64)
    return np.asarray(np.nan_to_num(values, nan=-np.inf) > threshold)


def inside(rows: pd.DataFrame, stratum: str) -> NDArray[np.bool_]:
    """Which injections are of a stratum of separation, or of `EVERYWHERE`."""
    if stratum == EVERYWHERE:
        return np.ones(len(rows), dtype=bool)
    return np.asarray(rows["separation_stratum"] == stratum)


def _of_stratum(columns: dict[str, Column], stratum: str) -> dict[str, Column]:
    chosen = {label: inside(rows, stratum) for label, (rows, _) in columns.items()}
    return {
        label: (rows[chosen[label]], found[chosen[label]])
        for label, (rows, found) in columns.items()
    }


def _refilled_rate(false: pd.DataFrame, threshold: float) -> float | None:
    maps = false[false["map"] == "refilled"]
    n = len(maps.groupby(["sequence", "injection"]))
    return float((maps["value"] > threshold).sum() / n) if n else None


def _rate(
    label: str,
    stratum: str,
    found: NDArray[np.bool_],
    band: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
) -> Rate:
    low, high = binomial_interval(found.sum(), found.size) if band is None else band
    return Rate(
        algorithm=label,
        stratum=stratum,
        found=int(found.sum()),
        n=found.size,
        interval=(float(np.squeeze(low)), float(np.squeeze(high))),
        over_sequences=band is not None,
    )


def band_at(
    rows: pd.DataFrame, false: pd.DataFrame, sequences: list[str], fp_per_map: list[float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Low and high end of TPR over the sequences, threshold included, shape (n,) each.

    Parameters
    ----------
    rows, false : DataFrame
        Injections and false positives of one algorithm.
    sequences : list of str
        Each with one blank map.
    fp_per_map : list of float
        Shape (n,).

    Returns
    -------
    tuple of ndarray or None
        None where sequences are too few, or agree at all of them.
    """
    if len(sequences) < FEWEST_UNITS:
        return None
    band = froc_band(_statistics(rows, false, sequences), fp_per_map)
    if band is None or np.isnan(band.low).all():
        return None
    agree = np.isnan(band.low)
    return np.where(agree, band.tpr, band.low), np.where(agree, band.tpr, band.high)


def _statistics(rows: pd.DataFrame, false: pd.DataFrame, sequences: list[str]) -> UnitStatistics:
    """Counts of the sequences at the values of true positives, which is all that rates need."""
    values = {name: part["candidate_value"].dropna() for name, part in rows.groupby("sequence")}
    blank = false[false["map"] == "blank"]
    others = {name: part["value"] for name, part in blank.groupby("sequence")}
    levels = np.unique(rows["candidate_value"].dropna())[::-1]
    n_injected = rows["sequence"].value_counts()
    none = np.empty(0)
    return UnitStatistics(
        sums={
            "n_injected": np.array([float(n_injected.get(name, 0)) for name in sequences]),
            "n_maps": np.ones(len(sequences)),
        },
        tp_at=np.array([_at_or_above(values.get(name, none), levels) for name in sequences]),
        fp_at=np.array([_at_or_above(others.get(name, none), levels) for name in sequences]),
        tp_error_px=none,
        tp_unit=np.empty(0, dtype=np.intp),
        f1=np.empty((len(sequences), 0)),
        tpr=np.empty((len(sequences), 0)),
        injected=np.empty((len(sequences), 0)),
    )


def _at_or_above(values: ArrayLike, levels: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    return (ordered.size - np.searchsorted(ordered, levels, side="left")).astype(np.float64)
