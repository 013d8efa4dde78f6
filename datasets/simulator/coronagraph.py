"""What a coronagraph leaves of a field in the pupil."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from scipy import fft

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
VORTEX_CHARGE = 2
VORTEX_PERIOD = 16  # diameters: the kernel in the pupil repeats after so many


@dataclass(frozen=True, slots=True, kw_only=True)
class CoronagraphDesign(Parameters):
    """Kind and measures of a coronagraph.

    Attributes
    ----------
    coronagraph : {"aplc", "vortex", "perfect", "none"}
        Apodised-pupil Lyot coronagraph, vortex of charge 2, removal of the mean field of the
        pupil, or the pupil stop alone.
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

    coronagraph: Literal["aplc", "vortex", "perfect", "none"] = choice(
        "aplc", "vortex", "perfect", "none"
    )
    lyot_outer: float = positive()
    mask_radius: float = positive(default=0.1)
    apodiser_radius: float = positive(default=2.25)
    leakage: float = not_negative(default=0.0)
    inner_working_angle: float = positive()


class FocalMask(Protocol):
    """From fields behind the apodiser to those in front of the Lyot stop."""

    def __call__(
        self, fields: NDArray[np.complex64], lambda_over_d: float
    ) -> NDArray[np.complex64]:
        """A new array of the shape of `fields`, (n, n_pupil, n_pupil).

        `lambda_over_d` is in arcsec.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coronagraph:
    """Pupil, apodiser, focal mask and Lyot stop.

    Attributes
    ----------
    entrance : ndarray of float32, shape (n_pupil, n_pupil)
        Amplitude of the pupil behind the apodiser.
    stop : ndarray of float32, shape (n_pupil, n_pupil)
        Transmission of the Lyot stop.
    mask : FocalMask
    """

    entrance: NDArray[np.float32]
    stop: NDArray[np.float32]
    mask: FocalMask

    @property
    def off_axis(self) -> NDArray[np.float32]:
        """Amplitude that a source far from the mask meets in all."""
        return self.entrance * self.stop

    def behind(self, fields: NDArray[np.complex64], lambda_over_d: float) -> NDArray[np.complex64]:
        """Fields behind the Lyot stop, of fields that have passed the apodiser.

        Parameters
        ----------
        fields : ndarray of complex64, shape (n, n_pupil, n_pupil)
        lambda_over_d : float
            In arcsec.
        """
        left = self.mask(fields, lambda_over_d)
        left *= self.stop
        return left


@lru_cache(maxsize=8)
def build_coronagraph(telescope: Telescope, design: CoronagraphDesign) -> Coronagraph:
    """The coronagraph of that design in the pupil of `telescope`; the same for all sequences."""
    n, obscuration = telescope.n_pupil, telescope.obscuration
    pupil = telescope_pupil(n, obscuration=obscuration, spider_width=telescope.spider_width)
    stop = telescope_pupil(
        n,
        outer=design.lyot_outer,
        obscuration=LYOT_OBSCURATION * obscuration,
        spider_width=LYOT_SPIDERS * telescope.spider_width,
    )
    if design.coronagraph == "aplc":
        # With the spiders in it the mode would shun them, and leave a pupil of separate blobs.
        annulus = telescope_pupil(n, obscuration=obscuration, spider_width=0.0)
        pupil *= prolate_mode(annulus, design.apodiser_radius)
    masks: dict[str, FocalMask] = {
        "aplc": OpaqueDisc(radius=design.mask_radius),
        "perfect": MeanField(pupil=pupil),
        "none": _no_mask,
    }
    mask = Vortex.of_pixels(n) if design.coronagraph == "vortex" else masks[design.coronagraph]
    pupil.flags.writeable = stop.flags.writeable = False
    return Coronagraph(entrance=pupil, stop=stop, mask=mask)


def _no_mask(fields: NDArray[np.complex64], lambda_over_d: float) -> NDArray[np.complex64]:
    del lambda_over_d
    return fields.copy()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpaqueDisc:
    """The focal mask of a Lyot coronagraph, of `radius` arcsec.

    References
    ----------
    Soummer (2005), ApJL 618, L161 (apodised-pupil Lyot coronagraph).
    """

    radius: float

    def __call__(
        self, fields: NDArray[np.complex64], lambda_over_d: float
    ) -> NDArray[np.complex64]:
        """See `FocalMask`."""
        return fields - through_mask(fields, self.radius / lambda_over_d)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanField:
    """A perfect coronagraph: the mean field over `pupil` is removed.

    References
    ----------
    Cavarroc et al. (2006), A&A 447, 397.
    """

    pupil: NDArray[np.float32]

    def __call__(
        self, fields: NDArray[np.complex64], lambda_over_d: float
    ) -> NDArray[np.complex64]:
        """See `FocalMask`; the same at all wavelengths."""
        del lambda_over_d
        power = float((self.pupil.astype(np.float64) ** 2).sum())
        mean = fields.reshape(len(fields), -1) @ (self.pupil.ravel() / power).astype(np.complex64)
        left: NDArray[np.complex64] = fields - mean[:, np.newaxis, np.newaxis] * self.pupil
        return left


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vortex:
    """A vortex phase mask, ``exp(2i theta)`` around the star.

    In the pupil it is a convolution with a kernel ``exp(2i phi) / r^2``, here limited to the
    frequencies of the grid: within one diameter of each pixel it is exact, with no sampling of
    the singularity in the focal plane.

    Attributes
    ----------
    kernel : ndarray of complex64, shape (2 n_pupil, 2 n_pupil)
        Fourier transform of the kernel on twice the pupil.

    References
    ----------
    Mawet et al. (2005), ApJ 633, 1191; Foo, Palacios & Swartzlander (2005), Opt. Lett. 30, 3308.
    """

    kernel: NDArray[np.complex64]

    @classmethod
    def of_pixels(cls, n_pupil: int) -> Vortex:
        """The vortex for pupils of `n_pupil` pixels."""
        frequency = fft.fftfreq(VORTEX_PERIOD * n_pupil)
        phase = VORTEX_CHARGE * np.arctan2(frequency[:, np.newaxis], frequency)
        ramp = np.exp(1j * phase)
        ramp[0, 0] = 0  # the mean around the singularity
        lag = fft.fftfreq(2 * n_pupil, 1 / (2 * n_pupil)).astype(int)
        kernel = fft.ifft2(ramp)[np.ix_(lag, lag)]
        return cls(kernel=np.asarray(fft.fft2(kernel), dtype=np.complex64))

    def __call__(
        self, fields: NDArray[np.complex64], lambda_over_d: float
    ) -> NDArray[np.complex64]:
        """See `FocalMask`; the same at all wavelengths."""
        del lambda_over_d
        n = fields.shape[-1]
        spectrum = fft.fft(fields, 2 * n, axis=2)
        spectrum = fft.fft(spectrum, 2 * n, axis=1, overwrite_x=True)
        spectrum *= self.kernel
        along_y = fft.ifft(spectrum, axis=1, overwrite_x=True)[:, :n]
        # A copy, lest the Lyot stop be applied to what lies outside as well.
        left: NDArray[np.complex64] = fft.ifft(along_y, axis=2)[:, :, :n].copy()
        return left


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


@cache
def _disc(n: int) -> NDArray[np.float32]:
    """A disc that fills a square of `n` pixels; pixels at its edge hold a fraction."""
    return telescope_pupil(n, obscuration=0.0, spider_width=0.0)
