"""Tables between marks on the pages of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_table(page: Path, name: str, table: str) -> None:
    """Put a table between its marks on a page, in place of what stands there."""
    start, end = f"<!-- table {name} -->\n", f"<!-- end {name} -->"
    before, *rest = page.read_text("utf-8").split(start)
    if len(rest) != 1 or end not in rest[0]:
        raise SystemExit(f"{page} must have one place for a table {name}, has {len(rest)}")
    page.write_text(f"{before}{start}\n{table}\n\n{rest[0][rest[0].index(end) :]}", "utf-8")
