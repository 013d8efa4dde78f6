"""`exobench list`: what there is, one line each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import AsJson, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from exobench.challenge.recipe import Recipe
    from exobench.challenge.suites import Suite
    from exobench.datasets.simulator import Preset


class Kind(StrEnum):
    """What can be listed."""

    baselines = "baselines"
    presets = "presets"
    suites = "suites"
    metrics = "metrics"


def list_(
    kind: Annotated[
        Kind | None, typer.Argument(help="By default all of them.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List baselines, presets of the simulator, embedded suites and metrics.

    Example: exobench list baselines
    """
    listed = {one.value: dict(_LISTS[one]()) for one in ([kind] if kind else Kind)}
    if as_json:
        print_json({"format": 1, **listed})
        return
    for title, lines in listed.items():
        if len(listed) > 1:
            print(f"{title}:")
        width = max(map(len, lines), default=0)
        indent = "  " if len(listed) > 1 else ""
        for name, text in lines.items():
            print(f"{indent}{name:<{width}}  {text}".rstrip())


def _baselines() -> list[tuple[str, str]]:
    from exobench.baselines import describe, names

    return [(name, describe(name)) for name in names()]


def _presets() -> list[tuple[str, str]]:
    from exobench.datasets.simulator import load_preset, preset_names

    return [(name, _preset_line(load_preset(name))) for name in preset_names()]


def _preset_line(preset: Preset) -> str:
    _, n_frames, n_y, n_x = preset.shape
    sampling = preset.sampling
    return (
        f"{n_frames} frames of {n_y} x {n_x} px, {sampling.n_wavelengths} wavelength"
        f"{'s' if sampling.n_wavelengths > 1 else ''} at {sampling.wavelength:g} um, "
        f"{preset.telescope.diameter:g} m telescope"
    )


def _suites() -> list[tuple[str, str]]:
    from exobench.challenge.recipe import read_recipe
    from exobench.challenge.suites import SUITES, recipe_path

    return [
        (name, _suite_line(suite, read_recipe(recipe_path(name)))) for name, suite in SUITES.items()
    ]


def _suite_line(suite: Suite, recipe: Recipe) -> str:
    count = sum(group.count for group in recipe.sequences)
    tracks = " and ".join(sorted({group.track for group in recipe.sequences}))
    size = f"{suite.megabytes:g} MB" if suite.megabytes < 1000 else f"{suite.megabytes / 1000:g} GB"
    minutes = f"{suite.cpu_minutes:g} minute{'s' if suite.cpu_minutes > 1 else ''} of one core"
    return f"{count} sequences ({tracks}), {size}, about {minutes}: {suite.use}"


def _metrics() -> list[tuple[str, str]]:
    from exobench.scoring import METRICS

    return [(metric.key, metric.title) for metric in METRICS.values()]


_LISTS: dict[Kind, Callable[[], list[tuple[str, str]]]] = {
    Kind.baselines: _baselines,
    Kind.presets: _presets,
    Kind.suites: _suites,
    Kind.metrics: _metrics,
}
