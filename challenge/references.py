"""Reference reductions that calibrate how faint companions are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import PlainValidator

from exobench.baselines import load, other_than_default
from exobench.datasets.errors import InputError
from exobench.datasets.preprocessing.binning import binned
from exobench.scoring.snr import significance_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from exobench.baselines import Baseline
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
        """The families suited to a sequence, by name, such as ``"pca(n_components=3)"``.

        A family has the name of its entry in the recipe, whatever a sequence allows it: the
        baseline's, with the options that differ from its defaults. Where the recipe leaves the
        number of components open it is that of the baseline, and at most one for every three
        images.

        Raises
        ------
        InputError
            If that makes two families the same.
        """
        n_images = images_seen(sequence.n_wavelengths, sequence.n_frames, self.max_frames)
        problems = repeated_references(self.choices, n_images)
        if problems:
            raise InputError(*problems)
        return {
            reference_label(choice): ReducedSignificance(
                _fitted(choice, n_images),  # type: ignore[arg-type]
                self.max_frames,
            )
            for choice in self.choices
        }


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
    return problems or repeated_references(choices)


def repeated_references(
    choices: Sequence[ReferenceChoice], n_images: int | None = None
) -> list[str]:
    """Sentences on valid choices that are the same reference, in whatever words.

    Parameters
    ----------
    choices : sequence of ReferenceChoice
    n_images : int or None
        That a reference sees: a third of it bounds a number of components left open.
    """
    baselines = [_fitted(choice, n_images) for choice in choices]
    problems = []
    for i, baseline in enumerate(baselines):
        first = choices[baselines.index(baseline)]
        if baselines.index(baseline) == i:
            continue
        if first == choices[i]:
            problems.append(f"{_written(first)}: is named twice")
        else:
            where = "" if n_images is None else f" for {n_images} images"
            problems.append(
                f"{_written(choices[i])}: is the same reference as {_written(first)}{where}; "
                "leave one of them out"
            )
    return problems


def images_seen(n_wavelengths: int, n_frames: int, max_frames: int | None) -> int:
    """Number of images of a sequence that a reference sees, which may see means of frames."""
    return n_wavelengths * min(n_frames, max_frames or n_frames)


def _fitted(choice: ReferenceChoice, n_images: int | None) -> Baseline:
    """The baseline of a choice for so many images; None: for any number."""
    name, options = _parted(choice)
    baseline = load(name, **options)
    asked = getattr(baseline, "n_components", None)
    if n_images is None or asked is None or "n_components" in options:
        return baseline
    most = max(1, n_images // IMAGES_PER_COMPONENT)
    return load(name, **options, n_components=min(asked, most))


def _parted(choice: ReferenceChoice) -> tuple[str, dict[str, Any]]:
    if isinstance(choice, str):
        return choice, {}
    options = {key: value for key, value in choice.items() if key != "name"}
    return str(choice["name"]), options


def reference_label(choice: ReferenceChoice) -> str:
    """The name of a baseline, with the options that differ from its defaults."""
    name, options = _parted(choice)
    return _call(name, other_than_default(name, options))


def _written(choice: ReferenceChoice) -> str:
    """A choice with all the options that the recipe gives."""
    return _call(*_parted(choice))


def _call(name: str, options: Mapping[str, Any]) -> str:
    words = ", ".join(f"{key}={options[key]}" for key in sorted(options))
    return f"{name}({words})" if words else name
