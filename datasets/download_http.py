"""One request to a server, asked again where asking again helps.

Why the standard library and neither pooch nor astropy's downloader: both begin a broken
download from nothing, which for gigabytes over a slow line means never; neither waits as
long as a server asks (Retry-After). What is left to them, a cache folder and a checksum, is
not worth a dependency. `urllib` follows redirects and obeys the proxy variables.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

BUSY = (408, 425, 429, 500, 502, 503, 504)  # worth another try
GONE = {
    401: "the server wants a login",
    403: "access is forbidden",
    404: "not found on the server",
    410: "no longer on the server",
}
BLOCK = 2**20
TROUBLE = (OSError, http.client.HTTPException)  # a line that broke: URLError is an OSError


class DownloadError(Exception):
    """A download that failed for a reason outside of this program; one clear line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, and after how long, a server is asked again.

    Attributes
    ----------
    tries : int
        In a row that bring nothing; one that brings bytes starts the count anew.
    first_wait, longest_wait : float
        Seconds; the wait doubles from the one to the other.
    longest_request : float
        Seconds; a server that asks to wait longer ends the download.
    timeout : float
        Seconds without a byte after which a connection is broken.
    sleep : callable
        Of seconds.
    """

    tries: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    longest_request: float = 600.0
    timeout: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def wait(self, failure: int) -> float:
        """Seconds after the `failure`-th failure in a row, from 1."""
        return min(self.first_wait * 2.0 ** (failure - 1), self.longest_wait)


class Busy(Exception):
    """A failure that may pass.

    Attributes
    ----------
    asked : float or None
        Seconds that the server asked to wait.
    advice : str
        What to do when it does not pass.
    """

    def __init__(
        self, reason: str, asked: float | None = None, advice: str = "try again later"
    ) -> None:
        super().__init__(reason)
        self.asked, self.advice = asked, advice


class PastTheEnd(Busy):
    """What was asked for begins behind the end of the server's file."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Head of an answer, and its body in blocks."""

    status: int
    headers: Mapping[str, str]
    blocks: Iterator[bytes]


def is_address(url: str) -> bool:
    """True if a server could stand behind it."""
    try:
        parts = urlsplit(url)
        # The port is read to see that it is a number.
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def ask(url: str, patience: Patience, offset: int = 0) -> Answer:
    """The answer to one GET, of everything from byte `offset` on.

    Raises
    ------
    DownloadError
        If asking again is of no use.
    Busy
        If it may be; also from the blocks, when the connection breaks.
    """
    if not is_address(url):
        raise DownloadError(f"{url}: not an address; expected one that begins with https://")
    headers = {"User-Agent": "exobench", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        request = urllib.request.Request(url, headers=headers)
        response = urllib.request.urlopen(request, timeout=patience.timeout)
    except urllib.error.HTTPError as error:
        with closing(error):
            raise _refusal(url, error) from None
    except (ValueError, http.client.InvalidURL) as error:
        proxy = _proxy(url)
        wrong = "not an address" if proxy is None else f"the proxy {proxy} has no usable address"
        raise DownloadError(f"{url}: {wrong}, {error}") from None
    except TROUBLE as error:
        raise _broken(url, error) from None
    return Answer(response.status, response.headers, _blocks(url, response))


def with_patience(step: Callable[[], bool], patience: Patience) -> None:
    """Do `step` until it returns, waiting after each `Busy`.

    Parameters
    ----------
    step : callable
        Returns True when done, False when it got further. `Busy` counts as a failure.

    Raises
    ------
    DownloadError
        When the patience is used up, with the last reason.
    """
    failures = 0
    while True:
        try:
            if step():
                return
            failures = 0
            patience.sleep(patience.wait(1))
        except Busy as busy:
            failures += 1
            if busy.asked is not None and busy.asked > patience.longest_request:
                raise DownloadError(
                    f"{busy}; the server asks to wait {busy.asked / 60:.0f} minutes: run the "
                    "command again then, nothing is lost"
                ) from None
            if failures >= patience.tries:
                raise DownloadError(f"{busy}; tried {failures} times, {busy.advice}") from None
            patience.sleep(max(patience.wait(failures), busy.asked or 0.0))


def _refusal(url: str, error: urllib.error.HTTPError) -> DownloadError | Busy:
    if error.code == 416:
        return PastTheEnd(f"{url}: the server has fewer bytes than were asked for")
    if error.code in BUSY:
        reason = f"{url}: the server is busy (HTTP {error.code})"
        return Busy(reason, _retry_after(error.headers.get("Retry-After")))
    return DownloadError(f"{url}: {GONE.get(error.code, 'refused by the server')} ({error.code})")


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date."""
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (date.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _broken(url: str, error: Exception) -> Busy:
    reason = getattr(error, "reason", error)
    said = (getattr(reason, "strerror", None) or str(reason) or type(reason).__name__).lower()
    host, proxy = urlsplit(url).netloc, _proxy(url)
    if proxy is None:
        advice = "is this machine online? if so, try again later"
        return Busy(f"{url}: no connection to {host} ({said})", advice=advice)
    variable = f"{urlsplit(url).scheme}_proxy"
    advice = f"is this machine online, and is {variable}, which names the proxy, right?"
    return Busy(f"{url}: no connection to {host} by the proxy {proxy} ({said})", advice=advice)


def _proxy(url: str) -> str | None:
    """The proxy by which `urllib` asks, without a password; None if it asks directly."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return proxy.rpartition("@")[2]


def _blocks(url: str, response: Any) -> Iterator[bytes]:
    with closing(response):
        while True:
            try:
                block = response.read(BLOCK)
            except http.client.IncompleteRead as error:
                block = error.partial  # the rest is asked for again
            except TROUBLE as error:
                raise _broken(url, error) from None
            if not block:
                return
            yield block
