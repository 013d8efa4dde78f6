"""How often the interval of every metric holds its value, for docs/uncertainty.md.

    python docs/studies/coverage_of_metrics.py

Draws detection lists: what an algorithm claims, how surely and how far off, given how hard a
sequence is. Writes the table between the marks of docs/uncertainty.md. Takes some minutes.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np
from tables import write_table

from exobench.scoring import DetectionList, MapTruth
from exobench.scoring.intervals import intervals
from exobench.scoring.metrics import METRICS
from exobench.scoring.pooled import evaluate, unit_statistics
from exobench.scoring.sequences import evaluate_sequence

CHALLENGES = {9: 2000, 20: 1000, 40: 400, 200: 200}
N_POPULATION = 30_000
THRESHOLD, FWHM, SIZE = 5.0, 4.0, 101
KEYS = (
    *("f1", "macro_f1", "tpr", "tpr_half_fwhm", "fdr", "fp_per_map", "tpr_above_first_fp"),
    *("tpr_at_1_fp_per_map", "froc_auc", "average_precision"),
    *("calibration_loss", "median_error_px"),
)
PAGE = Path(__file__).parents[1] / "uncertainty.md"

# Farther apart than any error: what is a true and what a false positive is never in doubt.
PLACES = np.array([(y, x) for y in range(20, 90, 10) for x in range(20, 90, 10) if y != x])


def sequence(name, unit, instrument, n_injected, rng):
    """One sequence: values of companions and of speckles share its difficulty."""
    ease = rng.normal()
    places = rng.permutation(PLACES)
    injections, rest = places[:n_injected], places[n_injected:]
    heights = rng.normal(6.2 + 0.5 * instrument + 1.2 * ease, 1.5, n_injected)
    n_false = min(rng.poisson(3 * rng.gamma(2, 0.5) * np.exp(-0.5 * ease)), len(rest))
    values = np.concatenate([heights, 3 + rng.exponential(1.0, n_false)])
    off = rng.normal(0, 0.25 * FWHM, (n_injected, 2)).clip(-0.7 * FWHM, 0.7 * FWHM)
    answer = DetectionList(np.concatenate([injections + off, rest[:n_false]]), values)
    truth = MapTruth(injections, FWHM, 5.0, 48.0, f"i{instrument}", unit, shape=(SIZE, SIZE))
    return evaluate_sequence(name, answer, truth, THRESHOLD)


def challenge(n_sequences, rng, unit=None):
    """A quarter blank, 1 to 4 companions in each of the others, instruments in turn."""
    blank = rng.permuted(np.arange(n_sequences) < int(n_sequences / 4 + 0.5))
    n_injected = np.where(blank, 0, rng.integers(1, 5, n_sequences))
    first = rng.integers(0, 3)
    return unit_statistics(
        [
            sequence(f"s{k}", unit, (k + first) % 3 - 1, n, rng)
            for k, n in enumerate(n_injected.tolist())
        ]
    )


def population(rng, n_sequences=N_POPULATION):
    """Every metric of very many sequences; as one unit, since nothing is resampled."""
    statistics = challenge(n_sequences, rng, unit="all")
    return {key: float(v[0]) for key, v in evaluate(statistics, np.ones((1, 1))).items()}


def coverage(n_sequences, n_challenges, truth, rng):
    """By metric: shares of intervals that hold, lie above and lie below; share of nulls."""
    counts = defaultdict(lambda: np.zeros(4))
    for _ in range(n_challenges):
        found = intervals(challenge(n_sequences, rng))
        for key in KEYS:
            low, high = found[key] or (np.nan, np.nan)
            above, below = low > truth[key], high < truth[key]
            null = found[key] is None
            counts[key] += not (null or above or below), above, below, null
    return {key: count / n_challenges for key, count in counts.items()}


def table(rng):
    """One row per metric, one column per number of sequences."""
    truth = population(rng)
    rows = {n: coverage(n, many, truth, rng) for n, many in CHALLENGES.items()}
    lines = [
        f"| metric (its value) | {' | '.join(f'{n} sequences' for n in rows)} |",
        "|---|" + "---|" * len(rows),
    ]
    for key in KEYS:
        cells = [_cell(*found[key]) for found in rows.values()]
        lines.append(f"| {METRICS[key].title} ({truth[key]:.3f}) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(held, above, below, null):
    """Of the intervals that there are."""
    if null == 1:
        return "null"
    held, above, below = (f"{100 * share / (1 - null):.0f}" for share in (held, above, below))
    return f"{held} % ({above}, {below})"


def main():
    """Write the table."""
    found = table(np.random.default_rng(20261121))
    write_table(PAGE, "metrics", found)


if __name__ == "__main__":
    main()
