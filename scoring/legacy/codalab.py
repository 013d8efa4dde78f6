"""The scores of the challenge's server: counts of all sequences pooled, defects named."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from exobench.datasets.errors import InputError
from exobench.scoring.legacy.answers import maps_among
from exobench.scoring.legacy.blob_defects import CountedMap
from exobench.scoring.legacy.blobs import Counting, Rules
from exobench.scoring.legacy.chance import chance_defect
from exobench.scoring.legacy.defects import Defect, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from exobench.scoring.candidates import DetectionList
    from exobench.scoring.truth import MapTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantSettings:
    """What the server took from the participant, where it came along, else its own.

    Attributes
    ----------
    npix : int or None
        Smallest number of pixels of a blob; None for the server's 2.
    fwhm : mapping of str to float
        In pixels, by name of sequence; those of the truth for the others.
    """

    npix: int | None = None
    fwhm: Mapping[str, float] = field(default_factory=dict)

    @property
    def counting(self) -> Counting:
        """The settings in force."""
        return Counting() if self.npix is None else Counting(npix=self.npix)


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledSequence:
    """What the server added for one sequence.

    Attributes
    ----------
    name : str
        Of the sequence.
    n_injected : int
        Its injections.
    tp, fp : int or None
        Blobs that count as detections, and false positives; None where the server stopped
        before.
    """

    name: str
    n_injected: int
    tp: int | None
    fp: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledScore:
    """The scores that the server of 2020 wrote.

    Attributes
    ----------
    sequences : tuple of PooledSequence
        In the order in which they were added.
    recall, precision, f1 : float or None
        Of the pooled counts; may exceed 1. None where the server stopped before.
    defects : tuple of Defect
        Those that bear on these numbers.
    """

    sequences: tuple[PooledSequence, ...]
    recall: float | None = None
    precision: float | None = None
    f1: float | None = None
    defects: tuple[Defect, ...] = ()

    @property
    def n_injected(self) -> int:
        """Injections in all sequences."""
        return sum(one.n_injected for one in self.sequences)

    @property
    def tp(self) -> int | None:
        """Detections in all sequences; None where the server stopped before the last."""
        return _total([one.tp for one in self.sequences])

    @property
    def fp(self) -> int | None:
        """False positives in all sequences; None where the server stopped before the last."""
        return _total([one.fp for one in self.sequences])

    def scores_txt(self, suffix: str) -> str | None:
        """The text of scores.txt, None where the server stopped and left the file empty.

        Parameters
        ----------
        suffix : {"3d", "4d"}
            Of the keys: ADI, or ADI with several wavelengths.
        """
        if self.f1 is None:
            return None
        lines = {
            "F1": self.f1,
            "Precision": self.precision,
            "Recall": self.recall,
            "FalsePositives": self.fp,
        }
        return "".join(f"{key}_{suffix}:{value:.6f}\n" for key, value in lines.items())


def process_detmaps(
    maps: Mapping[str, ArrayLike | DetectionList | None],
    truths: Mapping[str, MapTruth],
    threshold: float,
    settings: ParticipantSettings | None = None,
) -> PooledScore:
    """The scores of the challenge's server, with the defects that bear on them.

    Counts of `binary_map` are summed over sequences. Whole frames count. A blank sequence
    is skipped, but the counts of the sequence before it are added again; one at the start,
    a missing map, and false positives without any detection end in an exception.

    Parameters
    ----------
    maps : mapping of str to array_like, shape (n_y, n_x)
        By name of sequence. A list of detections was unknown: it is a missing map.
    truths : mapping of str to MapTruth
        By name, in the order in which sequences are added.
    threshold : float
        For all maps; only values strictly greater count.
    settings : ParticipantSettings or None
        Sent with the maps.

    Raises
    ------
    InputError
        If a map is no 2-D array of real numbers or belongs to no sequence, or a setting
        cannot be.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A; the scoring program of the CodaLab
    competition.
    """
    settings = ParticipantSettings() if settings is None else settings
    steps = list(_steps(maps_among(maps, truths), truths, float(threshold), settings))
    defects = (*_chosen(settings, truths), *(defect for step in steps for defect in step.defects))
    added = [step.counts or (None, None) for step in steps]
    added += [(None, None)] * (len(truths) - len(steps))
    sequences = tuple(
        PooledSequence(name=name, n_injected=len(truth.injections), tp=tp, fp=fp)
        for (name, truth), (tp, fp) in zip(truths.items(), added, strict=True)
    )
    score = PooledScore(sequences=sequences, defects=defects)
    if score.tp is None or score.fp is None:
        return score
    return _pooled(score, score.tp, score.fp, _by_chance(steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What the server did with one sequence; without counts, it stopped."""

    name: str
    counts: tuple[int, int] | None
    defects: tuple[Defect, ...] = ()
    chance_detections: float = 0.0


