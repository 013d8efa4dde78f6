"""Measure what methods that fit fluxes say of noise alone, for docs/calibration.md.

    python docs/studies/inverse_alarms.py run FOLDER [ALGORITHM...]
    python docs/studies/inverse_alarms.py write FOLDER

Maps of simulated sequences without companions are kept in FOLDER: a run that was stopped goes
on. All of them take about ten minutes of one core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tables import write_table
from threadpoolctl import threadpool_limits

from exobench.baselines import load
from exobench.datasets.atomic import replacing
from exobench.datasets.geometry import edge_distance
from exobench.datasets.simulator import simulate
from exobench.scoring.calibration import BlankField, audit
from exobench.scoring.calibration.fields import sample_field

if TYPE_CHECKING:
    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.calibration.rates import FalseAlarmRate

PAGE = Path(__file__).parents[1] / "calibration.md"
METHODS = ("matched_filter", "andromeda", "paco", "fmmf", "trap")
PRESETS = ("irdis_like", "naco_like", "nirc2_like", "lmircam_like")
N_SEEDS, N_FRAMES, SIZE = 8, 40, 101
EDGES = (1.5, 3.0, 6.0, 100.0)  # lambda/D
VALUES = (3.0, 4.0, 5.0)


@dataclass(frozen=True, slots=True)
class Blank:
    """A simulated sequence without companions."""

    preset: str
    seed: int

    def sequence(self) -> ImageSequence:
        """It, made anew: the same every time."""
        return simulate(self.preset, rng=self.seed, n_frames=N_FRAMES, size=SIZE)

    def path(self, folder: Path, method: str) -> Path:
        """Where the map of a method is kept."""
        return folder / method / f"{self.preset}_{self.seed}.npy"


BLANKS = [Blank(preset, seed) for seed in range(N_SEEDS) for preset in PRESETS]


def main() -> None:
    """Run, or write the table."""
    match sys.argv[1:]:
        case ["run", folder, *chosen]:
            with threadpool_limits(1):
                run(Path(folder), chosen or METHODS)
        case ["write", folder]:
            write_table(PAGE, "inverse", table(Path(folder)))
        case _:
            sys.exit(__doc__)


def run(folder: Path, methods: tuple[str, ...] | list[str]) -> None:
    """Make the maps that are not there yet."""
    for blank in BLANKS:
        for method in methods:
            path = blank.path(folder, method)
            if path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            found = load(method)(blank.sequence())
            with replacing(path) as working, working.open("wb") as file:
                np.save(file, found)


def table(folder: Path) -> str:
    """Scatter and false alarms of every method that has maps."""
    lines = heading(
        "method", "maps", "elements", "scatter at 1.5 to 3", "3 to 6", "6 λ/D and more", "mean"
    )
    for method in METHODS:
        fields = [
            field(blank, np.load(path))
            for blank in BLANKS
            if (path := blank.path(folder, method)).exists()
        ]
        if fields:
            lines.append(row(method, fields))
    return "\n".join(lines)


def heading(*columns: str) -> list[str]:
    """The first two lines of a table whose last columns are false alarms."""
    names = [*columns, *(f"above {value:g}σ, over the claim" for value in VALUES)]
    return [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]


def field(blank: Blank, found: np.ndarray) -> BlankField:
    """A map with what an audit needs to know of it."""
    sequence = blank.sequence()
    scale, fwhm = sequence.lambda_over_d_px, sequence.reference_fwhm
    radii = (EDGES[0] * scale, edge_distance(sequence.shape) - fwhm)
    return BlankField(detection_map=found, fwhm=fwhm, radii=radii, unit_px=scale)


def row(method: str, fields: list[BlankField]) -> str:
    """What the noise of a method is like, at places that know nothing of each other."""
    samples = [sample_field(one, EDGES, index).elements for index, one in enumerate(fields)]
    rings = [np.concatenate([one[i] for one in samples]) for i in range(len(EDGES) - 1)]
    values = np.concatenate(rings)
    scatter = " | ".join(f"{one.std():.2f}" for one in rings)
    rates = audit(fields, edges=EDGES, values=VALUES).overall.at_element
    alarms = " | ".join(said(one) for one in rates)
    counts = f"{len(fields)} | {values.size}"
    return f"| {method} | {counts} | {scatter} | {values.mean():+.2f} | {alarms} |"


def said(rate: FalseAlarmRate) -> str:
    """How many times as many as claimed, with the interval; and the count."""
    low, high = (end / rate.claimed for end in rate.interval)
    ratio = "-" if rate.ratio is None else f"{rate.ratio:.2g}"
    return f"{ratio} ({low:.2g} to {high:.2g}; {rate.count})"


if __name__ == "__main__":
    main()
