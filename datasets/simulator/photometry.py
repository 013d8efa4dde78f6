"""Electrons per second of star and background, and those of the readout."""

from __future__ import annotations

from dataclasses import dataclass

from exobench.datasets.simulator.parameters import Parameters, not_negative, positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Photometry(Parameters):
    """Signal and noise of the detector.

    Attributes
    ----------
    star_rate, background_rate : float
        Electrons per second: in the peak pixel of the star outside the coronagraph, and of
        the background in every pixel.
    read_noise : float
        Electrons per pixel and frame.
    """

    star_rate: float = positive()
    background_rate: float = not_negative()
    read_noise: float = not_negative()
