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
from exobench.datasets.geometry import annulus, edge_distance, to_polar
from exobench.datasets.simulator import preset_names
from exobench.datasets.statistics import (
    azimuthal_scatter_profile,
    eigenvalue_spectrum,
    lag_correlation,
    radial_profile,
    residual_autocorrelation,
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
WAFFLE_RING, OUTER_RING = (6.0, 8.0), (8.0, 10.0)  # FWHM
SECTOR = 10  # degrees

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
    figure = Figure(figsize=(15, 11), layout="constrained")
    figure.suptitle(f"{name} beside the real NACO cube")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 2))
    images, curves = above.subplots(1, 4), below.subplots(2, 3).ravel()
    for (label, sequence), frame_axis, residual_axis in zip(
        sequences.items(), images[:2], images[2:], strict=True
    ):
        _show_frame(frame_axis, sequence, f"{label}: one frame")
        _show_residual(residual_axis, sequence, label)
    for label, sequence in sequences.items():
        style = {"color": COLOURS[label], "label": label}
        _draw_space(curves[:3], sequence, style)
        _draw_time(curves[3:], sequence, style)
    curves[2].set_ylim(bottom=0)
    for axis in curves:
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


def _draw_space(axes, sequence, style):
    fwhm = float(sequence.fwhm[sequence.n_wavelengths // 2])
    radius, profile = radial_profile(sequence)
    axes[0].semilogy(radius / fwhm, profile / np.interp(2 * fwhm, radius, profile), **style)
    axes[0].set(title="mean intensity / that at 2 FWHM", ylim=(1e-3, 30))
    radius, scatter = azimuthal_scatter_profile(sequence)
    axes[1].semilogy(radius[1:] / fwhm, scatter[1:], **style)
    axes[1].set(title="scatter along circles / mean", ylim=(0.03, 3))
    for axis in axes[:2]:
        axis.set(xlabel="separation [FWHM]", xlim=(0, 12))
    axes[2].plot(*_scatter_by_azimuth(sequence, fwhm), **style)
    axes[2].set(title="scatter over time / mean, 6 to 8 FWHM", xlim=(0, 360))
    axes[2].set(xlabel="azimuth from +x, counter-clockwise [degrees]", xticks=range(0, 361, 45))


def _scatter_by_azimuth(sequence, fwhm):
    """Median over sectors of a ring of the scatter over time, each pixel over the ring's mean."""
    outer = min(WAFFLE_RING[1] * fwhm, edge_distance(sequence.shape))
    ring = annulus(sequence.shape, WAFFLE_RING[0] * fwhm, outer)
    frames = sequence.cube[sequence.n_wavelengths // 2][:, ring]
    sector = to_polar(*np.nonzero(ring), sequence.shape)[1] // SECTOR
    scatter = frames.std(axis=0) / frames.mean()
    found = [np.median(scatter[sector == number]) for number in range(360 // SECTOR)]
    return SECTOR * (np.arange(len(found)) + 0.5), found


def _draw_time(axes, sequence, style):
    correlation = lag_correlation(sequence)
    axes[0].plot(np.arange(len(correlation))[1:], correlation[1:], **style)
    axes[0].set(title="correlation against lag, 3 to 5 FWHM", xlabel="lag [frames]")
    axes[0].set(xlim=(0, 50), ylim=(-0.2, 1))
    spectrum = eigenvalue_spectrum(sequence)
    axes[1].semilogy(np.arange(1, len(spectrum) + 1), spectrum, **style)
    axes[1].set(title="share of variance", xlabel="component", xlim=(0, 60), ylim=(1e-6, 1))
    middles = (SIGMAS[1:] + SIGMAS[:-1]) / 2
    axes[2].semilogy(middles, residual_histogram(sequence, SIGMAS), drawstyle="steps-mid", **style)
    axes[2].set(title="density of residuals, 2 to 8 FWHM", xlabel="local standard deviations")
    axes[2].set(ylim=(1e-5, 1))


def table(name: str, real) -> str:
    """Statistics of a preset, medians over seeds, beside those of the real cube, as Markdown."""
    found = [described(simulate(name, rng=seed)) for seed in range(N_SEEDS)]
    lines = ["| statistic | real NACO | simulated (range) | within 25 % |", "|---|---|---|---|"]
    for row, truth in described(real).items():
        simulated = np.array([one[row] for one in found])
        middle = float(np.median(simulated))
        verdict = "not its instrument"
        if name in COMPARABLE:
            verdict = "yes" if abs(middle / truth - 1) <= TOLERANCE else "**no**"
        lowest, highest = simulated.min(), simulated.max()
        shown = f"{middle:.3g} ({lowest:.3g} to {highest:.3g})"
        if np.isnan(middle):
            shown = "too short a sequence, or too small a frame"
        lines.append(f"| {row} | {truth:.3g} | {shown} | {verdict} |")
    return "\n".join(lines)


def described(sequence) -> dict[str, float]:
    """The rows of a table."""
    statistics = speckle_statistics(sequence)
    rows = {row: value(statistics) for row, value in ROWS.items()}
    fwhm = float(sequence.fwhm[sequence.n_wavelengths // 2])
    neighbours = np.nan
    if OUTER_RING[1] * fwhm <= edge_distance(sequence.shape):
        correlation = residual_autocorrelation(sequence, OUTER_RING, reach=1)
        neighbours = (correlation[1, 2] + correlation[2, 1]) / 2
    return {**rows, "correlation of neighbouring pixels of residuals, 8 to 10 FWHM": neighbours}


def _replace_table(name: str, text: str) -> None:
    page = PAGE.read_text("utf-8")
    start, end = f"<!-- table {name} -->\n", "<!-- end -->"
    before, rest = page.split(start)
    after = rest[rest.index(end) :]
    PAGE.write_text(f"{before}{start}\n{text}\n\n{after}", "utf-8")


if __name__ == "__main__":
    main()
