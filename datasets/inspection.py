"""What a sequence is, and what about it deserves a second look."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.centring import StarPosition, star_position
from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import edge_distance
from exobench.datasets.units import angles_suspicion, pixel_scale_problem, wavelengths_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

N_BLOCKS = 6  # parts of the sequence in which the star's position is followed
OFF_CENTRE = 0.5  # px; builders refuse more
DRIFTING = 1.0  # px
SYMMETRIC = 0.8  # correlation with the frame turned by 180 degrees
UNDERSAMPLED = 2.0  # px of FWHM, Nyquist
SATURATED_PIXELS = 4  # equal to the maximum, in one frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Compass:
    """Directions of the sky on a frame, in degrees counter-clockwise from +x (y up)."""

    frame: int
    north: float
    east: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """Properties of a sequence, measured or stated, and warnings in sentences.

    Attributes
    ----------
    name, instrument : str
    shape : tuple of int
        ``(n_wavelengths, n_frames, n_y, n_x)``.
    n_reference : int
        Frames of reference stars.
    angles : tuple of float
        First and last derotation angle, in degrees.
    field_rotation : float
        In degrees.
    compass : tuple of Compass
        Of the first and the last frame.
    pixel_scale : float
        In arcsec per pixel.
    field_radius : float
        From the star to the nearest edge pixel, in arcsec.
    wavelengths : tuple of float, or None
        In micrometres.
    diameter : float or None
        Of the telescope, in metres.
    fwhm : tuple of float
        In pixels, per wavelength.
    lambda_over_d_px : float or None
        At the median wavelength.
    star_flux_known : bool
        Whether contrasts have a meaning.
    star_offset : tuple of float, or None
        ``(dy, dx)`` of the mean frame's centre of symmetry from the centre, in pixels; None
        if no star was found.
    star_symmetry : float or None
        Correlation of the mean frame with itself turned by 180 degrees about the star.
    star_drift : float or None
        Largest distance in pixels between the star's positions in six parts of the sequence.
    zero_fraction : float
        Of pixels that are exactly zero, as masks are. (NaN cannot occur in a sequence.)
    saturated_frames : int
        Frames of which several pixels share the largest value.
    metadata : mapping of str to str
    warnings : tuple of str
    """

    name: str
    instrument: str
    shape: tuple[int, int, int, int]
    n_reference: int
    angles: tuple[float, float]
    field_rotation: float
    compass: tuple[Compass, Compass]
    pixel_scale: float
    field_radius: float
    wavelengths: tuple[float, ...] | None
    diameter: float | None
    fwhm: tuple[float, ...]
    lambda_over_d_px: float | None
    star_flux_known: bool
    star_offset: tuple[float, float] | None
    star_symmetry: float | None
    star_drift: float | None
    zero_fraction: float
    saturated_frames: int
    metadata: Mapping[str, str]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain values that JSON can hold."""
        return asdict(self)


def inspect_sequence(sequence: ImageSequence) -> Inspection:
    """Properties of `sequence` and warnings about it."""
    star = _star(sequence)
    drift = None if star is None else _drift(sequence)
    saturated = _saturated_frames(sequence.cube)
    y, x = sequence.centre
    wavelengths = sequence.wavelengths
    stated = sequence.metadata.get("warnings", "").splitlines()
    measured = [
        *_unit_warnings(sequence),
        *_rotation_warnings(sequence),
        *_star_warnings(sequence, star, drift),
        *_psf_warnings(sequence),
        *_frame_warnings(sequence, saturated),
    ]
    return Inspection(
        name=sequence.name,
        instrument=sequence.instrument,
        shape=(sequence.n_wavelengths, sequence.n_frames, *sequence.shape),
        n_reference=0 if sequence.reference is None else sequence.reference.shape[1],
        angles=(float(sequence.angles[0]), float(sequence.angles[-1])),
        field_rotation=sequence.field_rotation,
        compass=(compass(sequence, 0), compass(sequence, sequence.n_frames - 1)),
        pixel_scale=sequence.pixel_scale,
        field_radius=edge_distance(sequence.shape) * sequence.pixel_scale,
        wavelengths=None if wavelengths is None else tuple(wavelengths.tolist()),
        diameter=sequence.diameter,
        fwhm=tuple(sequence.fwhm.tolist()),
        lambda_over_d_px=sequence.lambda_over_d_px,
        star_flux_known=sequence.star_flux is not None,
        star_offset=None if star is None else (star.y - y, star.x - x),
        star_symmetry=None if star is None else star.symmetry,
        star_drift=drift,
        zero_fraction=float((sequence.cube == 0).mean()),
        saturated_frames=saturated,
        metadata={k: v for k, v in sequence.metadata.items() if k != "warnings"},
        warnings=tuple(dict.fromkeys([*stated, *measured])),
    )


def compass(sequence: ImageSequence, frame: int) -> Compass:
    """Where north and east point in one frame, each in [0, 360)."""
    angle = float(sequence.angles[frame])
    return Compass(frame=frame, north=(90 - angle) % 360, east=(180 - angle) % 360)


def _star(sequence: ImageSequence) -> StarPosition | None:
    try:
        return star_position(sequence.cube.mean(axis=(0, 1), dtype=np.float64))
    except SequenceError:
        return None


def _drift(sequence: ImageSequence) -> float | None:
    blocks = np.array_split(np.arange(sequence.n_frames), min(N_BLOCKS, sequence.n_frames))
    try:
        stars = [
            star_position(sequence.cube[:, block[0] : block[-1] + 1].mean(axis=(0, 1)))
            for block in blocks
        ]
    except SequenceError:
        return None
    yx = np.array([(star.y, star.x) for star in stars])
    return float(np.hypot(*(yx[:, np.newaxis] - yx).T).max())


