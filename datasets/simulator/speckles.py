"""The image of the star behind the coronagraph, frame by frame.

The intensity in a frame that averages N patterns of the adaptive optics is

    I = |C + S / sqrt(N)|^2 + H (1 - 1/N) + (|S'|^2 - H) / sqrt(N)

with C the field of the aberrations of the optics, S and S' two independent fields of the
adaptive optics' residual and H the mean of their squared moduli. The first term pins the
fast speckles to the slow ones; the last is the noise left in the halo.

References
----------
Soummer, Ferrari, Aime & Jolissaint (2007), ApJ 669, 642 (statistics of pinned speckles).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.simulator.channel import Channel
from exobench.datasets.simulator.satellite_spots import spot_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.datasets.simulator.channel import View
    from exobench.datasets.simulator.optics import Optics
    from exobench.datasets.simulator.presets import Preset


def star_images(preset: Preset, optics: Optics) -> Iterator[NDArray[np.float32]]:
    """Images of the star in one channel after the other, each (n_frames, size, size).

    The unit is the peak of the star's image without aberrations and coronagraph.
    """
    sampling = preset.sampling
    axis = sampling.axis(sampling.size)
    for wavelengths in sampling.sampled:
        images = np.zeros(preset.shape[1:], dtype=np.float32)
        for wavelength in wavelengths.tolist():
            channel = Channel.at(preset, optics, wavelength)
            view = channel.view(axis)
            still = _spots(preset, channel)
            brightness = channel.brightness / np.float32(len(wavelengths))
            for frames in optics.chunks():
                image = _frames(channel, view, frames, preset.coronagraph.leakage)
                image += still
                image *= brightness[frames, np.newaxis, np.newaxis]
                images[frames] += image
        yield images


def _frames(channel: Channel, view: View, frames: slice, leakage: float) -> NDArray[np.float32]:
    """Images over the star's brightness; the leak is added without interference."""
    field = channel.fields(frames)
    image = view.image(channel.coronagraph.behind(field, channel.lambda_over_d))
    image += channel.noisy_halo(view, frames, leakage)
    if leakage:
        field *= np.float32(np.sqrt(leakage)) * channel.coronagraph.stop
        image += view.image(field)
    return image


def _spots(preset: Preset, channel: Channel) -> NDArray[np.float32] | np.float32:
    """Image of the satellite spots over the star's brightness."""
    if not preset.spots.spot_contrast:
        return np.float32(0)
    sampling = preset.sampling
    off_axis = channel.steady_image(channel.view(sampling.axis(sampling.psf_size)))
    scale = channel.lambda_over_d / sampling.pixel_scale
    return spot_image(preset.spots, off_axis, scale, (sampling.size, sampling.size))
