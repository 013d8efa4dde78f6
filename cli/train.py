"""`exobench train`: a detector that learns, trained on a sequence and kept in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, print_note, print_warnings, stages
from exobench.cli._learning import (
    Device,
    Flip,
    Framework,
    Method,
    Named,
    On,
    Options,
    read_learner,
    read_one,
)
from exobench.cli._training_lines import (
    print_report,
    print_report_json,
    told,
    warn_of_left_out,
)
from exobench.cli._workplace import clear, workplace

if TYPE_CHECKING:
    from exobench.baselines.learning.held_out import Reliability
    from exobench.baselines.learning.judgement.thresholds import Threshold
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.networks.training import Trained
    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.datasets.sequence import ImageSequence

_FREE_OPTIONS = ("epochs", "device")  # an unfinished training may change them

Out = Annotated[Path, typer.Option(help="Model to write.", metavar="MODEL", show_default=False)]


def train(  # noqa: PLR0913 - the options of the verb
    method: Method,
    on: On,
    out: Out,
    sequence: Named = None,
    framework: Framework = None,
    device: Device = None,
    option: Options = None,
    flip_angles: Flip = False,
    false_positives_per_map: Annotated[
        float, typer.Option(help="For which a threshold is looked for.")
    ] = 1.0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the learning curves.", metavar="FILE")
    ] = None,
    reliability: Annotated[
        Path | None,
        typer.Option(
            help="Draw how often held-out probabilities came true, before and after calibration.",
            metavar="FILE",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a detector on a sequence, and write a model that `run` takes as option.

    The same command goes on from where it was interrupted.

    Example: exobench train sodinn --on naco_betapic --out naco.safetensors
    """
    from exobench.baselines.learning.judgement.thresholds import check_wanted
    from exobench.baselines.learning.networks.model_file import save

    check_wanted(false_positives_per_map)
    _check_figures(plot, reliability)
    _check_out(out)
    algorithm = _ready(read_learner(method, option, framework=framework, device=device))
    read = read_one(on, sequence, flip_angles=flip_angles)
    with workplace(out, _asked(read, algorithm, flip_angles=flip_angles)) as folder:
        detector, trained = _trained(read, algorithm, folder)
        threshold, found = _held_out(detector, read, folder, algorithm, false_positives_per_map)
        save(_with(detector, threshold), out)
    clear(folder)
    if plot is not None:
        _draw_curves(plot, trained, algorithm.label)
    if reliability is not None:
        _draw_reliability(reliability, found)
    if as_json:
        print_report_json(out, trained, threshold, found)
    else:
        print_report(out, algorithm.name, trained, threshold, found)


def _check_figures(*figures: Path | None) -> None:
    from exobench.cli._figures import check_plot

    for one in figures:
        if one is not None:
            check_plot(one)


def _check_out(out: Path) -> None:
    """Refuse to replace a file that is no model."""
    from exobench.baselines.learning.networks.model_file import load
    from exobench.datasets.atomic import check_writable
    from exobench.datasets.errors import InputError

    check_writable(out)
    if not out.exists() or out.stat().st_size == 0:
        return
    try:
        load(out)
    except InputError as error:
        raise InputError(f"{out}: is there already, and no model; name another file") from error
    print_note(f"{out} will be replaced when the training is done (--out names another file)")


def _ready(algorithm: Algorithm) -> Algorithm:
    """The method, if it is to be trained and what it would compute on is there."""
    from exobench.baselines.learning.networks.inference import check_device
    from exobench.datasets.errors import InputError

    learner: Any = algorithm.load()
    if learner.model:
        raise InputError("option model names a trained model; leave it out to train one")
    check_device(learner.framework, learner.device)
    return algorithm


def _asked(read: ImageSequence, algorithm: Algorithm, *, flip_angles: bool) -> dict[str, Any]:
    """All that decides what is trained, as the user calls it."""
    from dataclasses import fields, replace

    from exobench.baselines.learning.samples.label_plan import sequence_sha256

    learner: Any = algorithm.load()
    options = {one.name: getattr(learner, one.name) for one in fields(learner)}
    unflipped = replace(read, angles=-read.angles) if flip_angles else read
    return {
        "method": algorithm.name,
        "the sequence": f"{read.name} ({sequence_sha256(unflipped)[:16]})",
        "--flip-angles": flip_angles,
        **{name: value for name, value in options.items() if name not in _FREE_OPTIONS},
    }


def _trained(
    sequence: ImageSequence, algorithm: Algorithm, folder: Path
) -> tuple[Detector, tuple[Trained, ...]]:
    from exobench.baselines.learning.detector import train_detector

    learner: Any = algorithm.load()
    with stages() as show:
        done = train_detector(sequence, learner.lessons(sequence), folder, told=told(show))
    warn_of_left_out(done[0])
    return done


def _held_out(
    detector: Detector,
    sequence: ImageSequence,
    folder: Path,
    algorithm: Algorithm,
    false_positives_per_map: float,
) -> tuple[Threshold | None, Reliability | None]:
    """Threshold and reliability where the detector was not trained; None if too little is."""
    import numpy as np

    from exobench.baselines.learning.held_out import held_out, reliability
    from exobench.datasets.errors import InputError

    print_note("looking at the sectors that were held out")
    learner: Any = algorithm.load()
    stores = tuple(folder / str(number) / "samples.h5" for number in range(len(detector.parts)))
    how = {"framework": learner.framework, "device": learner.device}
    found = held_out(detector, sequence, stores, **how)
    threshold = None
    try:
        threshold = found.threshold(false_positives_per_map)
    except InputError as error:
        print_warnings(error.problems)
    return threshold, reliability(found, np.random.default_rng(learner.seed))


def _with(detector: Detector, threshold: Threshold | None) -> Detector:
    from exobench.baselines.learning.held_out import with_threshold

    return detector if threshold is None else with_threshold(detector, threshold)


def _draw_curves(plot: Path, trained: tuple[Trained, ...], label: str) -> None:
    from exobench.cli._figures import save_figure
    from exobench.leaderboard.learning_figures import learning_figure

    names = [label] if len(trained) == 1 else [f"part {i + 1}" for i in range(len(trained))]
    histories = {name: one.history for name, one in zip(names, trained, strict=True)}
    save_figure(learning_figure(histories, title=label), plot)


def _draw_reliability(path: Path, found: Reliability | None) -> None:
    from exobench.cli._figures import save_figure
    from exobench.leaderboard.learning_figures import correction_figure

    if found is None:
        print_warnings([f"{path}: not drawn, there are too few held-out samples"])
        return
    save_figure(correction_figure(found.labels, found.before, found.after), path)
