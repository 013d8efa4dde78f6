"""JSON and TOML documents of ours: checked when read, whole or absent when written."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from exobench.datasets.atomic import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from exobench.datasets.errors import InputError


class Document(BaseModel):
    """A value with declared keys; an unknown key is an error that lists the known ones."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, strict=True
    )


class File(Document):
    """A document that stands alone in a file."""

    format: Literal[1] = 1


D = TypeVar("D", bound=Document)

_LONGEST = 60  # characters of a wrong value that a message repeats


def write_json(path: Path, content: Document | dict[str, Any], mode: int = 0o644) -> None:
    """Write sorted, indented JSON of finite numbers and nulls.

    Parameters
    ----------
    path : Path
        Replaced as a whole.
    content : Document or dict
    mode : int
        Permissions, set before the first byte is written.
    """
    with replacing(path) as working:
        working.touch(mode=mode)
        working.chmod(mode)
        working.write_bytes(json_bytes(content))


def json_bytes(content: Document | dict[str, Any]) -> bytes:
    """The bytes that `write_json` writes."""
    plain = content.model_dump(mode="json") if isinstance(content, Document) else content
    return (json.dumps(plain, sort_keys=True, indent=1, allow_nan=False) + "\n").encode()


def read_json(path: Path, model: type[D], error: type[InputError]) -> D:
    """The document in a JSON file.

    Raises
    ------
    InputError
        Of the class `error`: no such file, no JSON, or values that are not as declared.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as cause:
        raise error(unreadable(path, cause)) from cause
    except (ValueError, RecursionError) as cause:  # bad syntax, bytes, digits or depth
        raise error(f"{path}: is not JSON ({cause})") from cause
    return validated(content, model, str(path), error)


def read_toml(path: Path, model: type[D], error: type[InputError]) -> D:
    """The document in a TOML file; raises as `read_json` does."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as cause:
        raise error(unreadable(path, cause)) from cause
    except (ValueError, RecursionError) as cause:
        raise error(f"{path}: is not TOML ({cause})") from cause
    return validated(content, model, str(path), error)


def validated(content: object, model: type[D], source: str, error: type[InputError]) -> D:
    """`content` as a document of that model; every problem names its key and `source`."""
    try:
        # JSON and TOML have lists and no tuples: their values are taken as from JSON.
        return model.model_validate_json(json.dumps(content, default=str))
    except ValidationError as cause:
        raise error(
            *(line for e in cause.errors() for line in _problems(source, model, dict(e)))
        ) from None


def raise_problems(*problems: str) -> None:
    """Raise what a validator found, if anything, so that `validated` lists each on its line."""
    if problems:
        raise ValueError("\n".join(problems))


def unreadable(path: Path, cause: OSError) -> str:
    """One line on why a file cannot be read."""
    return f"{path}: cannot be read, {(cause.strerror or str(cause)).lower()}"


def _problems(source: str, model: type[BaseModel], error: dict[str, Any]) -> list[str]:
    place = _key(error["loc"])
    if error["type"] == "extra_forbidden":
        known = ", ".join(sorted(_owner(model, error["loc"]).model_fields))
        return [f"{source}: unknown key {place}; known are {known}"]
    if error["type"] == "missing":
        return [f"{source}: {place} is missing"]
    prefix = f"{source}: {place}: " if place else f"{source}: "
    if error["type"] == "value_error":
        return [prefix + line for line in str(error["ctx"]["error"]).splitlines()]
    said = error["msg"]
    return [f"{prefix}{said[:1].lower()}{said[1:]}, got {_shortened(repr(error['input']))}"]


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _key(location: tuple[int | str, ...]) -> str:
    """``("sequences", 0, "count")`` as ``sequences[1].count``, counted from 1 as people do."""
    names = (p if isinstance(p, int) or p.isprintable() else repr(p) for p in location)
    parts = "".join(f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in names)
    return parts.lstrip(".")


def _owner(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model in which the key at the end of `location` stands."""
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation) or model
    return model


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_inner_model(inner) for inner in getattr(annotation, "__args__", ()))
    return next((model for model in found if model is not None), None)
