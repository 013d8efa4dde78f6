"""Real companions and background stars, taken out before a sequence serves as an empty one.

Opposite angles smear what is real in a sequence along an arc, but a bright source leaves a
bright arc, and one whose arc is short is not smeared at all. So what is known is fitted and
subtracted, or its track is filled with what the speckles there look like at other times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from exobench.datasets.errors import SequenceError
from exobench.datasets.geometry import annulus, radius_map, to_yx
from exobench.datasets.injection import companion_signal, companion_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from exobench.datasets.sequence import Companion, ImageSequence

SHORTEST_ARC = 2.0  # FWHM
N_MODES = 8
WIDTH_FWHM = 1.5  # of the annulus on each side of the source, and radius of what is filled
FLUX_ROUNDS = 30
FILL_ROUNDS = 100
SETTLED = 1e-3  # relative


def arc_fwhm(sequence: ImageSequence, source: Companion) -> float:
    """Length of the way of `source` through the frames, in FWHM."""
    radius = source.separation / sequence.pixel_scale
    return float(np.deg2rad(sequence.field_rotation) * radius / sequence.reference_fwhm)


def short_arcs(
    sequence: ImageSequence, sources: Sequence[Companion], shortest: float = SHORTEST_ARC
) -> tuple[Companion, ...]:
    """Those of `sources` whose arc is shorter than `shortest` FWHM.

    A flip of the angles does not smear them enough: they must be subtracted.
    """
    return tuple(source for source in sources if arc_fwhm(sequence, source) < shortest)


def fitted(sequence: ImageSequence, source: Companion, n_modes: int = N_MODES) -> Companion:
    """`source` with the place and flux at which its subtraction leaves the least.

    The negative injection: of the sequence less the source, `n_modes` principal components
    are removed in an annulus around it, and what is left is minimised over separation and
    position angle; at every place the fluxes follow from their normal equations.

    Parameters
    ----------
    sequence : ImageSequence
    source : Companion
        Its place to about half a FWHM; its flux is not used.
    n_modes : int
        Principal components of the speckles, at most a third of the frames.

    Returns
    -------
    Companion
        With a flux, one per wavelength where there are several, none negative.

    Raises
    ------
    SequenceError
        If the source lies outside the frames, or the fit ends more than 1 FWHM from where
        it began or without a flux.

    Notes
    -----
    In a VLT/NACO sequence sources of S/N 4 to 11 come back within 0.4 px (at 12 px from the
    star) to 0.01 px (at 30 px) and within 10 % to 1 % of their flux.

    References
    ----------
    Lagrange et al. (2010), Science 329, 57; Marois et al. (2010), Proc. SPIE 7736, 77361J
    (negative injection).
    """
    model = _SpeckleFit(sequence, source, n_modes)
    step = sequence.reference_fwhm * sequence.pixel_scale / 4
    turn = np.rad2deg(step / source.separation)

    def left(move: NDArray[np.float64]) -> float:
        return model.left(_moved(source, move * (step, turn)))

    simplex = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    result = minimize(
        left,
        simplex[0],
        method="Nelder-Mead",
        options={"initial_simplex": simplex, "xatol": 0.01, "fatol": 1e-6 * left(simplex[0])},
    )
    place = _moved(source, result.x * (step, turn))
    fluxes = model.fluxes(place)
    if np.hypot(*result.x) > 4 or not (fluxes > 0).any():
        raise SequenceError(
            f"{sequence.name}: {_named(source)} was not found there; give its place to half a FWHM"
        )
    return replace(place, flux=float(fluxes[0]) if fluxes.size == 1 else tuple(fluxes.tolist()))


def subtracted(sequence: ImageSequence, sources: Sequence[Companion]) -> ImageSequence:
    """The sequence less its known sources.

    Parameters
    ----------
    sequence : ImageSequence
    sources : sequence of Companion
        With their fluxes, such as `fitted` gives them.

    Raises
    ------
    InputError
        With every source that lies outside all frames or has no usable flux.
    """
    cube = sequence.cube.copy()
    for signal in companion_signals(sequence, sources):
        replace(signal, stamps=-signal.stamps).add_to(cube)
    return replace(sequence, cube=cube)


def filled(
    sequence: ImageSequence, sources: Sequence[Companion], n_modes: int = N_MODES
) -> ImageSequence:
    """The sequence with the tracks of known sources filled by what stands there otherwise.

    Pixels within 1.5 FWHM of a source are replaced, in the frames in which they are so near, by
    the principal components of the frames in which they are not. No flux is needed, and light
    that the PSF does not describe goes too; what is filled holds speckles, but no noise.

    Parameters
    ----------
    sequence : ImageSequence
    sources : sequence of Companion
        Their fluxes are not used.
    n_modes : int
        Principal components of the speckles, at most a third of the frames.

    Raises
    ------
    SequenceError
        With the sources whose arc is shorter than 2 FWHM: they never leave their pixels.

    References
    ----------
    Beckers & Rixen (2003), J. Atmos. Oceanic Technol. 20, 1839 (iterated components).
    """
    short = short_arcs(sequence, sources)
    if short:
        raise SequenceError(
            *(
                f"{sequence.name}: {_named(source)} moves by {arc_fwhm(sequence, source):.1f} "
                f"FWHM only, less than {SHORTEST_ARC:g}; fit and subtract it"
                for source in short
            )
        )
    cube = sequence.cube.copy()
    for source in sources:
        y, x = _track(sequence, source)
        radius_px = source.separation / sequence.pixel_scale
        for channel, fwhm in enumerate(sequence.fwhm):
            around = _around(sequence.shape, radius_px, WIDTH_FWHM * fwhm)
            rows, columns = np.nonzero(around)
            distance = np.hypot(rows - y[:, np.newaxis], columns - x[:, np.newaxis])
            hidden = distance <= WIDTH_FWHM * fwhm
            cube[channel][:, around] = _completed(cube[channel][:, around], hidden, n_modes)
    return replace(sequence, cube=cube)


class _SpeckleFit:
    """What a source leaves in an annulus when the speckles are modelled by their components."""

    def __init__(self, sequence: ImageSequence, source: Companion, n_modes: int) -> None:
        reach = 2 * WIDTH_FWHM * float(sequence.fwhm.max())
        self.around = _around(sequence.shape, source.separation / sequence.pixel_scale, reach)
        self.empty = replace(sequence, cube=np.zeros_like(sequence.cube))
        self.frames = sequence.cube[..., self.around].astype(np.float64)
        self.n_modes = min(n_modes, sequence.n_frames // 3)
        self.last = np.zeros(sequence.n_wavelengths)

    def fluxes(self, source: Companion) -> NDArray[np.float64]:
        """Flux per wavelength that leaves the least."""
        return self._solve(source)[0]

    def left(self, source: Companion) -> float:
        """Sum of squares that is left, in units of what there is without a subtraction."""
        return self._solve(source)[1]

    def _solve(self, source: Companion) -> tuple[NDArray[np.float64], float]:
        cube = np.zeros_like(self.empty.cube)
        companion_signal(self.empty, replace(source, flux=1.0, contrast=None)).add_to(cube)
        solved = [
            self._flux(frames, signal, start)
            for frames, signal, start in zip(
                self.frames, cube[..., self.around].astype(np.float64), self.last, strict=True
            )
        ]
        self.last = np.array([flux for flux, _ in solved])
        return self.last, sum(left for _, left in solved)

    def _flux(
        self, frames: NDArray[np.float64], signal: NDArray[np.float64], flux: float
    ) -> tuple[float, float]:
        # The components of the frames less the source, then the flux given these, and again.
        for _ in range(FLUX_ROUNDS):
            rest = frames - flux * signal
            modes = _modes(rest, self.n_modes)
            seen, residual = _without(signal, modes), _without(rest, modes)
            # A source shines: where none does, what is left of others may ask for less than none.
            step = max(float((seen * residual).sum() / (seen**2).sum()), -flux)
            flux, residual = flux + step, residual - step * seen
            if abs(step) <= SETTLED * flux:
                break
        return flux, float((residual**2).sum() / frames.var())


def _modes(frames: NDArray[np.float64], n_modes: int) -> NDArray[np.float64]:
    """Leading temporal components of frames (n_frames, n_pixels), the constant one first."""
    n_frames = len(frames)
    varying = frames - frames.mean(axis=0)
    _, vectors = np.linalg.eigh(varying @ varying.T)
    constant = np.full((n_frames, 1), n_frames**-0.5)
    return np.hstack([constant, vectors[:, n_frames - n_modes :]])


def _without(frames: NDArray[np.float64], modes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(frames - modes @ (modes.T @ frames))


def _completed(
    frames: NDArray[np.float32], hidden: NDArray[np.bool_], n_modes: int
) -> NDArray[np.float64]:
    """Frames (n_frames, n_pixels) with hidden values as their components predict them."""
    whole = frames.astype(np.float64)
    median = np.nanmedian(np.where(hidden, np.nan, whole), axis=0)
    whole[hidden] = np.broadcast_to(median, whole.shape)[hidden]
    for _ in range(FILL_ROUNDS):
        modes = _modes(whole, min(n_modes, len(frames) // 3))
        predicted = (modes @ (modes.T @ whole))[hidden]
        change = np.abs(predicted - whole[hidden]).max()
        whole[hidden] = predicted
        if change <= SETTLED * whole.std():
            break
    return whole


def _around(shape: tuple[int, int], radius_px: float, reach: float) -> NDArray[np.bool_]:
    return annulus(
        shape, max(radius_px - reach, 0.0), min(radius_px + reach, radius_map(shape).max())
    )


def _track(
    sequence: ImageSequence, source: Companion
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Position ``y, x`` in every frame."""
    azimuth = source.position_angle + 90 - sequence.angles
    return to_yx(source.separation / sequence.pixel_scale, azimuth, sequence.shape)


def _moved(source: Companion, by: NDArray[np.float64]) -> Companion:
    separation = max(source.separation + float(by[0]), 0.1 * source.separation)
    return replace(
        source, separation=separation, position_angle=source.position_angle + float(by[1])
    )


def _named(source: Companion) -> str:
    return (
        f"the source at {source.separation:.3f} arcsec, {source.position_angle % 360:.1f} degrees"
    )
