"""Synthetic speckles beside real ones: images, scatter by separation, power spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from exobench.baselines.learning.speckles.quality import power_spectrum, radial_profile
from exobench.datasets.errors import InputError
from exobench.leaderboard.axes import finish
from exobench.leaderboard.sequence_figure import INK
from exobench.leaderboard.series import series

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHOWN = 6
_BRIGHTEST = 3.0  # standard deviations


def speckle_figure(
    real: NDArray[np.floating], synthetic: NDArray[np.floating], *, title: str = ""
) -> Figure:
    """Six images of either kind, and what the measures of their likeness compare.

    Parameters
    ----------
    real, synthetic : ndarray, shapes (m, n_pixels, n_pixels) and (n, n_pixels, n_pixels)
        Standardised canvases; the real ones best of frames that were held out.
    title : str
        What they are of.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot; save it with ``savefig``.

    Raises
    ------
    InputError
        If there are none of a kind, or their sizes differ.
    """
    kinds = {"real, held out": np.asarray(real), "synthetic": np.asarray(synthetic)}
    shapes = {images.shape[1:] for images in kinds.values()}
    if len(shapes) > 1 or min(map(len, kinds.values())) == 0:
        raise InputError("expected images of one size, one or more real and synthetic ones")
    figure = Figure(figsize=(9.6, 6.4), dpi=140, layout="constrained", facecolor="white")
    upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=(1.1, 1)))
    rows = upper.subplots(2, _SHOWN, squeeze=False)
    for row, (label, images) in zip(rows, kinds.items(), strict=True):
        # Evenly spread: neighbours in time are alike.
        chosen = np.linspace(0, len(images) - 1, min(_SHOWN, len(images))).astype(int)
        for axes in row:
            axes.set_axis_off()
        for axes, image in zip(row, images[chosen], strict=False):
            axes.imshow(image, origin="lower", vmin=-_BRIGHTEST, vmax=_BRIGHTEST, cmap="gray")
        row[0].set_title(label, loc="left", fontsize=10, color=INK)
    profile, spectrum = lower.subplots(1, 2)
    for (label, images), (colour, _) in zip(kinds.items(), series(2), strict=True):
        scatter, power = radial_profile(images, images.shape[-1] // 2 - 2), power_spectrum(images)
        profile.plot(scatter, color=colour, label=label)
        spectrum.loglog(np.arange(1, len(power) + 1), power, color=colour)
    profile.set(xlabel="separation / px", ylim=(0, None))
    profile.set_title("root mean square", loc="left")
    profile.legend(frameon=False, fontsize=8.5)
    spectrum.set_xlabel("cycles per image side")
    spectrum.set_title("power", loc="left")
    finish(profile, spectrum)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK, parse_math=False)
    return figure
