"""Prove the intervals, tests and standings on simulated challenges, for docs/uncertainty.md.

    python docs/studies/coverage.py

Draws counts of sequences, not maps: what algorithms find and take for companions, given how
hard a sequence is. Writes the tables between the marks of docs/uncertainty.md and its figure.
Needs the extra `leaderboard`. Takes some minutes.
"""

import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from exobench.scoring import SequenceCounts, standings
from exobench.scoring.counts import PooledMeasure
from exobench.scoring.intervals import resampled_intervals
from exobench.scoring.permutation import label_swap, p_value
from exobench.scoring.row_intervals import agreeing_interval

SIZES = (9, 20, 40, 200)
SIZES_OF_POWER = (9, 20, 40, 100, 200, 400, 800)
DIFFERENCES = (0.05, 0.1, 0.2)
BLANK_FRACTION, MOST_COMPANIONS = 0.25, 4
N_BLOCK = 50
DOCS = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """What an algorithm finds and takes for a companion.

    Attributes
    ----------
    skill : float
        Log-odds of finding a companion in a sequence of ordinary difficulty.
    false_positives : float
        Expected number per map.
    """

    skill: float
    false_positives: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How sequences differ.

    Attributes
    ----------
    instruments : tuple of float
        What each adds to the log-odds of a detection; sequences take them in turn.
    difficulty : float
        Standard deviation, between sequences, of what all log-odds of one share.
    fp_of_difficulty : float
        Change of the logarithm of the false positives per unit of difficulty.
    fp_shape : float
        Of the gamma law of false positives at one difficulty, which makes their number
        negative binomial; small is clustered.
    """

    instruments: tuple[float, ...] = (0.5, 0.0, -0.5)
    difficulty: float = 1.0
    fp_of_difficulty: float = 0.5
    fp_shape: float = 2.0


ALGORITHMS = {
    "strong": Algorithm(skill=2.0, false_positives=0.15),
    "good": Algorithm(skill=1.0, false_positives=0.4),
    "greedy": Algorithm(skill=1.5, false_positives=2.0),
    "poor": Algorithm(skill=-0.5, false_positives=0.8),
}
TESTED = "good"


def draw(algorithms, n_challenges, n_sequences, rng, conditions=Conditions()):
    """Counts of challenges: ``n`` and, per algorithm, ``(tp, fp)``.

    Every array has shape (n_challenges, n_sequences). As the builder does, a fixed number of
    sequences is blank, any of them, and the others hold 1 to 4 companions. Instruments take
    turns, from any of them on, so that each is as frequent as in the population. All
    algorithms meet the same difficulties; given those, their detections and false positives
    are independent.
    """
    shape = (n_challenges, n_sequences)
    index = np.arange(n_sequences) + rng.integers(0, len(conditions.instruments), (n_challenges, 1))
    blank = rng.permuted(np.arange(n_sequences) < n_blank(n_sequences) + np.zeros(shape), axis=1)
    n = np.where(blank, 0, rng.integers(1, MOST_COMPANIONS + 1, shape))
    ease = rng.standard_normal(shape)
    found = [
        (rng.binomial(n, p), rng.poisson(rate * rng.gamma(c, 1 / c, shape)))
        for c in [conditions.fp_shape]
        for p, rate in (expected(a, ease, index, conditions) for a in algorithms)
    ]
    return n, found


def n_blank(n_sequences):
    """Sequences without companions, as the builder counts them."""
    return int(BLANK_FRACTION * n_sequences + 0.5)


def expected(algorithm, ease, index, conditions):
    """Probability of a detection, and mean number of false positives, per sequence."""
    instrument = np.take(conditions.instruments, index % len(conditions.instruments))
    log_odds = algorithm.skill + instrument + conditions.difficulty * ease
    spread = conditions.fp_of_difficulty
    return expit(log_odds), algorithm.false_positives * np.exp(-spread * ease - spread**2 / 2)


def population(algorithm, conditions=Conditions(), blank_fraction=BLANK_FRACTION):
    """F1 and TPR of a challenge of endlessly many sequences, by quadrature over difficulty."""
    ease, weight = np.polynomial.hermite_e.hermegauss(61)
    weight = weight / weight.sum()
    n = (1 - blank_fraction) * (MOST_COMPANIONS + 1) / 2
    rows = [
        expected(algorithm, ease, np.full(ease.shape, i), conditions)
        for i in range(len(conditions.instruments))
    ]
    tpr = np.mean([weight @ p for p, _ in rows])
    fp = np.mean([weight @ rate for _, rate in rows])
    return {"f1": 2 * n * tpr / (n * tpr + fp + n), "tpr": tpr}


def worse_by(algorithm, difference):
    """The algorithm with less skill, and a population F1 lower by so much."""
    aim = population(algorithm)["f1"] - difference
    skill = brentq(
        lambda skill: population(replace(algorithm, skill=skill))["f1"] - aim, -5, algorithm.skill
    )
    return replace(algorithm, skill=skill)


def same_f1(algorithm, skill):
    """The algorithm of another skill, and as many false positives as make F1 the same."""
    aim = population(algorithm)["f1"]
    rate = brentq(
        lambda rate: population(Algorithm(skill=skill, false_positives=rate))["f1"] - aim, 0, 9
    )
    return Algorithm(skill=skill, false_positives=rate)


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


def draw_figure(covered, rejected, path):
    """Coverage by size and algorithm; power by size and difference."""
    from matplotlib.figure import Figure

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
    for k, (difference, (colour, marker)) in enumerate(zip(DIFFERENCES, styles, strict=False)):
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
    for axes, ticks in ((left, SIZES), (right, SIZES_OF_POWER)):
        axes.set_xscale("log")
        axes.set_xticks(ticks, map(str, ticks))
        axes.minorticks_off()
        axes.set_xlabel("Sequences of the challenge")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def percent(share):
    """In percent, to a tenth."""
    return f"{100 * share:.1f} %"


def filled_in(page, tables):
    """The page with each table between its marks."""
    for name, table in tables.items():
        marks = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        page, n = re.subn(marks, lambda m, t=table: f"{m[1]}{t}\n{m[2]}", page, flags=re.DOTALL)
        if n != 1:
            raise SystemExit(f"the page must have one place for {name}, has {n}")
    return page


def main():
    """Write tables and figure."""
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
    page.write_text(filled_in(page.read_text(), tables))
    draw_figure(covered, rejected, DOCS / "figures" / "uncertainty_coverage_and_power.png")


if __name__ == "__main__":
    main()
