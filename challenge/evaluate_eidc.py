"""Scores as the Exoplanet Imaging Data Challenge of 2020 computed them, defects named.

For comparison with published numbers only: nothing is kept and nothing is ranked by it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from exobench.challenge.answer_files import file_name
from exobench.challenge.truth import map_truths
from exobench.scoring import METRIC_VERSION, METRICS
from exobench.scoring.legacy import (
    Defect,
    ParticipantSettings,
    PooledScore,
    PooledSequence,
    process_detmaps,
    published_analysis,
)
from exobench.scoring.legacy.blobs import is_fwhm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from exobench.challenge.folder import Challenge
    from exobench.challenge.submission import Submission
    from exobench.challenge.verdict import Verdict
    from exobench.scoring import MapTruth

NPIX_FILE = "npix.fits"
SUFFIX = {"adi": "3d", "adi_ifs": "4d"}


def evaluate_eidc(submission: Submission, challenge: Challenge) -> dict[str, Any]:
    """A score file of mode ``eidc``, with the defects of the original that bear on it.

    It has four keys more than a strict score. ``scores_txt`` is the text that the server
    of 2020 wrote, null where it stopped with an exception; ``defects`` lists what bears on
    it, as code and message; ``parameters`` are the settings of its counting.
    ``published_analysis`` holds the metrics per resolution element, the ranking, and
    defects of its own.

    Notes
    -----
    Sequences are taken in the order of the manifest. For the server whole frames count,
    and values strictly above the threshold; true positives are blobs, of which one
    injection may have several. Metrics that it did not know are null.

    References
    ----------
    Cantalloube et al. (2020), SPIE 11448, 114485A.
    """
    truths = map_truths(challenge.manifest, challenge.truth, submission.track)
    settings = _settings(submission.parameters, truths)
    pooled = process_detmaps(submission.answers, truths, submission.threshold, settings)
    analysis = published_analysis(submission.answers, truths, submission.threshold)
    defects = [*_ignored(submission.parameters, settings), *pooled.defects]
    return {
        "format": 1,
        "challenge": challenge.manifest.name,
        "track": submission.track,
        "mode": "eidc",
        "metric_version": METRIC_VERSION,
        "threshold": submission.threshold,
        "overall": _overall(pooled, submission.answers),
        "interval": {key: None for key, metric in METRICS.items() if not metric.is_count},
        "per_sequence": [_row(one, truths[one.name]) for one in pooled.sequences],
        "per_separation": [],
        "curve": [],
        "defects": [asdict(defect) for defect in defects],
        "scores_txt": pooled.scores_txt(SUFFIX[submission.track]),
        "parameters": {
            **asdict(settings.counting),
            "fwhm": {name: truth.fwhm for name, truth in truths.items()} | dict(settings.fwhm),
        },
        "published_analysis": analysis.to_dict(),
    }


def eidc_warnings(verdict: Verdict[Submission]) -> tuple[str, ...]:
    """What checking warns of that holds under these rules, too.

    That settings of a participant are never used does not: here they are, or a defect names
    them.
    """
    read = {} if verdict.submission is None else verdict.submission.parameters
    return tuple(
        str(one) for one in verdict.warnings if one.code != "ignored_file" or one.file not in read
    )


def _settings(sent: Mapping[str, float], truths: Mapping[str, MapTruth]) -> ParticipantSettings:
    """What the server took from the participant; a setting that cannot be is left aside."""
    npix = int(sent.get(NPIX_FILE, 0))
    files = {name: file_name(name, "fwhm") for name in truths}
    return ParticipantSettings(
        npix=npix if npix >= 1 else None,
        fwhm={name: sent[file] for name, file in files.items() if is_fwhm(sent.get(file, 0))},
    )


def _ignored(sent: Mapping[str, float], settings: ParticipantSettings) -> Iterable[Defect]:
    """Files without effect that say anything else than what was in force."""
    used = {file_name(name, "fwhm") for name in settings.fwhm}
    used |= {NPIX_FILE} if settings.npix is not None else set()
    in_force = {f"{key}.fits": value for key, value in asdict(settings.counting).items()}
    unused = sorted(file for file in set(sent) - used if sent[file] != in_force.get(file))
    if unused:
        yield Defect("ignored_parameters", f"{', '.join(unused)} came along but had no effect")


def _overall(pooled: PooledScore, answers: Mapping[str, object]) -> dict[str, float | int | None]:
    """The metrics that the server knew; those of sequences after it stopped are unknown."""
    missing = [one for one in pooled.sequences if one.name not in answers]
    overall: dict[str, float | int | None] = dict.fromkeys(METRICS)
    return overall | {
        "n_injected": pooled.n_injected,
        "n_maps": len(pooled.sequences),
        "n_missing": len(missing),
        "tp": pooled.tp,
        "fp": pooled.fp,
        "tpr": pooled.recall,
        "ppv": pooled.precision,
        "f1": pooled.f1,
    }


def _row(one: PooledSequence, truth: MapTruth) -> dict[str, Any]:
    """A row of the score file; what the server did not know is null."""
    known = one.tp is not None and one.n_injected > 0
    return {
        "name": one.name,
        "instrument": truth.instrument,
        "tp": one.tp,
        "fp": one.fp,
        "fn": None,
        "n_injected": one.n_injected,
        "tpr": (one.tp or 0) / one.n_injected if known else None,
        "f1": None,
        "coverage": None,
        "injections": [
            {"y": y, "x": x, "found": None, "value": None, "error_px": None}
            for y, x in truth.injections.tolist()
        ],
    }
