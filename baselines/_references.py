"""Which frames may serve as references of which: those in which the field has moved away.

A companion that is at the same place in a frame and in its references is taken for a
speckle and subtracted from itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from exobench.datasets.sequence import ImageSequence

LIBRARIES = ("adi", "rdi", "ardi")
"""What the references of a frame are: frames of its own sequence, those of reference stars,
or both."""


def sky_tracks(angles: ArrayLike, magnification: ArrayLike = 1.0) -> NDArray[np.complex128]:
    """Where a companion stands in each frame, as x + iy, if on the sky it is at +1.

    Parameters
    ----------
    angles : array_like
        Derotation angle of each frame, in degrees.
    magnification : array_like
        Of the frames, such as that which aligns the speckles of several wavelengths;
        broadcast against `angles`.
    """
    turned = np.exp(-1j * np.deg2rad(np.asarray(angles, dtype=np.float64)))
    return np.asarray(magnification * turned)


def displacements(tracks: NDArray[np.complex128]) -> NDArray[np.float64]:
    """How far a companion is displaced between every two frames (rows and columns).

    Shape (n_frames, n_frames), in units of its distance from the star in the row's frame.
    Under rotation alone the chord ``2 sin(|angle| / 2)``.
    """
    moved = np.abs(tracks[:, np.newaxis] - tracks)
    return np.asarray(moved / np.abs(tracks)[:, np.newaxis])


def reference_frames(
    displacement: NDArray[np.float64], least: float, n_least: int
) -> NDArray[np.bool_]:
    """For each frame (row), which frames of the sequence may serve as its references.

    Parameters
    ----------
    displacement : ndarray, shape (n_frames, n_frames)
    least : float
        Frames at least so far away serve. With 0 all do, the frame itself included;
        otherwise a frame never serves itself.
    n_least : int
        Where fewer than that are far enough (small separations, little rotation), the
        `n_least` farthest serve instead, or all other frames if there are no more.

    References
    ----------
    Absil et al. (2013), A&A 559, L12.
    """
    allowed = displacement >= least
    if least > 0:
        n_frames = len(displacement)
        np.fill_diagonal(allowed, val=False)
        short = np.flatnonzero(allowed.sum(axis=1) < n_least)
        others = displacement[short].copy()
        others[np.arange(short.size), short] = -1
        farthest = np.argsort(-others, axis=1, kind="stable")[:, : min(n_least, n_frames - 1)]
        allowed[short[:, np.newaxis], farthest] = True
    return allowed


def star_frames(sequence: ImageSequence, library: str) -> NDArray[np.float32]:
    """Frames of reference stars that a library takes, shape (n_stars, n_y, n_x).

    Parameters
    ----------
    sequence : ImageSequence
        Of one wavelength.
    library : str
        One of `LIBRARIES`; with ``"adi"`` there are none of them.

    Raises
    ------
    InputError
        If the library asks for them and the sequence has none.
    """
    if library == "adi":
        return sequence.cube[0, :0]
    if sequence.reference is None or sequence.reference.shape[1] == 0:
        raise InputError(
            f"{sequence.name}: library {library} needs frames of reference stars, "
            "the sequence has none; take library adi"
        )
    stars: NDArray[np.float32] = sequence.reference[0]
    return stars


def joined_by_stars(allowed: NDArray[np.bool_], n_stars: int, library: str) -> NDArray[np.bool_]:
    """References of each frame, shape (n_frames, n_frames + n_stars).

    No companion of theirs is in the way of one here: all reference stars serve every frame.

    Parameters
    ----------
    allowed : ndarray of bool, shape (n_frames, n_frames)
        Those of its own sequence; with the library ``"rdi"`` they do not serve.
    n_stars : int
    library : str
        One of `LIBRARIES`.
    """
    stars = np.ones((len(allowed), n_stars), dtype=bool)
    return np.hstack([allowed & (library != "rdi"), stars])


def nearest_references(displacement: NDArray[np.float64], least: float, n: int) -> NDArray[np.intp]:
    """For each frame, the `n` least displaced of its `reference_frames`, nearest first.

    Shape (n_frames, n), or as many as there are other frames if these are fewer.
    """
    allowed = reference_frames(displacement, least, n)
    first = np.argsort(np.where(allowed, displacement, np.inf), axis=1, kind="stable")
    return first[:, : min(n, int(allowed.sum(axis=1).min()))]
