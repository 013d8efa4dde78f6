"""Scores as the Exoplanet Imaging Data Challenge of 2020 computed them, defects named.

For comparison with published numbers only: nothing is kept and nothing is ranked by it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from exobench.challenge.answer_files import file_name
from exobench.challenge.truth import map_truths
from exobench.scoring import METRIC_VERSION, METRICS, legacy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission
    from exobench.scoring import MapTruth

NPIX = 2
NPIX_FILE = "npix.fits"
OVERLAP = 0.7
MAX_BLOB_FACT = 2.0
SUFFIX = {"adi": "3d", "adi_ifs": "4d"}


Counts = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counted:
    """What the scorer of 2020 added for one sequence; None where it did not get there."""

    name: str
    truth: MapTruth
    added: Counts | None
    defects: tuple[Defect, ...] = ()


@dataclass(frozen=True, slots=True)
class Defect:
    """A known defect of the scorer of 2020 that changed this score."""

    code: str
    message: str


def evaluate_eidc(submission: Submission, challenge: Challenge) -> dict[str, Any]:
    """A score file of mode ``eidc``, with the defects of the original that changed it.

    It has three keys more than a strict score: ``defects``, a list of code and message;
    ``scores_txt``, the text that the original wrote, null where it stopped with an
    exception; ``parameters``, the settings of the counting.

    Notes
    -----
    Sequences are taken in the order of the manifest. Whole frames count, and values
    strictly above the threshold; true positives are blobs, of which one injection may
    have several. Metrics that the original did not know are null.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A.
    """
    truths = map_truths(challenge.manifest, challenge.truth, submission.track)
    settings = _Settings.of(submission, truths)
    counted = _count(submission, truths, settings)
    overall, scores_txt, final = _overall(counted, submission, SUFFIX[submission.track])
    defects = [*settings.defects, *(d for one in counted for d in one.defects), *final]
    return {
        "format": 1,
        "challenge": challenge.manifest.name,
        "track": submission.track,
        "mode": "eidc",
        "metric_version": METRIC_VERSION,
        "threshold": submission.threshold,
        "overall": overall,
        "interval": {key: None for key, metric in METRICS.items() if not metric.is_count},
        "per_sequence": [_row(one) for one in counted],
        "per_separation": [],
        "curve": [],
        "defects": [asdict(defect) for defect in defects],
        "scores_txt": scores_txt,
        "parameters": {
            "npix": settings.npix,
            "overlap_threshold": OVERLAP,
            "max_blob_fact": MAX_BLOB_FACT,
            "fwhm": dict(settings.fwhm),
        },
    }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Settings:
    """What the original took from the participant, where it came along, else its own."""

    npix: int
    fwhm: Mapping[str, float]
    defects: tuple[Defect, ...]

    @classmethod
    def of(cls, submission: Submission, truths: Mapping[str, MapTruth]) -> _Settings:
        sent = submission.parameters
        names = {name: file_name(name, "fwhm") for name in truths}
        fwhm = {name: truth.fwhm for name, truth in truths.items()}
        # A radius or a number of pixels that cannot be is left aside.
        fwhm |= {name: sent[file] for name, file in names.items() if sent.get(file, 0) > 0}
        npix = int(sent.get(NPIX_FILE, NPIX))
        used = sorted(f for f in sent if f == NPIX_FILE or f in names.values())
        unused = sorted(set(sent) - set(used))
        defects = []
        if used:
            defects.append(
                Defect("participant_parameters", f"the participant chose {', '.join(used)}")
            )
        if unused:
            defects.append(
                Defect("ignored_parameters", f"{', '.join(unused)} came along but had no effect")
            )
        return cls(npix=npix if npix >= 1 else NPIX, fwhm=fwhm, defects=tuple(defects))


def _count(
    submission: Submission, truths: Mapping[str, MapTruth], settings: _Settings
) -> list[_Counted]:
    """What was added sequence by sequence, until an exception if there was one."""
    counted: list[_Counted] = []
    previous: Counts | None = None
    for name, truth in truths.items():
        answer = submission.answers.get(name)
        if not isinstance(answer, np.ndarray):
            return [*counted, *_stopped(name, truths, _NO_MAP)]
        if len(truth.injections):
            one = _count_sequence(name, answer, truth, submission.threshold, settings)
        elif previous is None:
            return [*counted, *_stopped(name, truths, _BLANK_FIRST)]
        else:
            tp, fp = previous
            message = (
                f"{name} is blank and skipped; the counts of the sequence before it, {tp} true "
                f"and {fp} false positives, were added again in place of its own"
            )
            one = _Counted(
                name=name, truth=truth, added=previous, defects=(Defect("blank_repeats", message),)
            )
        previous = one.added
        counted.append(one)
    return counted


def _stopped(name: str, truths: Mapping[str, MapTruth], defect: Defect) -> Iterator[_Counted]:
    """The sequences from `name` on, none of which was counted."""
    at = list(truths).index(name)
    for n, (other, truth) in enumerate(list(truths.items())[at:]):
        said = (Defect(defect.code, f"{name} {defect.message}"),) if n == 0 else ()
        yield _Counted(name=other, truth=truth, added=None, defects=said)


def _count_sequence(
    name: str,
    values: NDArray[np.float64],
    truth: MapTruth,
    threshold: float,
    settings: _Settings,
) -> _Counted:
    """Blobs of one sequence, counted again with each rule lifted to see what it did."""

    def count(overlap: float, max_blob_fact: float) -> Counts:
        tp, fp = legacy.binary_map(
            values,
            [threshold],
            truth.injections[:, ::-1],
            settings.fwhm[name],
            settings.npix,
            overlap,
            max_blob_fact,
        )
        return tp[0], fp[0]

    added = count(OVERLAP, MAX_BLOB_FACT)
    touching = count(0.0, MAX_BLOB_FACT)[0] - added[0]
    defects = []
    if added[0] > len(truth.injections):
        defects.append(
            Defect(
                "several_blobs",
                f"{name}: {added[0]} blobs count as detections of "
                f"{len(truth.injections)} injections",
            )
        )
    if touching:
        defects.append(
            Defect(
                "fragments",
                f"{name}: {touching} blobs that touch an injection count as false positives",
            )
        )
    if count(OVERLAP, inf) != added:
        defects.append(
            Defect(
                "large_blobs",
                f"{name}: blobs larger than {MAX_BLOB_FACT:g} discs are never detections and "
                "count as false positives by their area",
            )
        )
    return _Counted(name=name, truth=truth, added=added, defects=tuple(defects))


def _overall(
    counted: Sequence[_Counted], submission: Submission, suffix: str
) -> tuple[dict[str, float | int | None], str | None, list[Defect]]:
    """Pooled metrics, the text written, and the defects of the pooling."""
    n_injected = sum(len(one.truth.injections) for one in counted)
    overall: dict[str, float | int | None] = dict.fromkeys(METRICS)
    overall |= {
        "n_injected": n_injected,
        "n_maps": len(counted),
        "n_missing": sum(one.name not in submission.answers for one in counted),
    }
    added = [one.added for one in counted if one.added is not None]
    if len(added) < len(counted):
        return overall, None, []
    tp, fp = (sum(column) for column in zip(*added, strict=True))
    recall = tp / n_injected if n_injected else 0.0
    precision = tp / (tp + fp) if tp + fp else 0.0
    overall |= {"tp": tp, "fp": fp, "tpr": recall, "ppv": precision}
    if tp == 0 and fp > 0:
        return overall, None, [_ZERO_DIVISION]
    f1 = 2 * precision * recall / (precision + recall) if tp else 0.0
    overall["f1"] = f1
    lines = {"F1": f1, "Precision": precision, "Recall": recall, "FalsePositives": fp}
    text = "".join(f"{key}_{suffix}:{value:.6f}\n" for key, value in lines.items())
    above = f"recall is {recall:.3g}: more was counted as found than was injected"
    return overall, text, [Defect("recall_above_one", above)] if recall > 1 else []


def _row(one: _Counted) -> dict[str, Any]:
    """A row of the score file; what the original did not know is null."""
    tp, fp = one.added or (None, None)
    n_injected = len(one.truth.injections)
    return {
        "name": one.name,
        "instrument": one.truth.instrument,
        "tp": tp,
        "fp": fp,
        "fn": None,
        "n_injected": n_injected,
        "tpr": tp / n_injected if tp is not None and n_injected else None,
        "f1": None,
        "coverage": None,
        "injections": [
            {"y": y, "x": x, "found": None, "value": None, "error_px": None}
            for y, x in one.truth.injections.tolist()
        ],
    }


_NO_MAP = Defect(
    "missing_map_stops", "has no map: the original stopped with FileNotFoundError, without a score"
)
_BLANK_FIRST = Defect(
    "blank_first_stops",
    "comes first and is blank: the original stopped with UnboundLocalError, without a score",
)
_ZERO_DIVISION = Defect(
    "zero_division",
    "nothing was found: the original stopped with ZeroDivisionError, without a score",
)
