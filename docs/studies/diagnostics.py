"""Draw the figures of docs/diagnostics.md from a real sequence.

    python docs/studies/diagnostics.py PATH_OF_THE_NACO_SEQUENCE

Needs the extra `leaderboard`. Takes some minutes.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from exobench.baselines import load
from exobench.datasets import read_sequence
from exobench.leaderboard.diagnostic_figures import contrast_figure, true_positive_figure
from exobench.scoring.diagnostics import (
    Injections,
    completeness_curve,
    contrast_curve,
    performance_map,
)

FIGURES = Path(__file__).parents[1] / "figures"
# Of beta Pictoris in these frames of VLT/NACO: what its files do not say.
STAR = {"star_flux": np.array([764939.6]), "wavelengths": np.array([3.8]), "diameter": 8.2}
PCA = load("pca", n_components=10)
MAGNITUDES = np.arange(12.0, 4.9, -0.7)
FPF = 1e-4
N_AZIMUTHS = 20
DPI = 100


def main() -> None:
    """Draw both figures."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sequence = replace(read_sequence(Path(sys.argv[1])), **STAR)
    places = Injections(n_azimuths=N_AZIMUTHS)
    some = Injections(n_azimuths=N_AZIMUTHS // 2)
    curves = {
        "PCA(10)": contrast_curve(sequence, PCA.reduce, injections=some),
        "annular PCA": contrast_curve(sequence, load("annular_pca").reduce, injections=some),
    }
    found = completeness_curve(sequence, PCA, injections=places)
    write(contrast_figure(curves, found), "contrast_curve")
    fluxes = sequence.star_flux[0] * 10 ** (-0.4 * MAGNITUDES)
    performance = performance_map(sequence, PCA.reduce, fluxes, fpf=FPF, injections=some)
    write(true_positive_figure(performance), "performance_map")


def write(figure, name: str) -> None:
    """Save a figure beside the others of the documentation."""
    figure.savefig(FIGURES / f"{name}.png", dpi=DPI)
    print(f"{name}.png")  # noqa: T201 - a script says what it has done


if __name__ == "__main__":
    main()
