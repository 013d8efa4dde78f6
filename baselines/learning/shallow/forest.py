"""Random forests as plain arrays: grown by scikit-learn, looked through by numpy.

What a tree says of a leaf with few samples in it is 0 or 1, and the odds of that are
infinite. Leaves are therefore counted with one more sample of each class (Laplace), and the
forest says the mean of its trees, strictly between 0 and 1, and the logit of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import special

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

_ROWS = 512
"""Samples that go through all trees at once: nodes and features of so many fit in a cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a forest is grown.

    Attributes
    ----------
    trees : int
    leaf : int
        Samples in a leaf at least.
    seed : int
        Of what every tree sees: samples drawn with replacement, and the features that a
        branching chooses from, as many as the root of their number.
    """

    trees: int = 100
    leaf: int = 5
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forest:
    """Trees, the nodes of one after those of the other.

    Attributes
    ----------
    features : ndarray of int32, shape (n_nodes,)
        That a node looks at; 0 in leaves.
    thresholds : ndarray of float64, shape (n_nodes,)
        Up to which, inclusive, a sample goes to the first child.
    children : ndarray of int32, shape (n_nodes, 2)
        Numbers of nodes; a leaf is its own child.
    probabilities : ndarray of float64, shape (n_nodes,)
        Of class 1, of the samples that it was grown from and came by a node, and one more of
        each class.
    roots : ndarray of int32, shape (n_trees,)
        Numbers of nodes.
    n_features : int

    References
    ----------
    Breiman (2001), Machine Learning 45, 5.
    Provost & Domingos (2003), Machine Learning 52, 199 (Laplace's correction of leaves).
    """

    features: NDArray[np.int32]
    thresholds: NDArray[np.float64]
    children: NDArray[np.int32]
    probabilities: NDArray[np.float64]
    roots: NDArray[np.int32]
    n_features: int

    @classmethod
    def grown(cls, features: ArrayLike, labels: ArrayLike, growth: Growth | None = None) -> Self:
        """The forest of labelled samples; the same every time, on one core.

        Parameters
        ----------
        features : array_like, shape (n, n_features)
            Finite; taken as float32.
        labels : array_like of 0 and 1, shape (n,)
        growth : Growth, optional

        Raises
        ------
        InputError
            If a feature is not finite, or there are not samples of both classes.
        """
        # Half a second to import.
        from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped]

        seen, classes = np.asarray(features, dtype=np.float32), np.asarray(labels)
        problems = []
        if not np.isfinite(seen).all():
            problems.append("features of a forest must be finite; look at the sequence")
        if set(np.unique(classes)) != {0, 1}:
            problems.append("a forest needs samples of both classes, 0 and 1")
        if problems:
            raise InputError(*problems)
        growth = growth or Growth()
        fitted = RandomForestClassifier(
            n_estimators=growth.trees,
            min_samples_leaf=growth.leaf,
            max_features="sqrt",
            random_state=growth.seed,
            n_jobs=1,
        ).fit(seen, classes)
        return cls._of(fitted.estimators_, seen.shape[1])

    @classmethod
    def _of(cls, trees: Iterable[Any], n_features: int) -> Self:
        nodes = [one.tree_ for one in trees]
        counts = [one.node_count for one in nodes]
        roots = np.cumsum([0, *counts[:-1]])
        first = np.repeat(roots, counts)
        pairs = np.concatenate(
            [np.stack([one.children_left, one.children_right], axis=1) for one in nodes]
        )
        is_leaf = pairs[:, :1] < 0
        itself = np.arange(len(pairs))[:, np.newaxis]
        weight = np.concatenate([one.weighted_n_node_samples for one in nodes])
        share = np.concatenate([one.value[:, 0, 1] for one in nodes])
        looked_at = np.concatenate([one.feature for one in nodes])
        return cls(
            features=np.where(is_leaf[:, 0], 0, looked_at).astype(np.int32),
            thresholds=np.concatenate([one.threshold for one in nodes]),
            children=np.where(is_leaf, itself, pairs + first[:, np.newaxis]).astype(np.int32),
            probabilities=(share * weight + 1) / (weight + 2),
            roots=roots.astype(np.int32),
            n_features=n_features,
        )

    def probabilities_of(self, features: ArrayLike) -> NDArray[np.float64]:
        """Mean over the trees of the probability in the leaf reached, shape (n,).

        Parameters
        ----------
        features : array_like, shape (n, n_features)

        Raises
        ------
        InputError
            If there are not as many features as the forest was grown with.
        """
        seen = np.asarray(features, dtype=np.float32)
        if seen.ndim != 2 or seen.shape[1] != self.n_features:
            raise InputError(
                f"the forest was grown with {self.n_features} features of a sample, got an array "
                f"of shape {seen.shape}; make patches as for its training"
            )
        found = np.empty(len(seen))
        for start in range(0, len(seen), _ROWS):
            leaves = self._leaves(seen[start : start + _ROWS])
            found[start : start + _ROWS] = self.probabilities[leaves].mean(axis=1)
        return found

    def logits(self, features: ArrayLike) -> NDArray[np.float64]:
        """Log-odds of `probabilities_of`, always finite."""
        return np.asarray(special.logit(self.probabilities_of(features)))

    def _leaves(self, seen: NDArray[np.float32]) -> NDArray[np.int32]:
        """Node that every sample ends in, in every tree, shape (n, n_trees)."""
        at = np.broadcast_to(self.roots, (len(seen), self.roots.size))
        rows = np.arange(len(seen))[:, np.newaxis]
        while True:
            above = seen[rows, self.features[at]] > self.thresholds[at]
            following = self.children[at, above.astype(np.intp)]
            if (following == at).all():
                return following
            at = following
