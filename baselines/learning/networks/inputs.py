"""How a sequence is shown to a model: as those were that it was trained for, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exobench.baselines.learning.networks.model_file import check_fits
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import patch_side
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from exobench.baselines.learning.networks.model_file import Model
    from exobench.datasets.sequence import ImageSequence


def check_sampling(model: Model, sequence: ImageSequence) -> None:
    """Refuse a sequence that cannot be shown to a model as those it was trained for were.

    Raises
    ------
    InputError
        If it has too few frames, or its PSF needs patches of another size.
    """
    most = sequence.n_frames - 1
    if model.architecture.n_ranks > most:
        raise InputError(
            f"{sequence.name}: {sequence.n_frames} frames leave {most} numbers of components, the "
            f"model was trained for {model.architecture.n_ranks}: train again on it, or take a "
            "model of fewer n_ranks"
        )
    if model.recipe.get("patch") is None:
        needed = patch_side(sequence.reference_fwhm)
        check_fits(model, patch=needed, n_ranks=model.architecture.n_ranks)


def patch_settings(model: Model) -> PatchSettings:
    """How the patches are made that a model was trained for.

    Raises
    ------
    InputError
        If its recipe is none.
    """
    try:
        explained = Recipe(**model.recipe).explained
    except TypeError as error:
        raise InputError(
            "the model does not say how its samples were made; train it again"
        ) from error
    return PatchSettings(
        patch=model.architecture.patch, n_ranks=model.architecture.n_ranks, explained=explained
    )
