"""A small network on the principal components of patches, as plain arrays.

A patch of a hundred pixels has some twenty components that say what it shows; a network of
one hidden layer on these has a few hundred weights, which some hundred samples determine and
a second trains. scikit-learn trains it, numpy runs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from exobench.baselines.learning.networks.training import cross_entropy
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    Labelled = tuple[NDArray[np.float32], NDArray[np.integer[Any]]]

_BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PatchLessons:
    """How a patch network is trained.

    Attributes
    ----------
    n_components : int
        Of the patches, that it sees, each scaled to unit variance.
    hidden : int
        Units of its hidden layer, rectified linear.
    penalty : float
        On the squares of the weights.
    epochs : int
        At most.
    patience : int
        Epochs without a lower loss of the validation set after which it ends. The weights of
        the lowest one are kept.
    seed : int
        Of first weights and the order of samples.
    """

    n_components: int = 20
    hidden: int = 16
    penalty: float = 3.0
    epochs: int = 20
    patience: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchNetwork:
    """Principal components, and a network of one hidden layer.

    Attributes
    ----------
    mean : ndarray, shape (n_pixels,)
        Of the patches.
    components : ndarray, shape (n_pixels, n_components)
        Each over its standard deviation.
    into_hidden : ndarray, shape (n_components + 1, hidden)
        Weights; those of the last row are biases.
    out : ndarray, shape (hidden + 1,)
        Likewise.

    References
    ----------
    Bertin (2001), Mining the Sky, 353 (networks that judge detections by their pixels).
    """

    mean: NDArray[np.float64]
    components: NDArray[np.float64]
    into_hidden: NDArray[np.float64]
    out: NDArray[np.float64]

    @classmethod
    def trained(
        cls, training: Labelled, validation: Labelled, lessons: PatchLessons | None = None
    ) -> Self:
        """The network of labelled patches; the same every time.

        Parameters
        ----------
        training, validation : (ndarray, ndarray)
            Patches in rows, shape (n, n_pixels), and their labels, 0 or 1, shape (n,). The
            second pair, of sectors of its own, says when to end.
        lessons : PatchLessons, optional

        Raises
        ------
        InputError
            If a value is not finite, or there are not samples of both classes.
        """
        lessons = lessons or PatchLessons()
        _check(training)
        _check(validation)
        mean = training[0].mean(axis=0, dtype=np.float64)
        components = _components(training[0] - mean, lessons.n_components)
        best, least, last = None, np.inf, 0
        for epoch, candidate in enumerate(_epochs(training, mean, components, lessons)):
            network = cls(mean=mean, components=components, **candidate)
            loss = cross_entropy(validation[1], network.logits(validation[0]))
            if loss < least:
                best, least, last = network, loss, epoch
            if epoch - last >= lessons.patience:
                break
        if best is None:
            raise InputError("the loss of the network is not finite; look at the sequence")
        return best

    def logits(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Log-odds of a companion, as of the training samples, shape (n,).

        Parameters
        ----------
        rows : array_like, shape (n, n_pixels)

        Raises
        ------
        InputError
            If there are not as many pixels as the network was trained with.
        """
        seen = np.asarray(rows, dtype=np.float64)
        if seen.ndim != 2 or seen.shape[1] != self.mean.size:
            raise InputError(
                f"the network was trained with patches of {self.mean.size} pixels, got an array "
                f"of shape {seen.shape}; make patches as for its training"
            )
        weights, biases = self.into_hidden[:-1], self.into_hidden[-1]
        hidden = np.maximum((seen - self.mean) @ self.components @ weights + biases, 0)
        return np.asarray(hidden @ self.out[:-1] + self.out[-1])


def _check(samples: Labelled) -> None:
    rows, labels = samples
    if not np.isfinite(rows).all() or set(np.unique(labels)) != {0, 1}:
        raise InputError(
            "a network of patches needs finite ones of both classes, with a companion and "
            "without; look at the sequence"
        )


def _components(deviations: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Principal components over their standard deviations, shape (n_pixels, n or fewer)."""
    variances, vectors = np.linalg.eigh(deviations.T @ deviations / len(deviations))
    strongest = np.argsort(variances)[::-1][:n]
    strongest = strongest[variances[strongest] > 1e-12 * variances.max()]
    return np.asarray(vectors[:, strongest] / np.sqrt(variances[strongest]))


def _epochs(
    training: Labelled,
    mean: NDArray[np.float64],
    components: NDArray[np.float64],
    lessons: PatchLessons,
) -> Iterator[dict[str, NDArray[np.float64]]]:
    """Weights after each epoch."""
    # Half a second to import.
    from sklearn.neural_network import MLPClassifier  # type: ignore[import-untyped]

    network = MLPClassifier(
        hidden_layer_sizes=(lessons.hidden,),
        alpha=lessons.penalty,
        batch_size=min(_BATCH, len(training[1])),
        random_state=np.random.RandomState(lessons.seed),  # one stream for all epochs
    )
    seen = (training[0] - mean) @ components
    for _ in range(lessons.epochs):
        network.partial_fit(seen, training[1], classes=(0, 1))
        into, out = (
            np.concatenate([weights, biases[np.newaxis]])
            for weights, biases in zip(network.coefs_, network.intercepts_, strict=True)
        )
        yield {"into_hidden": into.copy(), "out": out[:, 0].copy()}