def _saturated_frames(cube: NDArray[np.float32]) -> int:
    planes = cube.reshape(-1, cube.shape[-2] * cube.shape[-1])
    peaks = planes.max(axis=1, keepdims=True)
    flat = planes.min(axis=1) == peaks[:, 0]
    equal = (planes == peaks).sum(axis=1)
    return int(((equal >= SATURATED_PIXELS) & ~flat).reshape(cube.shape[:2]).any(axis=0).sum())


def stillness_warning(sequence: ImageSequence) -> str | None:
    """Why nothing tells a companion from speckles in a sequence; None if something may.

    The rotation of the field does, and so do several wavelengths or reference stars.
    """
    if sequence.field_rotation > 0 or sequence.n_wavelengths > 1 or sequence.reference is not None:
        return None
    return (
        f"{sequence.name}: the field does not rotate, and there are neither several wavelengths "
        "nor reference stars: a companion stands still as the speckles do, and is subtracted with "
        "them"
    )


def _unit_warnings(sequence: ImageSequence) -> list[str]:
    found = [pixel_scale_problem(sequence.pixel_scale), angles_suspicion(sequence.angles)]
    if sequence.wavelengths is not None:
        found.append(wavelengths_problem(sequence.wavelengths))
    return [problem for problem in found if problem]


def _rotation_warnings(sequence: ImageSequence) -> list[str]:
    rotation, steps = sequence.field_rotation, np.sign(np.diff(sequence.angles))
    if rotation == 0:
        return ["the field does not rotate: angular differential imaging is not possible"]
    warnings = []
    # A companion must move by about 1 FWHM, or it is subtracted with the speckles.
    radius = sequence.reference_fwhm / np.deg2rad(rotation)
    if radius > 5 * sequence.reference_fwhm:
        warnings.append(
            f"the field rotates by only {rotation:.1f} degrees: within {radius:.0f} px "
            f"({radius * sequence.pixel_scale:.2f} arcsec) a companion moves by less than 1 FWHM "
            "and is largely subtracted with the speckles"
        )
    steps = steps[steps != 0]
    turns = int((np.diff(steps) != 0).sum())
    if turns:
        warnings.append(
            f"the angles change direction {turns} times; expected them to rise or fall throughout: "
            "are the frames in the order of time, and the angles in that of the frames?"
        )
    return warnings


def _star_warnings(
    sequence: ImageSequence, star: StarPosition | None, drift: float | None
) -> list[str]:
    if star is None:
        return ["no star found in the mean frame: its position cannot be checked"]
    if star.symmetry < SYMMETRIC:
        return [
            f"the mean frame is not symmetric about any point (correlation {star.symmetry:.2f} "
            "with itself turned by 180 degrees): the star's position cannot be checked"
        ]
    y, x = sequence.centre
    dy, dx = star.y - y, star.x - x
    warnings = []
    if np.hypot(dy, dx) > OFF_CENTRE:
        warnings.append(
            f"the star stands {np.hypot(dy, dx):.2f} px off the centre (dy = {dy:+.2f}, "
            f"dx = {dx:+.2f} from y = {y:g}, x = {x:g}): recentre the cube before use"
        )
    if drift is not None and drift > DRIFTING:
        warnings.append(
            f"the star drifts by {drift:.1f} px during the sequence: recentre the frames one by one"
        )
    return warnings


def _psf_warnings(sequence: ImageSequence) -> list[str]:
    fwhm, size = sequence.reference_fwhm, sequence.psf.shape[-1]
    warnings = []
    if fwhm < UNDERSAMPLED:
        warnings.append(f"the PSF is undersampled: its FWHM is {fwhm:.2f} px, below 2")
    if size < 3 * fwhm:
        warnings.append(
            f"the PSF stamp of {size}x{size} px is small for a FWHM of {fwhm:.1f} px: "
            "injected companions lack their wings"
        )
    diffraction = sequence.lambda_over_d_px
    if diffraction is not None and not 0.8 <= fwhm / diffraction <= 1.8:
        effective = sequence.diameter * diffraction / fwhm if sequence.diameter else 0.0
        warnings.append(
            f"the FWHM is {fwhm:.2f} px but lambda/D is {diffraction:.2f} px (it fits a telescope "
            f"of {effective:.1f} m): check the wavelengths, the diameter and the pixel scale"
        )
    return warnings


def _frame_warnings(sequence: ImageSequence, saturated: int) -> list[str]:
    cube, n_frames = sequence.cube, sequence.n_frames
    constant = (cube.min(axis=(2, 3)) == cube.max(axis=(2, 3))).any(axis=0)
    warnings = []
    if constant.any():
        warnings.append(f"{_frames(constant)} constant: an empty or masked exposure; remove them")
    digests = [hashlib.sha256(cube[:, t].tobytes()).hexdigest() for t in range(n_frames)]
    repeated = ~constant
    repeated[np.unique(digests, return_index=True)[1]] = False
    if repeated.any():
        warnings.append(f"{_frames(repeated)} equal to an earlier one")
    if saturated:
        warnings.append(
            f"{saturated} of {n_frames} frames have {SATURATED_PIXELS} or more pixels of the same "
            "largest value: saturated, or clipped by the reduction"
        )
    return warnings


def _frames(chosen: NDArray[np.bool_]) -> str:
    indices = np.flatnonzero(chosen)
    listed = ", ".join(map(str, indices[:5])) + (", ..." if len(indices) > 5 else "")
    verb = "is" if len(indices) == 1 else "are"
    return f"{len(indices)} of {len(chosen)} frames ({listed}) {verb}"
