"""`exobench train`: a detector that learns, trained on a sequence and kept in a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, print_json, print_note
from exobench.cli.campaign import Diameter, Wavelength

if TYPE_CHECKING:
    from collections.abc import Callable

    from exobench.baselines.learning.labelling import Progress as SamplesProgress
    from exobench.baselines.learning.recipe import Recipe
    from exobench.baselines.learning.training import Progress, Trained
    from exobench.challenge.campaigns.algorithms import Algorithm
    from exobench.challenge.campaigns.sources import Said, Source

_SECONDS = 5.0  # between two lines about samples

Method = Annotated[
    str,
    typer.Argument(
        help="A method that learns, with options in brackets or by -o.",
        metavar="METHOD",
        show_default=False,
    ),
]
On = Annotated[
    Path,
    typer.Option(
        help="A sequence, or a folder of sequences or of a challenge.",
        metavar="PATH",
        show_default=False,
    ),
]
Out = Annotated[Path, typer.Option(help="Model to write.", metavar="MODEL", show_default=False)]


def train(  # noqa: PLR0913 - the options of the verb
    method: Method,
    on: On,
    out: Out,
    sequence: Annotated[
        str | None, typer.Option(help="Name of one of several sequences.", metavar="NAME")
    ] = None,
    framework: Annotated[
        str | None, typer.Option(help="torch or flax; as option of the method.", metavar="NAME")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("-o", help="Option of the method; may be given again.", metavar="NAME=VALUE"),
    ] = None,
    flip_angles: Annotated[
        bool, typer.Option("--flip-angles", help="Negate the angles, so that companions smear.")
    ] = False,
    wavelength: Wavelength = None,
    diameter: Diameter = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the learning curves.", metavar="FILE")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a detector on a sequence, and write a model that `run` takes as option.

    The same command goes on from where it was interrupted.

    Example: exobench train sodinn --on naco_betapic --out naco.safetensors
    """
    from exobench.baselines.learning.detector import Told, train_detector
    from exobench.baselines.learning.model_file import save
    from exobench.challenge.campaigns.sources import Said
    from exobench.datasets.atomic import check_writable

    if plot is not None:
        from exobench.cli._figures import check_plot

        check_plot(plot)
    check_writable(out)
    said = Said(wavelength=wavelength, diameter=diameter, flip_angles=flip_angles)
    algorithm = _algorithm(method, [*(option or []), *_assigned("framework", framework)])
    learner: Any = algorithm.load()
    read = _source(on, sequence, algorithm, said).read()
    folder = out.with_name(f".{out.name}.training")
    folder.mkdir(exist_ok=True)
    try:
        told = Told(part=_about_part, samples=_about_samples(), epoch=_about_epoch)
        detector, trained = train_detector(read, learner.lessons(read), folder, told=told)
    except KeyboardInterrupt:
        print_note("what is done is kept: the same command goes on")
        raise
    save(detector, out)
    _clear(folder)
    _report(out, plot, trained, algorithm, as_json=as_json)


def _assigned(name: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{name}={value}"]


def _algorithm(method: str, assignments: list[str]) -> Algorithm:
    """The method, if it learns."""
    from exobench.challenge.campaigns.algorithms import Algorithm, read_method
    from exobench.datasets.errors import InputError

    name, options = read_method(method, assignments)
    algorithm = Algorithm(name=name, options=tuple(sorted(options.items())))
    learner = algorithm.load()
    if not hasattr(learner, "lessons"):
        raise InputError(f"{name} does not learn; sodinn does")
    if getattr(learner, "model", ""):
        raise InputError("option model names a trained model; leave it out to train one")
    return algorithm


def _source(on: Path, name: str | None, algorithm: Algorithm, said: Said) -> Source:
    """The one sequence that is meant."""
    from exobench.challenge.campaigns.sources import find_sources
    from exobench.datasets.errors import InputError

    found = find_sources(on, said, (algorithm,))
    meant = [one for one in found if name in (None, one.name)]
    if len(meant) != 1:
        known = ", ".join(one.name for one in found)
        wanted = "" if name is None else f", no {name}"
        raise InputError(
            f"{on}: holds {len(found)} sequences{wanted}; name one by --sequence ({known})"
        )
    return meant[0]


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


def _about_part(number: int, total: int, recipe: Recipe) -> None:
    if total > 1:
        inner, outer = recipe.radii_px
        limit = "to the edge" if outer is None else f"to {outer:.1f} px"
        print_note(f"part {number} of {total}: from {inner:.1f} px {limit}")


def _about_epoch(progress: Progress) -> None:
    epoch = progress.epoch
    area = "" if epoch.validation_auc is None else f", AUC {epoch.validation_auc:.3f}"
    print_note(
        f"epoch {epoch.number} of {progress.epochs}: loss {epoch.training_loss:.3f}, "
        f"validation {epoch.validation_loss:.3f}{area}; {progress.seconds_left:.0f} s left at most"
    )


def _clear(folder: Path) -> None:
    """Remove what the training went on from."""
    from shutil import rmtree

    rmtree(folder)


def _report(
    out: Path,
    plot: Path | None,
    trained: tuple[Trained, ...],
    algorithm: Algorithm,
    *,
    as_json: bool,
) -> None:
    if plot is not None:
        from exobench.cli._figures import save_figure
        from exobench.leaderboard.learning_figures import learning_figure

        label = algorithm.label
        names = [label] if len(trained) == 1 else [f"part {i + 1}" for i in range(len(trained))]
        histories = {name: one.history for name, one in zip(names, trained, strict=True)}
        save_figure(learning_figure(histories, title=label), plot)
    if as_json:
        parts = [_summary(one) for one in trained]
        print_json({"format": 1, "model": str(out), "parts": parts})
        return
    for number, one in enumerate(trained, 1):
        which = f"part {number}: " if len(trained) > 1 else ""
        print(f"{out}: {which}epoch {one.best_epoch} of {len(one.history)} is the best")
    print(f"exobench run {algorithm.name} DIR/public -o model={out}")


def _summary(trained: Trained) -> dict[str, Any]:
    best = trained.history[trained.best_epoch - 1]
    return {
        "best_epoch": trained.best_epoch,
        "epochs": len(trained.history),
        "validation_loss": best.validation_loss,
        "validation_auc": best.validation_auc,
    }
