"""Positions and spectra of companions beside the truth: they show where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from exobench.leaderboard.axes import finish
from exobench.leaderboard.sequence_figure import FAINT, INK

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from exobench.scoring.characterization import (
        Characterization,
        CharacterizationScore,
        CompanionResult,
        Estimates,
    )

    Answers = Mapping[str, Characterization]
    Wavelengths = Mapping[str, Sequence[float] | None]

# Okabe & Ito (2008); estimates differ from the truth by shape too.
ESTIMATE, MISSED = "#0072B2", "#D55E00"
MOST_PANELS = 24

_COLUMNS = 4
_FAR = 2.0  # times the median distance; what is farther has its name
_HIGHEST = 3.0  # times the brightest true channel; what is beyond stands at the edge


def residual_figure(score: CharacterizationScore, answers: Answers) -> Figure | None:
    """Estimate minus truth of every position, in mas on the sky, with what errors are stated.

    Parameters
    ----------
    score : CharacterizationScore
    answers : mapping of str to Characterization
        By name of sequence, from which the score follows.

    Returns
    -------
    matplotlib.figure.Figure or None
        Not registered with pyplot; None if no position is claimed.
    """
    residuals = list(_residuals(score, answers))
    if not residuals:
        return None
    figure = _figure(6.0, 6.0)
    axes = figure.subplots()
    offsets = np.array([one.offset for one in residuals])
    distances = np.hypot(*offsets.T)
    _draw_target(axes, distances)
    for one, distance in zip(residuals, distances, strict=True):
        _draw_residual(axes, one, named=bool(distance > _FAR * np.median(distances)))
    reach = 1.15 * max(np.abs(offsets).max(), *(_reach(one) for one in residuals))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel("towards west (mas)")
    axes.set_ylabel("towards north (mas)")
    n_missed = len(score.companions) - len(residuals)
    missed = f"; {n_missed} not detected" if n_missed else ""
    axes.set_title(f"Positions, estimate minus truth{missed}", loc="left")
    axes.legend(loc="upper right", fontsize=8.5, frameon=False, labelcolor=INK)
    finish(axes)
    return figure


def spectra_figure(
    score: CharacterizationScore, answers: Answers, wavelengths: Wavelengths
) -> Figure | None:
    """Contrast against wavelength, a panel a companion, the truth as a line.

    Parameters
    ----------
    score : CharacterizationScore
    answers : mapping of str to Characterization
        By name of sequence.
    wavelengths : mapping of str to sequence of float, or None
        In micrometres, by name of sequence.

    Returns
    -------
    matplotlib.figure.Figure or None
        Of the first `MOST_PANELS` companions; None if no spectra were sent.
    """
    sent = [one for one in score.companions if one.spectrum is not None]
    if not sent:
        return None
    if all(truth.n_wavelengths == 1 for truth in score.truths.values()):
        return _ratio_figure(sent, score, answers)
    shown = sent[:MOST_PANELS]
    n_rows, n_columns = -(-len(shown) // _COLUMNS), min(_COLUMNS, len(shown))
    figure = _figure(0.4 + 2.9 * n_columns, 0.5 + 2.3 * n_rows)
    panels = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for axes, one in zip(panels, shown, strict=False):
        _draw_spectrum(axes, one, score, answers, wavelengths[one.sequence])
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper right", ncols=3, fontsize=8.5, frameon=False)
    return figure


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=140, layout="constrained", facecolor="white")


def _ratio_figure(
    sent: Sequence[CompanionResult], score: CharacterizationScore, answers: Answers
) -> Figure:
    """Estimated over true contrast of every companion, where there is one channel only."""
    figure = _figure(min(12.0, 2.5 + 0.35 * len(sent)), 4.2)
    axes = figure.subplots()
    axes.axhline(1, color=INK, linewidth=1.6, label="truth")
    known = np.array([bool(one.spectrum and one.spectrum.detected.all()) for one in sent])
    places = np.arange(len(sent), dtype=np.float64)
    for place, one in zip(places, sent, strict=True):
        answer, row = answers.get(one.sequence), one.number - 1
        if answer is None or answer.contrasts is None or not answer.contrasts.known[row].all():
            continue
        truth, width = score.truths[one.sequence].contrasts[row], _width(answer.contrasts, row)
        ratio = answer.contrasts.values[row] / truth
        if abs(ratio[0]) < _HIGHEST:
            bar = None if width is None else width / truth
            _draw_estimates(axes, np.array([place]), ratio, bar)
        else:
            axes.plot(place, 0.97 * _HIGHEST * np.sign(ratio[0]), "^", color=ESTIMATE, markersize=6)
    axes.plot(places[~known], np.zeros((~known).sum()), "x", color=MISSED, label="not detected")
    axes.set_ylim(min(-0.1, axes.dataLim.y0), np.clip(1.1 * axes.dataLim.y1, 1.5, _HIGHEST))
    if len(sent) <= MOST_PANELS:
        names = [_name(one) for one in sent]
        axes.set_xticks(places, names, rotation=40, ha="right", parse_math=False)
    axes.set_ylabel("estimated / true contrast")
    handles = dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    axes.legend(handles.values(), handles.keys(), fontsize=8.5, frameon=False, labelcolor=INK)
    finish(axes)
    return figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Residual:
    """One position in mas, ``(west, north)``; errors None where none are stated."""

    name: str
    offset: NDArray[np.float64]
    error: NDArray[np.float64] | None


def _residuals(score: CharacterizationScore, answers: Answers) -> Iterator[_Residual]:
    for one in score.companions:
        if one.position is None or one.position.offset is None:
            continue
        estimates = answers[one.sequence].positions
        width = None if estimates is None else _width(estimates, one.number - 1)
        mas = score.truths[one.sequence].pixel_scale * 1000
        yield _Residual(
            name=_name(one),
            offset=one.position.offset[::-1] * mas,
            error=None if width is None else width[::-1] * mas,
        )


def _width(estimates: Estimates, index: int) -> NDArray[np.float64] | None:
    """Errors, 1 sigma: as stated, else those of the samples; shape (k,)."""
    if estimates.sigma is not None:
        return np.asarray(estimates.sigma[index])
    if estimates.samples is not None:
        return np.asarray(estimates.samples[index].std(axis=1, ddof=1))
    return None


def _name(one: CompanionResult) -> str:
    return f"{one.sequence}, {one.number}"


def _draw_target(axes: Axes, distances: NDArray[np.float64]) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.axvline(0, color=FAINT, linewidth=0.8)
    angle, radius = np.linspace(0, 2 * np.pi, 181), float(np.median(distances))
    axes.plot(
        radius * np.cos(angle),
        radius * np.sin(angle),
        color=INK,
        linewidth=1,
        linestyle=(0, (4, 3)),
        label=f"median distance, {radius:.3g} mas",
    )


def _draw_residual(axes: Axes, one: _Residual, *, named: bool) -> None:
    west, north = one.offset
    error = (None, None) if one.error is None else one.error
    axes.errorbar(
        west,
        north,
        xerr=error[0],
        yerr=error[1],
        fmt="o",
        color=ESTIMATE,
        markersize=6,
        elinewidth=1,
        markeredgecolor="white",
        markeredgewidth=0.6,
    )
    if named:
        # Names come from files: a dollar sign in one is no formula.
        axes.annotate(
            one.name,
            (west, north),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=7,
            color=INK,
            parse_math=False,
        )


def _reach(one: _Residual) -> float:
    """How far from the truth errors reach, but no farther than they can be read."""
    if one.error is None:
        return 0.0
    distance = float(np.abs(one.offset).max())
    return min(float((np.abs(one.offset) + one.error).max()), 3 * distance)


def _draw_spectrum(
    axes: Axes,
    one: CompanionResult,
    score: CharacterizationScore,
    answers: Answers,
    wavelengths: Sequence[float] | None,
) -> None:
    truth = score.truths[one.sequence].contrasts[one.number - 1]
    x = np.arange(1.0, truth.size + 1) if wavelengths is None else np.array(wavelengths)
    ceiling = _HIGHEST * float(truth.max())
    axes.plot(x, truth, color=INK, linewidth=1.6, label="truth")
    answer = answers.get(one.sequence)
    estimates = None if answer is None else answer.contrasts
    known = np.zeros(truth.size, dtype=bool)
    top = float(truth.max())
    if estimates is not None:
        known = estimates.known[one.number - 1]
        values = np.clip(estimates.values[one.number - 1], -ceiling, ceiling)
        width = _width(estimates, one.number - 1)
        near = known & (np.abs(values) < ceiling)
        _draw_estimates(axes, x[near], values[near], None if width is None else width[near])
        far = known & ~near
        axes.plot(x[far], values[far], "^", color=ESTIMATE, markersize=6)
        top = float(np.nanmax(values, initial=top))
    missed = x[~known]
    axes.plot(missed, np.zeros(missed.size), "x", color=MISSED, markersize=5, label="not detected")
    axes.set_ylim(min(0.0, 1.1 * axes.dataLim.y0) - 0.05 * top, 1.25 * top)
    axes.set_xlabel("channel" if wavelengths is None else "wavelength (µm)")
    axes.set_ylabel("contrast")
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    axes.yaxis.offsetText.set(size=7.5, color=INK)
    axes.set_title(_name(one), loc="left", parse_math=False)
    finish(axes)


def _draw_estimates(
    axes: Axes,
    x: NDArray[np.float64],
    values: NDArray[np.float64],
    width: NDArray[np.float64] | None,
) -> None:
    axes.errorbar(
        x,
        values,
        yerr=width,
        fmt="o",
        color=ESTIMATE,
        markersize=3.6,
        elinewidth=1,
        label="estimate, stated errors (1σ)" if width is not None else "estimate",
    )
