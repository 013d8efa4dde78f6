"""Draw the figures of docs/scoring.md and print the rates of its section 7.

    python docs/studies/scoring_rules.py

Needs the extra `leaderboard`. Takes some seconds. Same figures every time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from scipy.ndimage import gaussian_filter

from exobench.scoring import MapTruth, legacy, score_maps

FIGURES = Path(__file__).parents[1] / "figures"
DPI = 80
SIZE, FWHM = 101, 4.0
SIGMA = FWHM / 2.355
# Okabe & Ito (2008): apart for the colour-blind, and by shape in print.
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#222222"

RATES = "FWHM {:g} px, {:g} sigma: theory {:.4f}, strict {:.4f}, cells {:.4f}"


def main() -> None:
    """Draw all figures, then print the rates."""
    for name, draw in (
        ("scoring_matching", matching_figure),
        ("scoring_curves", curves_figure),
        ("scoring_bright_planet", bright_planet_figure),
    ):
        path = FIGURES / f"{name}.png"
        draw().savefig(path, dpi=DPI)
        print(path.name)  # noqa: T201 - a script says what it has done
    for fwhm, size in ((4.0, 127), (8.0, 161)):
        for row in noise_rates(fwhm, size):
            print(RATES.format(*row))  # noqa: T201


def noise_rates(fwhm: float, size: int, n_maps: int = 200) -> list[tuple[float, ...]]:
    """False positives per resolution element of smooth noise, by threshold in sigma.

    Expected (Worsley et al. 1996), counted by the strict rules, and as the share of cells
    that hold a pixel above the threshold.
    """
    rng, kernel = np.random.default_rng(0), fwhm / np.sqrt(8 * np.log(2))
    levels = np.array([2.0, 2.5, 3.0])
    truth = MapTruth([], fwhm, 6.0, (size - 1) / 2 - 5, "a", shape=(size, size))
    strict, cells, n_cells = np.zeros(3), np.zeros(3), 0
    for _ in range(n_maps):
        frame = gaussian_filter(rng.normal(size=(size, size)), kernel, mode="wrap")
        frame *= 2 * np.sqrt(np.pi) * kernel  # to unit variance
        (found,) = score_maps({"s": frame}, {"s": truth}, 2.0).sequences
        strict += [(found.values >= level).sum() for level in levels]
        counted = legacy.count_elements(frame, truth, levels)
        cells += counted.fp
        n_cells += counted.fp[0] + counted.tn[0]
    theory = np.pi * np.log(2) * (2 * np.pi) ** -1.5 * levels * np.exp(-(levels**2) / 2)
    strict /= n_maps * truth.n_resels
    return [(fwhm, *row) for row in zip(levels, theory, strict, cells / n_cells, strict=True)]


def peak(y: float, x: float, height: float, sigma: float = SIGMA) -> np.ndarray:
    """A Gaussian on a frame."""
    iy, ix = np.indices((SIZE, SIZE))
    return height * np.exp(-((iy - y) ** 2 + (ix - x) ** 2) / (2 * sigma**2))


def noise(rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of unit spread."""
    field = gaussian_filter(rng.normal(size=(SIZE, SIZE)), SIGMA)
    return field / field.std()


def matching_figure() -> Figure:
    """A map with one of every outcome; beside it, what the candidates are at each threshold."""
    injections = np.array([(62.2, 73.7), (31.2, 30.4), (70.5, 27.2)])
    frame = noise(np.random.default_rng(4)) + peak(62, 70, 12) + peak(31, 31, 6)
    # Side lobes of the bright companion: one near enough to it to be excused, one too far.
    frame += peak(62, 77, 6, 1) + peak(62, 84, 7, 1)
    truth = MapTruth(injections, FWHM, 8.0, 46.0, "a", shape=(SIZE, SIZE))
    (result,) = score_maps({"s": frame}, {"s": truth}, 4.0).sequences
    figure = Figure(figsize=(9.6, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1))
    shown = left.imshow(frame, origin="lower", cmap="Greys", vmin=-2, vmax=10)
    figure.colorbar(shown, ax=left, label="detection statistic", shrink=0.8)
    for radius in truth.radii:
        left.add_patch(Circle((50, 50), radius, fill=False, ls=":", color=BLACK))
    for y, x in injections:
        left.add_patch(Circle((x, y), FWHM, fill=False, color=BLUE, lw=1.5))
    kinds = outcomes(result)
    for marker, colour, chosen in kinds.values():
        left.scatter(*result.yx[chosen].T[::-1], s=36, c=colour, marker=marker, lw=1.6)
    left.scatter(50, 50, s=90, c=BLACK, marker="*")
    left.set(xlabel="x (px)", ylabel="y (px)", title="circles: 1 FWHM about an injection")
    for row, (marker, colour, chosen) in enumerate(kinds.values()):
        values = result.values[chosen]
        height = np.full(len(values), -row)
        right.scatter(values, height, s=36, c=colour, marker=marker, lw=1.6)
    right.axvline(result.threshold, color=BLACK, ls="--")
    right.annotate(" threshold", (result.threshold, 0.45), fontsize=9)
    right.set_yticks(
        [-row for row in range(len(kinds))], [name.replace(" ", "\n", 1) for name in kinds]
    )
    right.set(xlabel="value of the candidate", ylim=(-len(kinds) + 0.5, 0.7))
    right.set_title("2 found, 1 missed, 1 false positive")
    return figure


