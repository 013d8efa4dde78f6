"""Images of what is not behind the coronagraph: companions, and the star moved off its axis.

A companion is a tilted wave that meets the same aberrations, pointing, residual of the
adaptive optics and coronagraph as the star does, in each frame: its image changes with the
star's, and near the mask it loses what the mask takes. Of its own halo the mean is kept; the
noise in that halo is as far below the star's as the companion is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.geometry import frame_centre
from exobench.datasets.injection import CompanionSignal
from exobench.datasets.psf import aperture_flux, fit_fwhm
from exobench.datasets.simulator.channel import Channel
from exobench.datasets.simulator.coronagraph import build_coronagraph
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.injection import CompanionTrack
    from exobench.datasets.simulator.channel import View
    from exobench.datasets.simulator.optics import Optics
    from exobench.datasets.simulator.presets import Preset

AZIMUTHS = (0.0, 45.0, 90.0, 135.0)  # degrees, over which transmission is averaged


def optical_signals(
    preset: Preset,
    optics: Optics,
    tracks: Sequence[CompanionTrack],
    star_flux: NDArray[np.float64],
) -> list[CompanionSignal]:
    """What companions on `tracks` add to the frames, in units of the star's peak.

    Parameters
    ----------
    preset : Preset
    optics : Optics
    tracks : sequence of CompanionTrack
        Their fluxes in the unit of the frames, far from the mask, as the PSF has them.
    star_flux : ndarray, shape (n_wavelengths,)
        Of the star in the exposures of the PSF.
    """
    sampling = preset.sampling
    n = sampling.psf_size
    stamps = np.zeros((len(tracks), *preset.shape[:2], n, n), dtype=np.float32)
    for number, wavelengths in enumerate(sampling.sampled):
        share = 1 / (star_flux[number] * len(wavelengths))
        for wavelength in wavelengths.tolist():
            channel = Channel.at(preset, optics, wavelength)
            brightness = (channel.brightness * share).astype(np.float32)
            beam = _Beam(channel=channel, view=channel.view(sampling.axis(n)), preset=preset)
            for frames in optics.chunks():
                fields = channel.fields(frames)
                for track, images in zip(tracks, stamps[:, number], strict=True):
                    image = beam.image(fields, track, frames)
                    image *= brightness[frames, np.newaxis, np.newaxis]
                    image *= np.float32(track.fluxes[number])
                    images[frames] += image
    return [
        CompanionSignal(stamps=images, corners=track.nearest - n // 2)
        for track, images in zip(tracks, stamps, strict=True)
    ]


def off_axis_images(preset: Preset, optics: Optics) -> NDArray[np.float32]:
    """Mean image of the star outside the coronagraph in each channel, its halo included.

    Shape (n_wavelengths, psf_size, psf_size), unit as `star_images`.
    """
    sampling = preset.sampling
    axis = sampling.axis(sampling.psf_size)
    images = []
    for wavelengths in sampling.sampled:
        total = np.zeros((len(axis), len(axis)), dtype=np.float32)
        for wavelength in wavelengths.tolist():
            channel = Channel.at(preset, optics, wavelength)
            view, frames = channel.view(axis), slice(0, optics.n_frames)
            image = view.image(channel.coronagraph.stop * channel.fields(frames))
            image += channel.mean_halo(view, frames)
            total += np.tensordot(channel.brightness, image, 1) / optics.n_frames
        images.append(total / len(wavelengths))
    return np.array(images, dtype=np.float32)


def transmission(preset: Preset, separations: ArrayLike) -> NDArray[np.float64]:
    """Flux of a companion in 1 FWHM relative to that far from the coronagraph's mask.

    Without aberrations; mean over a few azimuths.

    Parameters
    ----------
    preset : Preset
    separations : array_like, shape (n,)
        In arcsec.

    Returns
    -------
    ndarray, shape (n_wavelengths, n)
    """
    coronagraph = build_coronagraph(preset.telescope, preset.coronagraph)
    separation, azimuth = np.atleast_1d(separations), np.deg2rad(AZIMUTHS)
    direction = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1)
    places = (separation[:, np.newaxis, np.newaxis] * direction).reshape(-1, 2)
    sampling = preset.sampling
    axis, pupil = sampling.axis(sampling.psf_size), pupil_coordinates(preset.telescope.n_pupil)
    rows = []
    for wavelength in sampling.wavelengths.tolist():
        lambda_over_d = preset.telescope.lambda_over_d(wavelength)
        matrix = fourier_matrix(axis / lambda_over_d, pupil)
        tilt = ramps(places / lambda_over_d, pupil)
        left = coronagraph.behind(coronagraph.entrance * tilt, lambda_over_d)
        images = intensity(transform(left * tilt.conj(), matrix))
        free = intensity(transform(coronagraph.off_axis[np.newaxis], matrix))[0]
        fwhm = fit_fwhm(free)
        fluxes = np.array([aperture_flux(image, fwhm) for image in images])
        rows.append(fluxes.reshape(-1, len(AZIMUTHS)).mean(axis=1) / aperture_flux(free, fwhm))
    return np.array(rows)


def ramps(offsets: NDArray[np.float64], pupil: NDArray[np.float64]) -> NDArray[np.complex64]:
    """Fields of unit amplitude of sources at ``offsets`` (y, x) in lambda/D, (n, m, m)."""
    along = np.exp(2j * np.pi * offsets[..., np.newaxis] * pupil).astype(np.complex64)
    field: NDArray[np.complex64] = along[:, 0, :, np.newaxis] * along[:, 1, np.newaxis, :]
    return field


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Beam:
    """The way of a companion's light at one wavelength, to a stamp around its place."""

    channel: Channel
    view: View
    preset: Preset

    def image(
        self, fields: NDArray[np.complex64], track: CompanionTrack, frames: slice
    ) -> NDArray[np.float32]:
        """Images over the brightness, of the star's fields in those frames and tilted."""
        centre = np.array(frame_centre(self.preset.shape))
        nearest = track.nearest[frames]
        position = np.stack([track.y[frames], track.x[frames]], axis=-1)
        scale = self.preset.sampling.pixel_scale / self.channel.lambda_over_d
        pupil = pupil_coordinates(fields.shape[-1])
        back = ramps(np.asarray((centre - nearest) * scale), pupil)
        halo = self.channel.mean_halo(self.view, frames)
        image = _moved(halo, track.mean[frames] - nearest)
        for instant, weight in enumerate(track.weights.astype(np.float32)):
            tilt = ramps((position[:, instant] - centre) * scale, pupil)
            left = self.channel.coronagraph.behind(fields * tilt, self.channel.lambda_over_d)
            left *= back
            image += self.view.image(left) * weight
        return image


def _moved(images: NDArray[np.float32], offset: NDArray[np.float64]) -> NDArray[np.float32]:
    """Smooth images moved by less than a pixel ``(y, x)`` each, to first order."""
    dy, dx = np.gradient(images, axis=(1, 2))
    y, x = offset.T.astype(np.float32)[..., np.newaxis, np.newaxis]
    return np.asarray(images - y * dy - x * dx)
