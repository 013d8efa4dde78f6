"""`exobench explain`: what a detector that learnt says of one position, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from exobench.cli._console import AsJson, print_json, print_note, print_table
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

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from exobench.baselines.learning.judgement.thresholds import Threshold
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.verdicts import Verdict
    from exobench.datasets.sequence import ImageSequence

_Place = tuple[float | None, float | None]

ModelFile = Annotated[
    Path | None,
    typer.Option(
        help="Model that exobench train wrote; as option of the method.",
        metavar="FILE",
        show_default=False,
    ),
]


def explain(  # noqa: PLR0913 - the options of the verb
    method: Method,
    on: On,
    model: ModelFile = None,
    separation: Annotated[
        float | None, typer.Option(help="Of the position from the star, in arcsec.")
    ] = None,
    position_angle: Annotated[
        float | None, typer.Option(help="Of the position, in degrees east of north.")
    ] = None,
    x: Annotated[
        float | None, typer.Option(help="Of the position on the derotated frame, from 0.")
    ] = None,
    y: Annotated[float | None, typer.Option(help="Likewise, upwards.")] = None,
    sequence: Named = None,
    framework: Framework = None,
    device: Device = None,
    option: Options = None,
    flip_angles: Flip = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw stack, saliency and evidence, rank by rank.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a trained network says of one position of a sequence, and what it goes by.

    By default of the highest candidate of its map; else give separation and position angle, or
    x and y.

    Example: exobench explain sodinn --on naco_betapic --model naco.safetensors --plot why.png
    """
    from exobench.baselines.learning.detector import detector_map
    from exobench.baselines.learning.verdicts import brightest_candidate, verdict_at

    if plot is not None:
        from exobench.cli._figures import check_plot

        check_plot(plot)
    asked = _asked((separation, position_angle), (x, y))
    said = {"model": None if model is None else str(model)}
    algorithm = read_learner(method, option, framework=framework, device=device, **said)
    learner: Any = algorithm.load()
    detector = _detector(algorithm.name, learner)
    read = read_one(on, sequence, flip_angles=flip_angles)
    how = {"framework": learner.framework, "device": learner.device}
    place = None if asked is None else _position(asked, (separation, position_angle), read)
    if place is not None:
        verdict = verdict_at(detector, read, place, **how)  # refuses a bad one before the map
    print_note("looking at every pixel")
    shown = detector_map(detector, read, **how)
    if place is None:
        verdict = verdict_at(detector, read, brightest_candidate(shown, read), **how)
    if plot is not None:
        _draw(plot, verdict, shown, read, algorithm.name)
    _report(verdict, shown, read, detector, plot, as_json=as_json)


def _asked(polar: _Place, xy: _Place) -> tuple[float, float] | None:
    """The pair of coordinates that was given, if any was."""
    import math

    from exobench.datasets.errors import InputError

    pairs = (("--separation", "--position-angle"), ("--x", "--y"))
    given = [pair for pair in (polar, xy) if any(value is not None for value in pair)]
    halves = [
        f"{names[0]} and {names[1]} go together, got only one of them"
        for names, pair in zip(pairs, (polar, xy), strict=True)
        if (pair[0] is None) != (pair[1] is None)
    ]
    if len(given) == 2:
        halves.append("give a position by --separation and --position-angle, or by --x and --y")
    if polar[0] is not None and not polar[0] > 0:
        halves.append(f"--separation must be above 0 arcsec, got {polar[0]:g}")
    if halves:
        raise InputError(*halves)
    if not given:
        return None
    first, second = given[0]
    if first is None or second is None or not math.isfinite(first + second):
        raise InputError("a position must be two finite numbers")
    return first, second


def _position(
    asked: tuple[float, float], polar: _Place, sequence: ImageSequence
) -> tuple[float, float]:
    """Position (y, x) in pixels of what was asked for."""
    if polar[0] is None:
        return asked[1], asked[0]
    from exobench.datasets.sequence import Companion

    separation, position_angle = asked
    return Companion(separation=separation, position_angle=position_angle, flux=1.0).position(
        sequence
    )


