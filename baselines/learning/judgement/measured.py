"""What the logits of a trained judge mean, measured on the sequence that it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.datasets.geometry import radius_map

if TYPE_CHECKING:
    from exobench.baselines.learning.judgement.field import Judge
    from exobench.baselines.learning.samples.label_plan import Plan
    from exobench.baselines.learning.samples.samples import Normalisation, Samples


def measured_meaning(
    judge: Judge,
    plan: Plan,
    held_out: Samples,
    *,
    with_snr: bool = True,
    normalisation: Normalisation = "noise",
) -> Meaning:
    """How likely a companion is, by held-out samples; how rare a logit, by the map.

    The map is of the sequence itself: as in an S/N map, candidates are compared with what is
    around them, so that significances of several sequences are alike. Held-out samples are
    too few for that, and of other angles.

    Parameters
    ----------
    judge : callable
        As of `field_map`.
    plan : Plan
        Of the samples.
    held_out : Samples
        That the judge was not trained on.
    with_snr, normalisation
        As of `field_map`.

    Raises
    ------
    InputError
        If the samples or the map do not tell what the logits mean.
    """
    inner, outer = plan.recipe.radii_px
    radius = radius_map(plan.sequence.shape)
    shown = field_map(
        plan.sequence,
        plan.settings,
        judge,
        wanted=(radius >= inner) & (radius < (np.inf if outer is None else outer)),
        with_snr=with_snr,
        normalisation=normalisation,
    )
    logits = judge([held_out.batch(normalisation)])
    return Meaning.of(held_out.labels, logits, shown[np.isfinite(shown)])
