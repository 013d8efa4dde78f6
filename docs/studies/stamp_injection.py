"""Measure how wrong pasted companions are, and write the figure and table of docs/injection.md.

    python docs/studies/stamp_injection.py

Needs the extra `leaderboard` for its figure. Takes some minutes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from exobench.baselines import load
from exobench.challenge.references import ReducedSignificance
from exobench.datasets.geometry import edge_distance
from exobench.datasets.limits import detection_limit
from exobench.datasets.probes import Probes
from exobench.datasets.simulator import Scene, expose, simulate_scene
from exobench.datasets.simulator.injection_comparison import compare_injections
from exobench.datasets.simulator.scene import coronagraph_transmission

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "injection.md"
# Of preset: colour of its lines.
PRESETS = {"irdis_like": "tab:blue", "naco_like": "tab:orange", "nirc2_like": "tab:green"}
SEPARATIONS_LOD = (1.5, 2.0, 3.0, 4.5, 7.0, 10.0)
N_SCENES = 4
N_FRAMES, SIZE = 61, 120
BRIGHTER = 1.4  # than the limit of the reduction at 5 sigma
ANY = 1e-4  # contrast where nothing is to be found: fluxes are relative to it
PCA = load("pca", n_components=4)


def main() -> None:
    """Draw the figure and rewrite the table of the page."""
    found = {preset: comparisons(preset) for preset in PRESETS}
    draw(found).savefig(DOCS / "figures" / "stamp_injection.png", dpi=80)
    page = PAGE.read_text("utf-8")
    start, end = "<!-- table -->\n", "<!-- end -->"
    before, rest = page.split(start)
    PAGE.write_text(f"{before}{start}\n{table(found)}\n\n{rest[rest.index(end) :]}", "utf-8")


def comparisons(preset: str) -> dict[str, np.ndarray]:
    """Each field of the comparison, shape (n_scenes, n_separations)."""
    rows = []
    for seed in range(N_SCENES):
        scene = simulate_scene(preset, rng=seed, n_frames=N_FRAMES, size=SIZE)
        separations = np.array(SEPARATIONS_LOD) * scene.star.lambda_over_d_px
        separations *= scene.star.pixel_scale
        limit = np.full(separations.size, np.nan)
        reach = edge_distance(scene.star.shape) - 2 * scene.star.reference_fwhm
        inside = separations / scene.star.pixel_scale < reach
        for start in range(3):
            some = inside & (np.arange(separations.size) % 3 == start)
            limit[some] = limits(scene, seed, separations[some]) if some.any() else []
        contrasts = BRIGHTER * limit / scene.star.star_flux
        rows.append(np.full((len(SEPARATIONS_LOD), 5), np.nan))
        for i in np.flatnonzero(inside):
            found = bool(np.isfinite(contrasts[i]))
            (c,) = compare_injections(
                scene,
                [separations[i]],
                contrasts=[contrasts[i] if found else ANY],
                significance=PCA if found else None,
            )
            reached = (c.significance_optical, c.significance_stamp)
            rows[-1][i] = (c.transmission, c.flux, c.flux_scatter, *reached)
    names = ("transmission", "flux", "scatter", "optical", "stamp")
    return dict(zip(names, np.moveaxis(np.array(rows), -1, 0), strict=True))


def limits(scene: Scene, seed: int, separations: np.ndarray) -> np.ndarray:
    """Flux that PCA finds at 5 sigma, at separations in arcsec, 2 FWHM apart or more."""
    probes = Probes(
        sequence=expose(scene, rng=seed),
        radii_px=separations / scene.star.pixel_scale,
        spectra=coronagraph_transmission(scene, separations).T,
    )
    return detection_limit(probes, ReducedSignificance(PCA))


def ratio(found: dict[str, np.ndarray]) -> np.ndarray:
    """Significance of propagated companions over that of pasted ones, by scene."""
    return found["optical"] / found["stamp"]


def draw(found: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Flux and significance against separation."""
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (preset, one), shift in zip(found.items(), (0.985, 1.0, 1.015), strict=True):
        colour, x = PRESETS[preset], np.array(SEPARATIONS_LOD) * shift
        left.plot(x, _mean(one["transmission"]), "--", color=colour, lw=1)
        mean, scatter = (_mean(one[name]) for name in ("flux", "scatter"))
        left.errorbar(x, mean, mean * scatter, fmt="o", color=colour, capsize=3, label=preset)
        ratios = ratio(one)
        middle = _mean(ratios)
        spread = _error(ratios)
        right.errorbar(x, middle, spread, fmt="o-", color=colour, capsize=3, label=preset)
    left.set_ylabel("flux of a companion / far from the mask")
    left.set_title("dots: propagated, bars: scatter from frame to frame\ndashes: pasted and dimmed")
    right.axhline(1, color="0.7", lw=1)
    right.set_ylabel("significance, propagated / pasted")
    right.set_title("after PCA(4); bars: standard error over sequences")
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xticks(SEPARATIONS_LOD, [f"{s:g}" for s in SEPARATIONS_LOD])
        axis.minorticks_off()
        axis.set_xlabel("separation [lambda/D]")
        axis.legend()
    return figure


def table(found: dict[str, dict[str, np.ndarray]]) -> str:
    """The same numbers, as Markdown."""
    lines = [
        "| preset | separation [lambda/D] | pasted flux | propagated flux | its scatter in time "
        "| significance, propagated / pasted |",
        "|---|---|---|---|---|---|",
    ]
    for preset, one in found.items():
        means = {name: _mean(values) for name, values in one.items()}
        ratios = ratio(one)
        middle, error = _mean(ratios), _error(ratios)
        for i in np.flatnonzero(np.isfinite(means["flux"])):
            separation = SEPARATIONS_LOD[i]
            significance = (
                "not found" if np.isnan(middle[i]) else f"{middle[i]:.2f} ± {error[i]:.2f}"
            )
            lines.append(
                f"| {preset} | {separation:g} | {means['transmission'][i]:.2f} | "
                f"{means['flux'][i]:.2f} | {100 * means['scatter'][i]:.0f} % | "
                f"{significance} |"
            )
    return "\n".join(lines)


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the scenes in which PCA finds a companion there; of two of them at least."""
    found = np.ma.masked_invalid(values)
    return np.where(found.count(axis=0) > 1, found.mean(axis=0).filled(np.nan), np.nan)


def _error(values: np.ndarray) -> np.ndarray:
    """Standard error of that mean."""
    found = np.ma.masked_invalid(values)
    n = found.count(axis=0)
    spread = found.std(axis=0, ddof=1).filled(np.nan)
    return np.where(n > 1, spread / np.sqrt(np.maximum(n, 1)), np.nan)


if __name__ == "__main__":
    main()
