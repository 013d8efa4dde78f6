"""`exobench inspect`: what a sequence is, and what about it deserves a second look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, print_json
from exobench.cli._figures import check_plot, save_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.datasets.inspection import Compass, Inspection


Source = Annotated[
    Path,
    typer.Argument(
        help="A folder of one sequence in EIDC names, one <instrument>_cube_<id>.fits, "
        "one FITS file with extensions, or one HDF5 file.",
        metavar="PATH",
        show_default=False,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        help="Draw it and a first reduction on one page, such as sequence.png.", metavar="FILE"
    ),
]
ParityFlip = Annotated[
    bool,
    typer.Option(
        "--parity-flip",
        help="Mirror x about the star first, for cubes with east on the wrong side of north.",
    ),
]


def inspect(
    path: Source, plot: Plot = None, parity_flip: ParityFlip = False, as_json: AsJson = False
) -> None:
    """Show what a sequence is, what is doubtful about it, where north and east are.

    Example: exobench inspect naco_betapic --plot naco.png
    """
    from exobench.datasets.files import read_sequence
    from exobench.datasets.inspection import inspect_sequence
    from exobench.datasets.orientation import flip_parity

    if plot is not None:
        check_plot(plot)
    sequence = flip_parity(read_sequence(path)) if parity_flip else read_sequence(path)
    inspection = inspect_sequence(sequence)
    if plot is not None:
        from exobench.leaderboard.sequence_figure import sequence_figure

        save_figure(sequence_figure(sequence), plot)
    if as_json:
        print_json({"format": 1, **inspection.to_dict()})
    else:
        _print(inspection, plot)


def _print(inspection: Inspection, plot: Path | None) -> None:
    print(inspection.name)
    for label, text in _properties(inspection):
        print(f"  {label:<15} {text}")
    # Here warnings are the result itself, hence on standard output.
    for warning in inspection.warnings:
        print(f"warning: {warning}")
    if not inspection.warnings:
        print("no warnings")
    if plot is not None:
        print(f"page written to {plot}")


def _properties(inspection: Inspection) -> Iterator[tuple[str, str]]:
    n_wavelengths, n_frames, n_y, n_x = inspection.shape
    scale = inspection.pixel_scale
    yield "instrument", inspection.instrument or "not stated"
    yield (
        "frames",
        f"{n_frames} of {n_x} x {n_y} px"
        + (f" in {n_wavelengths} wavelengths" if n_wavelengths > 1 else ""),
    )
    if inspection.n_reference:
        yield "references", f"{inspection.n_reference} frames"
    yield "pixel scale", f"{scale:.5g} arcsec, {inspection.field_radius:.2f} arcsec to the edge"
    yield "wavelengths", _range(inspection.wavelengths, "um") or "not stated"
    diffraction = inspection.lambda_over_d_px
    yield (
        "lambda/D",
        (
            f"{diffraction:.2f} px, {diffraction * scale:.4f} arcsec "
            f"({inspection.diameter:g} m telescope)"
            if diffraction is not None
            else "unknown, needs wavelengths and the telescope's diameter"
        ),
    )
    yield "PSF FWHM", f"{_range(inspection.fwhm, 'px')}"
    yield "star flux", "known" if inspection.star_flux_known else "unknown, no contrasts"
    yield "star", _star(inspection)
    first, last = inspection.angles
    yield "rotation", f"{inspection.field_rotation:.1f} degrees, from {first:.2f} to {last:.2f}"
    for name, pointing in zip(("first frame", "last frame"), inspection.compass, strict=True):
        yield name, _pointing(pointing)
    yield from sorted(inspection.metadata.items())


def _range(values: tuple[float, ...] | None, unit: str) -> str | None:
    if values is None:
        return None
    low, high = f"{min(values):.4g}", f"{max(values):.4g}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"


def _star(inspection: Inspection) -> str:
    if inspection.star_offset is None:
        return "not found"
    dy, dx = inspection.star_offset
    drift = "" if inspection.star_drift is None else f", drift {inspection.star_drift:.2f} px"
    return f"dy = {dy:+.2f}, dx = {dx:+.2f} px from the centre{drift}"


def _pointing(pointing: Compass) -> str:
    return (
        f"north at {pointing.north:.1f}, east at {pointing.east:.1f} degrees "
        "counter-clockwise from +x"
    )
