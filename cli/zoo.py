"""`exobench zoo`: every baseline on a suite, kept for others to compare with."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from exobench.cli._console import (
    AsJson,
    Scheduler,
    Workers,
    counted,
    print_json,
    print_note,
    print_table,
    print_warnings,
    progress,
)
from exobench.cli._suite import open_suite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from exobench.challenge.zoo.zoo import Zoo

Suite = Annotated[
    str,
    typer.Argument(
        help="An embedded suite (exobench list suites), built in the cache if need be, or the "
        "folder of a built challenge of practice.",
        metavar="SUITE",
        show_default=False,
    ),
]
Methods = Annotated[
    list[str] | None,
    typer.Argument(
        help="Baselines, with options in brackets: 'pca(n_components=20)'; yours too "
        "(module:function). By default all of exobench, with their defaults.",
        metavar="METHOD",
        show_default=False,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the zoo; by default in the cache, which EXOBENCH_CACHE names.",
        metavar="DIR",
        show_default=False,
    ),
]
MostSeconds = Annotated[
    float | None,
    typer.Option(
        "--most-seconds",
        help="Leave out methods whose first map takes more CPU seconds than this, and say so.",
        metavar="S",
        min=0,
        show_default=False,
    ),
]


def zoo(  # noqa: PLR0913 - the options of the verb
    suite: Suite,
    methods: Methods = None,
    out: Out = None,
    most_seconds: MostSeconds = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Run baselines on a suite; keep maps, scores and costs, with a table and an archive.

    The same command goes on from what is done, after an interruption or for more methods. The
    archive is what others compare their methods with: exobench compare --suite --zoo.

    Example: exobench zoo adi-40
    """
    from exobench.challenge.campaigns.algorithms import read_algorithms
    from exobench.challenge.manifest import MANIFEST
    from exobench.challenge.suite_folder import zoo_folder
    from exobench.challenge.work import check_workers, open_workers
    from exobench.challenge.zoo.zoo import own_baselines, prepare_zoo, run_zoo

    check_workers(workers, scheduler)
    algorithms = read_algorithms(methods) if methods else own_baselines()
    challenge = open_suite(suite, workers, scheduler)
    folder = (out or zoo_folder(challenge.manifest.name)).absolute()
    started = prepare_zoo(challenge, algorithms, folder, most_seconds)
    shared = challenge.folder / "public" / MANIFEST
    n_sequences = max((len(task.run.sequences) for task in started.tasks), default=1)
    print_warnings(
        f"{label}: its maps are of other code, or do not say of which; it is run again"
        for label in started.changed
    )
    print_note(f"{counted(len(started.tasks), 'method')} to run, kept in {folder}")
    with open_workers(workers, scheduler, n_sequences, shared) as executor:
        for _ in progress(run_zoo(started, executor), started.n_maps, "maps"):
            pass
    again = f"--suite {quote(suite)}" + ("" if out is None else f" --zoo {quote(str(out))}")
    _finish(started, again, as_json=as_json)


def _finish(started: Zoo, again: str, *, as_json: bool) -> None:
    """Write the tables and say where everything stands."""
    from exobench.challenge.zoo.artefact import read_artefact
    from exobench.challenge.zoo.entries import zoo_ranking
    from exobench.challenge.zoo.files import archive_path

    folder, manifest = started.out, started.challenge.manifest
    artefact = read_artefact(folder, started.challenge)
    document = zoo_ranking(artefact, manifest)
    tables = _write_tables(folder, document)
    archive = archive_path(folder, manifest.name)
    print_warnings(
        f"{one['label']} on {one['track']} is left out: {one['reason']}"
        for one in document["left_out"]
    )
    if as_json:
        paths = {"folder": str(folder), "archive": str(archive), "tables": tables}
        print_json(document | paths)
        return
    _print_boards(document)
    print(f"maps, scores and costs in {folder}, with the tables {', '.join(tables)}")
    print(f"to publish: {archive}, {archive.stat().st_size / 1e6:.0f} MB")
    print(f"to compare: exobench compare my_method:detect {again}")


def _write_tables(folder: Path, document: Mapping[str, Any]) -> list[str]:
    """Write the boards as Markdown, LaTeX and JSON; returns the names of the files."""
    from exobench.challenge.documents import write_json
    from exobench.datasets.atomic import replacing
    from exobench.leaderboard.zoo_tables import zoo_latex, zoo_markdown

    written = {
        "table.md": "\n".join(zoo_markdown(document, track) for track in document["tracks"]),
        "table.tex": "\n".join(zoo_latex(document, track) for track in document["tracks"]),
    }
    for name, text in written.items():
        with replacing(folder / name) as working:
            working.write_text(text, encoding="utf-8")
    write_json(folder / "table.json", dict(document))
    return [*written, "table.json"]


def _print_boards(document: Mapping[str, Any]) -> None:
    from exobench.leaderboard.zoo_tables import board_rows, board_sentence

    for track in document["tracks"]:
        print(board_sentence(document, track))
        print_table(*board_rows(document, track))
        print()
