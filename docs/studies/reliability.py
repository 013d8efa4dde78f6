"""Correct the prior of a balanced classifier, for docs/calibration.md.

    python docs/studies/reliability.py

Needs the extra `leaderboard` for its figure. Takes some seconds.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from tables import write_table

from exobench.leaderboard.calibration_figures import reliability_figure
from exobench.scoring.calibration import (
    calibration_test,
    correct_prior,
    estimate_priors,
    logistic_recalibration,
    reliability_diagram,
)

DOCS = Path(__file__).parents[1]


def main() -> None:
    """Draw the figure and rewrite the table of the page."""
    diagrams, table = compared()
    reliability_figure(diagrams).savefig(DOCS / "figures" / "reliability.png", dpi=80)
    write_table(DOCS / "calibration.md", "reliability", table)


def compared() -> tuple[dict, str]:
    """A balanced classifier met with one companion in twenty patches, and two remedies."""
    rng = np.random.default_rng(3)
    train, test = patches(rng, 4000, 0.5), patches(rng, 20_000, 0.05)
    classifier = LogisticRegression(C=np.inf).fit(features(train[1]), train[0])
    p = classifier.predict_proba(features(test[1]))[:, 1]
    estimated = estimate_priors(np.stack([1 - p, p], axis=-1), [0.5, 0.5])[1]
    stated = {
        "as trained, half with a companion": p,
        "corrected to the true 5 %": correct_prior(p, 0.5, 0.05),
        f"corrected to an estimated {100 * estimated:.1f} %": correct_prior(p, 0.5, estimated),
    }
    lines = [
        "| probabilities | expected calibration error | of perfect ones, 95 % below | Brier score "
        "| slope |",
        "|---|---|---|---|---|",
    ]
    for name, one in stated.items():
        test_of = calibration_test(test[0], one, rng, n_draws=199)
        slope = logistic_recalibration(test[0], one).slope
        lines.append(
            f"| {name} | {test_of.expected_error:.4f} | {test_of.perfect[1]:.4f} "
            f"| {np.mean((one - test[0]) ** 2):.4f} | {slope:.2f} |"
        )
    diagrams = {
        name: reliability_diagram(test[0], one, equal="width") for name, one in stated.items()
    }
    return diagrams, "\n".join(lines)


def patches(rng: np.random.Generator, n: int, prevalence: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels and S/N of patches; companions have an expected S/N of 1 to 4."""
    labels = (rng.uniform(size=n) < prevalence).astype(int)
    return labels, rng.normal(labels * rng.uniform(1, 4, n))


def features(snr: np.ndarray) -> np.ndarray:
    """What the classifier sees of a patch: its S/N, and the square of it."""
    return np.stack([snr, snr**2], axis=-1)


if __name__ == "__main__":
    main()
