"""The tables of a campaign: one row per injection, per false positive, per run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from exobench.datasets.atomic import replacing
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

_TEXT, _WHOLE, _NUMBER = "string", "int64", "float64"

_WHO = {"algorithm": _TEXT, "sequence": _TEXT}
COLUMNS: dict[str, dict[str, str]] = {
    "injections": {
        **_WHO,
        "injection": _WHOLE,
        "separation_stratum": _TEXT,
        "brightness": _TEXT,
        "separation_px": _NUMBER,
        "separation_arcsec": _NUMBER,
        "separation_lambda_over_d": _NUMBER,
        "position_angle": _NUMBER,
        "y": _NUMBER,
        "x": _NUMBER,
        "offset_mag": _NUMBER,
        "flux": _NUMBER,
        "contrast": _NUMBER,
        "value": _NUMBER,
        "blank_value": _NUMBER,
        "significance": _NUMBER,
        "candidate_value": _NUMBER,
        "error_y_px": _NUMBER,
        "error_x_px": _NUMBER,
        "error_y_mas": _NUMBER,
        "error_x_mas": _NUMBER,
        "photometry": _TEXT,
        "measured_flux": _NUMBER,
        "throughput": _NUMBER,
        "path": _TEXT,
        "difference_from_whole": _NUMBER,
    },
    "false_positives": {
        **_WHO,
        "map": _TEXT,
        "injection": _WHOLE,
        "y": _WHOLE,
        "x": _WHOLE,
        "separation_px": _NUMBER,
        "separation_arcsec": _NUMBER,
        "value": _NUMBER,
    },
    "costs": {
        **_WHO,
        "injection": _WHOLE,
        "path": _TEXT,
        "cpu_seconds": _NUMBER,
        "wall_seconds": _NUMBER,
        "peak_memory_mb": _NUMBER,
        "memory_is_of": _TEXT,
        "device": _TEXT,
    },
}
"""Type of every column, by table. ``docs/campaigns.md`` says what they hold."""


def check_pyarrow() -> None:
    """Refuse work whose tables could not be written.

    Raises
    ------
    InputError
        If pyarrow is missing.
    """
    try:
        import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(
            "the tables of a campaign need pyarrow, which is not installed: "
            "pip install 'exobench[leaderboard]'"
        ) from error


def table_path(folder: Path, name: str) -> Path:
    """Where a table of a campaign lies."""
    return folder / f"{name}.parquet"


def write_table(folder: Path, name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Write rows as Parquet, whole or not at all; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(column, getattr(pa, kind)()) for column, kind in COLUMNS[name].items()])
    table = pa.Table.from_pylist(list(rows), schema=schema)
    with replacing(table_path(folder, name)) as working:
        pq.write_table(table, working, compression="zstd")


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a table, as they were written.

    Raises
    ------
    InputError
        If the file is missing or not such a table.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = table_path(folder, name)
    try:
        table = pq.read_table(path, columns=list(COLUMNS[name]))
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as a table of a campaign") from error
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def read_frame(folder: Path, name: str) -> pd.DataFrame:
    """A table of a finished campaign; raises as `read_rows` does."""
    import pandas as pd

    return pd.DataFrame(read_rows(folder, name), columns=list(COLUMNS[name]))
