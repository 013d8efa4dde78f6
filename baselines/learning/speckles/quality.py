"""How like real speckles synthetic ones are: scatter by separation, power spectrum, a classifier.

All of it is of standardised residual canvases or of residual frames: the mean image, which
is the same in both, would hide every difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft
from scipy.stats import kurtosis, skew

from exobench.baselines.learning.networks.training import area_under_roc
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """How far two sets of images are apart.

    Attributes
    ----------
    profile_error, spectrum_error : float
        Relative L1 difference of `radial_profile` and of `power_spectrum`.
    classifier_auc : float
        See `two_sample_auc`: 0.5 where they cannot be told apart.
    """

    profile_error: float
    spectrum_error: float
    classifier_auc: float


def radial_profile(images: NDArray[np.floating], outermost: float) -> NDArray[np.float64]:
    """Root mean square, over images and rings 1 pixel wide, by separation from 0 to `outermost`.

    Parameters
    ----------
    images : ndarray, shape (n, n_y, n_x)
        Centred on the star.
    outermost : float
        In pixels.
    """
    power = _ring_power(np.asarray(images, dtype=np.float64), outermost)
    return np.asarray(np.sqrt(power.mean(axis=0)))


def power_spectrum(images: NDArray[np.floating]) -> NDArray[np.float64]:
    """Mean power by spatial frequency 1, 2, ... n/2 cycles per image side, shape (n // 2,).

    The squared modulus of the Fourier transform per pixel, averaged over images and over
    all directions.

    Parameters
    ----------
    images : ndarray, shape (n, n_pixels, n_pixels)
        Square.
    """
    return np.asarray(_frequency_power(np.asarray(images, dtype=np.float64)).mean(axis=0))


def frequencies(n: int) -> NDArray[np.intp]:
    """Cycles per image side of every value of `numpy.fft.fft2`, rounded; shape (n, n)."""
    one = fft.fftfreq(n) * n
    return np.rint(np.hypot(one[:, np.newaxis], one)).astype(np.intp)


def relative_l1(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Sum of the absolute differences over the sum of what is expected."""
    return float(np.abs(found - expected).sum() / np.abs(expected).sum())


def likeness(
    found: NDArray[np.floating], expected: NDArray[np.floating], rng: np.random.Generator
) -> Likeness:
    """How far images are from those that are expected.

    Two halves of real images give what can be expected of perfect ones.

    Parameters
    ----------
    found, expected : ndarray, shapes (m, n_pixels, n_pixels) and (n, n_pixels, n_pixels)
        Square, centred on the star.
    rng : Generator
        Draws the folds of the classifier.

    Raises
    ------
    InputError
        If one has fewer than 4 images, or their sizes differ.
    """
    _check(found, expected)
    outermost = found.shape[-1] // 2 - 1
    profiles = [radial_profile(one, outermost) for one in (found, expected)]
    spectra = [power_spectrum(one) for one in (found, expected)]
    return Likeness(
        profile_error=relative_l1(*profiles),
        spectrum_error=relative_l1(*spectra),
        classifier_auc=two_sample_auc(found, expected, rng),
    )


def two_sample_auc(
    one: NDArray[np.floating], other: NDArray[np.floating], rng: np.random.Generator
) -> float:
    """Area under the ROC curve of a classifier that tells images of two sets apart.

    Logistic regression on logarithms of the scatter by separation and of the power by
    spatial frequency, and on skewness and kurtosis, of each image; cross-validated in 4
    stratified folds, 5 times anew. None of it depends on how the image is turned by 90
    degrees or mirrored.

    Parameters
    ----------
    one, other : ndarray, shapes (m, n_pixels, n_pixels) and (n, n_pixels, n_pixels)
        Centred on the star.

    Raises
    ------
    InputError
        If one has fewer than 4 images, or their sizes differ.

    References
    ----------
    Lopez-Paz & Oquab (2017), ICLR, arXiv 1610.06545.
    """
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    _check(one, other)
    known = np.concatenate([_features(one), _features(other)])
    labels = np.repeat([0, 1], [len(one), len(other)])
    # Few images, many numbers of each: strongly regularised.
    judge = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.01, class_weight="balanced", max_iter=1000)
    )
    found = []
    for seed in rng.integers(2**31, size=5):
        folds = StratifiedKFold(4, shuffle=True, random_state=int(seed))
        odds = cross_val_predict(judge, known, labels, cv=folds, method="decision_function")
        found.append(area_under_roc(labels, odds) or 0.5)
    return float(np.mean(found))


def _features(images: NDArray[np.floating]) -> NDArray[np.float64]:
    values = np.asarray(images, dtype=np.float64)
    outermost = values.shape[-1] // 2 - 1
    powers = (_ring_power(values, outermost), _frequency_power(values))
    numbers = [np.log(one + 1e-12) for one in powers]
    inside = values[:, radius_map(values.shape) <= outermost]
    shape = [skew(inside, axis=1), np.log1p(np.abs(kurtosis(inside, axis=1)))]
    return np.column_stack([*numbers, *shape])


def _ring_power(images: NDArray[np.float64], outermost: float) -> NDArray[np.float64]:
    """Mean square by separation of each image."""
    ring = np.rint(radius_map(images.shape)).astype(np.intp)
    return _ring_means(images**2, ring)[:, : int(outermost) + 1]


def _frequency_power(images: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean power by spatial frequency, from 1, of each image."""
    n = images.shape[-1]
    power = np.abs(fft.fft2(images)) ** 2 / n**2
    return _ring_means(power, frequencies(n))[:, 1 : n // 2 + 1]


def _ring_means(images: NDArray[np.float64], ring: NDArray[np.intp]) -> NDArray[np.float64]:
    """Means over the pixels of each ring, shape (n, n_rings)."""
    order = np.argsort(ring, axis=None, kind="stable")
    first = np.searchsorted(ring.ravel()[order], np.arange(ring.max() + 1))
    sums = np.add.reduceat(images.reshape(len(images), -1)[:, order], first, axis=1)
    return np.asarray(sums / np.bincount(ring.ravel()))


def _check(one: NDArray[np.floating], other: NDArray[np.floating]) -> None:
    problems = []
    if one.shape[1:] != other.shape[1:] or one.ndim != 3 or one.shape[1] != one.shape[2]:
        problems.append(
            f"expected square images of one size, got shapes {one.shape} and {other.shape}"
        )
    if min(len(one), len(other)) < 4:
        problems.append(f"expected 4 images of each or more, got {len(one)} and {len(other)}")
    if problems:
        raise InputError(*problems)
