"""Sequences in the file names of the Exoplanet Imaging Data Challenge.

    <instrument>_cube_<id>.fits     (n_frames, n_y, n_x), or (n_wavelengths, n_frames, n_y, n_x)
    <instrument>_pa_<id>.fits       derotation angles, degrees
    <instrument>_psf_<id>.fits      (n, n), or (n_wavelengths, n, n)
    <instrument>_pxscale_<id>.fits  arcsec per pixel; also _plsc_
    <instrument>_wls_<id>.fits      micrometres, for several wavelengths; also _wl_

The instrument may contain underscores (`sphere_irdis`), the id may not. The names hold
neither the star's flux nor the telescope's diameter: those need the HDF5 form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.eidc_checks import axis_problems, value_problems
from exobench.datasets.errors import SequenceError
from exobench.datasets.fits_images import read_flag, read_image, write_image
from exobench.datasets.psf import NormalisedPSF, magnified, normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.units import angles_suspicion

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPELLINGS = {
    "cube": ("cube",),
    "pa": ("pa",),
    "psf": ("psf",),
    "pxscale": ("pxscale", "plsc"),
    "wls": ("wls", "wl"),
}
CONTENT = {
    "cube": "the frames",
    "pa": "the derotation angles, in degrees",
    "psf": "the off-axis image of the star",
    "pxscale": "the pixel scale, in arcsec per pixel",
    "wls": "the wavelengths, in micrometres",
}
DTYPES = {"cube": np.float32}  # of the others: float64
SIMULATED = "SIMULATE"  # header keyword, T where the sequence was not observed
ONE_PSF = (
    "one PSF image for several wavelengths: taken as that of the median wavelength "
    "and magnified in proportion for the others"
)
_NAME = re.compile(r"(?P<instrument>.+)_(?P<id>[^_/\\]+)")
_FILE = re.compile(r"(?P<instrument>.+)_(?P<kind>[a-z]+)_(?P<id>[^_]+)\.fits")


@dataclass(frozen=True, slots=True)
class SequenceFiles:
    """Where one sequence lies, by its cube."""

    folder: Path
    instrument: str
    identifier: str

    @property
    def name(self) -> str:
        """Name of the sequence."""
        return f"{self.instrument}_{self.identifier}"

    def __str__(self) -> str:
        return str(self.path("cube"))

    def path(self, kind: str) -> Path:
        """File of a `kind` of `SPELLINGS`, as its first spelling has it."""
        return self._spelled(kind)[0]

    def found(self, kind: str) -> Path:
        """File of a `kind` in the spelling that exists; in the first if none does."""
        return next((path for path in self._spelled(kind) if path.exists()), self.path(kind))

    def _spelled(self, kind: str) -> list[Path]:
        return [
            self.folder / f"{self.instrument}_{spelling}_{self.identifier}.fits"
            for spelling in SPELLINGS[kind]
        ]


def sequence_files(path: Path) -> SequenceFiles:
    """The sequence that a file belongs to by its name, whichever of its files that is.

    Raises
    ------
    SequenceError
        If `path` is not named like a file of a sequence.
    """
    match = _FILE.fullmatch(path.name)
    known = [spelling for spellings in SPELLINGS.values() for spelling in spellings]
    if match is None or match["kind"] not in known:
        raise SequenceError(
            f"{path}: not named like a file of a sequence; "
            "expected <instrument>_cube_<id>.fits with _pa_, _psf_ and _pxscale_ files beside it"
        )
    return SequenceFiles(path.parent, match["instrument"], match["id"])


def find_sequences(folder: Path) -> list[SequenceFiles]:
    """Every sequence whose cube lies in `folder`, sorted by instrument, then id."""
    matches = [_FILE.fullmatch(path.name) for path in folder.iterdir()]
    found = [
        SequenceFiles(folder, match["instrument"], match["id"])
        for match in matches
        if match and match["kind"] == "cube"
    ]
    return sorted(found, key=lambda one: (one.instrument, len(one.identifier), one.identifier))


def read_eidc(files: SequenceFiles) -> ImageSequence:
    """Sequence of one cube and the files beside it, its PSF normalised and angles unwrapped.

    A single PSF image of a cube of several wavelengths is taken to be that of the median
    wavelength, and magnified in proportion for the others; a sentence under the key
    ``"warnings"`` of the metadata says so.

    Raises
    ------
    SequenceError
        With every problem of every file, each on a line that begins with the file.
    """
    parts, problems = _read_parts(files)
    problems += [
        f"{files.found(kind)}: {problem}"
        for kind, problem in (*value_problems(parts), *axis_problems(parts))
    ]
    normalised, psf_warnings = _normalised(files, parts, problems)
    if problems or normalised is None:
        raise SequenceError(*problems)
    cube = parts["cube"]
    angles = np.unwrap(np.ravel(parts["pa"]), period=360.0)
    return ImageSequence(
        name=files.name,
        instrument=files.instrument,
        cube=cube if cube.ndim == 4 else cube[np.newaxis],
        angles=angles,
        psf=normalised.psf,
        fwhm=normalised.fwhm,
        pixel_scale=float(parts["pxscale"].item()),
        wavelengths=np.ravel(parts["wls"]) if "wls" in parts else None,
        metadata=_metadata(files, [angles_suspicion(angles), *psf_warnings]),
    )


def write_eidc(sequence: ImageSequence, folder: Path) -> dict[str, Path]:
    """Paths of the files written, by kind: cube, pa, psf, pxscale, and wls where known.

    The same sequence gives the same bytes. Every file appears whole, the cube last. Only
    what the names can say is kept, and whether the sequence is simulated; a sequence with
    a star flux, times or reference frames loses them (`exobench.datasets.hdf5` keeps all).

    Raises
    ------
    SequenceError
        If the sequence is not called ``<instrument>_<id>``.
    """
    match = _NAME.fullmatch(sequence.name)
    if match is None or "/" in sequence.name or "\\" in sequence.name:
        raise SequenceError(
            f"{sequence.name}: a sequence in EIDC names is called <instrument>_<id>, such as naco_1"
        )
    files = SequenceFiles(folder, match["instrument"], match["id"])
    cards = {SIMULATED: True} if "simulated" in sequence.metadata else {}
    one = sequence.n_wavelengths == 1
    images: dict[str, tuple[NDArray[Any], dict[str, Any]]] = {
        "pa": (sequence.angles, {"BUNIT": "deg"}),
        "psf": (sequence.psf[0] if one else sequence.psf, cards),
        "pxscale": (np.array([sequence.pixel_scale]), {"BUNIT": "arcsec/pixel"}),
    }
    if sequence.wavelengths is not None:
        images["wls"] = (sequence.wavelengths, {"BUNIT": "um"})
    images["cube"] = (sequence.cube[0] if one else sequence.cube, cards)
    for kind, (image, header) in images.items():
        write_image(files.path(kind), image, header)
    return {kind: files.path(kind) for kind in images}


def _read_parts(files: SequenceFiles) -> tuple[dict[str, NDArray[Any]], list[str]]:
    parts: dict[str, NDArray[Any]] = {}
    problems: list[str] = []
    for kind in SPELLINGS:
        path = files.found(kind)
        try:
            if path.exists() or kind == "cube":
                parts[kind] = read_image(path, DTYPES.get(kind, np.float64))
        except SequenceError as error:
            problems.extend(error.problems)
        else:
            if kind not in parts and (kind != "wls" or _is_spectral(parts)):
                others = "".join(f" (or _{other}_)" for other in SPELLINGS[kind][1:])
                problems.append(
                    f"{path}{others}: missing beside {files.path('cube').name}; "
                    f"expected {CONTENT[kind]}"
                )
    return parts, problems


def _is_spectral(parts: dict[str, NDArray[Any]]) -> bool:
    if "cube" not in parts or parts["cube"].ndim != 4:
        return False
    n_wavelengths, n_frames = parts["cube"].shape[:2]
    swapped = n_frames == 1 and "pa" in parts and parts["pa"].size == n_wavelengths
    return n_wavelengths > 1 and not swapped


def _normalised(
    files: SequenceFiles, parts: dict[str, NDArray[Any]], problems: list[str]
) -> tuple[NormalisedPSF | None, list[str]]:
    psf, wavelengths = parts.get("psf"), parts.get("wls")
    if psf is None:
        return None, []
    try:
        one = normalise_psf(psf)
        if wavelengths is None or wavelengths.size == 1 or len(one.fwhm) > 1 or problems:
            return one, []
        factors = np.ravel(wavelengths) / np.median(wavelengths)
        return normalise_psf(magnified(one.psf[0], factors)), [ONE_PSF]
    except SequenceError as error:
        problems.extend(f"{files.found('psf')}: {problem}" for problem in error.problems)
        return None, []


def _metadata(files: SequenceFiles, warnings: list[str | None]) -> dict[str, str]:
    simulated = {"simulated": "yes"} if read_flag(files.path("cube"), SIMULATED) else {}
    sentences = "\n".join(filter(None, warnings))
    return simulated | ({"warnings": sentences} if sentences else {})
