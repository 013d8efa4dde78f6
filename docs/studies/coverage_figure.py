"""The figure of docs/uncertainty.md: coverage of F1, and power of the test."""

from matplotlib.figure import Figure
from simulated_challenges import ALGORITHMS, population


def draw_figure(covered, rejected, differences, path):
    """Coverage by size and algorithm; power by size and difference."""
    styles = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.axhspan(92, 98, color="#d9dce0", lw=0, zorder=0)
    left.axhline(95, color="#646c77", lw=0.8, zorder=0)
    for (name, truth), (colour, marker) in zip(
        {name: population(a) for name, a in ALGORITHMS.items()}.items(), styles, strict=True
    ):
        ours = [(n, 100 * t["f1"]["held"]) for algorithm, n, t, _ in covered if algorithm == name]
        left.plot(
            *zip(*ours, strict=True),
            color=colour,
            marker=marker,
            label=f"{name}, F1 = {truth['f1']:.2f}",
        )
    left.set(ylim=(90, 100), ylabel="95 % intervals that hold F1 (%)")
    for k, (difference, (colour, marker)) in enumerate(zip(differences, styles, strict=False)):
        right.plot(
            [n for n, *_ in rejected],
            [100 * power[k] for _, _, power in rejected],
            color=colour,
            marker=marker,
            label=f"F1 apart by {difference}",
        )
    right.plot(
        [n for n, *_ in rejected],
        [100 * alarms[0] for _, alarms, _ in rejected],
        color="#444444",
        marker="v",
        ls="--",
        label="equally good",
    )
    right.axhline(80, color="#646c77", lw=0.8, zorder=0)
    right.set(ylim=(0, 102), ylabel="Challenges with p < 0.05 (%)")
    for axes, ticks in (
        (left, sorted({n for _, n, *_ in covered})),
        (right, [n for n, *_ in rejected]),
    ):
        axes.set_xscale("log")
        axes.set_xticks(ticks, map(str, ticks))
        axes.minorticks_off()
        axes.set_xlabel("Sequences of the challenge")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
