"""The engine against the rules written down word by word: loops, fractions, no shortcuts."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isclose, sqrt
from statistics import mean, median

import numpy as np
import pytest
from scipy import stats
from scipy.ndimage import gaussian_filter

from exobench.scoring import METRICS, DetectionList, MapTruth, score_maps

SCORED_X = [Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1), Fraction(2), Fraction(4)]


def apart(a, b):
    return sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)


def in_area(position, truth, shape):
    star = tuple(n // 2 for n in shape)
    return truth.inner_radius_px <= apart(position, star) <= truth.outer_radius_px


def literal_maxima(values, truth):
    """Scored pixels that no finite pixel of the whole map within R exceeds."""
    finite = [tuple(p) for p in np.argwhere(np.isfinite(values)).tolist()]
    return [
        p
        for p in finite
        if in_area(p, truth, values.shape)
        and not any(values[q] > values[p] for q in finite if apart(p, q) <= truth.fwhm)
    ]


def literal_plateaus(maxima, values):
    """Groups of maxima that touch and are equal."""
    left = set(maxima)
    while left:
        group, frontier = [], [left.pop()]
        while frontier:
            y, x = frontier.pop()
            group.append((y, x))
            for q in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if q in left and values[q] == values[y, x]:
                    left.remove(q)
                    frontier.append(q)
        yield group


def literal_peak(group):
    """The pixel nearest to the centroid; exact ties to smaller y, then x."""
    cy, cx = (Fraction(sum(p[axis] for p in group), len(group)) for axis in (0, 1))
    return min(group, key=lambda p: ((p[0] - cy) ** 2 + (p[1] - cx) ** 2, p))


def literal_candidates(answer, truth):
    if answer is None:
        return []
    if isinstance(answer, DetectionList):
        found = [
            (float(v), (float(y), float(x)))
            for (y, x), v in zip(answer.yx, answer.values, strict=True)
            if np.isfinite(v) and in_area((y, x), truth, truth.shape)
        ]
    else:
        values = np.asarray(answer, dtype=np.float64)
        peaks = map(literal_peak, literal_plateaus(literal_maxima(values, truth), values))
        found = [(float(values[p]), p) for p in peaks]
    kept = []
    for value, p in sorted(found, key=lambda c: (-c[0], c[1])):
        if all(apart(p, q) > truth.fwhm for _, q in kept):
            kept.append((value, p))
    return kept


def literal_match(candidates, injections, tolerance):
    """For each candidate "fp", "neither" or the index of its injection."""
    taken, outcome = set(), []
    for _, p in candidates:
        near = [i for i, q in enumerate(injections) if apart(p, q) <= tolerance]
        free = [i for i in near if i not in taken]
        if free:
            best = min(free, key=lambda i: (apart(p, injections[i]), injections[i]))
            taken.add(best)
            outcome.append(best)
        else:
            outcome.append("neither" if near else "fp")
    return outcome


@dataclass
class Literal:
    """One sequence, as the rules see it."""

    instrument: str
    unit: str
    injections: list
    resels: Fraction
    true: list  # (value, error)
    false: list  # values
    values: list
    true_half: list
    chance: float
    scored: int
    finite: int
    missing: bool

    def tp(self, t):
        return sum(v >= t for v, _ in self.true)

    def fp(self, t):
        return sum(v >= t for v in self.false)


def literal_sequence(name, answer, truth, threshold, tolerance_fwhm):
    injections = [tuple(p) for p in truth.injections.tolist()]
    candidates = literal_candidates(answer, truth)
    tolerance = tolerance_fwhm * truth.fwhm
    outcome = literal_match(candidates, injections, tolerance)
    half = literal_match(candidates, injections, 0.5 * truth.fwhm)
    pairs = list(zip(candidates, outcome, strict=True))
    false = [c for c, o in pairs if o == "fp"]
    is_map = isinstance(answer, np.ndarray)
    shape = answer.shape if is_map else truth.shape
    pixels = [p for p in np.ndindex(*shape) if in_area(p, truth, shape)]
    near = [p for p in pixels if any(v >= threshold and apart(p, q) <= tolerance for v, q in false)]
    return Literal(
        instrument=truth.instrument,
        unit=truth.unit or name,
        injections=injections,
        resels=4
        * (Fraction(truth.outer_radius_px) ** 2 - Fraction(truth.inner_radius_px) ** 2)
        / Fraction(truth.fwhm) ** 2,
        true=[(v, apart(p, injections[o])) for (v, p), o in pairs if o not in ("fp", "neither")],
        false=[v for v, _ in false],
        values=[v for v, _ in candidates],
        true_half=[
            v for (v, _), o in zip(candidates, half, strict=True) if o not in ("fp", "neither")
        ],
        chance=len(injections) * len(near) / len(pixels),
        scored=len(pixels) if is_map else 0,
        finite=sum(np.isfinite(answer[p]) for p in pixels) if is_map else 0,
        missing=answer is None,
    )


def ratio(a, b):
    return None if b == 0 else Fraction(a) / Fraction(b)


def f1_of(tp, fp, n):
    if n == 0:
        return None
    if tp == 0:
        return Fraction(0)
    tpr, ppv = Fraction(tp, n), Fraction(tp, tp + fp)
    return 2 * ppv * tpr / (ppv + tpr)


def macro(sequences, measure):
    instruments = sorted({s.instrument for s in sequences if s.injections})
    if not instruments:
        return None
    return mean(
        mean(measure(s) for s in sequences if s.injections and s.instrument == i)
        for i in instruments
    )


def literal_metrics(sequences, t, full_n_maps):
    """Every metric; `full_n_maps` decides which points of the curve are read."""
    n_maps, n = len(sequences), sum(len(s.injections) for s in sequences)
    tp, fp = sum(s.tp(t) for s in sequences), sum(s.fp(t) for s in sequences)
    blank = [s for s in sequences if not s.injections]
    levels = sorted({v for s in sequences for v in s.values}, reverse=True)
    curve = [(sum(s.tp(v) for s in sequences), sum(s.fp(v) for s in sequences)) for v in levels]

    def tpr_at(x):
        if n == 0:
            return None
        return Fraction(max([0, *(a for a, b in curve if Fraction(b, n_maps) <= x)]), n)

    def auc():
        steps = sorted({Fraction(b, n_maps) for _, b in curve if b <= n_maps} | {0, 1})
        return sum((b - a) * tpr_at(a) for a, b in pairwise(steps))

    def precision_area():
        before, area = 0, Fraction(0)
        for a, b in curve:
            area += Fraction(a, a + b) * Fraction(a - before, n)
            before = a
        return area

    points = [tpr_at(x) for x in SCORED_X if x * full_n_maps >= 3]
    errors = [e for s in sequences for v, e in s.true if v >= t]
    above = sum(v > max(s.false, default=-np.inf) for s in sequences for v, _ in s.true)
    half = sum(v >= t for s in sequences for v in s.true_half)
    resels = sum(s.resels for s in sequences)
    best = max([Fraction(0), *(f1_of(a, b, n) for a, b in curve)]) if n else None
    return {
        "tp": tp,
        "fp": fp,
        "fn": n - tp,
        "n_injected": n,
        "n_maps": n_maps,
        "n_missing": sum(s.missing for s in sequences),
        "tpr": ratio(tp, n),
        "fdr": ratio(fp, tp + fp),
        "ppv": ratio(tp, tp + fp),
        "f1": f1_of(tp, fp, n),
        "fp_per_map": ratio(fp, n_maps),
        "fp_per_1000_resels": ratio(1000 * fp, resels),
        "fpr_per_resel": fp / (resels - n) if resels > n else None,
        "fp_per_blank_map": ratio(sum(s.fp(t) for s in blank), len(blank)),
        "fp_per_filled_map": ratio(
            sum(s.fp(t) for s in sequences if s.injections), n_maps - len(blank)
        ),
        "tpr_at_1_fp_per_map": tpr_at(1) if full_n_maps >= 3 else None,
        "tpr_at_0p1_fp_per_map": tpr_at(Fraction(1, 10)) if full_n_maps >= 30 else None,
        "tpr_above_first_fp": ratio(above, n),
        "froc_auc": auc() if n else None,
        "froc_score": mean(points) if n and points else None,
        "average_precision": precision_area() if n else None,
        "calibration_loss": best - f1_of(tp, fp, n) if n else None,
        "tpr_half_fwhm": ratio(half, n),
        "chance_tp": sum(s.chance for s in sequences),
        "median_error_px": median(errors) if errors else None,
        "coverage": ratio(sum(s.finite for s in sequences), sum(s.scored for s in sequences)),
        "macro_f1": macro(sequences, lambda s: f1_of(s.tp(t), s.fp(t), len(s.injections))),
        "macro_tpr": macro(sequences, lambda s: Fraction(s.tp(t), len(s.injections))),
    }


def same(found, expected):
    if expected is None:
        return found is None
    return found is not None and isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)


def scene(rng, n_sequences, kinds=("map", "list", "missing")):
    """Random answers and truths with ties, gaps, crowding, shared units and odd shapes."""
    maps, truths = {}, {}
    for k in range(n_sequences):
        shape = tuple(int(n) for n in rng.integers(20, 27, 2))
        fwhm = float(rng.choice([2.0, 2.5, 3.0, sqrt(5), sqrt(13)]))
        inner, outer = float(rng.uniform(0, 3)), min(shape) // 2 - 1.5
        theta, r = rng.uniform(0, 2 * np.pi, 3), rng.uniform(inner, outer, 3)
        yx = np.column_stack([shape[0] // 2 + r * np.sin(theta), shape[1] // 2 + r * np.cos(theta)])
        injections = yx[: rng.integers(0, 4)]
        name, kind = f"s{k}", rng.choice(kinds, p=[0.7, 0.2, 0.1][: len(kinds)])
        truths[name] = MapTruth(
            injections,
            fwhm,
            inner,
            outer,
            f"i{k % 2}",
            unit=None if k % 4 else "shared",
            shape=shape,
        )
        if kind == "map":
            field = gaussian_filter(rng.normal(size=shape), 1.0)
            field += 2 * gaussian_filter(
                np.histogram2d(*injections.T, bins=[np.arange(n + 1) - 0.5 for n in shape])[0], 1.0
            )
            field = np.round(field / field.std(), int(rng.integers(0, 3)))
            field[rng.random(shape) < 0.03] = np.nan
            maps[name] = field.astype(np.float32)
        elif kind == "list":
            rows = rng.uniform(0, min(shape), (30, 2))
            maps[name] = DetectionList(rows, rng.integers(0, 6, 30).astype(float))
    return maps, truths


def literal_score(maps, truths, threshold, tolerance_fwhm):
    return [
        literal_sequence(name, maps.get(name), truth, threshold, tolerance_fwhm)
        for name, truth in truths.items()
    ]


@pytest.mark.parametrize("seed", range(8))
def test_every_metric_equals_the_rule_written_down_word_by_word(seed):
    rng = np.random.default_rng(seed)
    maps, truths = scene(rng, int(rng.integers(1, 8)))
    threshold, tolerance = float(rng.integers(0, 4)), float(rng.choice([1.0, 0.7, 1.5]))
    found = score_maps(maps, truths, threshold, tolerance_fwhm=tolerance).to_dict()
    sequences = literal_score(maps, truths, threshold, tolerance)
    expected = literal_metrics(sequences, threshold, len(sequences))
    assert list(found["overall"]) == list(expected) == list(METRICS)
    wrong = {
        k: (found["overall"][k], v) for k, v in expected.items() if not same(found["overall"][k], v)
    }
    assert not wrong
    levels = sorted({v for s in sequences for v in s.values}, reverse=True)
    assert [(p["value"], p["tp"], p["fp"]) for p in found["curve"]] == [
        (v, sum(s.tp(v) for s in sequences), sum(s.fp(v) for s in sequences)) for v in levels
    ]


@pytest.mark.parametrize("seed", range(3))
def test_jackknife_intervals_equal_leaving_out_each_unit_by_hand(seed):
    rng = np.random.default_rng(100 + seed)
    maps, truths = scene(rng, 12)
    found = score_maps(maps, truths, 2.0).to_dict()
    sequences = literal_score(maps, truths, 2.0, 1.0)
    units = sorted({s.unit for s in sequences})
    assert 6 <= len(units) < len(sequences)
    full = literal_metrics(sequences, 2.0, len(sequences))
    left_out = [
        literal_metrics([s for s in sequences if s.unit != u], 2.0, len(sequences)) for u in units
    ]
    for key, pair in found["interval"].items():
        replicates = [r[key] for r in left_out]
        if full[key] is None or None in replicates:
            assert pair is None, key
            continue
        values = np.array(replicates, dtype=float)
        half = stats.t.ppf(0.975, len(units) - 1) * np.sqrt(
            (len(units) - 1) ** 2 / len(units) * values.var(ddof=1)
        )
        if half < 1e-12:
            assert pair is None, key
            continue
        metric = METRICS[key]
        expected = [max(metric.low, full[key] - half), min(metric.high, full[key] + half)]
        assert pair == pytest.approx(expected, abs=1e-9), key
