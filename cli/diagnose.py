"""`exobench diagnose`: what a baseline can find on a sequence, and what noise it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from exobench.cli._console import AsJson, print_json, print_note, print_table, progress
from exobench.cli._figures import check_plot, save_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exobench.datasets.sequence import ImageSequence
    from exobench.scoring.diagnostics import (
        CompletenessCurve,
        ContrastCurve,
        NoiseRegimes,
        Separations,
    )

_HALF, _EVERYWHERE = 0.5, 1.0


class Diagnosis(NamedTuple):
    """What was measured; no contrast curve where a baseline leaves no residual image."""

    contrast: ContrastCurve | None
    completeness: CompletenessCurve
    noise: NoiseRegimes | None
    metadata: Mapping[str, str]


def diagnose(  # noqa: PLR0913 - the options of the verb
    baseline: Annotated[
        str, typer.Argument(help="Its name (exobench list baselines).", show_default=False)
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
    from dataclasses import replace

    import numpy as np

    from exobench.baselines import load, parse_options
    from exobench.datasets.files import read_sequence

    if plot is not None:
        check_plot(plot)
    algorithm = load(baseline, **parse_options(baseline, option or []))
    sequence = read_sequence(path)
    if star_flux is not None:
        per_wavelength = np.full(sequence.n_wavelengths, star_flux)
        sequence = replace(sequence, star_flux=per_wavelength)
    _check_track(baseline, algorithm, sequence)
    done = _measured(baseline, algorithm, sequence, sigma, azimuths)
    if plot is not None:
        _draw(baseline, done, plot)
    if as_json:
        print_json({"format": 1, "baseline": baseline, **_as_dict(done)})
        return
    _print(baseline, done)
    if plot is not None:
        print(f"figure written to {plot}")


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
    contrast = noise = None
    steps = iter(progress(("contrast", "noise", "completeness"), 3, "diagnose"))
    for step in steps:
        if step == "contrast" and hasattr(algorithm, "reduce"):
            contrast = contrast_curve(sequence, algorithm.reduce, injections=places, sigma=sigma)
        elif step == "noise" and hasattr(algorithm, "residuals") and sequence.n_wavelengths == 1:
            noise = noise_regimes(sequence, {baseline: algorithm.residuals})
        elif step == "completeness":
            completeness = completeness_curve(
                sequence, algorithm, injections=places, level=_EVERYWHERE
            )
    return Diagnosis(contrast, completeness, noise, sequence.metadata)


def _as_dict(done: Diagnosis) -> dict[str, Any]:
    return {
        "contrast": None if done.contrast is None else done.contrast.to_dict(),
        "completeness": done.completeness.to_dict(),
        "noise": None if done.noise is None else done.noise.to_dict(),
    }


def _draw(baseline: str, done: Diagnosis, plot: Path) -> None:
    from exobench.leaderboard.diagnostic_figures import completeness_figure, contrast_figure

    if done.contrast is None:
        save_figure(completeness_figure(done.completeness, (_HALF, _EVERYWHERE)), plot)
    else:
        save_figure(contrast_figure({baseline: done.contrast}, done.completeness.at(_HALF)), plot)


def _print(baseline: str, done: Diagnosis) -> None:
    curve, separations = done.completeness, done.completeness.separations
    star = curve.star_flux
    unit = "unit of the cube" if star is None else "magnitudes below the star"
    print(f"{curve.name}, {baseline}: limits in {unit}")
    columns = {**_separation_columns(separations)}
    if done.contrast is not None:
        columns[f"{done.contrast.sigma:g} sigma"] = _limits(done.contrast.flux, star)
        columns["throughput"] = [
            f"{round(value, 2) + 0.0:.2f}" for value in done.contrast.throughput
        ]
    columns["50 % found"] = _limits(curve.at(_HALF).flux, star)
    columns[f"all {curve.n_azimuths} found"] = _limits(curve.flux, star)
    print_table(list(columns), zip(*columns.values(), strict=True))
    print(f"\nfound: {curve.criterion}, {curve.threshold:.3g} in the detection map")
    for line in _noise_lines(done.noise, separations):
        print(line)
    if "injected" in done.metadata:
        print_note("the sequence holds injected companions: what they hide is not found either")
    if star is None:
        print_note("the flux of the star is unknown: --star-flux gives limits as contrasts")


def _separation_columns(separations: Separations) -> dict[str, list[str]]:
    known = separations.lambda_over_d
    scaled, name = (separations.fwhm, "FWHM") if known is None else (known, "lambda/D")
    return {
        "arcsec": [f"{value:.3f}" for value in separations.arcsec],
        name: [f"{value:.1f}" for value in scaled],
    }


def _limits(flux: Sequence[float] | Any, star_flux: float | None) -> list[str]:
    from math import isfinite, log10

    def shown(value: float) -> str:
        if not (isfinite(value) and value > 0):
            return "-"
        return f"{value:.4g}" if star_flux is None else f"{-2.5 * log10(value / star_flux):.2f}"

    return [shown(float(value)) for value in flux]


def _noise_lines(noise: NoiseRegimes | None, separations: Separations) -> Iterator[str]:
    if noise is None:
        return
    scale = float(separations.arcsec[-1] / separations.px[-1])
    if noise.boundary_px is None:
        yield "noise: speckles up to the last radius"
    elif noise.boundary_px == 0:
        yield "noise: Gaussian at every radius"
    else:
        yield f"noise: speckles up to {noise.boundary_px * scale:.3f} arcsec, Gaussian beyond"
    if noise.crossover_px is not None:
        yield f"noise: speckles equal the background at {noise.crossover_px * scale:.3f} arcsec"
