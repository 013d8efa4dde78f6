"""Into which strata the companions of a challenge fall: a Latin square, level by level.

Companion ``i`` gets the stratum of separation ``i mod K`` of the ``K`` that its sequence
offers, the fifth ``i mod 5`` of the offsets and the spectrum ``(i + i // 3) mod 3``. These
run through all combinations as evenly as their number allows: with 3 or 4 strata, every 15
or 20 companions in a row hold every pair of stratum and fifth once; every 9 or 36 every
pair of stratum and spectrum equally often (for 3 strata, the rows of a Latin square); 180
hold every triple equally often. Which level a number stands for is drawn anew for every 180.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from exobench.datasets.placement import Draw
from exobench.datasets.spectra import SPECTRAL_TYPES
from exobench.datasets.strata import MOST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.challenge.recipe import Recipe, SequenceGroup
    from exobench.challenge.secrets import Secret

PERIOD = 180  # companions after which every combination was there equally often
BLOCK = 10  # sequences of a group that are planned together
FIFTHS = 5  # of the offsets: one is bright, three are middle, one is faint


def latin_draws(rng: np.random.Generator) -> Iterator[Draw]:
    """Strata of one companion after the other, without end.

    The first so many are the same however many are taken.
    """
    n_spectra = len(SPECTRAL_TYPES)
    while True:
        strata = [rng.permutation(n) for n in range(1, MOST + 1)]
        fifths, spectra = rng.permutation(FIFTHS), rng.permutation(n_spectra)
        within = rng.random(PERIOD)
        for i in range(PERIOD):
            yield Draw(
                ranks=tuple(int(levels[i % levels.size]) for levels in strata),
                offset=float((fifths[i % FIFTHS] + within[i]) / FIFTHS),
                spectrum=int(spectra[(i + i // n_spectra) % n_spectra]),
            )


class Hand(NamedTuple):
    """What one sequence is dealt.

    Attributes
    ----------
    draws : tuple of Draw
        Strata of its companions; none, if it is blank.
    visible : bool
        It has a plainly visible companion besides these.
    """

    draws: tuple[Draw, ...]
    visible: bool


def deal_companions(recipe: Recipe, secret: Secret) -> list[list[Hand]]:
    """By group of a recipe, what each of its sequences is dealt.

    In blocks: the first ten sequences of all groups, then the next ten of those that have
    so many, and so on. A recipe that has the first blocks of another gets the same of them.
    """
    tracks = {group.track for group in recipe.sequences}
    streams = {track: latin_draws(secret.rng("plan", "strata", track)) for track in tracks}
    hands: list[list[Hand]] = [[] for _ in recipe.sequences]
    for start in range(0, max(group.count for group in recipe.sequences), BLOCK):
        for index, group in enumerate(recipe.sequences):
            if start < group.count:
                rng = secret.rng("plan", str(index), str(start // BLOCK))
                hands[index] += _block(group, start, streams[group.track], rng)
    return hands


def _block(
    group: SequenceGroup, start: int, stream: Iterator[Draw], rng: np.random.Generator
) -> list[Hand]:
    """Hands of up to ten sequences of a group, in random order."""
    stop = min(start + BLOCK, group.count)
    filled_before = start - group.n_blank_of(start)
    n_filled = stop - group.n_blank_of(stop) - filled_before
    least, most = group.companions
    numbers = np.arange(min(max(least, 1), most), most + 1)
    # Dealt round, so that all numbers come equally often.
    decks = [rng.permutation(numbers) for _ in range(-(-n_filled // numbers.size))]
    dealt = np.concatenate([*decks, numbers[:0]])[:n_filled]
    hands = []
    for i, n in enumerate(dealt.tolist()):
        visible = filled_before + i < group.visible
        hands.append(Hand(tuple(islice(stream, n - visible)), visible))
    hands += [Hand((), False)] * (stop - start - n_filled)
    return [hands[i] for i in rng.permutation(len(hands))]
