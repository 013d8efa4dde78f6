"""What `exobench train` says on its way, and in the end."""

from __future__ import annotations

import json
from shlex import quote
from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_json, print_note, print_warnings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exobench.baselines.learning.detector import Told
    from exobench.baselines.learning.held_out import Reliability
    from exobench.baselines.learning.judgement.thresholds import Threshold
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.networks.training import Epoch, Progress, Trained
    from exobench.baselines.learning.samples.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.samples.recipe import Recipe
    from exobench.cli._console import Stages


def told(show: Stages) -> Told:
    """What says on standard error how far a training has come.

    Parameters
    ----------
    show : callable
        By `exobench.cli._console.stages`.
    """
    from exobench.baselines.learning.detector import Told

    part = ""

    def about_part(number: int, total: int, recipe: Recipe) -> None:
        nonlocal part
        if total == 1:
            return
        inner, outer = recipe.radii_px
        limit = "to the edge" if outer is None else f"to {outer:.1f} px"
        print_note(f"part {number} of {total}: from {inner:.1f} px {limit}")
        part = f"part {number}, "

    def about_ring(done: int, total: int) -> None:
        show(f"{part}flux ranges", done, total, "")

    def about_samples(progress: SamplesProgress) -> None:
        show(f"{part}samples", progress.done, progress.total, "")

    def about_epoch(progress: Progress) -> None:
        show(f"{part}epochs", progress.epoch.number, progress.epochs, _losses(progress.epoch))

    return Told(
        noted=print_note,
        part=about_part,
        ring=about_ring,
        samples=about_samples,
        epoch=about_epoch,
    )


def _losses(epoch: Epoch) -> str:
    area = "" if epoch.validation_auc is None else f", AUC {epoch.validation_auc:.3f}"
    return f"loss {epoch.training_loss:.3f}, validation {epoch.validation_loss:.3f}{area}"


def warn_of_left_out(detector: Detector) -> None:
    """Name the rings of the field, or splits of them, that gave no samples."""
    for part in detector.parts:
        lines = json.loads(part.provenance["samples"]["left_out"])
        print_warnings(f"nothing learnt from: {line}" for line in lines)


def print_report(
    out: Path,
    method: str,
    trained: tuple[Trained, ...],
    threshold: Threshold | None,
    found: Reliability | None,
) -> None:
    """What was trained and how good it is, and the commands that use it."""
    for number, one in enumerate(trained, 1):
        which = f"part {number}: " if len(trained) > 1 else ""
        auc = one.history[one.best_epoch - 1].validation_auc
        area = "" if auc is None else f", AUC {auc:.3f} on held-out samples"
        print(f"{out}: {which}epoch {one.best_epoch} of {len(one.history)} is kept{area}")
    for line in (*_about_threshold(threshold), *_about_reliability(found)):
        print(line)
    at = "" if threshold is None else f" --threshold {threshold.value:.2f}"
    print(f"exobench run {method} DIR/public -o {quote(f'model={out}')}{at}")
    print(f"exobench explain {method} --on PATH --model {quote(str(out))}")


def _about_threshold(threshold: Threshold | None) -> Iterator[str]:
    if threshold is None:
        return
    looked = f"{100 * threshold.n_maps:.0f} % of a map without companions"
    how = (
        f"by the shape of a Gaussian map and the candidates in {looked}, too little to count so few"
        if threshold.extrapolated
        else f"{threshold.count} counted in {looked}"
    )
    yield (
        f"threshold {threshold.value:.2f} sigma: {threshold.wanted:g} "
        f"false positive{'s' * (threshold.wanted != 1)} per map ({how})"
    )


def _about_reliability(found: Reliability | None) -> Iterator[str]:
    if found is None:
        yield "calibration error: not measured, there are too few held-out samples"
        return
    before, after = found.errors
    yield (
        f"calibration error {after:.3f}, {before:.3f} as trained (held out, "
        f"{100 * found.prevalence:.0f} % of {found.labels.size} positions with a companion)"
    )


def print_report_json(
    out: Path,
    trained: tuple[Trained, ...],
    threshold: Threshold | None,
    found: Reliability | None,
) -> None:
    """The same as JSON."""
    print_json(
        {
            "format": 1,
            "model": str(out),
            "parts": [_summary(one) for one in trained],
            "threshold": None if threshold is None else _threshold(threshold),
            "calibration_error": None if found is None else _errors(found),
        }
    )


def _errors(found: Reliability) -> dict[str, Any]:
    before, after = found.errors
    return {
        "as_trained": before,
        "calibrated": after,
        "prevalence": found.prevalence,
        "positions": found.labels.size,
    }


def _threshold(threshold: Threshold) -> dict[str, Any]:
    return {
        "significance": threshold.value,
        "false_positives_per_map": threshold.wanted,
        "counted": threshold.count,
        "maps": threshold.n_maps,
        "extrapolated": threshold.extrapolated,
    }


def _summary(trained: Trained) -> dict[str, Any]:
    best = trained.history[trained.best_epoch - 1]
    return {
        "best_epoch": trained.best_epoch,
        "epochs": len(trained.history),
        "validation_loss": best.validation_loss,
        "validation_auc": best.validation_auc,
    }
