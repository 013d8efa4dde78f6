"""`exobench diagnose`: what a baseline can find on a sequence, and what noise it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from exobench.cli._console import AsJson, print_json, print_note, print_warnings, progress
from exobench.cli._diagnosis_table import EVERYWHERE, HALF, print_limits, print_noise
from exobench.cli._figures import check_plot, save_figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics import CompletenessCurve, ContrastCurve, NoiseRegimes


class Diagnosis(NamedTuple):
    """What was measured: no contrast or noise where a baseline leaves no residual to look at."""

    contrast: ContrastCurve | None
    completeness: CompletenessCurve
    noise: NoiseRegimes | None


def diagnose(  # noqa: PLR0913 - the options of the verb
    baseline: Annotated[
        str,
        typer.Argument(
            help="Its name (exobench list baselines), or module:function of yours.",
            show_default=False,
        ),
    ],
    path: Annotated[
        Path,
        typer.Argument(help="A sequence without companions, as `inspect` reads.", metavar="PATH"),
    ],
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw the limits and the throughput, such as pca.png.", metavar="FILE"),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "-o", help="Option of the baseline; may be given again.", metavar="NAME=VALUE"
        ),
    ] = None,
    sigma: Annotated[float, typer.Option(help="Of the contrast curve, in the Gaussian sense.")] = (
        5.0
    ),
    azimuths: Annotated[int, typer.Option(help="Companions at each separation.", min=1)] = 6,
    star_flux: Annotated[
        float | None,
        typer.Option(
            help="Of the star in the 1-FWHM aperture, in the unit of the cube, where the file "
            "does not say: limits are then in magnitudes below it."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure contrast curve, completeness and noise regimes of a baseline on a sequence.

    Takes about 30 runs of the baseline for every azimuth. Contrasts: flux at which noise has the
    false-positive fraction of SIGMA. Completeness: flux found above the first false positive,
    in half of the places and in all of them.

    Example: exobench diagnose pca naco_betapic --plot pca.png -o n_components=20
    """
    from exobench.baselines import load
    from exobench.challenge.campaigns.algorithms import read_method
    from exobench.datasets.inspection import stillness_warning

    if plot is not None:
        check_plot(plot)
    name, options = read_method(baseline, option or [])
    algorithm = load(name, **options)
    sequence = _read(path, star_flux)
    _check_track(baseline, algorithm, sequence)
    still = stillness_warning(sequence)
    print_warnings([] if still is None else [still])
    done = _measured(baseline, algorithm, sequence, sigma, azimuths)
    if plot is not None:
        _draw(baseline, done, plot)
    if as_json:
        print_json({"format": 1, "baseline": baseline, **_as_dict(done)})
        return
    print_limits(baseline, done.completeness, done.contrast)
    if done.noise is not None:
        print_noise(done.noise)
    _print_notes(sequence)
    if plot is not None:
        print(f"figure written to {plot}")


def _read(path: Path, star_flux: float | None) -> ImageSequence:
    """The sequence, with the flux of its star where one is given."""
    from dataclasses import replace

    import numpy as np

    from exobench.datasets.files import read_sequence

    sequence = read_sequence(path)
    if star_flux is None:
        return sequence
    return replace(sequence, star_flux=np.full(sequence.n_wavelengths, star_flux))


def _check_track(baseline: str, algorithm: Any, sequence: ImageSequence) -> None:
    from exobench.datasets.errors import InputError

    track = "adi" if sequence.n_wavelengths == 1 else "adi_ifs"
    if track not in algorithm.tracks:
        raise InputError(
            f"{sequence.name}: {baseline} needs another kind of sequence than one of "
            f"{sequence.n_wavelengths} wavelengths; it answers {', '.join(algorithm.tracks)}"
        )


def _measured(
    baseline: str, algorithm: Any, sequence: ImageSequence, sigma: float, azimuths: int
) -> Diagnosis:
    from exobench.scoring.diagnostics import (
        Injections,
        completeness_curve,
        contrast_curve,
        noise_regimes,
    )

    places = Injections(n_azimuths=azimuths)
    leaves_image = hasattr(algorithm, "reduce")
    leaves_frames = hasattr(algorithm, "residuals") and sequence.n_wavelengths == 1
    steps: tuple[Callable[[], Any], ...] = (
        lambda: (
            contrast_curve(sequence, algorithm.reduce, injections=places, sigma=sigma)
            if leaves_image
            else None
        ),
        lambda: completeness_curve(sequence, algorithm, injections=places, level=EVERYWHERE),
        lambda: noise_regimes(sequence, {baseline: algorithm.residuals}) if leaves_frames else None,
    )
    return Diagnosis(*(step() for step in progress(steps, len(steps), "diagnose")))


def _as_dict(done: Diagnosis) -> dict[str, Any]:
    return {
        "contrast": None if done.contrast is None else done.contrast.to_dict(),
        "completeness": done.completeness.to_dict(),
        "noise": None if done.noise is None else done.noise.to_dict(),
    }


def _draw(baseline: str, done: Diagnosis, plot: Path) -> None:
    from exobench.leaderboard.diagnostic_figures import completeness_figure, contrast_figure

    if done.contrast is None:
        save_figure(completeness_figure(done.completeness, (HALF, EVERYWHERE)), plot)
    else:
        save_figure(contrast_figure({baseline: done.contrast}, done.completeness.at(HALF)), plot)


def _print_notes(sequence: ImageSequence) -> None:
    if "injected" in sequence.metadata:
        print_note("the sequence holds injected companions: what they hide is not found either")
    if sequence.star_flux is None:
        print_note("the flux of the star is unknown: --star-flux gives limits as contrasts")
