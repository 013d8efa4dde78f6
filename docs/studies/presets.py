"""Draw every preset beside a real sequence, and write the tables of docs/presets.md.

    python docs/studies/presets.py PATH_OF_A_REAL_SEQUENCE

Needs the extra `leaderboard` for its figures. Takes some minutes.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from exobench.baselines import load
from exobench.datasets import read_sequence, simulate
from exobench.datasets.simulator import preset_names
from exobench.datasets.statistics import (
    eigenvalue_spectrum,
    lag_correlation,
    radial_profile,
    residual_histogram,
    speckle_statistics,
)

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "presets.md"
REAL, SIMULATED = "real NACO", "simulated"
COLOURS = {REAL: "0.25", SIMULATED: "tab:orange"}
N_SEEDS = 6
DPI = 64  # of 15 inches: a page is not to take seconds
TOLERANCE = 0.25  # relative
# A preset is compared with the real cube where it is of the same instrument.
COMPARABLE = {"naco_like"}
SIGMAS = np.linspace(-6, 6, 49)

ROWS = {
    "correlation, 1 frame apart": lambda s: s.correlation[0],
    "correlation, 10 frames apart": lambda s: s.correlation[1],
    "correlation, 40 frames apart": lambda s: s.correlation[2],
    "scatter over time / mean": lambda s: s.temporal_scatter,
    "residual after 10 components / mean": lambda s: s.pca_residual,
    "scatter along a circle / mean": lambda s: s.azimuthal_scatter,
    "variance in 5 components": lambda s: s.leading_variance,
    "excess kurtosis of residuals": lambda s: s.excess_kurtosis,
    "profile, outer / inner": lambda s: s.profile_ratio,
}


def main() -> None:
    """Draw all figures and rewrite the tables of the page."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    real = read_sequence(Path(sys.argv[1]))
    for name in preset_names():
        simulated = simulate(name, rng=1)
        figure = compare({REAL: real, SIMULATED: simulated}, name)
        path = DOCS / "figures" / f"preset_{name}.png"
        figure.savefig(path, dpi=DPI)
        _replace_table(name, table(name, real))
        print(path.name)  # noqa: T201 - a script says what it has done


def compare(sequences: dict, name: str) -> Figure:
    """Images of two sequences above, what describes their speckles below."""
    figure = Figure(figsize=(15, 7.6), layout="constrained")
    axes = figure.subplots(2, 4)
    figure.suptitle(f"{name} beside the real NACO cube")
    for (label, sequence), frame_axis, residual_axis in zip(
        sequences.items(), axes[0, :2], axes[0, 2:], strict=True
    ):
        _show_frame(frame_axis, sequence, f"{label}: one frame")
        _show_residual(residual_axis, sequence, label)
    for label, sequence in sequences.items():
        _draw_curves(axes[1], sequence, label)
    for axis, title in zip(
        axes[1],
        (
            "mean intensity / that at 2 FWHM",
            "correlation against lag",
            "share of variance",
            "residuals, 2 to 8 FWHM",
        ),
        strict=True,
    ):
        axis.set_title(title)
        axis.legend()
    return figure


def _show_frame(axis, sequence, title):
    middle, instant = sequence.n_wavelengths // 2, sequence.n_frames // 2
    frame = sequence.cube[middle, instant]
    floor = np.percentile(frame, 20)
    image = np.log10(np.maximum(frame, max(floor, 1e-4 * frame.max())))
    axis.imshow(image, origin="lower", cmap="inferno", vmin=np.percentile(image, 5))
    _tidy(axis, sequence, title, "white")


def _show_residual(axis, sequence, label):
    baseline = "sdi_pca" if sequence.n_wavelengths > 1 else "pca"
    residual = load(baseline, n_components=10).reduce(sequence)
    limit = np.nanpercentile(np.abs(residual), 99)
    axis.imshow(residual, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    _tidy(axis, sequence, f"{label}: {baseline}(10), derotated", "black")


def _tidy(axis, sequence, title, colour):
    axis.set_title(title)
    axis.set_xticks([])
    axis.set_yticks([])
    bar = 0.5 / sequence.pixel_scale
    axis.plot([4, 4 + bar], [4, 4], color=colour, lw=3)
    axis.text(4, 7, '0.5"', color=colour)


def _draw_curves(axes, sequence, label):
    style = {"color": COLOURS[label], "label": label}
    fwhm = float(sequence.fwhm[sequence.n_wavelengths // 2])
    radius, profile = radial_profile(sequence)
    axes[0].semilogy(radius / fwhm, profile / np.interp(2 * fwhm, radius, profile), **style)
    axes[0].set_xlabel("separation [FWHM]")
    axes[0].set_xlim(0, 12)
    axes[0].set_ylim(1e-3, 30)
    correlation = lag_correlation(sequence)
    axes[1].plot(np.arange(len(correlation))[1:], correlation[1:], **style)
    axes[1].set_xlabel("lag [frames]")
    axes[1].set_xlim(0, 50)
    axes[1].set_ylim(-0.2, 1)
    spectrum = eigenvalue_spectrum(sequence)
    axes[2].semilogy(np.arange(1, len(spectrum) + 1), spectrum, **style)
    axes[2].set_xlabel("component")
    axes[2].set_xlim(0, 60)
    axes[2].set_ylim(1e-6, 1)
    middles = (SIGMAS[1:] + SIGMAS[:-1]) / 2
    axes[3].semilogy(middles, residual_histogram(sequence, SIGMAS), drawstyle="steps-mid", **style)
    axes[3].set_xlabel("local standard deviations")
    axes[3].set_ylim(1e-5, 1)


def table(name: str, real) -> str:
    """Statistics of a preset, medians over seeds, beside those of the real cube, as Markdown."""
    found = [speckle_statistics(simulate(name, rng=seed)) for seed in range(N_SEEDS)]
    measured = speckle_statistics(real)
    lines = ["| statistic | real NACO | simulated (range) | within 25 % |", "|---|---|---|---|"]
    for row, value in ROWS.items():
        simulated = np.array([value(one) for one in found])
        middle = float(np.median(simulated))
        truth = value(measured)
        verdict = "not its instrument"
        if name in COMPARABLE:
            verdict = "yes" if abs(middle / truth - 1) <= TOLERANCE else "**no**"
        lowest, highest = simulated.min(), simulated.max()
        shown = f"{middle:.3g} ({lowest:.3g} to {highest:.3g})"
        if np.isnan(middle):
            shown = "too short a sequence"
        lines.append(f"| {row} | {truth:.3g} | {shown} | {verdict} |")
    return "\n".join(lines)


def _replace_table(name: str, text: str) -> None:
    page = PAGE.read_text("utf-8")
    start, end = f"<!-- table {name} -->\n", "<!-- end -->"
    before, rest = page.split(start)
    after = rest[rest.index(end) :]
    PAGE.write_text(f"{before}{start}\n{text}\n\n{after}", "utf-8")


if __name__ == "__main__":
    main()
