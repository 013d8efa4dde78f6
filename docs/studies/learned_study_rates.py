"""What detectors and annular PCA find of the companions of learned_study.py, and the ratio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from learned_study import AGAINST, PUBLISHED, snr_of
from zoo_campaign_page import frames

from exobench.challenge.campaigns.journal import BLANK
from exobench.scoring.intervals import FEWEST_UNITS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

KEY = ["sequence", "injection"]
N_REPLICATES = 2000
STRATA = {
    "S/N 1-3": lambda rows: (rows["brightness"] == PUBLISHED) & (rows["snr"] < 3),
    "S/N 1-4": lambda rows: rows["brightness"] == PUBLISHED,
    "faint": lambda rows: rows["brightness"] == "faint",
    "middle": lambda rows: rows["brightness"] == "middle",
    "middle and faint": lambda rows: rows["brightness"] != PUBLISHED,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Maps:
    """Candidates of the blank maps of an algorithm.

    Attributes
    ----------
    values : ndarray, shape (n,)
        The highest first.
    number : ndarray of int, shape (n,)
        Of the map that each is of.
    """

    values: NDArray[np.float64]
    number: NDArray[np.intp]

    def threshold(self, weights: NDArray[np.float64], fp_per_map: float = 1.0) -> float:
        """What candidates must exceed for no more false positives per map, on average.

        Parameters
        ----------
        weights : ndarray, shape (n_maps,)
            How often each map counts.
        fp_per_map : float
        """
        reached = np.cumsum(weights[self.number])
        first = np.searchsorted(reached, fp_per_map * weights.sum() + 1e-9, side="right")
        return float(self.values[first]) if first < self.values.size else -np.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seed:
    """A detector trained with one seed, and annular PCA, on the same companions and maps.

    Attributes
    ----------
    rows : DataFrame
        By companion: `KEY`, brightness, snr, and the candidate values `learned` and `against`.
    learned, against : Maps
    """

    rows: pd.DataFrame
    learned: Maps
    against: Maps


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tested:
    """A detector on a data set.

    Attributes
    ----------
    name : str
        With its options.
    seeds : tuple of Seed
    maps : tuple of str
        Names of the blank maps, which are the same for all.
    sequence_of : ndarray of int, shape (n_maps,)
        Number of the sequence that each is of.
    folder : Path
        Of the data set.
    """

    name: str
    seeds: tuple[Seed, ...]
    maps: tuple[str, ...]
    sequence_of: NDArray[np.intp]
    folder: Path


def tested(folder: Path) -> list[Tested]:
    """Detectors of a data set that were tested, by their names."""
    labels = sorted(path.parent.name for path in folder.glob("*/journal.jsonl"))
    names = dict.fromkeys(label.rpartition(" ")[0] for label in labels if label != AGAINST)
    return [_tested(folder, name, labels) for name in names]


def _tested(folder: Path, name: str, labels: list[str]) -> Tested:
    against = frames(folder / AGAINST)
    mine = {label: frames(folder / label) for label in labels if label.rpartition(" ")[0] == name}
    done = [set(_blank(one)) for one in (against, *mine.values())]
    maps = tuple(sorted(set.intersection(*done)))
    sequences = [one.split(", night")[0] for one in maps]
    return Tested(
        name=name,
        seeds=tuple(_seed(one, against, maps, set(sequences)) for one in mine.values()),
        maps=maps,
        sequence_of=np.unique(sequences, return_inverse=True)[1],
        folder=folder,
    )


def _blank(tables: dict[str, pd.DataFrame]) -> list[str]:
    rows = tables["costs"]
    return list(rows.loc[rows["injection"] == BLANK, "sequence"])


def _seed(
    mine: dict[str, pd.DataFrame],
    against: dict[str, pd.DataFrame],
    maps: tuple[str, ...],
    sequences: set[str],
) -> Seed:
    told = [*KEY, "brightness", "candidate_value"]
    rows = mine["injections"][told].merge(
        against["injections"][[*KEY, "candidate_value"]], on=KEY, suffixes=("", "_against")
    )
    rows = rows[rows["sequence"].isin(sequences)].rename(
        columns={"candidate_value": "learned", "candidate_value_against": "against"}
    )
    rows["snr"] = rows["injection"].map(snr_of)
    values = {one: rows[one].astype(float).fillna(-np.inf) for one in ("learned", "against")}
    return Seed(
        rows=rows.assign(**values).reset_index(drop=True),
        learned=_maps(mine["false_positives"], maps),
        against=_maps(against["false_positives"], maps),
    )


def _maps(false: pd.DataFrame, maps: tuple[str, ...]) -> Maps:
    here = false[false["sequence"].isin(maps)].sort_values("value", ascending=False)
    number = {name: i for i, name in enumerate(maps)}
    return Maps(
        values=here["value"].to_numpy(dtype=np.float64),
        number=here["sequence"].map(number).to_numpy(dtype=np.intp),
    )


def found_by(
    seed: Seed,
    maps: NDArray[np.float64],
    companions: NDArray[np.float64],
    fp_per_map: float = 1.0,
) -> NDArray[np.float64]:
    """Companions that the detector and annular PCA find, weighted, shape (2,)."""
    return np.array(
        [
            companions @ (seed.rows[one] > getattr(seed, one).threshold(maps, fp_per_map))
            for one in ("learned", "against")
        ]
    )


def rates(one: Tested, stratum: str) -> NDArray[np.float64]:
    """Fractions found by the detector and by annular PCA, by seed; shape (n_seeds, 2)."""
    every = np.ones(len(one.maps))
    chosen = [STRATA[stratum](seed.rows).to_numpy(dtype=float) for seed in one.seeds]
    return np.array(
        [
            found_by(seed, every, here) / max(here.sum(), 1)
            for seed, here in zip(one.seeds, chosen, strict=True)
        ]
    )


def ratio(one: Tested, stratum: str) -> tuple[float, float, float]:
    """Of the companions found, over all seeds: the detector's over annular PCA's, and its 95 %.

    Sequences are drawn with their maps and companions where there are six or more of them;
    else maps and companions apart. Thresholds are those of the maps that were drawn. All
    seeds have the same draws.
    """
    rng = np.random.default_rng(0)
    ids = pd.concat([seed.rows[KEY] for seed in one.seeds]).drop_duplicates(ignore_index=True)
    places = [seed.rows[KEY].merge(ids.reset_index(), on=KEY)["index"] for seed in one.seeds]
    chosen = [STRATA[stratum](seed.rows).to_numpy(dtype=float) for seed in one.seeds]
    names = sorted({name.split(", night")[0] for name in one.maps})
    of_sequence = ids["sequence"].map({name: i for i, name in enumerate(names)}).to_numpy()

    def drawn() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if len(names) < FEWEST_UNITS:
            return _draws(len(one.maps), rng), _draws(len(ids), rng)
        often = _draws(len(names), rng)
        return often[one.sequence_of], often[of_sequence]

    def of(maps: NDArray[np.float64], companions: NDArray[np.float64]) -> float:
        parts = zip(one.seeds, places, chosen, strict=True)
        mine, theirs = sum(
            found_by(seed, maps, companions[place.to_numpy()] * here) for seed, place, here in parts
        )
        return float(mine / theirs) if theirs else (np.inf if mine else np.nan)

    point = of(np.ones(len(one.maps)), np.ones(len(ids)))
    replicates = [of(*drawn()) for _ in range(N_REPLICATES)]
    low, high = np.nanquantile(replicates, [0.025, 0.975], method="nearest")
    return point, float(low), float(high)


def _draws(n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each of `n` is drawn in `n` draws."""
    return np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
