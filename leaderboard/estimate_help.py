"""What each metric of positions and spectra is called, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateMetric:
    """How a metric is shown.

    Attributes
    ----------
    title : str
    short : str
        Where there is little room.
    meaning : str
        A sentence for the reader of a board.
    better : {"lower", "higher", "nearer 0", "nearer 1"}
    of_all : bool
        Over all companions, those that are not detected at their penalty. The others are
        over those that are detected, or for which errors were stated.
    """

    title: str
    short: str
    meaning: str
    better: Literal["lower", "higher", "nearer 0", "nearer 1"] = "lower"
    of_all: bool = False


_LIKELIHOOD = "Logarithm of the normal density of the stated errors at the truth"
_FACTOR = EstimateMetric(
    title="Errors made / errors stated",
    short="Made / stated",
    meaning="Root mean square of errors in units of those stated: 1 is honest, more too sure.",
    better="nearer 1",
)

ASTROMETRY: Mapping[str, EstimateMetric] = {
    "distance_px": EstimateMetric(
        title="Distance (px)",
        short="Distance (px)",
        meaning="Mean distance from the truth.",
        of_all=True,
    ),
    "distance_mas": EstimateMetric(
        title="Distance (mas)",
        short="Distance (mas)",
        meaning="The same on the sky.",
        of_all=True,
    ),
    "energy_score_px": EstimateMetric(
        title="Energy score (px)",
        short="Energy score (px)",
        meaning="The distance for a point, less for an honest posterior, more for one too sure.",
        of_all=True,
    ),
    "bias_x_px": EstimateMetric(
        title="Bias in x (px)",
        short="Bias x",
        meaning="Mean offset to the right: a wrong centre.",
        better="nearer 0",
    ),
    "bias_y_px": EstimateMetric(
        title="Bias in y (px)",
        short="Bias y",
        meaning="Mean offset upwards.",
        better="nearer 0",
    ),
    "bias_radial_px": EstimateMetric(
        title="Bias away from the star (px)",
        short="Bias outwards",
        meaning="Mean offset away from the star: self-subtraction.",
        better="nearer 0",
    ),
    "bias_tangential_px": EstimateMetric(
        title="Bias about the star (px)",
        short="Bias around",
        meaning="Mean offset counter-clockwise about the star: a wrong angle.",
        better="nearer 0",
    ),
    "log_likelihood": EstimateMetric(
        title="Log-likelihood, Gaussian",
        short="Log-likelihood",
        meaning=f"{_LIKELIHOOD}, in px^-2.",
        better="higher",
    ),
    "error_factor": _FACTOR,
}
"""By key of the part ``astrometry`` of a score."""

PHOTOMETRY: Mapping[str, EstimateMetric] = {
    "relative_l1_mean": EstimateMetric(
        title="Relative L1, mean of channels",
        short="Relative L1",
        meaning="Error over the true contrast, mean over the channels of a companion.",
        of_all=True,
    ),
    "relative_l1_sum": EstimateMetric(
        title="Relative L1, sum of channels",
        short="Sum of channels",
        meaning="The same summed over its channels, as the second phase announced.",
        of_all=True,
    ),
    "spectrum_l1": EstimateMetric(
        title="L1 of the spectrum / its sum",
        short="L1 of the spectrum",
        meaning="Sum of the errors over the sum of the contrasts: no faint channel dominates.",
        of_all=True,
    ),
    "relative_crps": EstimateMetric(
        title="Relative CRPS",
        short="Relative CRPS",
        meaning="The relative L1 for a point, less for an honest posterior, more for one too sure.",
        of_all=True,
    ),
    "relative_bias": EstimateMetric(
        title="Relative bias",
        short="Bias",
        meaning="Mean relative error with its sign; negative: too faint.",
        better="nearer 0",
    ),
    "log_likelihood": EstimateMetric(
        title="Log-likelihood, Gaussian, a channel",
        short="Log-likelihood",
        meaning=f"{_LIKELIHOOD}, mean over channels, relative.",
        better="higher",
    ),
    "error_factor": _FACTOR,
}
"""By key of the part ``photometry`` of a score."""

ESTIMATES: Mapping[str, Mapping[str, EstimateMetric]] = {
    "astrometry": ASTROMETRY,
    "photometry": PHOTOMETRY,
}
"""By board."""

HEADLINES: Mapping[str, tuple[str, ...]] = {
    "astrometry": ("distance_px", "distance_mas", "energy_score_px"),
    "photometry": ("relative_l1_mean", "relative_l1_sum", "relative_crps"),
}
"""What a board shows, the error that ranks first."""

SOURCES = {"sigma": "stated errors", "samples": "posteriors"}
"""By the beginning of the names of a coverage."""
