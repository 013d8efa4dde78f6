"""What a coronagraph leaves of a field in the pupil."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from exobench.datasets.simulator.parameters import Parameters, choice, not_negative, positive
from exobench.datasets.simulator.propagation import fourier_matrix, transform
from exobench.datasets.simulator.pupil import pupil_coordinates, telescope_pupil

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from exobench.datasets.simulator.pupil import Telescope

LYOT_OBSCURATION = 1.2  # times that of the pupil
LYOT_SPIDERS = 2.0
MASK_PIXELS = 41
POWER_ITERATIONS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class CoronagraphDesign(Parameters):
    """Kind and measures of a coronagraph.

    Attributes
    ----------
    coronagraph : {"aplc", "perfect"}
        Apodised-pupil Lyot coronagraph, or the removal of the mean field of the pupil.
    lyot_outer : float
        Outer edge of the Lyot stop, in diameters.
    mask_radius : float
        Of the focal mask of the APLC, in arcsec.
    apodiser_radius : float
        In lambda/D, of the mask for which the apodiser of the APLC is made.
    leakage : float
        Share of the star's off-axis image that the coronagraph lets pass unchanged.
    inner_working_angle : float
        In arcsec.
    """

    coronagraph: Literal["aplc", "perfect"] = choice("aplc", "perfect")
    lyot_outer: float = positive()
    mask_radius: float = positive()
    apodiser_radius: float = positive()
    leakage: float = not_negative()
    inner_working_angle: float = positive()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coronagraph:
    """Pupil, apodiser, focal mask and Lyot stop of a preset.

    Attributes
    ----------
    entrance : ndarray of float32, shape (n_pupil, n_pupil)
        Amplitude of the pupil behind the apodiser.
    stop : ndarray of float32, shape (n_pupil, n_pupil)
        Transmission of the Lyot stop.
    mask_radius : float or None
        Of the opaque focal mask, in arcsec; None: the mean field of the pupil is removed,
        as by a perfect coronagraph.
    """

    entrance: NDArray[np.float32]
    stop: NDArray[np.float32]
    mask_radius: float | None

    @property
    def off_axis(self) -> NDArray[np.float32]:
        """Amplitude that a source far from the mask meets in all."""
        return self.entrance * self.stop

    def remove_star(
        self, fields: NDArray[np.complex64], lambda_over_d: float
    ) -> NDArray[np.complex64]:
        """Fields behind the Lyot stop, of fields that have passed the apodiser.

        Parameters
        ----------
        fields : ndarray of complex64, shape (n, n_pupil, n_pupil)
        lambda_over_d : float
            In arcsec.

        References
        ----------
        Soummer (2005), ApJL 618, L161 (apodised-pupil Lyot coronagraph).
        Cavarroc et al. (2006), A&A 447, 397 (perfect coronagraph).
        """
        if self.mask_radius is None:
            power = float((self.entrance.astype(np.float64) ** 2).sum())
            flat = fields.reshape(len(fields), -1)
            mean = flat @ (self.entrance.ravel() / power).astype(np.complex64)
            left = fields - mean[:, np.newaxis, np.newaxis] * self.entrance
        else:
            left = fields - through_mask(fields, self.mask_radius / lambda_over_d)
        left *= self.stop
        return left


def build_coronagraph(telescope: Telescope, design: CoronagraphDesign) -> Coronagraph:
    """The coronagraph of that design in the pupil of `telescope`."""
    n, obscuration = telescope.n_pupil, telescope.obscuration
    pupil = telescope_pupil(n, obscuration=obscuration, spider_width=telescope.spider_width)
    stop = telescope_pupil(
        n,
        outer=design.lyot_outer,
        obscuration=LYOT_OBSCURATION * obscuration,
        spider_width=LYOT_SPIDERS * telescope.spider_width,
    )
    if design.coronagraph == "perfect":
        return Coronagraph(entrance=pupil, stop=stop, mask_radius=None)
    # With the spiders in it the mode would shun them, and leave a pupil of separate blobs.
    annulus = telescope_pupil(n, obscuration=obscuration, spider_width=0.0)
    apodiser = prolate_mode(annulus, design.apodiser_radius)
    return Coronagraph(entrance=pupil * apodiser, stop=stop, mask_radius=design.mask_radius)


def through_mask(fields: NDArray[np.complex64], radius: float) -> NDArray[np.complex64]:
    """Pupil fields of the light that falls within `radius` lambda/D of the axis.

    Shape of `fields`, (n, n_pupil, n_pupil).
    """
    n_pupil = fields.shape[-1]
    pixel = 2 * radius / MASK_PIXELS
    focal = pupil_coordinates(MASK_PIXELS) * (2 * radius)
    matrix = fourier_matrix(focal, pupil_coordinates(n_pupil))
    image = transform(fields, matrix)
    # dx^2 du^2: the two sums stand for integrals over the pupil and the image.
    image *= _disc(MASK_PIXELS) * np.float32((pixel / n_pupil) ** 2)
    return transform(image, matrix.conj().T.copy())


def prolate_mode(pupil: NDArray[np.float32], radius: float) -> NDArray[np.float32]:
    """Apodised pupil whose light passes a mask of `radius` lambda/D with the least change.

    The eigenmode of largest eigenvalue of "limit to the mask, then to the pupil", of
    maximum 1, by power iteration.

    References
    ----------
    Soummer, Aime & Falloon (2003), A&A 397, 1161.
    """
    mode = pupil.astype(np.complex64)[np.newaxis]
    for _ in range(POWER_ITERATIONS):
        mode = through_mask(mode, radius) * pupil
        mode /= np.abs(mode).max()
    real: NDArray[np.float32] = mode[0].real.copy()
    return real


def _disc(n: int) -> NDArray[np.float32]:
    """A disc that fills a square of `n` pixels; pixels at its edge hold a fraction."""
    return telescope_pupil(n, obscuration=0.0, spider_width=0.0)