def outcomes(result) -> dict:
    """Marker, colour and candidates of each kind."""
    true, false = result.matching.true, result.matching.false
    above = result.values >= result.threshold
    return {
        "true positive": ("o", BLUE, true & above),
        "false positive": ("s", ORANGE, false & above),
        "neither (injection taken)": ("D", GREEN, ~true & ~false),
        "candidate below threshold": ("x", "#888888", (true | false) & ~above),
    }


def curves_figure() -> Figure:
    """One submission read as FROC, per resolution element, and as precision against recall."""
    rng = np.random.default_rng(7)
    maps, truths = {}, {}
    for k in range(30):
        n, frame = int(rng.integers(0, 4)), noise(rng)
        theta = rng.uniform(0, 2 * np.pi / 3) + 2 * np.pi / 3 * np.arange(n)
        r = rng.uniform(12, 42, n)
        yx = 50 + np.column_stack([r * np.sin(theta), r * np.cos(theta)])
        for y, x in yx:
            frame += peak(y, x, rng.uniform(2.5, 7))
        maps[f"s{k}"] = frame
        truths[f"s{k}"] = MapTruth(yx, FWHM, 8.0, 46.0, "a", shape=(SIZE, SIZE))
    score = score_maps(maps, truths, 4.0)
    curve, own = score.curve.rows(), score.overall
    figure = Figure(figsize=(11.5, 4.2), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, x, y in zip(
        axes, ("fp_per_map", "fpr_per_resel", "tpr"), ("tpr", "tpr", "ppv"), strict=True
    ):
        where = "pre" if y == "ppv" else "post"  # the precision that goes with a rise of TPR
        axis.step([p[x] for p in curve], [p[y] for p in curve], color=BLUE, where=where)
        axis.plot(own[x], own[y], "o", color=ORANGE, ms=8, label="the submitted threshold")
        axis.grid(alpha=0.3)
        axis.set_ylim(0, 1.03)
    axes[0].set(xlim=(0, 8), xlabel="false positives per map")
    axes[0].set_xscale("symlog", linthresh=1)
    axes[0].set_xticks([0, 0.25, 0.5, 1, 2, 4, 8], ["0", "¼", "½", "1", "2", "4", "8"])
    inside = [p for p in curve if p["fp_per_map"] <= 1]
    axes[0].fill_between(
        [p["fp_per_map"] for p in inside] + [1],
        [p["tpr"] for p in inside] + [inside[-1]["tpr"]],
        step="post",
        alpha=0.2,
        color=BLUE,
        label=f"froc_auc = {own['froc_auc']:.2f}",
    )
    axes[0].axvline(1, color=BLACK, ls=":", lw=1)
    axes[0].set(ylabel="TPR", title="FROC: what a finder costs per map")
    axes[1].set(xscale="log", xlabel="false positives / elements without companion", ylabel="TPR")
    axes[1].set_title("ROC per resolution element")
    axes[2].set(xlabel="TPR (recall)", ylabel="precision = 1 - FDR", xlim=(0, 1.03))
    axes[2].set_title(f"precision-recall, average {own['average_precision']:.2f}")
    for axis in axes:
        axis.legend(loc="lower right" if axis is not axes[2] else "lower left", fontsize=8)
    return figure


def bright_planet_figure() -> Figure:
    """TPR and false positives of one companion of growing height, counted in both ways."""
    heights = np.geomspace(2, 1e4, 60)
    truth = MapTruth([(50, 70)], FWHM, 8.0, 46.0, "a", shape=(SIZE, SIZE))
    background = 0.7 * noise(np.random.default_rng(3))
    strict, blobs = [], []
    for height in heights:
        frame = background + peak(50, 70, height)
        found = score_maps({"s": frame}, {"s": truth}, 3.0).overall
        strict.append((found["tp"], found["fp"]))
        (tp,), (fp,) = legacy.binary_map(frame, [3.0], [(70, 50)], FWHM, npix=2)
        blobs.append((tp, fp))
    figure = Figure(figsize=(10.8, 4.3), layout="constrained")
    maps, counts = figure.subfigures(1, 2, width_ratios=(1, 1.35))
    for axis, height in zip(maps.subplots(2, 1), (30, 3000), strict=True):
        frame = background + peak(50, 70, height)
        axis.imshow(frame > 3, origin="lower", cmap="Greys", vmax=2)
        axis.add_patch(Circle((70, 50), FWHM, fill=False, color=BLUE, lw=1.5))
        axis.set(xlim=(45, 95), ylim=(37, 63), xticks=[], yticks=[])
        axis.set_title(f"pixels above 3: companion of height {height}", fontsize=9)
    above, below = counts.subplots(2, 1, sharex=True)
    for axis, column, label in ((above, 0, "companion found"), (below, 1, "false positives")):
        for counted, colour, style, name in (
            (strict, BLUE, "-", "strict: peaks, one-to-one"),
            (blobs, ORANGE, "--", "2020: blobs"),
        ):
            axis.plot(heights, [c[column] for c in counted], style, color=colour, label=name, lw=2)
        axis.set(xscale="log", ylabel=label)
        axis.grid(alpha=0.3)
    above.set_yticks([0, 1], ["no", "yes"])
    above.legend(loc="center left", fontsize=8)
    above.axvline(3, color=BLACK, ls=":")
    below.axvline(3, color=BLACK, ls=":")
    below.annotate(" threshold", (3, 2.6), fontsize=9)
    below.set_xlabel("height of the companion (threshold 3, noise 0.7)")
    return figure


if __name__ == "__main__":
    main()
