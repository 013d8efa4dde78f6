"""The off-axis image of the star: its width, its flux, its normal form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from exobench.datasets.centring import shift
from exobench.datasets.discs import disc_overlap
from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import centre, frame_centre

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

FWHM_PER_SIGMA = float(np.sqrt(8 * np.log(2)))
SMALLEST_FWHM = 0.8  # px; below it a hot pixel, not a star
CENTRED = 0.01  # px; a smaller offset is left, so that a normal PSF stays as it is


class NormalisedPSF(NamedTuple):
    """A PSF in the form that `ImageSequence` holds.

    Attributes
    ----------
    psf : ndarray of float32, shape (n_wavelengths, n, n)
        `n` odd, peak in the middle, unit flux in an aperture of diameter 1 FWHM.
    fwhm : ndarray of float64, shape (n_wavelengths,)
        In pixels.
    flux : ndarray of float64, shape (n_wavelengths,)
        What the aperture held before, in the unit of the image given: that of the star.
    """

    psf: NDArray[np.float32]
    fwhm: NDArray[np.float64]
    flux: NDArray[np.float64]


def fit_fwhm(stamp: ArrayLike) -> float:
    """Full width at half maximum of a star's image, in pixels.

    Parameters
    ----------
    stamp : array_like, shape (n_y, n_x)
        One bright star, anywhere in it; no background. Finite.

    Returns
    -------
    float
        Geometric mean over the two axes of an elliptical Gaussian fitted to the core.

    Raises
    ------
    SequenceError
        If there is nothing to fit, or the fit does not end on a star.

    Notes
    -----
    Least squares under a Gaussian weight of sigma 0.7 FWHM around the fitted peak,
    repeated until the width stands still. The weight keeps Airy rings and noise from
    widening the fit, and makes the result the same wherever on the pixel grid the peak
    falls (a hard window changes it by 0.2 % as pixels enter and leave).
    """
    return _fit_core(np.asarray(stamp, dtype=np.float64)).fwhm


def aperture_flux(image: ArrayLike, fwhm: float) -> float:
    """Flux in an aperture of diameter `fwhm` pixels at the centre of `image`, exact overlap."""
    stamp = np.asarray(image, dtype=np.float64)
    y_edges, x_edges = (np.arange(n + 1) - 0.5 - centre(n) for n in stamp.shape)
    return float(np.sum(stamp * disc_overlap(y_edges, x_edges, fwhm / 2)))


def normalise_psf(psf: ArrayLike, fwhm: ArrayLike | None = None) -> NormalisedPSF:
    """PSF of unit flux in 1 FWHM, centred and odd-sized, one image per wavelength.

    Parameters
    ----------
    psf : array_like, shape (n_y, n_x) or (n_wavelengths, n_y, n_x)
        Off-axis images of the star in any linear unit, peak anywhere, any size.
    fwhm : array_like or None
        In pixels, a number or one per wavelength; None: fitted (`fit_fwhm`).

    Raises
    ------
    SequenceError
        With every wavelength at which the PSF cannot be used.
    """
    images = np.asarray(psf, dtype=np.float64)
    images = images[np.newaxis] if images.ndim == 2 else images
    if images.ndim != 3 or 0 in images.shape:
        raise SequenceError(
            "psf must be one image (n_y, n_x) or one per wavelength (n_wavelengths, n_y, n_x), "
            f"got shape {np.shape(psf)}"
        )
    cores = _fit_all(images)
    fwhms = np.array([core.fwhm for core in cores]) if fwhm is None else _stated(fwhm, len(images))
    centred = _centred(images, cores)
    if centred.shape[-1] < fwhms.max():
        raise SequenceError(
            f"psf of {images.shape[-2]}x{images.shape[-1]} pixels leaves only "
            f"{centred.shape[-1]}x{centred.shape[-1]} around its peak, less than its FWHM of "
            f"{fwhms.max():.1f}; give a larger stamp, centred on the star"
        )
    flux = np.array([aperture_flux(*pair) for pair in zip(centred, fwhms, strict=True)])
    if not (flux > 0).all():
        raise SequenceError(
            f"psf has a flux of {flux.min():.3g} within 1 FWHM; it must be positive"
        )
    return NormalisedPSF((centred / flux[:, None, None]).astype(np.float32), fwhms, flux)


def magnified(image: ArrayLike, factors: ArrayLike) -> NDArray[np.float64]:
    """Copies of `image` magnified about its centre, as a PSF grows with the wavelength.

    Parameters
    ----------
    image : array_like, shape (n, n)
        A PSF; what lies beyond its edge counts as zero.
    factors : array_like, shape (n_wavelengths,)
        Above 1 widens.

    Returns
    -------
    ndarray, shape (n_wavelengths, n, n)
        By cubic splines; not normalised.
    """
    stamp = np.asarray(image, dtype=np.float64)
    middle = np.array(frame_centre(stamp.shape))
    return np.stack(
        [
            ndimage.affine_transform(stamp, np.full(2, 1 / factor), middle - middle / factor)
            for factor in np.atleast_1d(np.asarray(factors, dtype=np.float64))
        ]
    )


def _stated(fwhm: ArrayLike, n_wavelengths: int) -> NDArray[np.float64]:
    values = np.atleast_1d(np.asarray(fwhm, dtype=np.float64))
    if values.shape not in ((1,), (n_wavelengths,)):
        raise SequenceError(
            f"{values.size} values of fwhm for {n_wavelengths} PSF images; give one or as many"
        )
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise SequenceError(f"fwhm must be positive and finite, got {values.tolist()}")
    return np.broadcast_to(values, n_wavelengths).copy()


@dataclass(frozen=True, slots=True)
class _Core:
    """A Gaussian fitted to the core of a star."""

    y: float
    x: float
    fwhm: float


def _fit_all(images: NDArray[np.float64]) -> list[_Core]:
    cores: list[_Core] = []
    wavelengths_of: dict[str, list[int]] = {}
    for index, image in enumerate(images):
        try:
            cores.append(_fit_core(image))
        except SequenceError as error:
            wavelengths_of.setdefault(str(error), []).append(index)
    if wavelengths_of:
        raise SequenceError(
            *(
                problem if len(indices) == len(images) else f"{problem} (channels {indices})"
                for problem, indices in wavelengths_of.items()
            )
        )
    return cores


def _fit_core(image: NDArray[np.float64]) -> _Core:
    if image.ndim != 2 or 0 in image.shape:
        raise SequenceError(f"a star's image has 2 axes, got shape {image.shape}")
    if not np.isfinite(image).all():
        raise SequenceError("psf has NaN or infinite values; every value must be finite")
    if not image.any():
        raise SequenceError("psf is zero everywhere; expected the off-axis image of the star")
    if image.max() <= 0:
        raise SequenceError("psf has no positive value; expected the off-axis image of the star")
    core = _iterate(image)
    if not (_is_inside(core, image.shape) and SMALLEST_FWHM <= core.fwhm <= max(image.shape)):
        raise SequenceError(
            "psf has no star that a Gaussian fits "
            f"(FWHM {core.fwhm:.3g} px at y={core.y:.1f}, x={core.x:.1f}); "
            "expected one bright point source on an empty background"
        )
    return core


def _iterate(image: NDArray[np.float64]) -> _Core:
    # Smoothed, a hot pixel does not pass for the peak.
    smooth: NDArray[np.float64] = ndimage.gaussian_filter(image, 1)
    y, x = (int(i) for i in np.unravel_index(int(smooth.argmax()), image.shape))
    bright, _ = ndimage.label(smooth > smooth[y, x] / 2)
    area = int((bright == bright[y, x]).sum())
    core = _Core(float(y), float(x), 2 * float(np.sqrt(area / np.pi)))
    for _ in range(10):
        previous, core = core, _weighted_fit(image, core)
        moved = abs(core.fwhm - previous.fwhm) > 1e-5 * previous.fwhm
        if not (moved and _is_inside(core, image.shape)):
            break
    return core


def _is_inside(core: _Core, shape: tuple[int, ...]) -> bool:
    """Whether the middle of a fit lies on a pixel; from elsewhere there is nothing to fit to."""
    return -0.5 <= core.y <= shape[0] - 0.5 and -0.5 <= core.x <= shape[1] - 0.5


def _weighted_fit(image: NDArray[np.float64], start: _Core) -> _Core:
    sigma = max(0.7 * start.fwhm, 1.0)
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    square = np.asarray((rows - start.y) ** 2 + (columns - start.x) ** 2)
    near = square <= (4 * sigma) ** 2
    (y, x), weight = np.nonzero(near), np.exp(-0.5 * square[near] / sigma**2)
    scale = float(image[near].max()) or 1.0
    data = image[near] / scale

    def gaussian(q: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        dy, dx = y - q[1], x - q[2]
        exponent = q[3] * dy**2 + 2 * q[4] * dy * dx + q[5] * dx**2
        return dy, dx, np.exp(-np.clip(exponent, -50, 500))

    def residual(q: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(weight * (q[0] * gaussian(q)[2] - data))

    def jacobian(q: NDArray[np.float64]) -> NDArray[np.float64]:
        dy, dx, g = gaussian(q)
        to_y, to_x = 2 * (q[3] * dy + q[4] * dx), 2 * (q[4] * dy + q[5] * dx)
        slopes = (1 / q[0], to_y, to_x, -(dy**2), -2 * dy * dx, -(dx**2))
        return np.stack([weight * q[0] * g * slope for slope in slopes], axis=1)

    width = FWHM_PER_SIGMA**2 / (2 * start.fwhm**2)
    guess = np.array([1.0, start.y, start.x, width, 0.0, width])
    q = least_squares(residual, guess, jac=jacobian, method="lm").x
    determinant = q[3] * q[5] - q[4] ** 2
    if not (determinant > 0 and q[3] > 0 and q[0] > 0):
        return _Core(float(q[1]), float(q[2]), float("nan"))
    return _Core(float(q[1]), float(q[2]), float(FWHM_PER_SIGMA / np.sqrt(2) * determinant**-0.25))


def _centred(images: NDArray[np.float64], cores: list[_Core]) -> NDArray[np.float64]:
    _, n_y, n_x = images.shape
    nearest = [(round(core.y), round(core.x)) for core in cores]
    half = min(min(y, x, n_y - 1 - y, n_x - 1 - x) for y, x in nearest)
    stamps = []
    for image, core, (y, x) in zip(images, cores, nearest, strict=True):
        offset = (y - core.y, x - core.x)
        moved = image if np.hypot(*offset) < CENTRED else shift(image, offset)
        stamps.append(moved[y - half : y + half + 1, x - half : x + half + 1])
    return np.stack(stamps)
