"""Where a point source stands, by a Gaussian or a Moffat profile on a sloping background."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from exobench.datasets.errors import SequenceError
from exobench.datasets.preprocessing.recentring import offsets_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.sequence import ImageSequence

Profile = Literal["gaussian", "moffat"]

WINDOW_FWHM = 1.2  # radius of the disc that is fitted
MAX_ROUNDS = 10
SETTLED = 0.01  # px; the window follows the fit until it moves by less


def peak_offsets(
    sequence: ImageSequence, profile: Profile = "gaussian", window_fwhm: float = WINDOW_FWHM
) -> NDArray[np.float64]:
    """Offsets of the star by a fit to the brightest peak of every frame.

    For stars that are neither saturated nor behind a coronagraph.

    Parameters
    ----------
    sequence : ImageSequence
    profile, window_fwhm
        As in `fit_point`.

    Returns
    -------
    ndarray of float64, shape (n_wavelengths, n_frames, 2)

    Raises
    ------
    SequenceError
        As `recentring.offsets_by`.
    """

    def position(frame: NDArray[np.float32], channel: int) -> tuple[float, float]:
        fwhm = float(sequence.fwhm[channel])
        image = frame.astype(np.float64)
        # Smoothed, a hot pixel does not pass for the peak.
        smooth = ndimage.gaussian_filter(image, fwhm / 2.355)
        y, x = np.unravel_index(int(smooth.argmax()), smooth.shape)
        return fit_point(image, (float(y), float(x)), fwhm, profile, window_fwhm)

    return offsets_by(position, sequence)


def fit_point(
    image: NDArray[np.float64],
    start: tuple[float, float],
    fwhm: float,
    profile: Profile = "gaussian",
    window_fwhm: float = WINDOW_FWHM,
) -> tuple[float, float]:
    """Position ``(y, x)`` of the point source near `start`.

    Parameters
    ----------
    image : ndarray, shape (n_y, n_x)
        Finite.
    start : tuple of float
        Within about half a FWHM of the source.
    fwhm : float
        Expected, in pixels.
    profile : {"gaussian", "moffat"}
        Round, of free width and, for Moffat, free exponent, on a background that is a plane.
    window_fwhm : float
        Radius of the disc that is fitted, in FWHM.

    Raises
    ------
    SequenceError
        If the fit does not end on a source brighter than its surroundings near `start`.
    """
    place = start
    for _ in range(MAX_ROUNDS):
        before, place = place, _fit_window(image, place, fwhm, profile, window_fwhm)
        if math.dist(place, start) > 2 * fwhm:
            raise _no_source(start)
        if math.dist(place, before) < SETTLED:
            break
    return place


def _fit_window(
    image: NDArray[np.float64],
    start: tuple[float, float],
    fwhm: float,
    profile: Profile,
    window_fwhm: float,
) -> tuple[float, float]:
    radius = window_fwhm * fwhm
    corner = [max(0, int(np.ceil(place - radius))) for place in start]
    box = image[tuple(slice(c, int(p + radius) + 1) for c, p in zip(corner, start, strict=True))]
    y, x = (np.indices(box.shape).T + np.subtract(corner, start)).T
    inside = np.hypot(y, x) <= radius
    y, x, values = y[inside], x[inside], box[inside]
    if values.size < 10 or np.ptp(values) == 0:
        raise _no_source(start)

    # Height and background follow from the shape by linear least squares (Golub & Pereyra 1973).
    def linear_fit(shape: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        radius2 = (y - shape[0]) ** 2 + (x - shape[1]) ** 2
        columns = np.stack([_profile(radius2, shape[2:], fwhm), np.ones_like(y), y, x], axis=1)
        coefficients = np.linalg.lstsq(columns, values)[0]
        return float(coefficients[0]), values - columns @ coefficients

    def residual(shape: NDArray[np.float64]) -> NDArray[np.float64]:
        return linear_fit(shape)[1]

    start_shape = [0.0, 0.0, 0.0] + ([1.0] if profile == "moffat" else [])
    result = least_squares(residual, start_shape, method="lm", xtol=1e-6)
    height, _ = linear_fit(result.x)
    if not (height > 0 and np.hypot(*result.x[:2]) < fwhm and abs(result.x[2]) < 1):
        raise _no_source(start)
    return start[0] + float(result.x[0]), start[1] + float(result.x[1])


def _profile(
    radius2: NDArray[np.float64], shape: NDArray[np.float64], fwhm: float
) -> NDArray[np.float64]:
    """Height 1 at the peak; `shape` is the logarithm of the width in `fwhm`, and of beta."""
    width, *exponent = np.exp(np.clip(shape, -2, 4))  # a trial step of the fit may go anywhere
    scaled = 4 * radius2 / (fwhm * width) ** 2
    if not exponent:
        return np.asarray(np.exp(-np.log(2) * scaled))
    (beta,) = exponent
    return np.asarray((1 + np.expm1(np.log(2) / beta) * scaled) ** -beta)


def _no_source(start: tuple[float, float]) -> SequenceError:
    return SequenceError(
        f"no point source fits at (y, x) = ({start[0]:.1f}, {start[1]:.1f}); expected a peak on a "
        "smooth background"
    )
