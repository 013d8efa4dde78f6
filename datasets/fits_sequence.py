"""A sequence in one FITS file: the frames, and the rest in extensions called after it.

    primary or CUBE    (n_frames, n_y, n_x), or (n_wavelengths, n_frames, n_y, n_x)
    PA, PSF, ...       images, or tables or columns of them; any case, other names as well

See `exobench.datasets.part_names.ALIASES` for the names, `exobench.datasets.eidc` for what
each part holds. The pixel scale may be a header card (PIXSCALE, in arcsec).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_images import find_part, read_card, read_part, write_images
from exobench.datasets.part_names import KINDS
from exobench.datasets.parts import RawSequence, assemble

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

SIMULATED = "SIMULATE"  # header keyword, T where the sequence was not observed
NAME, INSTRUMENT = "SEQUENCE", "INSTRUME"  # header keywords, text
UNITS = {"pa": "deg", "pxscale": "arcsec/pixel", "wls": "um"}


def read_fits(path: Path) -> ImageSequence:
    """Sequence of one FITS file, as `exobench.datasets.parts.assemble` makes it.

    Raises
    ------
    SequenceError
        With every problem of every part, each on a line that begins with the file.
    """
    parts: dict[str, NDArray[Any]] = {}
    unreadable: dict[str, tuple[str, ...]] = {}
    for kind in KINDS:
        try:
            part = read_part(path, kind) if kind == "cube" else find_part(path, kind)
        except SequenceError as error:
            unreadable[kind] = error.problems
        else:
            if part is not None:
                parts[kind] = part
    if "cube" not in parts:
        raise SequenceError(*unreadable["cube"])
    name, instrument = named(path, read_card(path, NAME), read_card(path, INSTRUMENT))
    return assemble(
        RawSequence(
            name=name,
            instrument=instrument,
            parts=parts,
            places={kind: f"{path}: {kind}" for kind in KINDS},
            missing={
                kind: f"{path}: has no extension or column called {kind.upper()}, and is not "
                "called <instrument>_cube_<id>.fits with files beside it"
                for kind in KINDS
            },
            unreadable=unreadable,
            metadata=simulated(path),
        )
    )


def write_fits(sequence: ImageSequence, path: Path) -> None:
    """Write `sequence` to one FITS file, the same bytes every time, whole or not at all.

    What the names of EIDC cannot say is lost here as well (`exobench.datasets.eidc`).
    """
    cube, *others = images(sequence).items()
    cards = {NAME: sequence.name, INSTRUMENT: sequence.instrument, **simulated_cards(sequence)}
    extensions = {
        kind.upper(): (image, {"BUNIT": UNITS[kind]} if kind in UNITS else {})
        for kind, image in others
    }
    write_images(path, cube[1], cards, extensions)


def images(sequence: ImageSequence) -> dict[str, NDArray[Any]]:
    """What FITS files say of a sequence, by kind, the cube first; one wavelength has no axis."""
    one = sequence.n_wavelengths == 1
    found = {
        "cube": sequence.cube[0] if one else sequence.cube,
        "pa": sequence.angles,
        "psf": sequence.psf[0] if one else sequence.psf,
        "pxscale": np.array([sequence.pixel_scale]),
    }
    if sequence.wavelengths is not None:
        found["wls"] = sequence.wavelengths
    if sequence.reference is not None:
        found["reference"] = sequence.reference[0] if one else sequence.reference
    return found


def simulated(path: Path) -> dict[str, str]:
    """The metadata of a file that says that it holds no observation, else nothing."""
    try:
        return {"simulated": "yes"} if read_card(path, SIMULATED) is True else {}
    except SequenceError:
        return {}


def simulated_cards(sequence: ImageSequence) -> dict[str, bool]:
    """The header cards of a sequence that is not an observation."""
    return {SIMULATED: True} if "simulated" in sequence.metadata else {}


def named(path: Path, name: Any = None, instrument: Any = None) -> tuple[str, str]:
    """Name and instrument of the sequence in a file that holds nothing else.

    As the file states them, else after the file: ``naco_1.fits`` is of naco, ``star.h5``
    is called star_1.
    """
    found = name if isinstance(name, str) and name.strip() else path.stem
    if not re.fullmatch(r".+_[^_/\\]+", found):
        found = f"{found}_1"
    if isinstance(instrument, str) and instrument.strip():
        return found, instrument.strip()
    return found, found.rpartition("_")[0]
