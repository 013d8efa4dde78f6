"""The verb `serve`."""

import importlib
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from exobench.cli import main
from exobench.leaderboard import server

# The package has a function of the same name.
verb = importlib.import_module("exobench.cli.serve")


def refused(capsys, *words):
    """Problems that the command line prints when it refuses."""
    with pytest.raises(SystemExit) as stop:
        main(["serve", *(str(word) for word in words)])
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err


def test_a_folder_that_is_no_challenge_is_refused(tmp_path, capsys):
    assert "no manifest.json there" in refused(capsys, tmp_path)
    assert "no such folder" in refused(capsys, tmp_path / "nowhere")


def test_the_public_part_alone_is_refused(toy_challenge, capsys):
    assert "is the public part of a challenge" in refused(capsys, toy_challenge.public)


def test_a_practice_challenge_needs_its_truth(toy_challenge, capsys):
    (toy_challenge.folder / "private" / "truth.json").write_text("{}")
    assert "is not the truth that toy committed to" in refused(capsys, toy_challenge.folder)
    (toy_challenge.folder / "private" / "truth.json").unlink()
    assert "truth.json: no such file" in refused(capsys, toy_challenge.folder)


def test_a_contest_is_served_without_its_truth(make_challenge, monkeypatch):
    contest = make_challenge(make_challenge.sequence(name="toy_1"), kind="contest")
    (contest.folder / "private" / "truth.json").unlink()
    verb.check_challenge(contest.folder)


def test_a_damaged_entry_is_named(toy_challenge, capsys):
    broken = toy_challenge.folder / "entries" / "0123456789abcdef"
    broken.mkdir(parents=True)
    (broken / "entry.json").write_text("{")
    assert f"{broken / 'entry.json'}: is not JSON" in refused(capsys, toy_challenge.folder)


def test_a_port_in_use_is_one_line(toy_challenge, capsys, monkeypatch):
    monkeypatch.setattr(server, "missing_packages", list)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        said = refused(capsys, toy_challenge.folder, "--port", port)
    assert said == (
        f"error: --port {port}: is in use on 127.0.0.1; choose another, such as --port {port + 1}\n"
    )


def test_a_missing_extra_is_one_line(toy_challenge, capsys, monkeypatch):
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    assert refused(capsys, toy_challenge.folder).splitlines() == [
        "error: the leaderboard needs streamlit and matplotlib, not installed: "
        "pip install 'exobench[leaderboard]'"
    ]


@pytest.mark.parametrize("port", ["0", "65536", "many"])
def test_ports_that_are_none_are_refused(toy_challenge, port, capsys):
    assert "--port" in refused(capsys, toy_challenge.folder, "--port", port)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "wayland-0"}, True),
        ("linux", {"DISPLAY": ":0", "CI": "true"}, False),
        ("linux", {"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, False),
        ("darwin", {}, True),
        ("win32", {}, True),
        ("win32", {"CI": "1"}, False),
    ],
)
def test_a_browser_opens_only_on_a_desktop(platform, environment, expected, monkeypatch):
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert verb.has_desktop() is expected


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="interrupts a process the POSIX way")
@pytest.mark.skipif(
    bool(server.missing_packages()), reason="needs the extra: pip install 'exobench[leaderboard]'"
)
def test_it_prints_the_address_once_it_answers_and_ends_at_an_interrupt(toy_challenge):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["serve", str(toy_challenge.folder), "--port", str(port), "--json"]
    code = f"from exobench.cli import main; main({words!r})"
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CI": "true"},
    )
    with process:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        assert json.loads("".join(lines)) == {"format": 1, "address": f"http://127.0.0.1:{port}"}
        socket.create_connection(("127.0.0.1", port), timeout=60).close()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert said in ("", "interrupted\n")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
