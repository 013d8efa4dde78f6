"""What an observing run hands to an algorithm, and what hides in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import frame_centre, lambda_over_d_px, to_yx

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageSequence:
    """A pupil-stabilised image sequence, centred on the star.

    The arrays are stored as read-only views in the stated types.

    Attributes
    ----------
    name : str
        Such as ``"naco_1"``: ``<instrument>_<id>``.
    cube : ndarray of float32, shape (n_wavelengths, n_frames, n_y, n_x)
        Frames, in any linear unit. ADI data has one wavelength. The star stands at
        `centre`.
    angles : ndarray of float64, shape (n_frames,)
        Derotation angles at mid-exposure in degrees, unwrapped. Turning frame ``t``
        counter-clockwise by ``angles[t]`` puts north up.
    psf : ndarray of float32, shape (n_wavelengths, n_psf, n_psf)
        Off-axis image of the star, centred, of unit flux in an aperture of diameter
        1 FWHM (`exobench.datasets.normalise_psf` makes it so).
    fwhm : ndarray of float64, shape (n_wavelengths,)
        Of the PSF, in pixels; a number stands for all wavelengths.
    pixel_scale : float
        In arcsec per pixel.
    instrument : str
        Such as ``"naco"``.
    wavelengths : ndarray of float64, shape (n_wavelengths,), or None
        In micrometres.
    star_flux : ndarray of float64, shape (n_wavelengths,), or None
        Of the unocculted star in the 1-FWHM aperture, in the unit of `cube`; None if
        unknown, and then contrasts have no meaning.
    times : ndarray of float64, shape (n_frames,), or None
        Mid-exposure, in seconds from any origin.
    reference : ndarray of float32, shape (n_wavelengths, n_reference, n_y, n_x), or None
        Frames of reference stars.
    diameter : float or None
        Of the telescope, in metres.
    metadata : mapping of str to str
        Has the key ``"simulated"`` or ``"injected"`` where that is so.

    Raises
    ------
    SequenceError
        With every shape, range and finiteness problem found.
    """

    name: str
    cube: NDArray[np.float32]
    angles: NDArray[np.float64]
    psf: NDArray[np.float32]
    fwhm: NDArray[np.float64]
    pixel_scale: float
    instrument: str = ""
    wavelengths: NDArray[np.float64] | None = None
    star_flux: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None
    reference: NDArray[np.float32] | None = None
    diameter: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, dtype in _ARRAYS.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _read_only(value, dtype))
        object.__setattr__(self, "fwhm", _per_wavelength(self.fwhm, self.cube))
        if self.star_flux is not None:
            object.__setattr__(self, "star_flux", _per_wavelength(self.star_flux, self.cube))
        object.__setattr__(self, "pixel_scale", float(self.pixel_scale))
        object.__setattr__(self, "metadata", dict(self.metadata or {}))
        problems = _shape_problems(self) or _value_problems(self)
        if problems:
            raise SequenceError(*(f"{self.name}: {problem}" for problem in problems))

    @property
    def n_wavelengths(self) -> int:
        """Number of spectral channels."""
        return int(self.cube.shape[0])

    @property
    def n_frames(self) -> int:
        """Number of exposures."""
        return int(self.cube.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """Shape ``(n_y, n_x)`` of a frame."""
        return self.cube.shape[2], self.cube.shape[3]

    @property
    def centre(self) -> tuple[float, float]:
        """Position ``(y, x)`` of the star in every frame."""
        return frame_centre(self.shape)

    @property
    def reference_fwhm(self) -> float:
        """Median FWHM over the wavelengths, in pixels."""
        return float(np.median(self.fwhm))

    @property
    def field_rotation(self) -> float:
        """Total rotation of the sky over the sequence, in degrees."""
        return float(np.ptp(self.angles))

    @property
    def lambda_over_d_px(self) -> float | None:
        """Diffraction scale at the median wavelength in pixels, where it is known."""
        if self.wavelengths is None or self.diameter is None:
            return None
        median = float(np.median(self.wavelengths))
        return lambda_over_d_px(median, self.diameter, self.pixel_scale)

    def channel(self, index: int) -> ImageSequence:
        """The monochromatic sequence of one wavelength."""
        return self.channels(slice(index, index + 1) if index != -1 else slice(-1, None))

    def channels(self, which: slice | NDArray[np.intp]) -> ImageSequence:
        """The sequence of some of its wavelengths."""
        return replace(
            self,
            cube=self.cube[which],
            psf=self.psf[which],
            fwhm=self.fwhm[which],
            wavelengths=None if self.wavelengths is None else self.wavelengths[which],
            star_flux=None if self.star_flux is None else self.star_flux[which],
            reference=None if self.reference is None else self.reference[which],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """A point source beside the star.

    Attributes
    ----------
    separation : float
        In arcsec.
    position_angle : float
        East of north, in degrees.
    flux : float or sequence of float, or None
        In an aperture of diameter 1 FWHM, in the unit of the cube; one number, or one
        per wavelength.
    contrast : float or sequence of float, or None
        Flux ratio companion / star; usable only where the sequence knows `star_flux`.

    Raises
    ------
    ValueError
        If the separation is not positive, or not exactly one of flux and contrast is given.
    """

    separation: float
    position_angle: float
    flux: float | tuple[float, ...] | None = None
    contrast: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.separation) and self.separation > 0):
            raise ValueError(
                f"separation must be a positive number of arcsec, got {self.separation}"
            )
        if not np.isfinite(self.position_angle):
            raise ValueError(f"position angle must be finite degrees, got {self.position_angle}")
        if (self.flux is None) == (self.contrast is None):
            raise ValueError("give a companion either a flux or a contrast, one of the two")
        for name in ("flux", "contrast"):
            value = getattr(self, name)
            if value is None:
                continue
            if not np.all(np.isfinite(value)):
                raise ValueError(f"{name} of a companion must be finite, got {value}")
            numbers = tuple(float(v) for v in np.atleast_1d(value))
            object.__setattr__(self, name, numbers[0] if np.ndim(value) == 0 else numbers)

    def position(self, sequence: ImageSequence) -> tuple[float, float]:
        """Position ``(y, x)`` on the derotated frame of `sequence`, in pixels."""
        y, x = to_yx(
            self.separation / sequence.pixel_scale, self.position_angle + 90, sequence.shape
        )
        return float(y), float(x)

    def fluxes(self, sequence: ImageSequence) -> NDArray[np.float64]:
        """Flux in every channel of `sequence`, shape (n_wavelengths,), in its unit.

        Raises
        ------
        SequenceError
            If a contrast meets a sequence of unknown star flux, or the number of values
            is not 1 or the number of wavelengths.
        """
        values: NDArray[np.float64] = np.atleast_1d(
            np.asarray(self.flux if self.flux is not None else self.contrast, dtype=np.float64)
        )
        if values.size not in (1, sequence.n_wavelengths):
            raise SequenceError(
                f"{sequence.name}: a companion has {values.size} values of flux, "
                f"the sequence {sequence.n_wavelengths} wavelengths; give one or as many"
            )
        if self.flux is not None:
            return np.broadcast_to(values, sequence.n_wavelengths).astype(np.float64)
        if sequence.star_flux is None:
            raise SequenceError(
                f"{sequence.name}: a companion is given as a contrast, "
                "but the star's flux is unknown; give its flux"
            )
        return np.asarray(values * sequence.star_flux, dtype=np.float64)


_ARRAYS: dict[str, type] = {
    "cube": np.float32,
    "angles": np.float64,
    "psf": np.float32,
    "wavelengths": np.float64,
    "times": np.float64,
    "reference": np.float32,
}


def _read_only(value: ArrayLike, dtype: type) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(value, dtype=dtype).view()
    array.flags.writeable = False
    return array


def _per_wavelength(value: ArrayLike, cube: NDArray[np.float32]) -> NDArray[np.float64]:
    numbers = np.asarray(value, dtype=np.float64)
    if numbers.ndim == 0 and cube.ndim == 4:
        numbers = np.full(cube.shape[0], numbers)
    return _read_only(numbers, np.float64)


def _shape_problems(sequence: ImageSequence) -> list[str]:
    cube = sequence.cube
    if cube.ndim != 4 or 0 in cube.shape:
        return [
            "cube must have shape (n_wavelengths, n_frames, n_y, n_x), none of them 0, "
            f"got {cube.shape}; for a single channel pass cube[np.newaxis]"
        ]
    return [
        *_per_frame_problems(sequence),
        *_psf_problems(sequence),
        *_per_wavelength_problems(sequence),
        *_reference_problems(sequence),
    ]


def _per_frame_problems(sequence: ImageSequence) -> list[str]:
    n_frames = sequence.n_frames
    problems = []
    if sequence.angles.shape != (n_frames,):
        problems.append(
            f"{n_frames} frames but angles of shape {sequence.angles.shape}; "
            "every frame needs one derotation angle"
        )
    if sequence.times is not None and sequence.times.shape != (n_frames,):
        problems.append(f"{n_frames} frames but times of shape {sequence.times.shape}")
    return problems


def _psf_problems(sequence: ImageSequence) -> list[str]:
    psf, n_wavelengths = sequence.psf, sequence.n_wavelengths
    if psf.ndim != 3 or psf.shape[0] != n_wavelengths or psf.shape[1] != psf.shape[2]:
        return [f"psf must have shape ({n_wavelengths}, n, n), one per wavelength, got {psf.shape}"]
    if psf.shape[1] % 2 == 0:
        return [
            f"psf must be odd-sized, with its peak in the middle, got {psf.shape}; "
            "exobench.datasets.normalise_psf centres and crops it"
        ]
    return []


def _per_wavelength_problems(sequence: ImageSequence) -> list[str]:
    expected = (sequence.n_wavelengths,)
    values = {name: getattr(sequence, name) for name in ("fwhm", "wavelengths", "star_flux")}
    return [
        f"{name} must have one value per wavelength, shape {expected}, got {value.shape}"
        for name, value in values.items()
        if value is not None and value.shape != expected
    ]


def _reference_problems(sequence: ImageSequence) -> list[str]:
    reference, (n_y, n_x) = sequence.reference, sequence.shape
    if reference is None:
        return []
    if reference.ndim == 4 and (reference.shape[0], *reference.shape[2:]) == (
        sequence.n_wavelengths,
        n_y,
        n_x,
    ):
        return []
    return [
        f"reference must have shape ({sequence.n_wavelengths}, n_reference, {n_y}, {n_x}), "
        f"got {reference.shape}"
    ]


def frames_problem(cube: NDArray[np.floating]) -> str | None:
    """Sentence on frames of a cube that are not finite; None if all are."""
    finite = np.isfinite(cube).all(axis=(-2, -1))
    if finite.all():
        return None
    bad = [int(t) for t in np.flatnonzero(~finite.reshape(-1, finite.shape[-1]).all(axis=0))]
    listed = ", ".join(map(str, bad[:5])) + (", ..." if len(bad) > 5 else "")
    return (
        f"{len(bad)} of {finite.shape[-1]} frames have NaN or infinite pixels "
        f"(frames {listed}); repair or remove them"
    )


def _value_problems(sequence: ImageSequence) -> list[str]:
    problem = frames_problem(sequence.cube)
    problems = [problem] if problem else []
    for name in ("angles", "psf", "wavelengths", "star_flux", "times", "reference"):
        value = getattr(sequence, name)
        if value is not None and not np.isfinite(value).all():
            problems.append(f"{name} has NaN or infinite values; every value must be finite")
    for name in ("fwhm", "wavelengths", "star_flux", "pixel_scale", "diameter"):
        value = getattr(sequence, name)
        if value is not None and not (np.all(np.asarray(value) > 0) and np.isfinite(value).all()):
            problems.append(f"{name} must be positive and finite, got {value}")
    return problems
