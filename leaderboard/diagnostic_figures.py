"""Figures of diagnostics: what can be found where, and what the noise is like.

Separations run in arcsec below and in lambda/D above (in FWHM where wavelength or telescope
are unknown); companions get fainter downwards, in magnitudes below the star (by flux where
that of the star is unknown).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import PercentFormatter

from exobench.leaderboard.diagnostic_axes import (
    LABEL_SIZE,
    colour_bar,
    depth,
    edges,
    finish,
    label_depth,
    label_separation,
    page,
)
from exobench.leaderboard.sequence_figure import FAINT, INK
from exobench.leaderboard.series import series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from exobench.scoring.diagnostics import (
        CompletenessCurve,
        ContrastCurve,
        NoiseRegimes,
        NormalQuantiles,
        ThresholdCurve,
        TruePositiveMap,
    )

FRACTIONS = "cividis"
P_VALUES = "viridis"
_LEAST_LOG_P = -12.0
_BOUNDARY: dict[str, Any] = {"color": "#D55E00", "linewidth": 1.6}
_CROSSOVER: dict[str, Any] = {"color": "#0072B2", "linewidth": 1.6, "linestyle": (0, (5, 3))}


def contrast_figure(
    curves: Mapping[str, ContrastCurve], completeness: CompletenessCurve | None = None
) -> Figure:
    """Detection limits against separation above, throughput below.

    Parameters
    ----------
    curves : mapping of str to ContrastCurve
        By label, of one sequence. Dotted: without small-sample correction.
    completeness : CompletenessCurve or None
        Of the first of them; drawn with its 95 % interval where it has both ends.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    InputError
        Here and below, if there are more than five curves.
    """
    styles = series(len(curves) + (completeness is not None))
    figure = page(6.4, 6.6)
    upper, lower = figure.subplots(2, 1, height_ratios=(2.6, 1), sharex=True)
    first = next(iter(curves.values()))
    for (label, curve), (colour, marker) in zip(curves.items(), styles, strict=False):
        x, star = curve.separations.arcsec, curve.star_flux
        shown = {"color": colour, "marker": marker, "markersize": 4.5}
        text = f"{label}, {curve.sigma:g}σ, {curve.noise_model} noise"
        upper.plot(x, depth(curve.flux, star), label=text, linewidth=1.8, **shown)
        upper.plot(x, depth(curve.large_sample_flux, star), color=colour, linestyle=":")
        lower.errorbar(x, curve.throughput, curve.throughput_scatter, capsize=2, **shown)
    upper.plot([], [], color=FAINT, linestyle=":", label="without small-sample correction")
    if completeness is not None:
        _draw_level(upper, completeness, *styles[-1], f"{next(iter(curves))}, ")
    label_depth(upper, first.star_flux)
    label_separation(lower, upper, first.separations)
    lower.set_ylabel("throughput", fontsize=LABEL_SIZE, color=INK)
    lower.set_ylim(bottom=0)
    upper.legend(fontsize=8.5, frameon=False, labelcolor=INK)
    upper.set_title(first.name, loc="left", fontsize=10, color=INK, parse_math=False)
    finish(upper, lower)
    return figure


def completeness_figure(curve: CompletenessCurve, levels: Sequence[float] = (0.5, 0.95)) -> Figure:
    """Flux that is found in a fraction of the places, against separation.

    Parameters
    ----------
    curve : CompletenessCurve
    levels : sequence of float
        Bands are distribution-free 95 % intervals; dots are single places. At a single place
        all levels are one.
    """
    figure = page(6.4, 4.8)
    axes = figure.subplots()
    places = np.repeat(curve.separations.arcsec, curve.n_azimuths)
    axes.plot(places, depth(curve.limits.ravel(), curve.star_flux), ".", color=FAINT, markersize=3)
    shown = levels if curve.n_azimuths > 1 else levels[:1]
    for level, (colour, marker) in zip(shown, series(len(shown)), strict=True):
        _draw_level(axes, curve.at(level), colour, marker)
    label_depth(axes, curve.star_flux)
    label_separation(axes, axes, curve.separations)
    title = curve.criterion
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK, title=title, title_fontsize=8.5)
    axes.set_title(curve.name, loc="left", fontsize=10, color=INK, parse_math=False)
    finish(axes)
    return figure


def true_positive_figure(found: TruePositiveMap, levels: Sequence[float] = (0.5, 0.95)) -> Figure:
    """Fraction of companions that is found, over separation and flux.

    Parameters
    ----------
    found : TruePositiveMap
        A completeness or a performance map.
    levels : sequence of float
        Of the lines drawn on it, at most four.
    """
    figure = page(6.8, 5.0)
    axes = figure.subplots()
    x, y = found.separations.arcsec, depth(found.fluxes, found.star_flux)
    rows = edges(y) if found.star_flux else np.exp(edges(np.log(y)))
    shown = axes.pcolormesh(edges(x), rows, found.fraction.T, cmap=FRACTIONS, vmin=0, vmax=1)
    for level, style in zip(levels, ("-", "--", ":", "-."), strict=False):
        limit = depth(found.limit(level), found.star_flux)
        for width, colour in ((3.6, INK), (1.6, "white")):
            axes.plot(x, limit, linestyle=style, color=colour, linewidth=width)
        axes.plot([], [], linestyle=style, color=INK, label=f"{level:.0%} found")
    label_depth(axes, found.star_flux)
    axes.set_ylim(rows[0], rows[-1])  # the faintest below
    label_separation(axes, axes, found.separations)
    bar = colour_bar(axes, shown, "fraction of companions found")
    bar.formatter = PercentFormatter(1.0)
    axes.legend(
        fontsize=8.5,
        labelcolor=INK,
        frameon=False,
        loc="lower center",
        bbox_to_anchor=(0.5, -0.24),
        ncols=len(levels),
    )
    title = f"{found.name}\n{_criterion(found)}"
    axes.set_title(title, loc="left", fontsize=9, color=INK, linespacing=1.4, parse_math=False)
    finish(axes)
    return figure


def threshold_figure(curves: Sequence[ThresholdCurve]) -> Figure:
    """Signal asked for at a constant false-positive fraction, by separation.

    Parameters
    ----------
    curves : sequence of ThresholdCurve
        Of one significance: of several noise models.
    """
    figure = page(6.4, 4.6)
    axes = figure.subplots()
    sigma = curves[0].sigma
    axes.axhline(sigma, color=FAINT, linestyle=(0, (5, 4)), linewidth=1.2)
    for curve, (colour, _) in zip(curves, series(len(curves)), strict=True):
        label = f"{curve.noise_model} noise"
        axes.plot(curve.separation_fwhm, curve.signal, color=colour, linewidth=1.8, label=label)
    end = curves[0].separation_fwhm[-1]
    axes.text(end, 0.98 * sigma, f"{sigma:g}σ", va="top", ha="right", fontsize=8.5, color=FAINT)
    axes.set_yscale("log")
    largest = min(max(np.nanmax(curve.signal) for curve in curves), 40 * sigma)
    axes.set_ylim(0.8 * sigma, 1.2 * largest)
    ticks = [t for t in (2, 3, 5, 10, 20, 50, 100, 200) if 0.8 * sigma <= t <= 1.2 * largest]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    axes.set_yticks([], minor=True)
    axes.set_xlabel("separation [FWHM]", fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel("signal / standard deviation of the apertures", fontsize=LABEL_SIZE, color=INK)
    title = f"false-positive fraction {curves[0].fpf:.2g} per aperture ({sigma:g}σ)"
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK, title=title, title_fontsize=8.5)
    finish(axes)
    return figure


def noise_regime_figure(found: NoiseRegimes) -> Figure:
    """Normality of the noise by separation and algorithm above, its level below.

    Parameters
    ----------
    found : NoiseRegimes
    """
    figure = page(6.8, 6.4)
    upper, lower = figure.subplots(2, 1, height_ratios=(1, 1.3), sharex=True)
    x = found.separations.arcsec
    with np.errstate(divide="ignore"):
        log_p = np.maximum(np.log10(found.p_values), _LEAST_LOG_P)
    rows = np.arange(len(found.labels) + 1) - 0.5
    shown = upper.pcolormesh(edges(x), rows, log_p, cmap=P_VALUES, vmin=_LEAST_LOG_P, vmax=0)
    upper.set_yticks(range(len(found.labels)), found.labels)
    upper.set_ylabel("algorithm", fontsize=LABEL_SIZE, color=INK)
    colour_bar(upper, shown, f"log₁₀ p of Gaussian noise (line: {found.p_least:g})").ax.axhline(
        np.log10(found.p_least), color="white", linewidth=2
    )
    for i, (label, noise) in enumerate(zip(found.labels, found.noise, strict=True)):
        shade = str(0.1 + 0.6 * i / max(len(found.labels) - 1, 1))
        lower.plot(x, noise, color=shade, linewidth=1.4, label=label)
    lower.set_yscale("log")
    lower.set_ylabel("noise of an aperture [unit of the cube]", fontsize=LABEL_SIZE, color=INK)
    _draw_radii(upper, lower, found)
    label_separation(lower, upper, found.separations)
    lower.legend(fontsize=8.5, frameon=False, labelcolor=INK, ncols=2)
    upper.set_title(found.name, loc="left", fontsize=10, color=INK, parse_math=False)
    finish(upper, lower)
    return figure


def quantile_figure(samples: Mapping[str, NormalQuantiles]) -> Figure:
    """Samples against the quantiles of the normal distribution (Q-Q plot).

    Parameters
    ----------
    samples : mapping of str to NormalQuantiles
        By label. Each in units of its fitted deviation: Gaussian noise lies on the line.
    """
    styles = series(len(samples))
    figure = page(5.2, 5.0)
    axes = figure.subplots()
    reach = max(float(one.theoretical[-1]) for one in samples.values())
    line = np.array([-reach, reach])
    axes.plot(line, line, color=FAINT, linestyle=(0, (5, 4)), linewidth=1.2)
    for (label, one), (colour, marker) in zip(samples.items(), styles, strict=True):
        values = (one.ordered - one.intercept) / one.slope
        text = f"{label}, R² = {one.r_squared:.3f}"
        axes.plot(one.theoretical, values, marker, color=colour, markersize=4, label=text)
    axes.set_xlabel("normal quantile [σ]", fontsize=LABEL_SIZE, color=INK)
    axes.set_ylabel("value, less the mean [σ]", fontsize=LABEL_SIZE, color=INK)
    axes.legend(fontsize=8.5, frameon=False, labelcolor=INK)
    finish(axes)
    return figure


def _draw_level(
    axes: Axes, curve: CompletenessCurve, colour: str, marker: str, prefix: str = ""
) -> None:
    """The flux of a completeness, with its interval where both of its ends are known."""
    x, star = curve.separations.arcsec, curve.star_flux
    low, high = (depth(end, star) for end in curve.interval())
    n = curve.n_azimuths
    where = "at the only place" if n == 1 else f"in {curve.level:.0%} of {n} places"
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(
        x,
        depth(curve.flux, star),
        color=colour,
        marker=marker,
        markersize=4.5,
        label=f"{prefix}found {where}",
    )


def _criterion(found: TruePositiveMap) -> str:
    """What counts as found, and what that costs where it is known."""
    cost = found.expected_false_positives
    return found.criterion + ("" if cost is None else f"; {cost:.1g} false positives expected")


def _draw_radii(upper: Axes, lower: Axes, found: NoiseRegimes) -> None:
    scale = float(found.separations.arcsec[-1] / found.separations.px[-1])
    marks = (
        (found.boundary_px, _BOUNDARY, "Gaussian from here"),
        (found.crossover_px, _CROSSOVER, "speckles = background"),
    )
    for radius, style, label in marks:
        if radius:
            for axes in (upper, lower):
                axes.axvline(radius * scale, **style, label=label)