def _detector(name: str, learner: Any) -> Detector:
    """The trained networks that the options name."""
    from exobench.datasets.errors import InputError

    if not learner.model:
        raise InputError(
            f"name a model by --model; exobench train {name} --on PATH --out MODEL writes one"
        )
    detector: Detector = learner.detector()
    return detector


def _draw(
    plot: Path,
    verdict: Verdict,
    shown: NDArray[np.float64],
    sequence: ImageSequence,
    method: str,
) -> None:
    from exobench.cli._figures import save_figure
    from exobench.leaderboard.explanation_figures import Field, explanation_figure

    field = Field(
        detection_map=shown, pixel_scale=sequence.pixel_scale, fwhm=sequence.reference_fwhm
    )
    save_figure(explanation_figure(verdict, field, title=f"{method} on {sequence.name}"), plot)


def _report(
    verdict: Verdict,
    shown: NDArray[np.float64],
    sequence: ImageSequence,
    detector: Detector,
    plot: Path | None,
    *,
    as_json: bool,
) -> None:
    import numpy as np

    from exobench.baselines.learning.judgement.meaning import Meaning

    n_higher = int((shown > verdict.significance).sum())
    thresholds = Meaning.from_dict(
        detector.part_at(verdict.radius_px).calibration
    ).calibration.thresholds
    threshold = thresholds[0] if thresholds else None
    share = n_higher / max(1, int(np.isfinite(shown).sum()))
    if as_json:
        print_json(
            {
                "format": 1,
                "sequence": sequence.name,
                "higher_pixels": n_higher,
                "threshold": None if threshold is None else threshold.value,
                "figure": None if plot is None else str(plot),
            }
            | verdict.to_dict()
        )
        return
    print(sequence.name)
    for label, text in _properties(verdict, share, threshold):
        print(f"  {label:<12} {text}")
    print_table(
        ("components", "S/N", "probability alone", "without it"),
        [
            (str(components), f"{snr:.1f}", f"{alone:.3f}", f"{without:.3f}")
            for components, snr, alone, without in zip(
                verdict.ranks,
                verdict.snr,
                verdict.explanation.probability_alone,
                verdict.explanation.probability_without,
                strict=True,
            )
        ],
    )
    if plot is not None:
        print(f"figure written to {plot}")


def _properties(
    verdict: Verdict, share: float, threshold: Threshold | None
) -> Iterator[tuple[str, str]]:
    from math import hypot, isnan

    from exobench.baselines.learning.verdicts import peak_offset

    told = verdict.explanation
    yield (
        "position",
        f"{verdict.separation:.4g} arcsec ({verdict.radius_px:.1f} px), position angle "
        f"{verdict.position_angle:.1f} degrees; y = {verdict.y}, x = {verdict.x}",
    )
    higher = f"{100 * share:.2g} % of the pixels are higher" if share else "no pixel is higher"
    yield "map", f"{verdict.significance:.2f} sigma; {higher}"
    if threshold is not None:
        yield (
            "threshold",
            f"{threshold.value:.2f} sigma for {threshold.wanted:g} false "
            f"positive{'s' * (threshold.wanted != 1)} per map",
        )
    yield (
        "probability",
        f"{told.probability:.4g} as trained, with a companion in every second patch; "
        f"{verdict.probability:.2g} in a search (log-odds {verdict.log_odds:.2f})",
    )
    if not isnan(told.probability_of_curve):
        yield (
            "by input",
            f"{told.probability_of_stack:.4g} by the patches without their S/N curve, "
            f"{told.probability_of_curve:.4g} by the curve without the patches, as trained",
        )
    saliency = hypot(*peak_offset(told.localisation))
    yield "saliency", f"strongest {saliency:.1f} px from the middle of the patch"
    if told.grad_cam.any():
        offset = hypot(*peak_offset(told.grad_cam.mean(axis=0)))
        yield "Grad-CAM", f"strongest {offset:.1f} px from the middle of the patch"
    else:
        yield (
            "Grad-CAM",
            "empty: it weights features by their mean over the patch, and this network minds "
            "where they lie; see saliency and evidence",
        )
