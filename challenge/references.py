"""Reference reductions that calibrate how faint companions are."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import PlainValidator

from exobench.baselines import load
from exobench.datasets.errors import InputError
from exobench.datasets.preprocessing.binning import binned
from exobench.scoring.snr import significance_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from exobench.datasets.limits import Reference
    from exobench.datasets.sequence import ImageSequence

IMAGES_PER_COMPONENT = 3


def _checked(choice: object) -> str | dict[str, Any]:
    """A reference as a recipe names it."""
    if isinstance(choice, str):
        return choice
    if isinstance(choice, dict) and isinstance(choice.get("name"), str):
        return choice
    raise ValueError(
        'name a baseline, such as "pca", or give a table, such as '
        f'{{ name = "pca", n_components = 10 }}, got {choice!r}'
    )


ReferenceChoice = Annotated[str | dict[str, Any], PlainValidator(_checked)]
"""A baseline, by its name or as a table of its name and options."""

DEFAULT_REFERENCES: tuple[ReferenceChoice, ...] = ("median", "annular_pca", "loci")
DEFAULT_IFS_REFERENCES: tuple[ReferenceChoice, ...] = ("sdi_median", "sdi_pca", "sdi_loci")


class Reducing(Protocol):
    """A baseline that makes an image before it measures significance."""

    def reduce(self, sequence: ImageSequence) -> NDArray[np.float32]:
        """Combined residual image, shape (n_y, n_x)."""


@dataclass(frozen=True, slots=True)
class ReducedSignificance:
    """Significance at a few positions of the image that a baseline makes.

    Attributes
    ----------
    baseline : Reducing
    max_frames : int or None
        It sees at most so many frames, means of consecutive ones.
    """

    baseline: Reducing
    max_frames: int | None = None

    def __call__(self, sequence: ImageSequence, yx: NDArray[np.float64]) -> NDArray[np.float64]:
        """Gaussian-equivalent significances, shape (n,), at positions (y, x), shape (n, 2)."""
        seen = sequence if self.max_frames is None else binned(sequence, self.max_frames)
        return significance_at(self.baseline.reduce(seen), sequence.reference_fwhm, yx)


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """Reference families: what calibrates the companions of a sequence.

    Attributes
    ----------
    choices : tuple of ReferenceChoice
    max_frames : int or None
        As in `ReducedSignificance`.
    """

    choices: tuple[ReferenceChoice, ...] = DEFAULT_REFERENCES
    max_frames: int | None = None

    def __call__(self, sequence: ImageSequence) -> Mapping[str, Reference]:
        """The families suited to a sequence, by name and options, such as ``"pca_10"``.

        Where the recipe leaves the number of components open it is that of the baseline, and
        at most one for every three images.
        """
        n_images = sequence.n_wavelengths * min(
            sequence.n_frames, self.max_frames or sequence.n_frames
        )
        return dict(_family(choice, n_images, self.max_frames) for choice in self.choices)


def reference_problems(choices: Sequence[ReferenceChoice], track: str) -> list[str]:
    """Sentences on choices that cannot be references of a track."""
    if not choices:
        return ["name at least one baseline"]
    problems: list[str] = []
    for choice in choices:
        name, options = _parted(choice)
        try:
            baseline = load(name, **options)
        except InputError as error:
            problems += error.problems
            continue
        if not hasattr(baseline, "reduce"):
            problems.append(f"{name}: makes no residual image, so that it cannot be a reference")
        elif track not in baseline.tracks:
            problems.append(f"{name}: does not answer track {track}")
    if not problems:
        labels = [_label(*_parted(choice)) for choice in choices]
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        problems += [f"{label}: is named twice" for label in repeated]
    return problems


def _family(
    choice: ReferenceChoice, n_images: int, max_frames: int | None
) -> tuple[str, ReducedSignificance]:
    name, options = _parted(choice)
    baseline = load(name, **options)
    known = {f.name: getattr(baseline, f.name) for f in fields(baseline)}  # type: ignore[arg-type]
    if "n_components" in known and "n_components" not in options:
        most = max(1, n_images // IMAGES_PER_COMPONENT)
        options = {"n_components": min(known["n_components"], most), **options}
        baseline = load(name, **options)
    return _label(name, options), ReducedSignificance(baseline, max_frames)  # type: ignore[arg-type]


def _parted(choice: ReferenceChoice) -> tuple[str, dict[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    options = {key: value for key, value in choice.items() if key != "name"}
    return str(choice["name"]), options


def _label(name: str, options: Mapping[str, Any]) -> str:
    return "_".join([name, *(str(options[key]) for key in sorted(options))])
