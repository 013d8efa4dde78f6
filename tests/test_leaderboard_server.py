"""The process that serves the page."""

import os
import signal
import socket
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from exobench.datasets.errors import InputError
from exobench.leaderboard import server

needs_streamlit = pytest.mark.skipif(
    bool(server.missing_packages()), reason="needs the extra: pip install 'exobench[leaderboard]'"
)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_port_in_use_is_refused_before_anything_starts(toy_challenge, monkeypatch):
    monkeypatch.setattr(server, "missing_packages", list)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("started"))
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with (
            pytest.raises(InputError, match=f"--port {port}: is in use on 127.0.0.1; choose"),
            server.running_page(toy_challenge.folder, "127.0.0.1", port),
        ):
            pass


def test_a_port_just_left_is_free(free_port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", free_port))
        listener.listen()
        with socket.create_connection(("127.0.0.1", free_port)) as client:
            listener.accept()[0].close()
            client.recv(1)
    server.check_address("127.0.0.1", free_port)


@pytest.mark.parametrize(
    ("host", "problem"),
    [
        ("192.0.2.7", "--host 192.0.2.7: is no address of this machine"),  # RFC 5737: nobody's
        ("no such host", "--host no such host: no such host"),
        ("x" * 300, "no such host"),
    ],
)
def test_a_host_that_is_not_this_machine_is_refused(host, problem, free_port):
    with pytest.raises(InputError, match=problem):
        server.check_address(host, free_port)


def test_a_reserved_port_is_refused(monkeypatch, free_port):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(InputError, match="reserved for the administrator; choose one above 1023"):
        server.check_address("127.0.0.1", free_port)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'exobench\[leaderboard\]'"):
        server.check_installed()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("board.example", "http://board.example:80"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host, expected):
    assert server.address(host, 80) == expected


def test_nothing_is_told_to_anybody_and_nothing_is_asked():
    assert server.OPTIONS["STREAMLIT_BROWSER_GATHER_USAGE_STATS"] == "false"
    assert server.OPTIONS["STREAMLIT_SERVER_HEADLESS"] == "true"
    assert server.OPTIONS["STREAMLIT_SERVER_FILE_WATCHER_TYPE"] == "none"


@needs_streamlit
def test_every_option_is_one_that_streamlit_knows():
    from streamlit import config

    known = {option.env_var for option in config._config_options_template.values()}
    assert set(server.OPTIONS) <= known


def test_a_page_that_ends_at_once_is_an_error(monkeypatch, toy_challenge, free_port):
    monkeypatch.setattr(server, "missing_packages", list)
    monkeypatch.setattr(server, "page_command", lambda *_: [sys.executable, "-c", "exit(3)"])
    with (
        pytest.raises(ChildProcessError, match=r"the leaderboard ended at once \(code 3\)"),
        server.running_page(toy_challenge.folder, "127.0.0.1", free_port),
    ):
        pass


def test_a_page_that_never_answers_is_ended(monkeypatch, toy_challenge, free_port):
    monkeypatch.setattr(server, "missing_packages", list)
    monkeypatch.setattr(server, "SECONDS_TO_START", 0.3)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(server, "page_command", lambda *_: sleeper)
    started = []
    popen = subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[0]
    )
    with (
        pytest.raises(TimeoutError, match="did not answer"),
        server.running_page(toy_challenge.folder, "127.0.0.1", free_port),
    ):
        pass
    assert started[0].poll() is not None


PARENT = """
import sys, time
from pathlib import Path
from exobench.leaderboard.server import running_page
with running_page(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[2])) as page:
    print(page.address, flush=True)
    time.sleep(600)
"""


def answers(address):
    try:
        with urlopen(f"{address}/_stcore/health", timeout=30) as response:
            return response.status == 200
    except (URLError, OSError):
        return False


@pytest.mark.slow
@needs_streamlit
@pytest.mark.skipif(os.name != "posix", reason="kills a process the POSIX way")
def test_the_page_ends_even_if_its_starter_is_killed(toy_challenge, free_port):
    words = [sys.executable, "-P", "-c", PARENT, str(toy_challenge.folder), str(free_port)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as parent:
        address = parent.stdout.readline().strip()
        assert answers(address)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 120
    while answers(address) and time.monotonic() < end:
        time.sleep(0.1)
    assert not answers(address)
