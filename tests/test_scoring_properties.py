"""What holds for any maps and truths."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from exobench.scoring import METRICS, DetectionList, MapTruth, find_candidates, score_maps

SIZE = 25
seeds = st.integers(0, 2**32 - 1)
examples = settings(max_examples=20, deadline=None, derandomize=True)


def scene(seed, n_sequences=8):
    """Smooth noise with injections, some unseen; values never tie."""
    rng = np.random.default_rng(seed)
    maps, truths = {}, {}
    for k in range(n_sequences):
        theta, r = rng.uniform(0, 2 * np.pi, 2), rng.uniform(3, 10, 2)
        yx = np.column_stack([12 + r * np.sin(theta), 12 + r * np.cos(theta)])
        yx = yx[: rng.integers(0, 3)]
        field = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1.0)
        pixels = np.rint(yx).astype(int)
        field[pixels[:, 0], pixels[:, 1]] += rng.uniform(0, 1, len(yx))
        field[rng.random(field.shape) < 0.02] = np.nan
        maps[f"s{k}"] = field.astype(np.float32)
        truths[f"s{k}"] = MapTruth(
            *(yx, 3.0, 2.0, 11.0, f"i{k % 2}"),
            unit="shared" if k < 3 else None,
            shape=(SIZE, SIZE),
            lambda_over_d_px=2.5,
            strata=tuple(rng.choice(["bright", "faint", "odd"], len(yx)).tolist()),
            spectra=tuple(rng.choice(["L", "T"], len(yx)).tolist()),
        )
    if rng.random() < 0.3:
        del maps["s3"]
    return maps, truths


def as_lists(maps, truths):
    """The same answers as detection lists."""
    r = np.hypot(*(np.indices((SIZE, SIZE)) - 12))
    scored = (r >= 2) & (r <= 11)
    return {
        name: DetectionList(*find_candidates(answer, truths[name].fwhm, scored))
        for name, answer in maps.items()
    }


def rows_of(score):
    """Every row that counts some of the injections."""
    return [
        *score.per_sequence,
        *score.per_instrument,
        *score.per_separation,
        *score.per_stratum,
        *score.per_spectrum,
    ]


def without_values(score):
    """The score file without what a change of units may change."""
    found = score.to_dict()
    del found["threshold"]
    for point in found["curve"]:
        del point["value"]
    for row in found["per_sequence"]:
        for injection in row["injections"]:
            del injection["value"]
    return found


@examples
@given(seeds, st.floats(-1, 1))
def test_every_metric_stays_in_its_range(seed, threshold):
    score = score_maps(*scene(seed), threshold)
    for key, value in score.overall.items():
        metric = METRICS[key]
        assert value is None or metric.low <= value <= metric.high + 1e-12, key
        pair = score.interval.get(key)
        if pair is not None:
            assert metric.low <= pair[0] <= value <= pair[1] <= metric.high


@examples
@given(seeds, st.floats(-1, 1), st.booleans())
def test_no_rate_exceeds_one_and_every_breakdown_adds_up(seed, threshold, lists):
    maps, truths = scene(seed)
    score = score_maps(as_lists(maps, truths) if lists else maps, truths, threshold)
    for row in rows_of(score):
        assert row["tp"] + row["fn"] == row["n_injected"]
        assert row["tpr"] is None if row["n_injected"] == 0 else 0 <= row["tpr"] <= 1
        if row.get("tpr_interval"):
            low, high = row["tpr_interval"]
            assert 0 <= low <= row["tpr"] <= high <= 1
    for key in ("n_injected", "tp"):
        for part in (score.per_instrument, score.per_separation, score.per_stratum):
            total = sum(row[key] for row in part)
            assert total == score.overall[key] or part == []
    assert sum(row["fp"] for row in score.per_separation) == score.overall["fp"]
    for point in score.curve.rows():
        assert point["tpr"] is None or 0 <= point["tpr"] <= 1


@examples
@given(seeds, st.floats(-1, 1), st.floats(0, 1))
def test_true_and_false_positives_fall_with_the_threshold(seed, threshold, step):
    maps, truths = scene(seed)
    low, high = (score_maps(maps, truths, t) for t in (threshold, threshold + step))
    for one, other in zip(
        [low.overall, *rows_of(low)], [high.overall, *rows_of(high)], strict=True
    ):
        assert other["tp"] <= one["tp"]
        assert other.get("fp", 0) <= one.get("fp", 0)
    points = [(point["tp"], point["fp"]) for point in low.curve.rows()]
    assert all(a <= b and c <= d for (a, c), (b, d) in pairwise(points))


@examples
@given(seeds, st.floats(-0.5, 0.5))
def test_a_strictly_increasing_change_of_maps_and_threshold_changes_nothing(seed, threshold):
    """The most brutal change there is: every value becomes its rank among all values."""
    maps, truths = scene(seed)
    levels = np.unique(np.concatenate([m[np.isfinite(m)] for m in maps.values()]))
    ranked = {
        name: np.where(np.isfinite(m), np.searchsorted(levels, m), np.nan).astype(np.float32)
        for name, m in maps.items()
    }
    rank = np.searchsorted(levels.astype(np.float64), threshold) - 0.5
    first, second = score_maps(maps, truths, threshold), score_maps(ranked, truths, rank)
    assert first.overall["n_injected"] == 0 or first.per_stratum
    assert without_values(first) == without_values(second)


@examples
@given(seeds, st.floats(-0.5, 0.5))
def test_the_order_of_sequences_and_injections_changes_nothing(seed, threshold):
    maps, truths = scene(seed)
    order = np.random.default_rng(seed).permutation(list(truths)).tolist()
    turned = {}
    for name in order:
        t = truths[name]
        turned[name] = replace(
            t, injections=t.injections[::-1], strata=t.strata[::-1], spectra=t.spectra[::-1]
        )
    first = score_maps(maps, truths, threshold).to_dict()
    second = score_maps(dict(reversed(maps.items())), turned, threshold).to_dict()
    for score in (first, second):
        score["per_sequence"].sort(key=lambda row: row["name"])
        for row in score["per_sequence"]:
            row["injections"].sort(key=lambda injection: (injection["y"], injection["x"]))
    assert first == second


@examples
@given(seeds, st.floats(-0.5, 0.5))
def test_a_quarter_turn_changes_nothing(seed, threshold):
    """Odd frames have their star in the middle, and without ties no axis is preferred."""
    maps, truths = scene(seed)
    turned_maps = {name: np.rot90(m) for name, m in maps.items()}
    turned_truths = {
        name: replace(
            t, injections=np.column_stack([SIZE - 1 - t.injections[:, 1], t.injections[:, 0]])
        )
        for name, t in truths.items()
    }
    first = score_maps(maps, truths, threshold)
    second = score_maps(turned_maps, turned_truths, threshold)
    np.testing.assert_allclose(
        [np.nan if v is None else v for v in second.overall.values()],
        [np.nan if v is None else v for v in first.overall.values()],
        rtol=1e-12,
    )
    assert first.curve.rows() == second.curve.rows()
    for one, other in zip(rows_of(first), rows_of(second), strict=True):
        for key in {"n_injected", "tp", "fn", "fp", "tpr"} & one.keys():
            assert one[key] == other[key]


@examples
@given(seeds)
def test_candidates_stand_more_than_one_fwhm_apart_and_are_the_highest_about(seed):
    frame = np.random.default_rng(seed).integers(0, 5, (SIZE, SIZE)).astype(float)
    yx, values = find_candidates(frame, 2.5, np.ones((SIZE, SIZE), dtype=bool))
    apart = np.hypot(*(yx[:, np.newaxis] - yx).transpose(2, 0, 1))
    assert (apart + 1e9 * np.eye(len(yx)) > 2.5).all()
    y, x = np.indices(frame.shape)
    for (cy, cx), value in zip(yx, values, strict=True):
        assert frame[np.hypot(y - cy, x - cx) <= 2.5].max() == value


@examples
@given(seeds, st.floats(-0.5, 0.5))
def test_a_list_of_the_candidates_of_a_map_scores_like_the_map(seed, threshold):
    maps, truths = scene(seed)
    first = score_maps(maps, truths, threshold).to_dict()
    second = score_maps(as_lists(maps, truths), truths, threshold).to_dict()
    for score in (first, second):
        score["warnings"] = [text for text in score["warnings"] if "are finite" not in text]
        del score["overall"]["coverage"], score["interval"]["coverage"]
        for row in score["per_sequence"]:
            del row["coverage"]
    assert first == second
