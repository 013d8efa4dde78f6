"""From the parts of a sequence, whatever files they came from, to the sequence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import SequenceError
from exobench.datasets.part_checks import arranged, axis_problems, value_problems
from exobench.datasets.part_names import CONTENT, OPTIONAL
from exobench.datasets.psf import NormalisedPSF, magnified, normalise_psf
from exobench.datasets.sequence import ImageSequence
from exobench.datasets.units import angles_suspicion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ONE_PSF = (
    "one PSF image for several wavelengths: taken as that of the median wavelength "
    "and magnified in proportion for the others"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawSequence:
    """What files say of a sequence, nothing of it checked.

    Attributes
    ----------
    name, instrument : str
    parts : mapping of str to ndarray
        By kind (`exobench.datasets.part_names`): what was found and readable.
    places : mapping of str to str
        By kind: where it was found; begins a line on it.
    missing : mapping of str to str
        By kind: the line to say if it was not found, without what it must hold.
    unreadable : mapping of str to tuple of str
        By kind: what went wrong while it was read, whole lines.
    metadata : mapping of str to str
    """

    name: str
    instrument: str
    parts: Mapping[str, NDArray[Any]]
    places: Mapping[str, str]
    missing: Mapping[str, str]
    unreadable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def assemble(raw: RawSequence) -> ImageSequence:
    """The sequence of its parts, the PSF normalised and the angles unwrapped.

    A single PSF image of a cube of several wavelengths is taken to be that of the median
    wavelength, and magnified in proportion for the others. A cube whose axes of frame and
    wavelength are swapped, beyond doubt, is put right. The metadata's ``"warnings"`` say so.

    Raises
    ------
    SequenceError
        With every problem of every part, each on a line that begins with its place.
    """
    parts, turned = arranged(raw.parts)
    problems = [line for lines in raw.unreadable.values() for line in lines]
    problems += _missing(raw, parts)
    problems += [
        f"{raw.places[kind]}: {problem}"
        for kind, problem in (
            *value_problems(parts),
            *axis_problems(parts, raw.instrument),
        )
    ]
    normalised, spread = _normalised(raw, parts, problems)
    if problems or normalised is None:
        raise SequenceError(*dict.fromkeys(problems))
    angles = np.unwrap(np.ravel(parts["pa"]), period=360.0)
    warnings = [turned, angles_suspicion(angles), spread]
    return ImageSequence(
        name=raw.name,
        instrument=raw.instrument,
        cube=_four_axes(parts["cube"]),
        angles=angles,
        psf=normalised.psf,
        fwhm=normalised.fwhm,
        pixel_scale=float(parts["pxscale"].item()),
        wavelengths=np.ravel(parts["wls"]) if "wls" in parts else None,
        reference=_four_axes(parts["reference"]) if "reference" in parts else None,
        metadata=_metadata(raw, warnings),
    )


def _four_axes(cube: NDArray[Any]) -> NDArray[Any]:
    return cube if cube.ndim == 4 else cube[np.newaxis]


def _missing(raw: RawSequence, parts: Mapping[str, NDArray[Any]]) -> list[str]:
    """Lines on parts that are needed and were not even found."""
    needed = [kind for kind in CONTENT if kind not in OPTIONAL]
    if "cube" in parts and parts["cube"].ndim == 4 and parts["cube"].shape[0] > 1:
        needed.append("wls")
    return [
        f"{raw.missing[kind]}; expected {CONTENT[kind]}"
        for kind in needed
        if kind not in parts and kind not in raw.unreadable
    ]


def _normalised(
    raw: RawSequence, parts: Mapping[str, NDArray[Any]], problems: list[str]
) -> tuple[NormalisedPSF | None, str | None]:
    psf, wavelengths = parts.get("psf"), parts.get("wls")
    if psf is None:
        return None, None
    try:
        one = normalise_psf(psf)
        if wavelengths is None or wavelengths.size == 1 or len(one.fwhm) > 1 or problems:
            return one, None
        factors = np.ravel(wavelengths) / np.median(wavelengths)
        return normalise_psf(magnified(one.psf[0], factors)), ONE_PSF
    except SequenceError as error:
        problems.extend(f"{raw.places['psf']}: {problem}" for problem in error.problems)
        return None, None


def _metadata(raw: RawSequence, warnings: list[str | None]) -> dict[str, str]:
    sentences = "\n".join(filter(None, warnings))
    return {**raw.metadata, **({"warnings": sentences} if sentences else {})}
