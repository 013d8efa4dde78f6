"""Prove the intervals, tests and standings on simulated challenges, for docs/uncertainty.md.

    python docs/studies/coverage.py

Writes the tables between the marks of docs/uncertainty.md and its figure.
Needs the extra `leaderboard`. Takes some minutes.
"""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from scipy.special import stdtrit
from simulated_challenges import (
    ALGORITHMS,
    Algorithm,
    draw,
    n_blank,
    population,
    same_f1,
    worse_by,
)
from tables import write_table

from exobench.scoring import SequenceCounts, standings
from exobench.scoring.counts import PooledMeasure
from exobench.scoring.intervals import resampled_intervals
from exobench.scoring.permutation import label_swap, p_value
from exobench.scoring.row_intervals import agreeing_interval

SIZES = (9, 20, 40, 200)
SIZES_OF_POWER = (9, 20, 40, 100, 200, 400, 800)
DIFFERENCES = (0.05, 0.1, 0.2)
N_BLOCK = 50
DOCS = Path(__file__).parents[1]
FIGURE = DOCS / "figures" / "uncertainty_coverage_and_power.png"
TESTED = "good"


def coverage(algorithm, n_sequences, n_challenges, rng):
    """Share of 95 % intervals that hold the population value, below and above it, and null.

    By metric: dict with held, too_high, too_low (shares of the challenges with an interval,
    resampled or exact), exact and null (shares of all challenges).
    """
    truth = population(algorithm, blank_fraction=n_blank(n_sequences) / n_sequences)
    n, [(tp, fp)] = draw([algorithm], n_challenges, n_sequences, rng)
    tallies = {
        key: dict.fromkeys(("held", "too_high", "too_low", "exact", "null"), 0) for key in truth
    }
    for row in zip(tp, fp, n, strict=True):
        for key, (interval, is_exact) in score_intervals(*row).items():
            low, high = interval or (np.nan, np.nan)
            tally = tallies[key]
            tally["exact"] += is_exact
            tally["null"] += interval is None
            tally["too_high"] += low > truth[key]
            tally["too_low"] += high < truth[key]
            tally["held"] += low <= truth[key] <= high
    for tally in tallies.values():
        n_intervals = n_challenges - tally["null"]
        for key in tally:
            tally[key] /= n_challenges if key in ("exact", "null") else n_intervals
    return tallies


def score_intervals(tp, fp, n):
    """Interval of F1 and TPR as the score file has it, and whether it is the exact one."""
    table = np.stack([tp, fp, n]).astype(float)

    def evaluate(weights):
        tp, fp, n = table @ weights.T
        n = np.where(n > 0, n, np.nan)
        return {"f1": 2 * tp / (tp + fp + n), "tpr": tp / n}

    found = resampled_intervals(evaluate, len(tp), {"f1": (0, 1), "tpr": (0, 1)})
    exact = {"f1": (2 * table[0], table.sum(axis=0)), "tpr": (table[0], table[2])}
    return {
        key: (found[key], False)
        if found[key]
        else (agreeing_interval(*exact[key]), agreeing_interval(*exact[key]) is not None)
        for key in found
    }


def arcsine_coverage(algorithm, n_sequences, n_challenges, rng):
    """Share of intervals that hold the value if the jackknife works on arcsin(sqrt(value))."""
    truth = population(algorithm, blank_fraction=n_blank(n_sequences) / n_sequences)
    n, [(tp, fp)] = draw([algorithm], n_challenges, n_sequences, rng)
    t = stdtrit(n_sequences - 1, 0.975)
    held = {}
    for key, part, whole in (("f1", 2 * tp, tp + fp + n), ("tpr", tp, n)):
        total, left = (np.arcsin(np.sqrt(x)) for x in leave_one_out(part, whole))
        error = np.sqrt((n_sequences - 1) * left.var(axis=1))
        some = error > 1e-9
        inside = np.abs(total - np.arcsin(np.sqrt(truth[key]))) <= t * error
        held[key] = inside[some].mean()
    return held


def leave_one_out(part, whole):
    """Ratio of sums of each challenge, and of it without each sequence."""
    total_part, total = part.sum(axis=1, keepdims=True), whole.sum(axis=1, keepdims=True)
    return (total_part / total)[:, 0], (total_part - part) / np.maximum(1, total - whole)


def rejections(first, second, n_sequences, n_challenges, rng):
    """Share of challenges on which the label-swap test of F1 has p < 0.05."""
    n, entries = draw([first, second], n_challenges, n_sequences, rng)
    tables = [np.stack(entry, axis=-1).astype(float) for entry in entries]
    units = tuple(map(str, range(n_sequences)))
    p = []
    for start in range(0, n_challenges, N_BLOCK):
        block = range(start, min(start + N_BLOCK, n_challenges))
        swaps = label_swap({(i, k): tables[k][i] for i in block for k in (0, 1)}, 1, start)
        for i in block:
            measure = PooledMeasure(
                rank_by="f1",
                units=units,
                instruments=(),
                n_injected=n[i].astype(float),
                n_filled=np.zeros((n_sequences, 0)),
            )
            differences = swaps.differences((i, 0), (i, 1), measure.value)
            one, other = (measure.value(swaps.total[i, k])[0] for k in (0, 1))
            p.append(p_value(differences, abs(one - other), exact=swaps.exact))
    return float(np.mean(np.array(p) < 0.05))


