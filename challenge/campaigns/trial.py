"""One companion of a campaign: put in, looked for, measured.

Positions are ``(y, x)`` in pixels on the derotated frame.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from exobench.datasets.geometry import to_yx
from exobench.scoring.candidates import distance, find_candidates
from exobench.scoring.diagnostics.rings import aperture_fluxes
from exobench.scoring.matching import match
from exobench.scoring.snr import n_noise_apertures, significance_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.baselines._reinjection import Look
    from exobench.challenge.campaigns.plan import Injection
    from exobench.datasets.sequence import ImageSequence

TOLERANCE_FWHM = 1.0
_FWHM_PER_SIGMA = 2 * np.sqrt(2 * np.log(2))
SURROUNDINGS_FWHM = 2.0
"""What of a map with a companion in it counts as its own, and not as noise."""


def injection_row(
    injection: Injection,
    sequence: ImageSequence,
    blank: Look,
    seen: Look,
    scored: NDArray[np.bool_],
) -> dict[str, Any]:
    """What was put in, and what came out: one row of the table of injections.

    Parameters
    ----------
    injection : Injection
    sequence : ImageSequence
        Without it.
    blank, seen : Look
        What the algorithm made of the sequence without and with the companion.
    scored : ndarray of bool, shape (n_y, n_x)
        Where candidates count.
    """
    yx, fwhm = np.array([injection.y, injection.x]), sequence.reference_fwhm
    nearest = tuple(np.rint(yx).astype(int))
    return {
        **_put_in(injection, sequence),
        "value": _number(seen.detections[nearest]),
        "blank_value": _number(blank.detections[nearest]),
        "significance": _significance(seen, fwhm, yx),
        **_matched(seen, yx, sequence, scored),
        **_photometry(injection, sequence, blank, seen),
    }


def false_positives(
    detections: NDArray[np.float64],
    sequence: ImageSequence,
    scored: NDArray[np.bool_],
    injection: Injection | None = None,
) -> list[dict[str, Any]]:
    """Candidates of a map, those of its companion and its surroundings left out.

    Parameters
    ----------
    detections : ndarray, shape (n_y, n_x)
    sequence : ImageSequence
    scored : ndarray of bool, shape (n_y, n_x)
    injection : Injection or None
        None: the map is blank.
    """
    fwhm = sequence.reference_fwhm
    yx, values = find_candidates(detections, fwhm, scored)
    if injection is not None:
        away = distance(yx[:, 0] - injection.y, yx[:, 1] - injection.x)
        far = away > SURROUNDINGS_FWHM * fwhm
        yx, values = yx[far], values[far]
    radii = distance(*(yx - np.array(sequence.centre)).T)
    return [
        {
            "map": "blank" if injection is None else "refilled",
            "injection": None if injection is None else injection.index,
            "y": y,
            "x": x,
            "separation_px": radius,
            "separation_arcsec": radius * sequence.pixel_scale,
            "value": value,
        }
        for (y, x), radius, value in zip(yx.tolist(), radii.tolist(), values.tolist(), strict=True)
    ]


def _put_in(injection: Injection, sequence: ImageSequence) -> dict[str, Any]:
    star, scale = sequence.star_flux, sequence.lambda_over_d_px
    return {
        "injection": injection.index,
        "separation_stratum": injection.separation_stratum,
        "brightness": injection.brightness,
        "separation_px": injection.radius_px,
        "separation_arcsec": injection.radius_px * sequence.pixel_scale,
        "separation_lambda_over_d": None if scale is None else injection.radius_px / scale,
        "position_angle": injection.position_angle,
        "y": injection.y,
        "x": injection.x,
        "offset_mag": injection.offset_mag,
        "flux": injection.flux,
        "contrast": None if star is None else injection.flux / float(star.mean()),
    }


def _significance(seen: Look, fwhm: float, yx: NDArray[np.float64]) -> float | None:
    """At the very place of the companion, of the image that the map was made from."""
    if seen.image is None:
        return None
    return _number(significance_at(seen.image, fwhm, yx[np.newaxis])[0])


def _matched(
    seen: Look, yx: NDArray[np.float64], sequence: ImageSequence, scored: NDArray[np.bool_]
) -> dict[str, float | None]:
    """The candidate that strict matching gives to the companion, and how far off it is."""
    names = ("candidate_value", "error_y_px", "error_x_px", "error_y_mas", "error_x_mas")
    fwhm = sequence.reference_fwhm
    found, values = find_candidates(seen.detections, fwhm, scored)
    which = int(match(found, yx[np.newaxis], TOLERANCE_FWHM * fwhm).candidate[0])
    if which < 0:
        return dict.fromkeys(names)
    error = _refined(seen, found[which], fwhm) - yx
    milliarcsec = 1000 * sequence.pixel_scale * error
    numbers = (float(values[which]), *error.tolist(), *milliarcsec.tolist())
    return dict(zip(names, numbers, strict=True))


def _refined(seen: Look, pixel: NDArray[np.intp], fwhm: float) -> NDArray[np.float64]:
    """Where the source of a candidate is, to a fraction of a pixel.

    A map of S/N is flat about a source, whose own light is in its noise. Where there is an
    image, the source is at the peak of its correlation with a Gaussian, within 1 FWHM of the
    candidate; elsewhere at that of the map.
    """
    values = seen.detections
    if seen.image is not None:
        half = int(np.ceil(1.5 * fwhm))
        low = np.maximum(pixel - half, 0)
        window = seen.image[low[0] : pixel[0] + half + 1, low[1] : pixel[1] + half + 1]
        smooth = ndimage.gaussian_filter(np.nan_to_num(window), fwhm / _FWHM_PER_SIGMA)
        y, x = np.indices(smooth.shape)
        near = distance(y - (pixel - low)[0], x - (pixel - low)[1]) <= fwhm
        peak = np.array(np.unravel_index(np.argmax(np.where(near, smooth, -np.inf)), near.shape))
        return np.asarray(low + peak + _offset_of_peak(smooth, peak))
    return np.asarray(pixel + _offset_of_peak(values, pixel))


def _offset_of_peak(values: NDArray[np.floating], pixel: NDArray[np.intp]) -> NDArray[np.float64]:
    """Where the parabolas through a maximum and its neighbours peak, from its pixel."""
    offset = np.zeros(2)
    for axis, step in enumerate(np.eye(2, dtype=int)):
        ends = pixel - step, pixel + step
        if any((end < 0).any() or (end >= values.shape).any() for end in ends):
            continue
        before, here, after = (float(values[tuple(p)]) for p in (ends[0], pixel, ends[1]))
        curvature = 2 * here - before - after
        if np.isfinite(curvature) and curvature > 0:
            offset[axis] = np.clip((after - before) / (2 * curvature), -0.5, 0.5)
    return offset


def _photometry(
    injection: Injection, sequence: ImageSequence, blank: Look, seen: Look
) -> dict[str, Any]:
    """The flux found at the companion's place, and the share of its own flux that it adds."""
    nothing = {"photometry": None, "measured_flux": None, "throughput": None}
    yx = np.array([[injection.y, injection.x]])
    if seen.fluxes is not None and blank.fluxes is not None:
        with_it, without = (_at(maps, yx) for maps in (seen.fluxes, blank.fluxes))
        return {
            "photometry": "flux map",
            "measured_flux": _number(with_it),
            "throughput": _number((with_it - without) / injection.flux),
        }
    if seen.image is None or blank.image is None or sequence.n_wavelengths > 1:
        return nothing
    fwhm = sequence.reference_fwhm
    without, *ring = _ring(blank.image, sequence, injection)
    added = float(aperture_fluxes(seen.image.astype(np.float64) - blank.image, fwhm, yx)[0])
    return {
        "photometry": "aperture",
        "measured_flux": _number(without + added - float(np.mean(ring))),
        "throughput": _number(added / injection.flux),
    }


def _ring(
    image: NDArray[np.float32], sequence: ImageSequence, injection: Injection
) -> NDArray[np.float64]:
    """Fluxes in the apertures of the ring of a companion, that at its place first."""
    fwhm, radius = sequence.reference_fwhm, injection.radius_px
    n = int(n_noise_apertures(radius, fwhm)) + 1
    theta = injection.theta - 360 * np.arange(n) / n
    yx = np.stack(to_yx(radius, theta, sequence.shape), axis=1)
    return aperture_fluxes(image.astype(np.float64), fwhm, yx)


def _at(values: NDArray[np.float64], yx: NDArray[np.float64]) -> float:
    """A map between its pixels, by cubic splines of the nearest ones; NaN near missing ones."""
    corner = np.maximum(np.rint(yx[0]).astype(int) - 3, 0)
    window = values[corner[0] : corner[0] + 7, corner[1] : corner[1] + 7]
    return float(ndimage.map_coordinates(window, (yx - corner).T, order=3, cval=np.nan)[0])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
