"""What a record of Zenodo holds: names, sizes and checksums of its files."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from exobench.datasets.download import RemoteFile
from exobench.datasets.download_http import Busy, DownloadError, Patience, ask, with_patience

ZENODO = "https://zenodo.org"
LARGEST_ANSWER = 8 * 2**20  # bytes of a description
FIRST_CONTACT = 3  # tries: who is offline shall not wait long to hear it


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A published record.

    Attributes
    ----------
    identifier : str
        Of the version that was found.
    version : str
        As its authors call it, such as ``"2.0"``; empty if they do not.
    files : tuple of RemoteFile
    """

    identifier: str
    version: str
    files: tuple[RemoteFile, ...]


def read_record(identifier: str, base: str = ZENODO, patience: Patience | None = None) -> Record:
    """The record of that number.

    Parameters
    ----------
    identifier : str
    base : str
        Address of Zenodo, or of a mirror that answers as its REST interface does.
    patience : Patience or None

    Raises
    ------
    DownloadError
        If the server cannot be reached, has no such record, or answers something else.
    """
    url = f"{base.rstrip('/')}/api/records/{identifier}"
    patience = replace(patience or Patience(), tries=FIRST_CONTACT)
    content = b""

    def step() -> bool:
        nonlocal content
        content = b""
        answer = ask(url, patience)
        for block in answer.blocks:
            content += block
            if len(content) > LARGEST_ANSWER:
                raise DownloadError(f"{url}: the answer is not the description of a record")
        expected = answer.headers.get("Content-Length")
        if expected is not None and len(content) < int(expected):
            raise Busy(f"{url}: the connection broke")
        return True

    with_patience(step, patience)
    try:
        return _record(json.loads(content), base.rstrip("/"), identifier)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DownloadError(
            f"{url}: the answer is not the description of a record; expected JSON with the name, "
            "size and md5 of every file"
        ) from None


def _record(content: Any, base: str, asked: str) -> Record:
    identifier = str(content.get("id") or asked)
    version = str(content.get("metadata", {}).get("version") or "").strip().lstrip("vV")
    files = tuple(_file(one, base, identifier) for one in content["files"])
    return Record(identifier=identifier, version=version, files=files)


def _file(content: Any, base: str, identifier: str) -> RemoteFile:
    # The interface has called the fields by other names, and its links have led astray
    # (unquoted blanks, 404): the address is put together by the documented rule instead.
    name = str(content.get("key") or content["filename"])
    size = content["size"] if "size" in content else content["filesize"]
    md5 = str(content["checksum"]).lower().removeprefix("md5:")
    if not re.fullmatch(r"[^/\\]+", name) or name.startswith(".") or int(size) < 0:
        raise ValueError(name)
    if not re.fullmatch(r"[0-9a-f]{32}", md5):
        raise ValueError(md5)
    url = f"{base}/api/records/{quote(identifier)}/files/{quote(name)}/content"
    return RemoteFile(name=name, url=url, size=int(size), md5=md5)
