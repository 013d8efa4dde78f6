"""A search for the traces of injections, in cubes whose companions are known.

Along the track of a companion, outside its own light, it counts zeros, repeated values and
used bits, and looks for steps at the edge of a stamp; the same along tracks where nothing is.
A classifier learns from some cubes and is asked about the others.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from exobench.datasets.geometry import frame_centre

# Standard deviation of the AUC of a guess on 30 tracks with companions and 90 without: 0.06.
CHANCE = 0.5 + 3 * 0.06
TURNS = (0.0, 60.0, 180.0, 300.0)  # degrees: companions are at the first, nothing at the others


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A cube, where its companions are, and what there is to know of how they went in.

    Attributes
    ----------
    frames : ndarray, shape (n_wavelengths, n_frames, n_y, n_x)
    angles : ndarray, shape (n_frames,)
    radii, azimuths : tuple of float
        Of the companions, in pixels and degrees.
    core : float
        Radius in pixels of a companion's own light.
    half : int
        The stamp reaches so many pixels from its centre.
    """

    frames: np.ndarray
    angles: np.ndarray
    radii: tuple
    azimuths: tuple
    core: float
    half: int

    def tracks(self, turn):
        """Positions (y, x) in every frame, shape (n_tracks, n_frames, 2)."""
        cy, cx = frame_centre(self.frames.shape[-2:])
        theta = np.deg2rad(np.asarray(self.azimuths)[:, np.newaxis] + turn - self.angles)
        radii = np.array(self.radii)[:, np.newaxis]
        return np.stack([cy + radii * np.sin(theta), cx + radii * np.cos(theta)], axis=-1)


def trailing_zero_bits(values):
    """Of the mantissas of float32, the leading one included."""
    bits = values.astype(np.float32).view(np.uint32) | np.uint32(1 << 23)
    return np.log2((bits & -bits.astype(np.int64)).astype(float))


def traces_in_pixels(frames):
    """What may betray a pixel, shape (n, ..., n_traces): in each, as if it were alone."""
    repeats = np.empty(frames.shape)
    for frame, counted in zip(
        frames.reshape(-1, *frames.shape[-2:]), repeats.reshape(-1, *frames.shape[-2:]), strict=True
    ):
        _, inverse, counts = np.unique(frame, return_inverse=True, return_counts=True)
        counted[:] = counts[inverse].reshape(frame.shape)
    return np.stack(
        [
            frames == 0,
            repeats > 1,
            np.log(repeats),
            trailing_zero_bits(frames),
        ],
        axis=-1,
    )


def changes(frames):
    """What differs from the other frames, in units of its usual size at that pixel."""
    residual = frames - np.median(frames, axis=1, keepdims=True)
    return residual / np.maximum(residual.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)


def window(images, corner, n):
    """The square of n pixels at a corner (y, x), of NaN outside the images (..., y, x)."""
    y, x = (c + np.arange(n) for c in corner)
    n_y, n_x = images.shape[-2:]
    seen = images[..., np.clip(y, 0, n_y - 1)[:, np.newaxis], np.clip(x, 0, n_x - 1)]
    inside = ((y >= 0) & (y < n_y))[:, np.newaxis] & (x >= 0) & (x < n_x)
    return np.where(inside, seen, np.nan)


def kinks_at_edge(images, centre, half):
    """Step across the edge of a stamp, shape (n, 1), in images (n, y, x).

    Less the steps one pixel to either side, which the smooth light of a companion has too.
    """
    n = 2 * half + 5
    square = window(images, centre - half - 2, n)
    sides = [np.rot90(square, turn, axes=(1, 2))[:, :5, 2:-2] for turn in range(4)]
    lines = np.concatenate(sides, axis=2)  # from 2 px outside to 3 px within, along all four sides
    inwards = np.diff(lines, axis=1)
    kink = inwards[:, 1] - (inwards[:, 0] + inwards[:, 2]) / 2
    return np.nanmean(kink, axis=1)[:, np.newaxis]


def traces(evidence, pixels, changed, track):
    """What an injection may leave around a track, as numbers."""
    y, x = np.indices(evidence.frames.shape[-2:])
    found = []
    for t, (cy, cx) in enumerate(track):
        nearest = np.rint([cy, cx]).astype(int)
        stamp = tuple(slice(max(c - evidence.half, 0), c + evidence.half + 1) for c in nearest)
        wings = np.hypot(y[stamp] - cy, x[stamp] - cx) > evidence.core
        counted = pixels[:, t][(slice(None), *stamp)][:, wings].mean(axis=1)
        found.append(
            np.concatenate([counted, kinks_at_edge(changed[:, t], nearest, evidence.half)], axis=1)
        )
    found = np.array(found).reshape(len(track) * len(changed), -1)
    return np.concatenate([found.mean(axis=0), found.std(axis=0)])


def auc(cubes):
    """Of the search on cubes it has not learnt from: 0.5 is chance, 1 finds all tracks."""
    features, labels, groups = [], [], []
    for number, evidence in enumerate(cubes):
        pixels, changed = traces_in_pixels(evidence.frames), changes(evidence.frames)
        for turn in TURNS:
            for track in evidence.tracks(turn):
                features.append(traces(evidence, pixels, changed, track))
                labels.append(turn == 0)
                groups.append(number)
    classifier = make_pipeline(
        StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    guess = cross_val_predict(
        classifier, features, labels, groups=groups, cv=GroupKFold(5), method="predict_proba"
    )
    return roc_auc_score(labels, guess[:, 1])
