"""From what a network says to probabilities that come true.

A network trained on as many companions as blanks is right about a sky on which every second
position holds one, at best. Its logits are stretched and shifted until they are right on
held-out samples (Platt 1999) and moved to the prior of a search (Saerens et al. 2002).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import optimize, special

from exobench.baselines.learning.judgement.thresholds import Threshold
from exobench.datasets.errors import InputError
from exobench.scoring.calibration.priors import correct_log_odds
from exobench.scoring.calibration.recalibration import logistic_recalibration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

SEARCH_PRIOR = 1e-4
"""About one companion among the positions of a map that tell something of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How the logits of a network become probabilities.

    Attributes
    ----------
    slope, intercept : float
        Of the logits; 1 and 0 leave them as they are.
    training_prior, search_prior : float
        Fractions of positives among the samples that slope and intercept are for, and among
        the positions that are searched.
    n_samples : int
        Held-out samples that slope and intercept were fitted to.
    thresholds : tuple of Threshold
        Of maps of significance of the whole detector, by false positives per map.

    Raises
    ------
    InputError
        With every value that cannot be.
    """

    slope: float = 1.0
    intercept: float = 0.0
    training_prior: float = 0.5
    search_prior: float = SEARCH_PRIOR
    n_samples: int = 0
    thresholds: tuple[Threshold, ...] = ()

    def __post_init__(self) -> None:
        problems = [
            f"{name} of a calibration must be a finite number, got {value!r}"
            for name in ("slope", "intercept")
            if not (_is_number(value := getattr(self, name)))
        ]
        problems += [
            f"{name} of a calibration must lie strictly between 0 and 1, got {value!r}"
            for name in ("training_prior", "search_prior")
            if not (_is_number(value := getattr(self, name)) and 0 < value < 1)
        ]
        if not problems and self.slope < 0:
            problems.append(f"slope of a calibration must be 0 or more, got {self.slope!r}")
        if problems:
            raise InputError(*problems)

    def log_odds(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Log-odds of a companion in a search: they rank as logits do, and never saturate."""
        stretched = self.intercept + self.slope * np.asarray(logits, dtype=np.float64)
        return correct_log_odds(stretched, self.training_prior, self.search_prior)

    def probabilities(self, logits: ArrayLike) -> NDArray[np.float64]:
        """Probabilities of a companion in a search; NaN where the logit is."""
        return np.asarray(special.expit(self.log_odds(logits)))

    def with_search_prior(self, prior: float) -> Self:
        """The same for a search with another prior, which changes no significance.

        Raises
        ------
        InputError
            If the prior does not lie strictly between 0 and 1.
        """
        return replace(self, search_prior=prior)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers, for JSON."""
        return asdict(self) | {"thresholds": [asdict(one) for one in self.thresholds]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The calibration that `to_dict` wrote.

        Raises
        ------
        InputError
            If it is none.
        """
        known = {field.name for field in fields(cls)}
        try:
            if set(content) != known:
                raise ValueError(f"expected {', '.join(sorted(known))}")
            thresholds = tuple(_threshold(one) for one in content["thresholds"])
        except (TypeError, ValueError) as error:
            raise InputError(f"a calibration of a model cannot be read: {error}") from error
        return cls(**(dict(content) | {"thresholds": thresholds}))


def calibrate(
    labels: ArrayLike, logits: ArrayLike, *, search_prior: float = SEARCH_PRIOR
) -> Calibration:
    """The calibration that is right on held-out samples.

    Parameters
    ----------
    labels : array_like of 0 and 1, shape (n,)
        Of samples that share no companion and no azimuth with the training set, such as the
        validation set; their fraction of positives becomes `Calibration.training_prior`.
    logits : array_like, shape (n,)
        Of the network.
    search_prior : float
        Expected companions over positions searched.

    Returns
    -------
    Calibration
        Where the logits part the labels without error no stretch of them is too large; then
        the one that is best for labels that are almost sure, as Platt has it. Logits that
        rank the wrong way get the slope 0: they tell nothing.

    Raises
    ------
    InputError
        If there are not samples of both classes, or a logit is not finite.

    References
    ----------
    Platt (1999), Advances in Large Margin Classifiers, 61.
    Saerens, Latinne & Decaestecker (2002), Neural Computation 14, 21.
    """
    y, z = np.asarray(labels), np.asarray(logits, dtype=np.float64)
    prior = _checked_prior(y, z)
    fitted = logistic_recalibration(y, special.expit(z))
    if fitted is not None and fitted.slope > 0:
        slope, intercept = fitted.slope, fitted.intercept
    elif z[y == 1].mean() > z[y == 0].mean():
        slope, intercept = _almost_sure(y, z)
    else:
        slope, intercept = 0.0, float(special.logit(prior))
    return Calibration(
        slope=slope,
        intercept=intercept,
        training_prior=prior,
        search_prior=search_prior,
        n_samples=y.size,
    )


def _checked_prior(y: NDArray[Any], z: NDArray[np.float64]) -> float:
    """Fraction of positives."""
    problems = []
    if y.ndim != 1 or y.shape != z.shape or not np.isin(y, (0, 1)).all():
        problems.append(
            f"labels must be 0 or 1 and as many as the logits, got shapes {y.shape} and {z.shape}"
        )
    elif not 0 < y.sum() < y.size:
        problems.append(
            f"a calibration needs held-out samples of both classes, got {y.sum()} positives of "
            f"{y.size}"
        )
    if not np.isfinite(z).all():
        problems.append("logits must be finite; the training has failed")
    if problems:
        raise InputError(*problems)
    return float(y.mean())


def _almost_sure(y: NDArray[Any], z: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and intercept for labels smoothed by one more sample of each kind (Platt 1999)."""
    n_positive, n_negative = int(y.sum()), int((y == 0).sum())
    targets = np.where(y == 1, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    middle, scale = z.mean(), z.std()
    standard = (z - middle) / scale

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        fitted = line[0] + line[1] * standard
        error = special.expit(fitted) - targets
        value = float(np.mean(np.logaddexp(0, fitted) - targets * fitted))
        return value, np.array([error.mean(), (error * standard).mean()])

    height, slope = optimize.minimize(loss, np.zeros(2), jac=True, method="BFGS").x
    return float(slope / scale), float(height - slope / scale * middle)


def _threshold(content: Mapping[str, Any]) -> Threshold:
    one = Threshold(**content)
    if not all(_is_number(value) for value in asdict(one).values()):
        raise ValueError(f"a threshold must be of finite numbers, got {one}")
    return one


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
