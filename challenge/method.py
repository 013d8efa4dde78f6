"""What participants say of their method: ``method.toml`` of a submission."""

from __future__ import annotations

import json
import tomllib
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from exobench.challenge.documents import File, validated
from exobench.datasets.errors import InputError

METHOD = "method.toml"
LARGEST = 1 << 16
LONGEST_LINE = 120


_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def _plain(text: str) -> str:
    """Text without anything that could move or hide what stands around it."""
    normal = unicodedata.normalize("NFC", text).strip()
    for letter in normal:
        if letter not in "\n\t" and unicodedata.category(letter) in _INVISIBLE:
            raise ValueError(f"must hold no invisible characters, has U+{ord(letter):04X}")
    return normal


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise ValueError("must be one line")
    return text


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or any(c in " <>\"'`\\" for c in text):
        raise ValueError("must be an address that begins with https:// or http://")
    return text


def _several(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Line = Annotated[
    str, Field(max_length=LONGEST_LINE), AfterValidator(_plain), AfterValidator(_one_line)
]
Text = Annotated[str, Field(max_length=4000), AfterValidator(_plain)]
Address = Annotated[str, Field(max_length=300), AfterValidator(_plain), AfterValidator(_address)]
Lines = Annotated[tuple[Line, ...], Field(max_length=100), BeforeValidator(_several)]
Cost = Annotated[float, Field(ge=0)]


class Method(File):
    """How the answers came about, in the words of who sent them; nothing is required.

    Attributes
    ----------
    name : str or None
        Shown on the board.
    authors : tuple of str or None
        One name may stand without brackets.
    description, device : str or None
    url : str or None
        ``http(s)://...``
    uses_reference_stars : bool or None
        Whether data of other stars went in (RDI).
    trained_on : str or None
        What a learned method learned from.
    cpu_seconds, peak_memory_mb : float or None
        Of the whole track.
    """

    name: Line | None = None
    authors: Lines | None = None
    description: Text | None = None
    url: Address | None = None
    uses_reference_stars: bool | None = None
    trained_on: Text | None = None
    cpu_seconds: Cost | None = None
    peak_memory_mb: Cost | None = None
    device: Line | None = None

    def stated(self) -> dict[str, Any]:
        """What was said, as JSON; without `format` and what was left open."""
        return self.model_dump(mode="json", exclude={"format"}, exclude_none=True)


def parse_method(content: bytes) -> tuple[Method, tuple[str, ...]]:
    """The method of a TOML file and its unknown keys, which are left out.

    Raises
    ------
    InputError
        If it is no TOML, or a known key has a value that cannot be; one line each.
    """
    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, ValueError) as cause:
        raise InputError(f"is not TOML ({ascii(str(cause))[1:-1][:200]})") from cause
    known = {key: value for key, value in table.items() if key in Method.model_fields}
    try:
        method = validated(known, Method, METHOD, InputError)
    except InputError as error:
        raise InputError(
            *(line.removeprefix(f"{METHOD}: ")[:300] for line in error.problems)
        ) from error
    return method, tuple(sorted(set(table) - set(known)))


def method_bytes(method: Method) -> bytes:
    """The TOML file of a method."""
    stated = {"format": method.format, **method.stated()}
    # A JSON string, number, boolean or list is also one of TOML, if letters are not escaped.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in stated.items()]
    return ("\n".join(lines) + "\n").encode("utf-8")