def _steps(
    maps: Mapping[str, NDArray[np.float64]],
    truths: Mapping[str, MapTruth],
    threshold: float,
    settings: ParticipantSettings,
) -> Iterator[_Step]:
    """Sequence by sequence, until the server stopped."""
    previous: tuple[int, int] | None = None
    for name, truth in truths.items():
        values = maps.get(name)
        if values is None:
            step = _stop(name, "missing_map_stops", "has no map", "FileNotFoundError")
        elif len(truth.injections) == 0:
            step = _repeat(name, previous)
        else:
            fwhm = settings.fwhm.get(name, truth.fwhm)
            step = _count(name, values, truth, threshold, settings.counting, fwhm)
        yield step
        if step.counts is None:
            return
        previous = step.counts


def _stop(name: str, code: str, reason: str, error: str) -> _Step:
    defect = Defect(code, f"{name} {reason}: {_stopped(error)}")
    return _Step(name=name, counts=None, defects=(defect,))


def _repeat(name: str, previous: tuple[int, int] | None) -> _Step:
    if previous is None:
        return _stop(name, "blank_first_stops", "comes first and is blank", "UnboundLocalError")
    message = (
        f"{name} is blank and skipped; the counts of the sequence before it, {previous[0]} true "
        f"and {previous[1]} false positives, were added again in place of its own"
    )
    return _Step(name=name, counts=previous, defects=(Defect("blank_repeats", message),))


def _count(
    name: str,
    values: NDArray[np.float64],
    truth: MapTruth,
    threshold: float,
    counting: Counting,
    fwhm: float,
) -> _Step:
    rules = Rules.of(values.shape, truth.injections[:, ::-1], fwhm, counting)
    try:
        counted = CountedMap.of(values, truth, threshold, rules)
    except InputError as error:
        return _stop(name, "stray_stops", f"has a truth that cannot be: {error}", "ValueError")
    return _Step(
        name=name,
        counts=counted.blobs.counts,
        defects=tuple(Defect(d.code, f"{name}: {d.message}") for d in counted.defects),
        chance_detections=counted.chance_detections,
    )


def _by_chance(steps: Sequence[_Step]) -> Iterator[Defect]:
    expected = sum(step.chance_detections for step in steps)
    n_detected = sum(step.counts[0] for step in steps if step.counts)
    return chance_defect(expected, n_detected, "meet a false positive")


def _pooled(score: PooledScore, tp: int, fp: int, by_chance: Iterable[Defect]) -> PooledScore:
    """The score with precision, recall and F1 as the server computed them."""
    defects = [*score.defects, *by_chance]
    recall = tp / score.n_injected if score.n_injected else 0.0
    precision = tp / (tp + fp) if tp + fp else 0.0
    f1: float | None = 0.0
    if tp == 0 and fp > 0:
        f1 = None
        message = f"{some(fp, 'false positive')} and no detection: {_stopped('ZeroDivisionError')}"
        defects.append(Defect("zero_division", message))
    elif tp:
        f1 = 2 * precision * recall / (precision + recall)
    if recall > 1:
        above = f"recall is {recall:.3g}: more was counted as found than was injected"
        defects.append(Defect("recall_above_one", above))
    return replace(score, recall=recall, precision=precision, f1=f1, defects=tuple(defects))


def _chosen(settings: ParticipantSettings, truths: Mapping[str, MapTruth]) -> Iterator[Defect]:
    chosen = [] if settings.counting == Counting() else [f"npix = {settings.counting.npix}"]
    chosen += [
        f"a FWHM of {fwhm:g} px for {name}"
        for name, fwhm in settings.fwhm.items()
        if name in truths and fwhm != truths[name].fwhm
    ]
    if chosen:
        yield Defect("participant_parameters", f"the participant chose {', '.join(chosen)}")


def _stopped(error: str) -> str:
    return f"the original stopped with {error}, without a score"


def _total(counts: Sequence[int | None]) -> int | None:
    known = [n for n in counts if n is not None]
    return sum(known) if len(known) == len(counts) else None
