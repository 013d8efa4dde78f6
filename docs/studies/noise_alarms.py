"""Count what methods that fit fluxes say of white noise, to 5 sigma, for docs/calibration.md.

    python docs/studies/noise_alarms.py run FOLDER [ALGORITHM...]
    python docs/studies/noise_alarms.py write FOLDER

Counts of a hundred maps at a time are kept in FOLDER: a run that was stopped goes on. All of
them take two hours of one core, and share the cores that there are.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from inverse_alarms import VALUES, heading, said
from scipy import stats
from tables import write_table
from threadpoolctl import threadpool_limits

from exobench.baselines import load
from exobench.datasets import ImageSequence, normalise_psf
from exobench.datasets.atomic import replacing
from exobench.datasets.geometry import edge_distance, radius_map
from exobench.scoring.calibration.rates import FalseAlarmRate, design_effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PAGE = Path(__file__).parents[1] / "calibration.md"
N_FRAMES, SIZE, FWHM, ROTATION = 20, 61, 4.0, 60.0  # px, degrees
EDGES = (1.5, 3.0, edge_distance((SIZE, SIZE)) / FWHM - 1)  # FWHM
TOGETHER = 100  # maps
MAPS = {"matched_filter": 20_000, "andromeda": 12_000, "paco": 8_000, "fmmf": 8_000, "trap": 6_000}
LOOKS, SUM, SQUARES = 0, 1, 2  # columns of what is kept; from the next on, alarms at VALUES


@dataclass(frozen=True, slots=True)
class Batch:
    """Some maps of a method."""

    method: str
    index: int
    path: Path

    def make(self) -> None:
        """Reduce them and keep, of each map and ring, pixels, their moments, and alarms."""
        estimator = load(self.method)
        seeds = range(self.index * TOGETHER, (self.index + 1) * TOGETHER)
        with threadpool_limits(1):
            counts = np.stack([counted(estimator(white_noise(seed))) for seed in seeds])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as working, working.open("wb") as file:
            np.save(file, counts)


def main() -> None:
    """Run, or write the table."""
    match sys.argv[1:]:
        case ["run", folder, *chosen]:
            with ProcessPoolExecutor() as pool:
                list(pool.map(Batch.make, left(Path(folder), chosen or MAPS)))
        case ["write", folder]:
            write_table(PAGE, "noise", table(Path(folder)))
        case _:
            sys.exit(__doc__)


def left(folder: Path, methods: Iterable[str]) -> Iterator[Batch]:
    """What is not there yet."""
    for index in range(max(MAPS.values()) // TOGETHER):
        for method in methods:
            path = folder / method / f"{index:04}.npy"
            if index < MAPS[method] // TOGETHER and not path.exists():
                yield Batch(method, index, path)


def white_noise(seed: int) -> ImageSequence:
    """Independent normal pixels, and a Gaussian PSF."""
    y, x = np.indices((19, 19)) - 9
    psf = normalise_psf(np.exp(-4 * np.log(2) * (x**2 + y**2) / FWHM**2), FWHM)
    return ImageSequence(
        name="white_1",
        cube=np.random.default_rng(seed).standard_normal((1, N_FRAMES, SIZE, SIZE)),
        angles=np.linspace(-ROTATION / 2, ROTATION / 2, N_FRAMES),
        psf=psf.psf,
        fwhm=psf.fwhm,
        pixel_scale=0.0122,
    )


def counted(found: np.ndarray) -> np.ndarray:
    """Of each ring: pixels, sum, sum of squares, and how many are at least so high."""
    radius = radius_map(found.shape) / FWHM
    rows = []
    for low, high in pairwise(EDGES):
        values = found[(radius >= low) & (radius < high) & np.isfinite(found)]
        alarms = [(values >= value).sum() for value in VALUES]
        rows.append([values.size, values.sum(), (values**2).sum(), *alarms])
    return np.array(rows)


def table(folder: Path) -> str:
    """Scatter and false alarms of every method that has maps."""
    lines = heading("method", "maps", "pixels", "scatter at 1.5 to 3 FWHM", "beyond")
    for method in MAPS:
        if paths := sorted((folder / method).glob("*.npy")):
            lines.append(row(method, np.concatenate([np.load(path) for path in paths])))
    return "\n".join(lines)


def row(method: str, maps: np.ndarray) -> str:
    """What the noise of a method is like, all pixels of its maps counted."""
    rings, of_maps = maps.sum(axis=0), maps.sum(axis=1)
    mean = rings[:, SUM] / rings[:, LOOKS]
    scatter = np.sqrt(rings[:, SQUARES] / rings[:, LOOKS] - mean**2)
    alarms = [said(rate(of_maps, column)) for column in range(len(VALUES))]
    cells = [
        method,
        len(maps),
        f"{of_maps[:, LOOKS].sum():.2g}",
        *(f"{one:.3f}" for one in scatter),
    ]
    return f"| {' | '.join(map(str, [*cells, *alarms]))} |"


def rate(of_maps: np.ndarray, column: int) -> FalseAlarmRate:
    """False alarms at a value; pixels of a map know of each other, maps do not."""
    alarms, looks = of_maps[:, SQUARES + 1 + column], of_maps[:, LOOKS]
    return FalseAlarmRate(
        value=VALUES[column],
        claimed=float(stats.norm.sf(VALUES[column])),
        count=int(alarms.sum()),
        n=int(looks.sum()),
        n_effective=looks.sum() / design_effect(alarms, looks),
    )


if __name__ == "__main__":
    main()
