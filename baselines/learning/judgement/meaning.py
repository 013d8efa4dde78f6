"""What the logits of a trained detector mean: how rare in noise, how likely a companion."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from exobench.baselines.learning.judgement.calibration import Calibration, calibrate
from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

OUTPUTS = ("significance", "log_odds", "probability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What logits mean, by held-out samples and the noise of a map.

    Attributes
    ----------
    calibration : Calibration
        From logits to probabilities in a search.
    noise : NoiseScale
        How rare they are in noise.
    """

    calibration: Calibration
    noise: NoiseScale

    @classmethod
    def of(
        cls,
        labels: NDArray[np.integer],
        logits: NDArray[np.floating],
        noise: NDArray[np.floating],
    ) -> Self:
        """That of held-out samples and of noise.

        Parameters
        ----------
        labels, logits : ndarray, shape (n,)
            Of the samples.
        noise : ndarray, shape (m,)
            Logits that values are to be compared with, such as those of a map.

        Raises
        ------
        InputError
            If they are too few, of one class only, or not finite.
        """
        return cls(calibration=calibrate(labels, logits), noise=NoiseScale.of(noise))

    def values(self, logits: ArrayLike, output: str = "significance") -> NDArray[np.float64]:
        """Logits in the unit of an output, which rises with them; shape of `logits`.

        Parameters
        ----------
        logits : array-like
            NaN stays NaN.
        output : {"significance", "log_odds", "probability"}
            Number of sigma that noise exceeds as rarely (`NoiseScale`), or the calibrated
            log-odds or probability of a companion in a search.

        Raises
        ------
        InputError
            If the output is unknown.
        """
        check_output(output)
        return {
            "significance": self.noise.significance,
            "log_odds": self.calibration.log_odds,
            "probability": self.calibration.probabilities,
        }[output](logits)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return self.calibration.to_dict() | {"noise": asdict(self.noise)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises
        ------
        InputError
            If it is not that.
        """
        own = dict(content)
        try:
            noise = NoiseScale(**own.pop("noise"))
        except (KeyError, TypeError) as error:
            raise InputError(
                "the model does not say what its values mean for noise; train it again"
            ) from error
        return cls(calibration=Calibration.from_dict(own), noise=noise)


def check_output(output: str) -> None:
    """Refuse an output that logits cannot be shown in.

    Raises
    ------
    InputError
        With those that they can.
    """
    if output not in OUTPUTS:
        raise InputError(f"output must be one of {', '.join(OUTPUTS)}, got {output!r}")