def standings_held(n_sequences, n_challenges, rng, n_entries=8):
    """How often rank intervals hold the true rank, and how well P(first) tells the best.

    Entries have skills from -0.5 to 1.6, so that their F1 are 0.03 to 0.05 apart.
    """
    skills = np.linspace(1.6, -0.5, n_entries)
    board = [Algorithm(skill=skill, false_positives=0.5) for skill in skills]
    n, entries = draw(board, n_challenges, n_sequences, rng)
    held, width, claimed, right = [], [], [], []
    for i in range(n_challenges):
        counts = {
            str(rank): [
                SequenceCounts(str(k), "", str(k), *map(int, row))
                for k, row in enumerate(zip(tp[i], fp[i], n[i], strict=True))
            ]
            for rank, (tp, fp) in enumerate(entries, start=1)
        }
        found = standings(counts, "f1")
        spans = {int(rank): s.rank_interval for rank, s in found.items()}
        held += [low <= rank <= high for rank, (low, high) in spans.items()]
        width += [1 + high - low for low, high in spans.values()]
        leader = max(found, key=lambda rank: found[rank].p_first)
        claimed.append(found[leader].p_first)
        right.append(leader == "1")
    return tuple(float(np.mean(x)) for x in (held, width, claimed, right))


def coverage_rows(rng):
    """Of the coverage table: algorithm, sequences, tallies, arcsine."""
    rows = []
    for name, algorithm in ALGORITHMS.items():
        for n_sequences in SIZES:
            tallies = coverage(algorithm, n_sequences, 4000 if n_sequences < 40 else 500, rng)
            arcsine = (
                arcsine_coverage(algorithm, n_sequences, 20000, rng) if n_sequences < 40 else None
            )
            rows.append((name, n_sequences, tallies, arcsine))
    return rows


def coverage_table(rows):
    """The coverage of F1 and TPR, and where they miss."""
    lines = [
        "| algorithm (F1, TPR) | sequences | F1 held | low end above F1 | high end below F1 "
        "| TPR held | low end above TPR | high end below TPR | exact TPR | null TPR "
        "| arcsine: F1 | TPR |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, n_sequences, tallies, arcsine in rows:
        truth = population(ALGORITHMS[name])
        f1, tpr = tallies["f1"], tallies["tpr"]
        ends = ("held", "too_high", "too_low")
        cells = [
            f"{name} ({truth['f1']:.2f}, {truth['tpr']:.2f})",
            str(n_sequences),
            *(percent(f1[key]) for key in ends),
            *(percent(tpr[key]) for key in (*ends, "exact", "null")),
            *(percent(arcsine[key]) if arcsine else "-" for key in ("f1", "tpr")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def rejection_rows(rng):
    """Of the table of tests: sequences, false alarms of two kinds, power per difference."""
    best = ALGORITHMS[TESTED]
    other = same_f1(best, best.skill + 1)
    worse = [worse_by(best, difference) for difference in DIFFERENCES]
    rows = []
    for n_sequences in SIZES_OF_POWER:
        many = 2000 if n_sequences <= 200 else 500
        alarms = [rejections(best, twin, n_sequences, many, rng) for twin in (best, other)]
        power = [rejections(best, one, n_sequences, min(many, 1000), rng) for one in worse]
        rows.append((n_sequences, alarms, power))
    return rows


def rejection_table(rows):
    """False alarms and power of the label-swap test of two entries."""
    titles = " | ".join(f"power at {difference}" for difference in DIFFERENCES)
    lines = [
        "| sequences | false alarms, like entries | false alarms, same F1 otherwise made "
        f"| {titles} |",
        "|---|---|---|" + "---|" * len(DIFFERENCES),
    ]
    lines += [
        f"| {n} | {' | '.join(map(percent, [*alarms, *power]))} |" for n, alarms, power in rows
    ]
    return "\n".join(lines)


def standing_table(rng):
    """Coverage of rank intervals and worth of P(first)."""
    lines = [
        "| sequences | rank intervals that hold the true rank | ranks in an interval, mean "
        "| P(first) of the leader, mean | leader is the best |",
        "|---|---|---|---|---|",
    ]
    for n_sequences in SIZES:
        held, width, claimed, right = standings_held(n_sequences, 200, rng)
        lines.append(
            f"| {n_sequences} | {percent(held)} | {width:.1f} of 8 | {claimed:.2f} "
            f"| {percent(right)} |"
        )
    return "\n".join(lines)


def percent(share):
    """In percent, to a tenth."""
    return f"{100 * share:.1f} %"


def main():
    """Write tables and figure."""
    from coverage_figure import draw_figure

    parts = (coverage_rows, rejection_rows, standing_table)
    with ProcessPoolExecutor(2) as pool:
        tasks = [
            pool.submit(part, rng)
            for part, rng in zip(parts, np.random.default_rng(20261121).spawn(3), strict=True)
        ]
        covered, rejected, standing = (task.result() for task in tasks)
    page = DOCS / "uncertainty.md"
    tables = {
        "coverage": coverage_table(covered),
        "tests": rejection_table(rejected),
        "standings": standing,
    }
    for name, table in tables.items():
        write_table(page, name, table)
    draw_figure(covered, rejected, DIFFERENCES, FIGURE)


if __name__ == "__main__":
    main()
