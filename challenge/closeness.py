"""How far what was built again by other versions may be from what was handed out.

Other libraries, or another processor, round otherwise, and where a search for a limit takes
another turn the flux of a companion itself may come out some thousandths off. So frames are
compared with a sequence that has the companions which the truth states, and only what it
states is compared with what is drawn anew. Measured between processors with and without
AVX-512, frames then differ by 2e-4 of the noise at most, and fluxes by up to 4e-3.

What is tolerated in frames is tied to what hides in them and not to their largest value, which
is that of the star's halo and thousands of times brighter than a faint companion:

- the noise: if all differences were alike and were added up over every frame and wavelength
  and over the core of the PSF, they would make a tenth of one sigma, the sigma of a pixel being
  its own robust scatter over time. Nothing that can be found is put in, or taken out;
- the faintest companion: three thousandths of its peak, so that one made brighter or fainter
  by one per cent stands out, even where the coronagraph takes half of it.

The smaller of the two counts. Rounding, between those processors, made at most 0.04 of the
first, and 0.4 of the second for a companion of which a pixel has 0.14 sigma in a frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOISE_SHARE = 0.1  # of one sigma, all pixels of a companion's core together
COMPANION_SHARE = 3e-3  # of the peak of the faintest companion
ROUNDING = 1e-5  # relative: of a number, or of the largest value of a PSF or of the angles
FLUX = 5e-3  # relative: half of the least change that must be found
SIGNIFICANCE = 0.02  # of itself, or of one sigma where it is below
_LOOSER = {"flux": FLUX, "contrast": FLUX}
_MAD_TO_SIGMA = 1.4826


def frame_excess(
    expected: NDArray[np.float32],
    found: NDArray[np.float32],
    *,
    fwhm: NDArray[np.float64],
    peaks: NDArray[np.float64],
) -> float:
    """Largest difference of any pixel of any frame, in units of what is tolerated there.

    Parameters
    ----------
    expected, found : ndarray, shape (n_wavelengths, n_frames, n_y, n_x)
        Built again with the companions of the truth; handed out.
    fwhm : ndarray, shape (n_wavelengths,)
        In pixels.
    peaks : ndarray, shape (n_companions, n_wavelengths)
        Of the companions, in the unit of the frames.

    Returns
    -------
    float
        Above 1 if the frames are not close; infinite for another shape, or where a value is
        not finite or differs though nothing is tolerated.
    """
    if found.shape != expected.shape:
        return float(np.inf)
    n_wavelengths, n_frames = expected.shape[:2]
    n_pixels = n_wavelengths * n_frames * np.pi / 4 * np.square(fwhm)
    faintest = np.min(peaks, axis=0, initial=np.inf)
    # One wavelength at a time: a cube may take most of the memory there is.
    return max(
        _excess(
            expected[channel],
            found[channel],
            float(NOISE_SHARE / np.sqrt(n_pixels[channel])),
            float(COMPANION_SHARE * faintest[channel]),
        )
        for channel in range(n_wavelengths)
    )


def image_excess(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """Largest difference of anything but frames, in units of what is tolerated."""
    if expected.shape != found.shape:
        return float(np.inf)
    ours, theirs = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    return _ratio(np.abs(theirs - ours), ROUNDING * np.abs(ours).max())


def value_excess(ours: Any, theirs: Any, key: str = "") -> float:
    """Largest difference of any number of a document, in units of what is tolerated.

    Infinite if anything but a number differs. Numbers under ``flux``, ``contrast`` and
    ``snr`` follow from a search and from reductions, and may be off by more than the others.
    """
    if isinstance(ours, float) and isinstance(theirs, float):
        if key == "snr":
            return abs(theirs - ours) / (SIGNIFICANCE * max(abs(ours), 1.0))
        return _ratio(np.array(abs(theirs - ours)), _LOOSER.get(key, ROUNDING) * abs(ours))
    if isinstance(ours, dict) and isinstance(theirs, dict) and ours.keys() == theirs.keys():
        below = {k: key if key == "snr" else k for k in ours}
        return max((value_excess(ours[k], theirs[k], below[k]) for k in ours), default=0.0)
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and len(ours) == len(theirs):
        return max(
            (value_excess(a, b, key) for a, b in zip(ours, theirs, strict=True)), default=0.0
        )
    return 0.0 if ours == theirs else float(np.inf)


def _excess(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], of_sigma: float, least: float
) -> float:
    scatter = np.median(np.abs(ours - np.median(ours, axis=0)), axis=0)
    tolerated = np.minimum(of_sigma * _MAD_TO_SIGMA * scatter.astype(np.float64), least)
    off = np.zeros(ours.shape[1:])
    for one, other in zip(ours, theirs, strict=True):
        np.maximum(off, np.abs(other.astype(np.float64) - one), out=off)
    return _ratio(off, tolerated)


def _ratio(difference: NDArray[np.float64], tolerated: NDArray[np.float64] | float) -> float:
    """Largest ratio; none where there is no difference, infinite where it is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(difference == 0, 0.0, difference / tolerated)
    return float(np.max(np.nan_to_num(ratio, nan=np.inf, posinf=np.inf)))
