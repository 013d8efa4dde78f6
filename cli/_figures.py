"""Figures that verbs draw on request."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure


def check_plot(plot: Path) -> None:
    """Refuse before the work what could not be drawn or written after it.

    Raises
    ------
    InputError
        If matplotlib is missing or knows no such kind of file, or it cannot be written.
    """
    from exobench.datasets.atomic import check_writable
    from exobench.datasets.errors import InputError

    check_matplotlib("--plot")
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if plot.suffix.lstrip(".").lower() not in known:
        raise InputError(f"{plot}: expected an image file ending in .{', .'.join(sorted(known))}")
    check_writable(plot)


def check_matplotlib(option: str) -> None:
    """Refuse an option that draws where nothing can be drawn.

    Raises
    ------
    InputError
        If matplotlib is missing.
    """
    from exobench.datasets.errors import InputError

    try:
        import matplotlib.backend_bases  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            f"{option} needs matplotlib, which is not installed: "
            "pip install 'exobench[leaderboard]'"
        ) from error


def save_figure(figure: Figure, plot: Path) -> None:
    """Write a figure, in the format that its file name ends in."""
    from exobench.datasets.atomic import replacing

    try:
        with replacing(plot) as working, warnings.catch_warnings():
            # Names may be in scripts that the font lacks: boxes on the figure say so.
            warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
            figure.savefig(working, format=plot.suffix.lstrip(".").lower())
    except OSError as error:
        # Such as a full disk: the file to name is the user's, not the working one.
        raise OSError(error.errno, error.strerror or str(error), str(plot)) from error
