"""A judge of patches that a sequence has trained, what its logits mean, and its map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from exobench.baselines.learning.judgement.field import field_map
from exobench.baselines.learning.judgement.meaning import Meaning, check_output
from exobench.baselines.learning.judgement.measured import measured_meaning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from exobench.baselines.learning.residuals.patches import PatchSettings
    from exobench.baselines.learning.samples.drawn import Drawn
    from exobench.baselines.learning.samples.samples import Batch
    from exobench.datasets.sequence import ImageSequence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchJudge:
    """What says something of a patch, what that means, and how the patches are made.

    Attributes
    ----------
    judge : callable
        From a `Batch` of n patches to their logits, shape (n,).
    meaning : Meaning
    settings : PatchSettings
    with_snr : bool
        Whether it looks at S/N curves.
    """

    judge: Callable[[Batch], NDArray[np.floating]]
    meaning: Meaning
    settings: PatchSettings
    with_snr: bool

    @classmethod
    def measured(
        cls, judge: Callable[[Batch], NDArray[np.floating]], found: Drawn, *, with_snr: bool
    ) -> Self:
        """One that has learnt from samples, and whose logits mean what others of them say.

        Raises
        ------
        InputError
            If the validation set or the map does not tell what the logits mean.
        """
        meaning = measured_meaning(
            lambda batches: _logits(judge, batches),
            found.plan,
            found.samples["validation"],
            with_snr=with_snr,
        )
        return cls(judge=judge, meaning=meaning, settings=found.plan.settings, with_snr=with_snr)

    def map(
        self,
        sequence: ImageSequence,
        output: str = "significance",
        wanted: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """What it says of the pixels that patches fit around, shape (n_y, n_x); NaN elsewhere.

        Parameters
        ----------
        sequence : ImageSequence
            Of one wavelength.
        output : {"significance", "log_odds", "probability"}
            As of `Meaning.values`.
        wanted : ndarray of bool, shape (n_y, n_x), or None
            Pixels to be judged; None: all.

        Raises
        ------
        InputError
            If the sequence is too small or turns too little, or the output is unknown.
        """
        check_output(output)
        logits = field_map(
            sequence,
            self.settings,
            lambda batches: _logits(self.judge, batches),
            wanted=wanted,
            with_snr=self.with_snr,
        )
        return self.meaning.values(logits, output)


def _logits(
    judge: Callable[[Batch], NDArray[np.floating]], batches: Iterable[Batch]
) -> NDArray[np.float64]:
    """Those of all patches, in their order."""
    return np.concatenate([np.empty(0), *map(judge, batches)])
