"""Audit S/N maps on Gaussian noise and on simulated blanks, for docs/calibration.md.

    python docs/studies/false_alarms.py

Needs the extra `leaderboard` for its figure. Takes about ten minutes.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import signal, stats
from tables import write_table

from exobench.baselines import load
from exobench.datasets.geometry import edge_distance
from exobench.datasets.simulator import simulate
from exobench.leaderboard.calibration_figures import false_alarm_figure
from exobench.scoring import significance_map, snr_map
from exobench.scoring.calibration import (
    BlankField,
    audit,
    blank_fields,
    ring_in_noise,
)
from exobench.scoring.calibration.fields import element_positions
from exobench.scoring.calibration.rates import FalseAlarmRate
from exobench.scoring.snr import n_noise_apertures, significance, significance_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.scoring.calibration import Audit

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "calibration.md"
FWHM, SIZE, RADII = 4.0, 41, (5.0, 18.0)
EDGES = (1.25, 2.0, 3.0, 4.0, 4.5)  # FWHM
VALUES = (2.0, 3.0, 4.0)
N_MAPS = 8_000
N_DRAWS = 400_000  # rings of independent apertures, per separation
N_BLANKS = 200
BLANK_EDGES = (1.5, 2.0, 3.0, 6.0, 15.0)  # lambda/D
SHOWN = (3.0, 5.0)  # of the audited values, on the page


def main() -> None:
    """Draw the figure and rewrite the tables of the page."""
    rows = independent_apertures()
    for name, kernel in (("white noise", None), ("grain of the PSF", grain(FWHM))):
        rows += compared(name, kernel)
    write_table(PAGE, "gaussian", noise_table(rows))
    write_table(PAGE, "again", again_table())
    found = {name: audit(fields, edges=BLANK_EDGES) for name, fields in blanks().items()}
    figure = false_alarm_figure(
        found["S/N"],
        unit="lambda/D",
        title=f"S/N taken for sigma, PCA(10) on {N_BLANKS} blank sequences of irdis_like",
    )
    figure.savefig(DOCS / "figures" / "false_alarms.png", dpi=80)
    write_table(PAGE, "elements", element_table(found))
    write_table(PAGE, "search", search_table(found["significance"]))


def grain(fwhm: float) -> np.ndarray:
    """A Gaussian of that FWHM, as an image."""
    half = int(np.ceil(1.5 * fwhm))
    y, x = np.indices((2 * half + 1,) * 2) - half
    return np.exp(-4 * np.log(2) * (x**2 + y**2) / fwhm**2)


def noise_maps(kernel: np.ndarray | None, seed: int) -> Iterator[np.ndarray]:
    """Significance maps of frames of white noise, smoothed by the kernel."""
    rng = np.random.default_rng(seed)
    margin = 0 if kernel is None else kernel.shape[0] - 1
    for _ in range(N_MAPS):
        frame = rng.normal(size=(SIZE + margin,) * 2)
        if kernel is not None:
            frame = signal.oaconvolve(frame, kernel, mode="valid")
        yield significance_map(frame, FWHM)


def compared(name: str, kernel: np.ndarray | None) -> list[tuple]:
    """Audited rates of the S/N map beside those that follow exactly from the covariance."""
    found = audit(blank_fields(noise_maps(kernel, seed=1), FWHM, RADII), values=VALUES, edges=EDGES)
    exact = exact_rates(kernel)
    return [
        (name, one.low, one.high, rate, expected)
        for one, expected_here in zip(found.bins, exact, strict=True)
        for rate, expected in zip(one.at_element, expected_here, strict=True)
    ]


def exact_rates(kernel: np.ndarray | None) -> np.ndarray:
    """Exact false-alarm probabilities, shape (n_bins, n_values), over the audited places."""
    field = BlankField(detection_map=np.zeros((SIZE, SIZE)), fwhm=FWHM, radii=RADII)
    places = np.concatenate([element_positions(field, index) for index in range(300)])
    places, times = np.unique(places, axis=0, return_counts=True)
    tails = np.array(
        [
            ring_in_noise((SIZE, SIZE), FWHM, tuple(place), kernel).significance_tail(VALUES)
            for place in places.tolist()
        ]
    )
    bins = np.searchsorted(EDGES, field.separations(places), side="right") - 1
    return np.array(
        [
            np.average(tails[bins == k], weights=times[bins == k], axis=0)
            for k in range(len(EDGES) - 1)
        ]
    )


def independent_apertures() -> list[tuple]:
    """Rates of the statistic for sums that are independent and equally scattered."""
    rng, rows = np.random.default_rng(2), []
    for low, high in pairwise(EDGES):
        n = int(n_noise_apertures(FWHM * (low + high) / 2, FWHM))
        values = np.concatenate([ring_significance(rng, n, N_DRAWS // 10) for _ in range(10)])
        for value in VALUES:
            claimed = float(stats.norm.sf(value))
            rate = FalseAlarmRate(
                value=value,
                claimed=claimed,
                count=int((values >= value).sum()),
                n=values.size,
                n_effective=float(values.size),
            )
            rows.append(("independent apertures", low, high, rate, claimed))
    return rows


def ring_significance(rng: np.random.Generator, n: int, n_draws: int) -> np.ndarray:
    """Significance of one aperture among `n` others, without an image."""
    sums = rng.normal(size=(n_draws, n + 1))
    noise = sums[:, 1:]
    snr = (sums[:, 0] - noise.mean(axis=1)) / (noise.std(axis=1, ddof=1) * np.sqrt(1 + 1 / n))
    return significance(snr, np.full(n_draws, n))


def noise_table(rows: list[tuple]) -> str:
    """Every audited rate in units of the claim, with the exact one."""
    lines = [
        "| noise | separation [FWHM] | value | false alarms | of | measured / claimed (95 %) "
        "| exact / claimed | measured is right |",
        "|---|---|---|---|---|---|---|---|",
    ]
    right = 0
    for name, low, high, rate, exact in rows:
        inside = rate.interval[0] <= exact <= rate.interval[1]
        right += inside
        ratios = [bound / rate.claimed for bound in rate.interval]
        ratio = rate.count / rate.n / rate.claimed
        lines.append(
            f"| {name} | {low:g} to {high:g} | {rate.value:g} | {rate.count} | {rate.n} "
            f"| {ratio:.3f} ({ratios[0]:.3f} to {ratios[1]:.3f}) | {exact / rate.claimed:.3f} "
            f"| {'yes' if inside else '**no**'} |"
        )
    lines.append(f"\n{right} of these {len(rows)} intervals hold the exact probability.")
    return "\n".join(lines)


def again_table() -> str:
    """The two misses of the maps among the audited rates, tried again on new noise."""
    lines = [
        "| noise | separation [FWHM] | value | false alarms | of | expected | p |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, kernel, radii, value in (
        ("white noise", None, (5.0, 8.0), 3.0),
        ("grain of the PSF", grain(FWHM), (8.0, 12.0), 4.0),
    ):
        size = int(2 * radii[1] + 11)
        field = BlankField(detection_map=np.zeros((size, size)), fwhm=FWHM, radii=radii)
        values = np.concatenate(list(values_at_elements(field, kernel)))
        count = int((values >= value).sum())
        exact = exact_tail(field, kernel, value)
        low, high = (radius / FWHM for radius in radii)
        lines.append(
            f"| {name} | {low:g} to {high:g} | {value:g} | {count} | {values.size} "
            f"| {exact * values.size:.1f} "
            f"| {stats.binomtest(count, values.size, exact).pvalue:.2f} |"
        )
    return "\n".join(lines)


def values_at_elements(field: BlankField, kernel: np.ndarray | None) -> Iterator[np.ndarray]:
    """Significance at the elements of frames of noise, without the rest of their maps."""
    rng = np.random.default_rng(77)
    size = field.detection_map.shape[0] + (0 if kernel is None else kernel.shape[0] - 1)
    for index in range(2 * N_MAPS):
        frame = rng.normal(size=(size, size))
        if kernel is not None:
            frame = signal.oaconvolve(frame, kernel, mode="valid")
        yield significance_at(frame, FWHM, element_positions(field, index))


def exact_tail(field: BlankField, kernel: np.ndarray | None, value: float) -> float:
    """Exact false-alarm probability of a value, over the elements of a field."""
    places = np.concatenate([element_positions(field, index) for index in range(2000)])
    places, times = np.unique(places, axis=0, return_counts=True)
    shape = field.detection_map.shape
    tails = [
        ring_in_noise(shape, FWHM, tuple(place), kernel).significance_tail(value)[0]
        for place in places.tolist()
    ]
    return float(np.average(tails, weights=times))


def blanks() -> dict[str, list[BlankField]]:
    """Both maps of PCA residuals of simulated sequences without companions."""
    method = load("pca", n_components=10)
    fields: dict[str, list[BlankField]] = {"S/N": [], "significance": []}
    for seed in range(N_BLANKS):
        sequence = simulate("irdis_like", rng=seed, n_frames=61, size=101)
        fwhm, scale = sequence.reference_fwhm, sequence.lambda_over_d_px
        residual = method.reduce(sequence)
        for name, statistic in (("S/N", snr_map), ("significance", significance_map)):
            fields[name].append(
                BlankField(
                    detection_map=statistic(residual, fwhm),
                    fwhm=fwhm,
                    radii=(1.5 * scale, edge_distance(sequence.shape) - fwhm / 2),
                    unit_px=scale,
                )
            )
    return fields


def element_table(found: dict[str, Audit]) -> str:
    """Claimed and measured at a place chosen beforehand, by separation."""
    lines = [
        "| map | separation [lambda/D] | elements | value | false alarms | claimed "
        "| measured (95 %) | ratio | is worth | needed |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, audited in found.items():
        for one in (*audited.bins, audited.overall):
            where = "all" if one is audited.overall else f"{one.low:g} to {one.high:g}"
            rows = one.to_dict()["at_element"]
            for row in (row for row in rows if row["value"] in SHOWN):
                low, high = row["interval"]
                lines.append(
                    f"| {name} | {where} | {row['n']} | {row['value']:g} | {row['count']} "
                    f"| {row['claimed']:.2g} "
                    f"| {number(row['probability'], '.2g')} ({low:.2g} to {high:.2g}) "
                    f"| {number(row['ratio'], '.2g')} | {number(row['sigma'], '.2f', ' sigma')} "
                    f"| {number(row['value_needed'], '.2f')} |"
                )
    return "\n".join(lines)


def search_table(found: Audit) -> str:
    """What a search of whole maps comes up with."""
    lines = [
        "| separation [lambda/D] | value | candidates per 1000 elements (95 %) | claimed "
        "| maps with one | claimed |",
        "|---|---|---|---|---|---|",
    ]
    for one in (*found.bins, found.overall):
        where = "all" if one is found.overall else f"{one.low:g} to {one.high:g}"
        for search, at, in_map in zip(one.in_search, one.at_element, one.in_map, strict=True):
            if search.value not in SHOWN:
                continue
            low, high = (1000 * bound for bound in search.interval)
            rate = number(None if search.per_resel is None else 1000 * search.per_resel, ".2g")
            lines.append(
                f"| {where} | {search.value:g} | {rate} ({low:.2g} to {high:.2g}) "
                f"| {1000 * at.claimed:.2g} | {in_map.count} of {in_map.n} "
                f"| {in_map.n * in_map.claimed:.2g} |"
            )
    return "\n".join(lines)


def number(value: float | None, spec: str, unit: str = "") -> str:
    """A number, or a word where it is not resolved."""
    return "not resolved" if value is None else f"{value:{spec}}{unit}"


if __name__ == "__main__":
    main()
