"""What can be wrong with the arrays of a sequence, one against the other, before it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.datasets.sequence import frames_problem
from exobench.datasets.units import pixel_scale_problem, wavelengths_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Parts = Mapping[str, NDArray[Any]]  # by kind (`part_names`): what was readable
    Problem = tuple[str, str]  # the kind of part to blame, a sentence

INCOMPLETE_IN_1_0 = "sphere_ifs"  # the instrument whose cubes miss frames there
AS_MANY = (
    "as many frames as wavelengths: the order of the axes cannot be checked; "
    "taken as (wavelength, frame, y, x)"
)


def arranged(parts: Parts) -> tuple[Parts, str | None]:
    """Parts whose cube has its wavelengths before its frames, and a sentence if it had not.

    A cube ``(n_frames, n_wavelengths, n_y, n_x)`` is put right where the numbers of angles
    and of wavelengths leave no other reading; else it stays as it is.
    """
    cube, angles, wavelengths = (parts.get(kind) for kind in ("cube", "pa", "wls"))
    if cube is None or angles is None or cube.ndim != 4:
        return parts, None
    first, second = cube.shape[:2]
    n_spectral = 1 if wavelengths is None else wavelengths.size
    if first == second == angles.size > 1:
        return parts, AS_MANY
    if not (first == angles.size != second == n_spectral):
        return parts, None
    right = np.ascontiguousarray(cube.swapaxes(0, 1))
    sentence = (
        f"the cube's axes are frame, wavelength, y, x by the {angles.size} angles and "
        f"{n_spectral} wavelengths: the first two were swapped on reading"
    )
    return {**parts, "cube": right}, sentence


def value_problems(parts: Parts) -> list[Problem]:
    """What is wrong with each part by itself, the PSF's values excepted."""
    return [
        (kind, problem)
        for kind, check in _CHECKS.items()
        if kind in parts
        for problem in check(parts[kind])
        if problem
    ]


def axis_problems(parts: Parts, instrument: str = "") -> list[Problem]:
    """Where the parts disagree about the number of frames or wavelengths.

    Cubes of `instrument` may be known to be incomplete. The cube is ``(n_frames, n_y, n_x)``
    or ``(n_wavelengths, n_frames, n_y, n_x)``. Axes in another order are recognised by the
    numbers of angles, wavelengths and PSFs.
    """
    cube = parts.get("cube")
    if cube is None or cube.ndim not in (3, 4):
        return []
    n_wavelengths, n_frames = (1, *cube.shape)[-4:-2]
    n_angles = max(parts["pa"].shape, default=1) if "pa" in parts else n_frames
    swapped = _swapped(cube.shape, n_angles, _spectral(parts))
    if swapped:
        return [("cube", swapped)]
    problems = []
    if n_angles != n_frames:
        problems.append(("pa", _frames_and_angles(n_frames, n_angles, instrument)))
    if "wls" in parts and parts["wls"].size != n_wavelengths:
        problems.append(
            (
                "wls",
                f"{parts['wls'].size} wavelengths for a cube of {n_wavelengths} "
                f"(shape {cube.shape}); expected one each",
            )
        )
    n_psf = _n_psf(parts)
    if n_psf not in (None, 1, n_wavelengths):
        problems.append(
            ("psf", f"{n_psf} images for {n_wavelengths} wavelengths; expected one each, or one")
        )
    return problems + _reference_problems(parts, n_wavelengths)


def _frames_and_angles(n_frames: int, n_angles: int, instrument: str) -> str:
    problem = f"{n_angles} angles for the {n_frames} frames of the cube; expected one each"
    if instrument == INCOMPLETE_IN_1_0 and n_frames < n_angles:
        return (
            f"{problem}; in version 1.0 of the published archive cubes of this instrument miss "
            "frames: get version 2.0 with `exobench fetch eidc1`"
        )
    return problem


def _reference_problems(parts: Parts, n_wavelengths: int) -> list[Problem]:
    if "reference" not in parts or parts["reference"].ndim not in (3, 4):
        return []
    shape, frame = parts["reference"].shape, parts["cube"].shape[-2:]
    expected = f"(frame, {frame[0]}, {frame[1]})"
    if n_wavelengths > 1:
        expected = f"({n_wavelengths}, frame, {frame[0]}, {frame[1]})"
    if (1, *shape)[-4] == n_wavelengths and shape[-2:] == frame:
        return []
    return [("reference", f"shape {shape} does not fit the cube's; expected {expected}")]


def _spectral(parts: Parts) -> int | None:
    return int(parts["wls"].size) if "wls" in parts else _n_psf(parts)


def _n_psf(parts: Parts) -> int | None:
    psf = parts.get("psf")
    return int(psf.shape[0]) if psf is not None and psf.ndim == 3 else None


def _swapped(shape: tuple[int, ...], n_angles: int, n_spectral: int | None) -> str | None:
    if len(shape) == 3 and shape[0] != n_angles == shape[2]:
        return (
            f"frames on the last axis: shape {shape} with {n_angles} angles; "
            f"expected ({n_angles}, y, x), move the last axis to the front"
        )
    if len(shape) == 4 and shape[1] != n_angles == shape[0] and n_spectral in (None, 1, shape[1]):
        return (
            f"axes of frame and wavelength are swapped: shape {shape} with {n_angles} angles; "
            f"expected (wavelength, frame, y, x), that is {(shape[1], shape[0], *shape[2:])}; "
            "swap the first two axes"
        )
    return None


def _frame_problems(cube: NDArray[np.float32]) -> list[str | None]:
    if cube.ndim not in (3, 4) or 0 in cube.shape:
        return [
            "expected axes (frame, y, x) or (wavelength, frame, y, x), none of them empty, "
            f"got shape {cube.shape}"
        ]
    return [frames_problem(cube)]


def _angle_problems(angles: NDArray[np.float64]) -> list[str | None]:
    if angles.ndim == 0 or angles.size != max(angles.shape):
        return [f"expected one angle per frame, got shape {angles.shape}"]
    bad = int((~np.isfinite(angles)).sum())
    return [f"{bad} of {angles.size} angles are NaN or infinite"] if bad else []


def _scale_problems(pixel_scale: NDArray[np.float64]) -> list[str | None]:
    if pixel_scale.size != 1:
        return [f"expected one number of arcsec per pixel, got shape {pixel_scale.shape}"]
    return [pixel_scale_problem(float(pixel_scale.item()))]


_CHECKS: dict[str, Callable[[NDArray[Any]], list[str | None]]] = {
    "cube": _frame_problems,
    "reference": _frame_problems,
    "pa": _angle_problems,
    "pxscale": _scale_problems,
    "wls": lambda wavelengths: [wavelengths_problem(wavelengths)],
}
