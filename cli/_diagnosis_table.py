"""Tables of what `exobench diagnose` measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exobench.scoring.diagnostics import (
        CompletenessCurve,
        ContrastCurve,
        NoiseRegimes,
        Separations,
    )

HALF, EVERYWHERE = 0.5, 1.0
"""Completeness of the two columns."""

_CHANCE = "chance"


def print_limits(
    baseline: str, completeness: CompletenessCurve, contrast: ContrastCurve | None
) -> None:
    """Print limits by separation, and what counts as found."""
    star = completeness.star_flux
    unit = "unit of the cube" if star is None else "magnitudes below the star"
    print(f"{completeness.name}, {baseline}: limits in {unit}")
    columns = _separation_columns(completeness.separations)
    if contrast is not None:
        columns[f"{contrast.sigma:g} sigma"] = _limits(contrast.flux, star)
        columns["throughput"] = [f"{round(value, 2) + 0.0:.2f}" for value in contrast.throughput]
    columns["50 % found"] = _limits(completeness.at(HALF).flux, star)
    columns[f"all {completeness.n_azimuths} found"] = _limits(
        completeness.at(EVERYWHERE).flux, star
    )
    print_table(list(columns), zip(*columns.values(), strict=True))
    print(f"\nfound: {completeness.criterion}, {completeness.threshold:.3g} in the detection map")
    if not all(completeness.at(HALF).flux):
        print(
            f"{_CHANCE}: the first false positive stands there, and any companion is found with it"
        )


def print_noise(noise: NoiseRegimes) -> None:
    """Print where the speckles end."""
    for line in _noise_lines(noise):
        print(f"noise: {line}")


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
        if value == 0:
            return _CHANCE
        if not isfinite(value):
            return "-"
        return f"{value:.4g}" if star_flux is None else f"{-2.5 * log10(value / star_flux):.2f}"

    return [shown(float(value)) for value in flux]


def _noise_lines(noise: NoiseRegimes) -> Iterator[str]:
    scale = float(noise.separations.arcsec[-1] / noise.separations.px[-1])
    if noise.boundary_px is None:
        yield "speckles up to the last radius"
    elif noise.boundary_px == 0:
        yield "Gaussian at every radius"
    else:
        yield f"speckles up to {noise.boundary_px * scale:.3f} arcsec, Gaussian beyond"
    if noise.crossover_px is not None:
        yield f"speckles equal the background at {noise.crossover_px * scale:.3f} arcsec"
