"""`exobench campaign`: companions put in one at a time, and what algorithms make of them."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import (
    AsJson,
    Scheduler,
    Workers,
    print_json,
    print_note,
    progress,
)

if TYPE_CHECKING:
    from exobench.challenge.campaigns.campaign import Campaign
    from exobench.challenge.campaigns.settings import Report, Settings
    from exobench.challenge.campaigns.sources import Said

Algorithms = Annotated[
    list[str] | None,
    typer.Argument(
        help="Baselines, with options in brackets: 'pca(n_components=20)'. Rates of the others "
        "are compared with those of the first.",
        metavar="ALGORITHM",
        show_default=False,
    ),
]
On = Annotated[
    Path | None,
    typer.Option(
        help="A challenge, a folder of sequences in EIDC names, or one sequence's file.",
        metavar="DIR",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        help="Folder of the campaign. One that holds a campaign on the same data gets what "
        "algorithms and injections it lacks.",
        metavar="DIR",
    ),
]
References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference",
        help="Algorithm whose detection limits the fluxes follow; may be given again. By "
        "default those of recipes: median, annular_pca and loci.",
        metavar="ALGORITHM",
        show_default=False,
    ),
]
Flip = Annotated[
    bool | None,
    typer.Option(
        help="Negate the angles, so that real companions smear. By default where sequences "
        "hold companions: of a challenge, or marked as injected.",
        show_default=False,
    ),
]
Wavelength = Annotated[
    float | None, typer.Option(help="In micrometres, where the files do not say.", min=0)
]
Diameter = Annotated[
    float | None,
    typer.Option(help="Of the telescope in metres, where the files do not say.", min=0),
]


def campaign(  # noqa: PLR0913 - the options of the verb
    algorithms: Algorithms = None,
    on: On = None,
    out: Out = Path("campaign"),
    injections: Annotated[
        int, typer.Option(help="Companions in each sequence, alone in a run each.", min=1)
    ] = 200,
    reference: References = None,
    seed: Annotated[int, typer.Option(help="Of the companions' places and fluxes.", min=0)] = 0,
    flip_angles: Flip = None,
    track: Annotated[
        str | None, typer.Option(help="Of a challenge that has two: adi or adi_ifs.")
    ] = None,
    wavelength: Wavelength = None,
    diameter: Diameter = None,
    refilled: Annotated[
        int,
        typer.Option(
            help="Maps with companions, of each sequence, that are searched for false "
            "positives too.",
            min=0,
        ),
    ] = 10,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with, or report, what the folder holds already."),
    ] = False,
    plot: Annotated[
        bool, typer.Option("--plot", help="Draw the figures, into the folder of the campaign.")
    ] = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Inject companions one at a time, stratified, and record what algorithms make of each.

    The same companions for all algorithms, with fluxes about the detection limit of the
    references. The same command goes on from what is done, after an interruption or for more
    injections or algorithms.

    Example: exobench campaign pca annular_pca --on my-challenge --injections 200 --out zoo
    """
    from exobench.challenge.campaigns.campaign import prepare_campaign
    from exobench.challenge.campaigns.tables import check_pyarrow
    from exobench.challenge.work import check_workers

    check_pyarrow()
    check_workers(workers, scheduler)
    if plot:
        from exobench.cli._figures import check_matplotlib

        check_matplotlib("--plot")
    if resume:
        settings = _held(out, algorithms, on)
    else:
        from exobench.challenge.campaigns.sources import Said

        said = Said(wavelength=wavelength, diameter=diameter, flip_angles=flip_angles, track=track)
        settings = _asked(algorithms, on, reference, said, (injections, refilled, seed))
    begun = prepare_campaign(settings, out)
    _print_notes(begun)
    run_with_progress(begun, workers, scheduler)
    _report(out, plot=plot, as_json=as_json)


def run_with_progress(campaign: Campaign, workers: int | None, scheduler: str | None) -> None:
    """Do what is left of a campaign, with a progress bar."""
    from exobench.challenge.campaigns.campaign import BEGUN, run_campaign
    from exobench.challenge.work import WorkersLostError, open_workers

    left = campaign.n_steps - campaign.n_done
    try:
        with open_workers(workers, scheduler, max(1, left), campaign.out / BEGUN) as executor:
            for _ in progress(run_campaign(campaign, executor), left, "runs of algorithms"):
                pass
    except KeyboardInterrupt:
        print_note(
            f"what is done is kept: exobench campaign --resume --out {quote(str(campaign.out))}"
        )
        raise
    except WorkersLostError as error:
        raise WorkersLostError(f"{error}; the same command goes on from what is done") from error


def _held(out: Path, algorithms: list[str] | None, on: Path | None) -> Settings:
    """Settings of the campaign in the folder."""
    from exobench.challenge.campaigns.campaign import settings_of
    from exobench.datasets.errors import InputError

    if algorithms or on is not None:
        raise InputError("--resume takes algorithms and sequences from the folder; leave them out")
    settings = settings_of(out)
    if settings is None:
        raise InputError(f"{out}: holds no campaign to go on with; name its folder by --out")
    return settings


def _asked(
    algorithms: list[str] | None,
    on: Path | None,
    reference: list[str] | None,
    said: Said,
    numbers: tuple[int, int, int],
) -> Settings:
    """Settings of the campaign that the options ask for."""
    from exobench.challenge.campaigns.algorithms import read_algorithms
    from exobench.challenge.campaigns.settings import new_settings
    from exobench.challenge.campaigns.sources import find_sources
    from exobench.datasets.errors import InputError

    problems = []
    if not algorithms:
        problems.append("name at least one algorithm (exobench list baselines)")
    if on is None:
        problems.append("name the sequences by --on")
    if problems:
        raise InputError(*problems)
    asked = read_algorithms(algorithms or [])
    sources = find_sources(Path(on or ""), said, asked)
    references = read_algorithms(reference or [])
    injections, refilled, seed = numbers
    return new_settings(
        asked, references, sources, injections=injections, refilled=refilled, seed=seed
    )


def _print_notes(campaign: Campaign) -> None:
    settings = campaign.settings
    flipped = [source.name for source in settings.sources if source.flip_angles]
    if flipped:
        print_note(
            f"angles are negated, so that companions in the data smear: {', '.join(flipped)} "
            "(--no-flip-angles takes them as they are)"
        )
    if campaign.n_done:
        print_note(f"goes on from {campaign.n_done} of {campaign.n_steps} steps that are done")


def _report(out: Path, *, plot: bool, as_json: bool) -> None:
    """Print what a finished campaign found, and draw it."""
    from exobench.challenge.campaigns.campaign import read_report
    from exobench.challenge.campaigns.rates import summarized
    from exobench.cli._campaign_table import as_dict, print_summary

    report = read_report(out)
    summary = summarized(out, report.labels)
    figures = _drawn(out, report) if plot else []
    if as_json:
        print_json(as_dict(report, summary, out, figures))
        return
    print_summary(report, summary)
    print(f"tables in {out}")
    for path in figures:
        print(f"figure written to {path}")


def _drawn(out: Path, report: Report) -> list[Path]:
    from exobench.cli._figures import save_figure
    from exobench.leaderboard.campaign_figures import campaign_figures

    paths = []
    for name, figure in campaign_figures(out, report).items():
        path = out / "figures" / f"{name}.png"
        save_figure(figure, path)
        paths.append(path)
    return paths
