"""Where the star stands behind a coronagraph, by four copies of it that a grid makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from exobench.datasets.errors import SequenceError
from exobench.datasets.preprocessing.point_fits import fit_point
from exobench.datasets.preprocessing.recentring import offsets_by

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

QUARTERS = np.arange(4) * 90.0  # degrees between the first spot and each


def spot_offsets(
    sequence: ImageSequence, radius_px: ArrayLike, angle: float = 45.0, search_px: float = 3.0
) -> NDArray[np.float64]:
    """Offsets of the star by the intersection of the diagonals of its satellite spots.

    Each spot is fitted by a Gaussian on a sloping background. Spots of a broad band are drawn
    out along the radius, which moves them along the diagonals but not their intersection.

    Parameters
    ----------
    sequence : ImageSequence
        Pupil-stabilised, so that the spots stand still.
    radius_px : array_like
        Distance of the spots from the star in pixels, a number or one per wavelength; it is
        proportional to the wavelength. Within a FWHM of the truth.
    angle : float
        Of one spot, in degrees counter-clockwise from +x in the frames; the others follow a
        quarter turn apart.
    search_px : float
        How far from the centre, in y and x, the star may stand.

    Returns
    -------
    ndarray of float64, shape (n_wavelengths, n_frames, 2)

    Raises
    ------
    SequenceError
        If radii and wavelengths differ in number, the spots lie outside the frame, or with
        the frames in which one of them was not found.
    """
    radii = np.atleast_1d(np.asarray(radius_px, dtype=np.float64))
    if radii.shape not in ((1,), (sequence.n_wavelengths,)):
        raise SequenceError(
            f"{sequence.name}: {radii.size} radii of spots for {sequence.n_wavelengths} "
            "wavelengths; give one or as many"
        )
    radii = np.broadcast_to(radii, sequence.n_wavelengths)
    reach = np.max(radii[:, np.newaxis] + search_px + sequence.fwhm[:, np.newaxis])
    azimuths = np.deg2rad(angle + QUARTERS)
    directions = np.stack([np.sin(azimuths), np.cos(azimuths)], axis=1)
    room = min(min(c, n - 1 - c) for c, n in zip(sequence.centre, sequence.shape, strict=True))
    if not (radii > 0).all() or reach * np.abs(directions).max() > room:
        raise SequenceError(
            f"{sequence.name}: spots at {radii.max():.1f} px, sought within {search_px:g} px, do "
            f"not fit into frames that reach {room:.0f} px from the star"
        )

    def position(frame: NDArray[np.float32], channel: int) -> tuple[float, float]:
        fwhm = float(sequence.fwhm[channel])
        image = frame.astype(np.float64)
        expected = sequence.centre + radii[channel] * directions
        expected = expected + _search(image, expected, fwhm, search_px)
        return _crossing([fit_point(image, (y, x), fwhm) for y, x in expected])

    return offsets_by(position, sequence)


def _search(
    image: NDArray[np.float64], expected: NDArray[np.float64], fwhm: float, search_px: float
) -> NDArray[np.float64]:
    """Shift of all four places, in steps of half a pixel, at which they are brightest."""
    sigma = fwhm / 2.355
    # A difference of Gaussians: the halo under the spots, hundreds of times brighter, drops out.
    peaks = ndimage.gaussian_filter(image, sigma) - ndimage.gaussian_filter(image, 2 * sigma)
    steps = np.arange(-np.ceil(2 * search_px), np.ceil(2 * search_px) + 1) / 2
    shifts = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
    places = expected + shifts[:, np.newaxis]
    values = ndimage.map_coordinates(peaks, np.moveaxis(places, -1, 0), order=1)
    # Geometric mean: one speckle brighter than all spots does not decide.
    score = np.log(np.clip(values, 1e-3 * np.abs(values).max(), None)).sum(axis=1)
    return np.asarray(shifts[score.argmax()])


def _crossing(spots: list[tuple[float, float]]) -> tuple[float, float]:
    """Intersection of the lines through the first and third, and the second and fourth."""
    first, second, third, fourth = np.array(spots)
    along = np.stack([third - first, second - fourth], axis=1)
    fraction = np.linalg.solve(along, second - first)[0]
    y, x = first + fraction * (third - first)
    return float(y), float(x)
