"""The process that serves the page, from its start until the end of this one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import exobench.leaderboard.page
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(exobench.leaderboard.page.__path__[0]) / "app.py"
SECONDS_TO_START = 60.0
_SECONDS_TO_STOP = 5.0
_EXTRA = ("streamlit", "matplotlib")

# As environment variables: they outweigh configuration files of Streamlit that may lie
# around, and a version that does not know one of them ignores it.
OPTIONS = {
    "STREAMLIT_SERVER_HEADLESS": "true",  # opens no browser, asks for no e-mail address
    "STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
    "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
    "STREAMLIT_SERVER_RUN_ON_SAVE": "false",
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "STREAMLIT_CLIENT_TOOLBAR_MODE": "minimal",
    "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "none",  # a traceback could tell more than the page
    "STREAMLIT_CLIENT_SHOW_ERROR_LINKS": "false",
    "STREAMLIT_LOGGER_LEVEL": "warning",
    # Rich would print tracebacks on standard output, where nobody reads them.
    "STREAMLIT_LOGGER_ENABLE_RICH": "false",
    "STREAMLIT_THEME_BASE": "light",
    "STREAMLIT_THEME_PRIMARY_COLOR": "#0072B2",
    "STREAMLIT_THEME_TEXT_COLOR": "#1b1f24",
    "STREAMLIT_THEME_BACKGROUND_COLOR": "#ffffff",
    "STREAMLIT_THEME_SECONDARY_BACKGROUND_COLOR": "#f3f5f7",
    "STREAMLIT_THEME_PADDING_TOP": "1.5rem",
    "STREAMLIT_THEME_HEADING_FONT_SIZES": "2.4rem,2rem,1.35rem",
}


def missing_packages() -> list[str]:
    """Packages of the page that are not installed."""
    return [name for name in _EXTRA if find_spec(name) is None]


def check_installed() -> None:
    """Refuse to go on without the packages of the page.

    Raises
    ------
    InputError
        Naming the extra that brings them.
    """
    missing = missing_packages()
    if missing:
        raise InputError(
            f"the leaderboard needs {' and '.join(missing)}, not installed: "
            "pip install 'exobench[leaderboard]'"
        )


def check_address(host: str, port: int) -> None:
    """Refuse an address that cannot be listened at.

    Raises
    ------
    InputError
        If the host is not of this machine, or the port is in use or reserved.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host}: no such host; 127.0.0.1 is this machine") from error
    with socket.socket(family, kind, protocol) as listener:
        if os.name == "posix":
            # A port that was left a moment ago is free, as it is for the server itself.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
            listener.listen(1)
        except PermissionError as error:
            raise InputError(
                f"--port {port}: is reserved for the administrator; choose one above 1023"
            ) from error
        except OSError as error:
            raise InputError(_not_free(host, port, address[:2])) from error


@contextmanager
def running_page(challenge: Path, host: str, port: int) -> Iterator[RunningPage]:
    """The page of a challenge, which answers from here to the end of the block.

    Its process ends with the block, and also when this process dies in any other way.

    Raises
    ------
    InputError
        If the extra is not installed or the address cannot be listened at.
    ChildProcessError, TimeoutError
        If the page ends at once or does not answer in time.
    """
    check_installed()
    check_address(host, port)
    process = subprocess.Popen(
        page_command(challenge, host, port),
        env=os.environ | OPTIONS,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        # Ctrl-C is for this process, which then ends the other.
        start_new_session=os.name == "posix",
    )
    try:
        page = RunningPage(process, address(host, port))
        page.wait_until_it_answers(SECONDS_TO_START)
        yield page
    finally:
        _stop(process)


def page_command(challenge: Path, host: str, port: int) -> list[str]:
    """The command line of the process that serves the page."""
    launcher = [sys.executable, "-P", "-m", "exobench.leaderboard.page_process"]
    options = ["--server.address", host, "--server.port", str(port)]
    return [*launcher, "run", str(PAGE), *options, "--", str(challenge)]


def address(host: str, port: int) -> str:
    """Where a browser on this machine finds the page."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
    return f"http://[{local}]:{port}" if ":" in local else f"http://{local}:{port}"


class RunningPage:
    """The process of a page.

    Attributes
    ----------
    address : str
        Where a browser on this machine finds it.
    """

    def __init__(self, process: subprocess.Popen[bytes], address: str) -> None:
        self._process = process
        self.address = address

    def wait_until_it_answers(self, seconds: float) -> None:
        """Return once the page answers.

        Raises
        ------
        ChildProcessError, TimeoutError
            If it has ended, or does not answer in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            code = self._process.poll()
            if code is not None:
                raise ChildProcessError(f"the leaderboard ended at once (code {code})")
            if _answers(f"{self.address}/_stcore/health"):
                return
            time.sleep(0.1)
        raise TimeoutError(f"the leaderboard did not answer at {self.address} in {seconds:g} s")

    def wait(self) -> int:
        """The exit code of the process, once it ends."""
        return self._process.wait()


def _answers(url: str) -> bool:
    # Not through a proxy: this is a question to this machine.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _not_free(host: str, port: int, bound: tuple[object, ...]) -> str:
    """Why the address cannot be had: the port if port 0 works there, else the host."""
    with socket.socket(socket.AF_INET6 if ":" in str(bound[0]) else socket.AF_INET) as probe:
        try:
            probe.bind((str(bound[0]), 0))
        except OSError:
            return f"--host {host}: is no address of this machine; 127.0.0.1 is"
    return f"--port {port}: is in use on {host}; choose another, such as --port {port + 1}"
