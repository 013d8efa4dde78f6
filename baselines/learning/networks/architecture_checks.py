"""What hyper-parameters of networks may be: one sentence for each that is out of range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from exobench.baselines.learning.samples.samples import Normalisation

if TYPE_CHECKING:
    from exobench.baselines.learning.networks.architecture import Architecture

KINDS = ("conv3d", "convlstm", "lstm", "gru")
POOLINGS = ("max", "average")
NORMALISATIONS = get_args(Normalisation)
SHRINKING = 4  # two poolings by 2
LARGEST_PARAMETERS = 2**28
_LARGEST = {
    "n_ranks": 1024,
    "patch": 256,
    "filters": 8192,
    "kernels": 15,
    "recurrent": 8192,
    "dense": 65536,
}
_WORDS = (("kind", KINDS), ("pooling", POOLINGS), ("normalisation", NORMALISATIONS))
_RATES = ("channel_dropout", "pooled_dropout", "recurrent_dropout", "dense_dropout")


def hyperparameter_problems(architecture: Architecture) -> list[str]:
    """What is wrong with each of them, or else with all together, one line each."""
    problems = _word_problems(architecture)
    for option, largest in _LARGEST.items():
        problems += _count_problems(option, getattr(architecture, option), largest)
    for option in _RATES:
        problems += _rate_problems(option, getattr(architecture, option))
    return problems or _size_problems(architecture)


def short(value: Any) -> str:
    """A value as a message repeats it: one line, not longer than a reader wants."""
    text = value if isinstance(value, str) and value.isprintable() else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _word_problems(architecture: Architecture) -> list[str]:
    problems = [
        f"{option} must be one of {', '.join(words)}, got {short(getattr(architecture, option))}"
        for option, words in _WORDS
        if getattr(architecture, option) not in words
    ]
    if not isinstance(architecture.snr_curve, bool):
        problems.append(f"snr_curve must be true or false, got {short(architecture.snr_curve)}")
    return problems


def _count_problems(option: str, value: object, largest: int) -> list[str]:
    pair = option in ("filters", "kernels")
    counts = value if pair else (value,)
    if (
        isinstance(counts, tuple)
        and len(counts) == 1 + pair
        and all(type(n) is int and 1 <= n <= largest for n in counts)
    ):
        return []
    expected = "two whole numbers" if pair else "a whole number"
    return [f"{option} must be {expected} from 1 to {largest}, got {short(value)}"]


def _rate_problems(option: str, value: object) -> list[str]:
    pair = option == "channel_dropout"
    rates = value if pair else (value,)
    if (
        isinstance(rates, tuple)
        and len(rates) == 1 + pair
        and all(type(rate) in (int, float) and 0 <= rate < 1 for rate in rates)
    ):
        return []
    expected = "two rates" if pair else "a rate"
    return [f"{option} must be {expected} from 0 to below 1, got {short(value)}"]


def _size_problems(architecture: Architecture) -> list[str]:
    problems = []
    if architecture.patch < SHRINKING:
        problems.append(
            f"patch must be {SHRINKING} pixels or more to be pooled twice, "
            f"got {architecture.patch}; take patches of 2 FWHM of better sampled data"
        )
    if architecture.pools_ranks and architecture.n_ranks < SHRINKING:
        problems.append(
            f"n_ranks must be {SHRINKING} or more to be pooled twice by {architecture.kind}, "
            f"got {architecture.n_ranks}; take more ranks, or kind lstm or gru"
        )
    if not problems and architecture.n_parameters > LARGEST_PARAMETERS:
        problems.append(
            f"a network may have {LARGEST_PARAMETERS} parameters, this one would have "
            f"{architecture.n_parameters}; take fewer filters or units"
        )
    return problems
