"""A sequence in the words and conventions of other packages.

Both turn frame t counter-clockwise by its angle, as we do, where East is left. vip_hci has
our axes and our centre of a frame; pyKLIP has centres as (x, y) and one flat list of images.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence


def _without_single_axis(values: NDArray[Any]) -> NDArray[Any]:
    """A copy, which the function may change; without the axis of one wavelength."""
    return np.array(values[0] if len(values) == 1 else values, dtype=np.float64)


def _wavelengths(sequence: ImageSequence) -> NDArray[np.float64]:
    if sequence.wavelengths is None:
        raise InputError("the sequence does not say its wavelengths, which the function takes")
    return np.array(sequence.wavelengths)


def _scale_list(sequence: ImageSequence) -> NDArray[np.float64] | None:
    if sequence.n_wavelengths == 1:
        return None
    wavelengths = _wavelengths(sequence)
    return np.asarray(wavelengths.max() / wavelengths)


def _cube_ref(sequence: ImageSequence) -> NDArray[np.float64]:
    if sequence.reference is None:
        raise InputError("the sequence has no frames of reference stars, which the function takes")
    return _without_single_axis(sequence.reference)


def _oversampling(sequence: ImageSequence) -> float:
    scale = sequence.lambda_over_d_px
    if scale is None:
        raise InputError(
            "the sequence does not say wavelength and telescope, which the function takes"
        )
    return scale / 2


def _images(sequence: ImageSequence) -> NDArray[np.float64]:
    """Images one after the other: all wavelengths of a frame, then of the next."""
    images = np.swapaxes(sequence.cube, 0, 1).astype(np.float64)
    return images.reshape(-1, *sequence.shape)


def _centers(sequence: ImageSequence) -> NDArray[np.float64]:
    y, x = sequence.centre
    return np.tile([float(x), float(y)], (sequence.n_frames * sequence.n_wavelengths, 1))


def _parangs(sequence: ImageSequence) -> NDArray[np.float64]:
    return np.repeat(sequence.angles, sequence.n_wavelengths)


def _wvs(sequence: ImageSequence) -> NDArray[np.float64]:
    one = sequence.n_wavelengths == 1 and sequence.wavelengths is None
    return np.tile(np.ones(1) if one else _wavelengths(sequence), sequence.n_frames)


def _numbers(sequence: ImageSequence) -> NDArray[np.intp]:
    return np.repeat(np.arange(sequence.n_frames), sequence.n_wavelengths)


def _dataset(sequence: ImageSequence) -> Any:
    instrument = import_module("pyklip.instruments.Instrument")
    return instrument.GenericData(
        _images(sequence),
        _centers(sequence),
        parangs=_parangs(sequence),
        wvs=_wvs(sequence),
        filenames=np.array([f"{number:05d}" for number in _numbers(sequence)]),
        IWA=sequence.reference_fwhm,
    )


CONVENTIONS: dict[str, Callable[[ImageSequence], Any]] = {
    "cube": lambda sequence: _without_single_axis(sequence.cube),
    "angle_list": lambda sequence: np.array(sequence.angles),
    "fwhm": lambda sequence: sequence.reference_fwhm,
    "psf": lambda sequence: _without_single_axis(sequence.psf),
    "psfn": lambda sequence: _without_single_axis(sequence.psf),
    "scale_list": _scale_list,
    "cube_ref": _cube_ref,
    "plsc": lambda sequence: sequence.pixel_scale,
    "lbda": _wavelengths,
    "oversampling_fact": _oversampling,
    "imgs": _images,
    "centers": _centers,
    "parangs": _parangs,
    "wvs": _wvs,
    "filenums": _numbers,
    "IWA": lambda sequence: sequence.reference_fwhm,
    "dataset": _dataset,
}
"""By the name of the argument: its value for a sequence."""
