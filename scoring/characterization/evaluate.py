"""Positions and spectra of companions beside the truth: the modern rules."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from exobench.datasets.errors import InputError
from exobench.scoring.characterization.estimates import Characterization, Estimates
from exobench.scoring.characterization.position import position_result, undetected_position
from exobench.scoring.characterization.score import CharacterizationScore, CompanionResult
from exobench.scoring.characterization.spectrum import spectrum_result
from exobench.scoring.characterization.summaries import position_summary, spectrum_summary
from exobench.scoring.characterization.truth import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exobench.scoring.characterization.position import PositionResult
    from exobench.scoring.characterization.truth import CharacterizationTruth


def score_characterization(
    answers: Mapping[str, Characterization],
    truths: Mapping[str, CharacterizationTruth],
    *,
    rules: Rules | None = None,
    seed: int = 0,
) -> CharacterizationScore:
    """The score of positions and spectra of companions, each and all together.

    Estimates belong to sequences by name, and to companions by the order of the first
    guesses. Every mean is over companions, not over sequences.

    Parameters
    ----------
    answers : mapping of str to Characterization
        By name of sequence. What is absent, of a kind that stands in another answer,
        counts as not detected.
    truths : mapping of str to CharacterizationTruth
        By name; every sequence of the set.
    rules : Rules or None
        What silence costs; the default if None.
    seed : int
        Of the bootstrap, and of the place of a truth within its rank among samples.

    Raises
    ------
    InputError
        With every problem: an unknown name, no answer at all, a number of companions or
        channels that is not the truth's.
    """
    problems = list(_problems(answers, truths))
    if problems:
        raise InputError(*problems)
    stated = rules or Rules()
    has_positions = any(a.positions is not None for a in answers.values())
    has_contrasts = any(a.contrasts is not None for a in answers.values())
    empty = Characterization()
    companions = []
    for name, truth in truths.items():
        answer = answers.get(name, empty)
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        positions = _positions(answer, truth, stated, rng) if has_positions else None
        contrasts = answer.contrasts or Estimates.nothing(*truth.contrasts.shape)
        companions += [
            CompanionResult(
                sequence=name,
                number=i + 1,
                position=None if positions is None else positions[i],
                spectrum=spectrum_result(contrasts, i, truth.contrasts[i], stated, rng)
                if has_contrasts
                else None,
            )
            for i in range(truth.n_companions)
        ]
    return _score(companions, answers, truths, stated, seed)


def _positions(
    answer: Characterization, truth: CharacterizationTruth, rules: Rules, rng: np.random.Generator
) -> list[PositionResult]:
    estimates = answer.positions or Estimates.nothing(truth.n_companions, 2)
    return [
        position_result(estimates, i, truth.positions[i], truth.pixel_scale, rng)
        if estimates.known[i].all()
        else undetected_position(rules.distance_px(truth), truth.pixel_scale)
        for i in range(truth.n_companions)
    ]


def _score(
    companions: list[CompanionResult],
    answers: Mapping[str, Characterization],
    truths: Mapping[str, CharacterizationTruth],
    rules: Rules,
    seed: int,
) -> CharacterizationScore:
    units = [truths[one.sequence].unit or one.sequence for one in companions]
    positions = [one.position for one in companions if one.position is not None]
    spectra = [one.spectrum for one in companions if one.spectrum is not None]
    n_positions = sum(a.positions is not None for a in answers.values())
    n_contrasts = sum(a.contrasts is not None for a in answers.values())
    return CharacterizationScore(
        rules=rules,
        companions=tuple(companions),
        astrometry=position_summary(positions, units, seed, len(truths) - n_positions)
        if positions
        else None,
        photometry=spectrum_summary(spectra, units, seed, len(truths) - n_contrasts)
        if spectra
        else None,
        truths=dict(truths),
    )


def _problems(
    answers: Mapping[str, Characterization], truths: Mapping[str, CharacterizationTruth]
) -> Iterator[str]:
    for name in answers:
        if name not in truths:
            yield f"unknown sequence {name!r}; there are {', '.join(truths)}"
    if all(a.positions is None and a.contrasts is None for a in answers.values()):
        yield "no positions and no contrasts of any sequence"
    for name, truth in truths.items():
        answer = answers.get(name, Characterization())
        expected = {"positions": truth.positions.shape, "contrasts": truth.contrasts.shape}
        for kind, shape in expected.items():
            estimates = getattr(answer, kind)
            if estimates is not None and estimates.shape != shape:
                yield (
                    f"{name}: {kind} must have shape {shape} (companions in the order of the "
                    f"first guesses), got {estimates.shape}"
                )
