"""Light that strays from one channel of an integral field spectrograph into the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exobench.datasets.simulator.parameters import Parameters, between

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Crosstalk(Parameters):
    """How the channels mix.

    Attributes
    ----------
    channel_crosstalk : float
        Share of a channel's light that each of its two neighbours receives, at most 1/3,
        where all three have as much; 0: none.
    """

    channel_crosstalk: float = between(0, 1 / 3, default=0.0)


def mix_channels(cube: NDArray[Any], crosstalk: Crosstalk) -> None:
    """Move light between neighbouring channels, in place.

    Channel l becomes ``c I[l-1] + (1 - 2c) I[l] + c I[l+1]``; the first and the last keep
    what would leave the cube, so that the total flux is as before and a flat spectrum
    stays flat.

    Parameters
    ----------
    cube : ndarray of float, shape (n_wavelengths, ...)
        Also of PSFs: the star outside the coronagraph passes the same spectrograph.
    crosstalk : Crosstalk
    """
    if not crosstalk.channel_crosstalk:
        return
    before = cube[0].copy()
    for channel, after in zip(cube, [*cube[1:], cube[-1]], strict=True):
        here = channel.copy()
        change = before + after
        change -= 2 * here
        change *= crosstalk.channel_crosstalk
        channel += change
        before = here
