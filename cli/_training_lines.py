"""What `exobench train` says on its way, and in the end."""

from __future__ import annotations

import json
import time
from shlex import quote
from typing import TYPE_CHECKING, Any

from exobench.cli._console import print_json, print_note, print_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from exobench.baselines.learning.detector import Told
    from exobench.baselines.learning.held_out import Reliability
    from exobench.baselines.learning.judgement.thresholds import Threshold
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.networks.training import Progress, Trained
    from exobench.baselines.learning.samples.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.samples.recipe import Recipe

_SECONDS = 5.0  # between two lines


def told() -> Told:
    """What says on standard error how far a training has come."""
    from exobench.baselines.learning.detector import Told

    return Told(
        noted=print_note,
        part=_about_part,
        ring=_about_ring,
        samples=_about_samples(),
        epoch=_about_epoch,
    )


def _about_part(number: int, total: int, recipe: Recipe) -> None:
    if total > 1:
        inner, outer = recipe.radii_px
        limit = "to the edge" if outer is None else f"to {outer:.1f} px"
        print_note(f"part {number} of {total}: from {inner:.1f} px {limit}")


def _about_ring(done: int, total: int) -> None:
    print_note(f"brightness of companions: ring {done + 1} of {total}")


def _about_samples() -> Callable[[SamplesProgress], None]:
    """What says now and then how many samples are made."""
    said = time.monotonic()

    def tell(progress: SamplesProgress) -> None:
        nonlocal said
        if time.monotonic() > said + _SECONDS or progress.done == progress.total:
            said = time.monotonic()
            print_note(
                f"samples: {progress.done} of {progress.total}, {progress.seconds_left:.0f} s left"
            )

    return tell


def _about_epoch(progress: Progress) -> None:
    epoch = progress.epoch
    area = "" if epoch.validation_auc is None else f", AUC {epoch.validation_auc:.3f}"
    print_note(
        f"epoch {epoch.number} of {progress.epochs}: loss {epoch.training_loss:.3f}, "
        f"validation {epoch.validation_loss:.3f}{area}; {progress.seconds_left:.0f} s left at most"
    )


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
        f"by the tail of the candidates in {looked}, too little of it to count so few"
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
