"""Downloads from a server on this machine that does everything servers do wrong."""

import errno
import hashlib
import io
import json
import shutil
import threading
import zipfile
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from exobench.datasets import download, download_eidc
from exobench.datasets.download import RemoteFile
from exobench.datasets.download_archives import unpack
from exobench.datasets.download_eidc import cache_folder, fetch_eidc1, fetched_eidc1
from exobench.datasets.download_http import DownloadError, Patience
from exobench.datasets.download_zenodo import read_record
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequences, write_sequence
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import ImageSequence

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(ThreadingHTTPServer):
    """Serves `files` by path; a list of faults per path comes first, one a request.

    Attributes
    ----------
    files : dict of str to bytes
    faults : dict of str to list
        Functions of a handler and the content; True: they have answered.
    requests : list of tuple
        Path and Range of every request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.faults, self.requests = {}, {}, []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def remote(self, name="file.zip", content=CONTENT, **changes):
        """Put a file on the server; returns its description."""
        self.files[f"/{name}"] = content
        md5 = hashlib.md5(content).hexdigest()
        fields = {"name": name, "url": f"{self.url}/{name}", "size": len(content), "md5": md5}
        return RemoteFile(**(fields | changes))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.requests.append((self.path, asked))
        content = self.server.files.get(self.path)
        faults = self.server.faults.get(self.path, [])
        if faults and faults.pop(0)(self, content):
            self.close_connection = True
            return
        if content is None:
            self.answer(404, b"not here")
        elif asked:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            where = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self.answer(206, content[start:], where)
        else:
            self.answer(200, content)

    def answer(self, status, body, headers=(), length=None):
        self.send_response(status)
        for key, value in dict(headers).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def drop(after):
    """Promise everything, send `after` bytes from where the client stands, hang up."""

    def fault(handler, content):
        asked = handler.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = content[start : start + after]
        where = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        handler.answer(206 if asked else 200, body, where if asked else (), len(content) - start)
        return True

    return fault


def hang_up(handler, content):
    handler.wfile.close()
    return True


def status(code, **headers):
    def fault(handler, content):
        handler.answer(code, b"sorry", {k.replace("_", "-"): v for k, v in headers.items()})
        return True

    return fault


def without_range(after=None):
    """Send the whole file whatever was asked; or the beginning of it."""

    def fault(handler, content):
        handler.answer(200, content[:after], length=len(content))
        return True

    return fault


def sending(body, code=200, **headers):
    def fault(handler, content):
        handler.answer(code, body, {k.replace("_", "-"): v for k, v in headers.items()})
        return True

    return fault


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


class Clock:
    """Notes what it is asked to wait instead of waiting."""

    def __init__(self):
        self.waits = []

    def __call__(self, seconds):
        self.waits.append(seconds)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def patience(clock):
    return Patience(timeout=5.0, sleep=clock)


def get(remote, folder, patience):
    return download.download(remote, folder, patience)


def failed(remote, folder, patience):
    with pytest.raises(DownloadError) as error:
        get(remote, folder, patience)
    assert "\n" not in str(error.value)
    assert not (folder / remote.name).exists()
    return str(error.value)


def parts(folder):
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_file_arrives_whole_and_leaves_no_part_behind(server, tmp_path, patience, clock):
    path = get(server.remote(), tmp_path / "new", patience)
    assert path.read_bytes() == CONTENT
    assert [one.name for one in path.parent.iterdir()] == ["file.zip"]
    assert clock.waits == []


def test_a_file_that_is_there_is_not_asked_for_again(server, tmp_path, patience):
    remote = server.remote()
    get(remote, tmp_path, patience)
    get(remote, tmp_path, patience)
    assert len(server.requests) == 1
    (tmp_path / "file.zip").write_bytes(CONTENT[:-1] + b"x")
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT


def test_an_empty_file_needs_no_request(server, tmp_path, patience):
    assert get(server.remote(content=b""), tmp_path, patience).read_bytes() == b""
    assert server.requests == []


def test_every_dropped_connection_is_taken_up_where_it_broke(server, tmp_path, patience, clock):
    remote = server.remote()
    server.faults["/file.zip"] = [drop(40_000)] * 7
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests][1:] == [
        f"bytes={40_000 * i}-" for i in range(1, 8)
    ]
    assert clock.waits == [1.0] * 7  # more than `tries`: whoever gets on does not give up


def test_an_interrupted_program_goes_on_where_it_was(server, tmp_path, patience):
    remote = server.remote()
    seen = []

    def stop(done):
        seen.append(done)
        raise KeyboardInterrupt

    server.faults["/file.zip"] = [drop(100_000)]
    with pytest.raises(KeyboardInterrupt):
        download.download(remote, tmp_path, patience, stop)
    (part,) = parts(tmp_path)
    before = part.stat().st_size
    assert 0 < before <= 100_000
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={before}-"


def test_a_server_that_hangs_up_at_once_is_asked_again_ever_later(
    server, tmp_path, patience, clock
):
    server.faults["/file.zip"] = [hang_up] * 99
    message = failed(server.remote(), tmp_path, patience)
    assert "no connection to 127.0.0.1" in message
    assert "tried 6 times" in message
    assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_server_that_sends_nothing_of_what_it_promises_is_given_up(server, tmp_path, patience):
    server.faults["/file.zip"] = [drop(0)] * 99
    assert "the connection broke at byte 0 of 300000" in failed(server.remote(), tmp_path, patience)


def test_a_server_that_ignores_range_costs_time_but_no_bytes(server, tmp_path, patience):
    remote = server.remote()
    server.faults["/file.zip"] = [drop(200_000), without_range(250_000), without_range()]
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_server_that_ignores_range_and_never_gets_far_is_named(server, tmp_path, patience):
    server.faults["/file.zip"] = [drop(200_000)] + [without_range(100_000)] * 99
    message = failed(server.remote(), tmp_path, patience)
    assert "the server ignores Range" in message
    assert parts(tmp_path)[0].stat().st_size == 200_000


@pytest.mark.parametrize("first", [0, 150_000, 250_000])
def test_an_answer_from_another_byte_than_asked_never_corrupts(server, tmp_path, patience, first):
    remote = server.remote()
    shifted = sending(
        CONTENT[first:], 206, Content_Range=f"bytes {first}-299999/300000", X=str(first)
    )
    server.faults["/file.zip"] = [drop(200_000), shifted]
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT


def test_wrong_bytes_are_fetched_once_more_then_refused_and_removed(server, tmp_path, patience):
    remote = server.remote()
    wrong = sending(CONTENT[:-1] + b"x")
    server.faults["/file.zip"] = [wrong]
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    (tmp_path / "file.zip").unlink()
    server.faults["/file.zip"] = [wrong, wrong]
    assert f"expected {remote.md5}; they were removed" in failed(remote, tmp_path, patience)
    assert parts(tmp_path) == []


def test_a_part_of_an_older_content_is_not_continued(server, tmp_path, patience):
    old = server.remote(content=b"old" * 100_000)
    server.faults["/file.zip"] = [drop(200_000)] + [hang_up] * 99
    failed(old, tmp_path, patience)
    server.faults.clear()
    assert get(server.remote(), tmp_path, patience).read_bytes() == CONTENT
    assert server.requests[-1][1] is None


def test_more_bytes_than_described_are_not_stored(server, tmp_path, patience):
    remote = server.remote()
    server.faults["/file.zip"] = [sending(CONTENT + b"more" * 10_000)]
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT


def test_a_shorter_file_than_described_is_given_up(server, tmp_path, patience):
    remote = server.remote(size=len(CONTENT) + 10)
    message = failed(remote, tmp_path, patience)
    assert "tried 6 times" in message


@pytest.mark.parametrize(
    ("code", "said"), [(404, "not found on the server"), (410, "no longer"), (403, "forbidden")]
)
def test_what_is_not_to_be_had_is_said_at_once(server, tmp_path, patience, clock, code, said):
    server.faults["/file.zip"] = [status(code)] * 9
    message = failed(server.remote(), tmp_path, patience)
    assert said in message
    assert str(code) in message
    assert clock.waits == []


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(server, tmp_path, patience, clock, code):
    server.faults["/file.zip"] = [status(code)] * 3
    assert get(server.remote(), tmp_path, patience).read_bytes() == CONTENT
    assert clock.waits == [1.0, 2.0, 4.0]


def test_the_server_says_how_long_to_wait(server, tmp_path, patience, clock):
    soon = download_http_now(seconds=90)
    server.faults["/file.zip"] = [
        status(429, Retry_After="17"),
        status(503, Retry_After=format_datetime(soon, usegmt=True)),
        status(429, Retry_After="nonsense"),
    ]
    get(server.remote(), tmp_path, patience)
    assert clock.waits[0] == 17
    assert clock.waits[1] == pytest.approx(90, abs=5)
    assert clock.waits[2] == 4.0


def download_http_now(seconds):
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_server_that_asks_for_hours_ends_the_program(server, tmp_path, patience, clock):
    server.faults["/file.zip"] = [drop(100_000), status(429, Retry_After="7200")]
    message = failed(server.remote(), tmp_path, patience)
    assert "asks to wait 120 minutes: run the command again then, nothing is lost" in message
    assert parts(tmp_path)[0].stat().st_size == 100_000


def test_nobody_there_is_a_question_about_the_line(tmp_path, patience):
    with Server() as gone:
        url = gone.url
    remote = RemoteFile(name="a.zip", url=f"{url}/a.zip", size=9, md5="0" * 32)
    message = failed(remote, tmp_path, patience)
    assert "connection refused" in message
    assert "is this machine online?" in message


@pytest.mark.parametrize("url", ["file:///etc/passwd", "zenodo.org/x", "http://", "https://[x/y"])
def test_what_is_no_address_is_refused(tmp_path, patience, url):
    remote = RemoteFile(name="a.zip", url=url, size=9, md5="0" * 32)
    assert failed(remote, tmp_path, patience).startswith(url)


def test_a_disk_without_room_is_noticed_before_and_during(server, tmp_path, patience, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
        assert "no space left" in failed(server.remote(), tmp_path, patience)
    assert server.requests == []

    class Full(io.FileIO):
        def write(self, block):
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = type(tmp_path).open

    def full(self, mode="r", *rest, **options):
        return Full(self, mode) if mode == "r+b" else opened(self, mode, *rest, **options)

    monkeypatch.setattr(type(tmp_path), "open", full)
    assert "make room or name another folder" in failed(server.remote(), tmp_path, patience)


@pytest.fixture
def proxy(monkeypatch):
    """Sets the variables that name a proxy."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    def use(address, but_not_for=""):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", but_not_for)
        # urllib reads the variables once in a process.
        monkeypatch.setattr("urllib.request._opener", None)

    return use


def test_a_proxy_that_does_not_work_is_named_without_its_password(
    server, tmp_path, patience, proxy
):
    remote = server.remote()
    proxy("http://me:secret@127.0.0.1:9")
    message = failed(remote, tmp_path, patience)
    assert "by the proxy 127.0.0.1:9 (connection refused)" in message
    assert "is http_proxy, which names the proxy, right?" in message
    assert "secret" not in message
    proxy("http://a:b")
    assert "the proxy http://a:b has no usable address" in failed(remote, tmp_path, patience)
    proxy("http://127.0.0.1:9", but_not_for="127.0.0.1")
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_what_the_system_will_not_write_is_one_line(server, tmp_path, patience, monkeypatch):
    class Small(io.FileIO):
        def write(self, block):
            raise OSError(errno.EFBIG, "File too large")

    opened = type(tmp_path).open

    def small(self, mode="r", *rest, **options):
        return Small(self, mode) if mode in ("r+b", "wb") else opened(self, mode, *rest, **options)

    archive = archive_of(tmp_path / "a.zip", ("naco_cube_1.fits", b"cube"))
    monkeypatch.setattr(type(tmp_path), "open", small)
    message = failed(server.remote(), tmp_path, patience)
    assert message.startswith(f"{tmp_path}: cannot be written, file too large")
    with pytest.raises(DownloadError, match="out: cannot be written, file too large"):
        unpack([archive], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_redirects_are_followed(server, tmp_path, patience):
    remote = server.remote()
    server.faults["/file.zip"] = [status(302, Location="/moved.zip")] * 2
    server.files["/moved.zip"] = CONTENT
    server.faults["/moved.zip"] = [drop(100_000)]
    assert get(remote, tmp_path, patience).read_bytes() == CONTENT
    assert server.requests[-1] == ("/moved.zip", "bytes=100000-")


# The record and its archives.


def toy(name, n_wavelengths=1):
    rows, columns = np.indices((15, 15)) - 7
    normal = normalise_psf(np.stack([np.exp(-(rows**2 + columns**2) / 6.0)] * n_wavelengths))
    return ImageSequence(
        name=name,
        cube=np.random.default_rng(1).normal(size=(n_wavelengths, 3, 10, 10)),
        angles=[0.0, 10.0, 20.0],
        psf=normal.psf,
        fwhm=normal.fwhm,
        pixel_scale=0.01,
        wavelengths=[1.0, 1.2][:n_wavelengths] if n_wavelengths > 1 else None,
    )


def zipped(folder, prefix="", **extra):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, prefix + path.name)
        for name, content in extra.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def zenodo(server, tmp_path):
    """The record as Zenodo describes it, with small cubes."""
    for name in ("sphere_irdis_1", "nirc2_1"):
        write_sequence(toy(name), tmp_path / "one")
    for name in ("gpi_1", "sphere_ifs_1"):
        write_sequence(toy(name, 2), tmp_path / "two")
    shutil.move(tmp_path / "one" / "nirc2_pxscale_1.fits", tmp_path / "one" / "nirc2_plsc_1.fits")
    junk = {"__MACOSX/Subchallenge 1/._nirc2_cube_1.fits": b"x", "Subchallenge 1/.DS_Store": b"x"}
    archives = {
        "Subchallenge 1.zip": zipped(tmp_path / "one", "Subchallenge 1/", **junk),
        "Subchallenge 2.zip": zipped(tmp_path / "two", **{"read me.txt": b"hello"}),
    }
    files = []
    for name, content in archives.items():
        path = f"/api/records/3361544/files/{name.replace(' ', '%20')}/content"
        server.files[path] = content
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        link = {"self": f"{server.url}/api/files/gone/{name}"}
        files.append({"key": name, "size": len(content), "checksum": checksum, "links": link})
    files.append({"key": "notes.pdf", "size": 3, "checksum": "md5:" + "0" * 32, "links": {}})
    server.record = {"id": 3361544, "metadata": {"version": "v2.0"}, "files": files}
    publish(server)
    return server


def publish(server):
    server.files["/api/records/3361544"] = json.dumps(server.record).encode()


FIRST = "/api/records/3361544/files/Subchallenge%201.zip/content"


def test_both_archives_become_one_folder_of_sequences(zenodo, tmp_path, patience):
    zenodo.faults[FIRST] = [drop(1000), status(429, Retry_After="1"), drop(1000)]
    seen = []
    fetched = fetch_eidc1(
        tmp_path / "out", zenodo.url, patience, lambda *report: seen.append(report)
    )
    assert fetched.downloaded
    assert (fetched.record, fetched.version) == ("3361544", "2.0")
    assert fetched.sequences == ("gpi_1", "nirc2_1", "sphere_ifs_1", "sphere_irdis_1")
    assert [one.name for one in read_sequences(tmp_path / "out")] == list(fetched.sequences)
    assert fetched.ignored == ("read me.txt",)
    assert "gpi_2" in fetched.missing
    assert len(fetched.missing) == 15
    assert {name for name, _, _ in seen} == {"Subchallenge 1.zip", "Subchallenge 2.zip"}
    assert all(0 <= done <= total for _, done, total in seen)
    others = {one.name for one in (tmp_path / "out").iterdir() if one.suffix != ".fits"}
    assert others == {"eidc1.json"}


def test_a_finished_fetch_asks_nobody(zenodo, tmp_path, patience):
    fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    n_requests = len(zenodo.requests)
    again = fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    assert not again.downloaded
    assert again.sequences == fetched_eidc1(tmp_path / "out").sequences
    assert len(zenodo.requests) == n_requests


def test_a_sequence_that_was_lost_is_fetched_again(zenodo, tmp_path, patience):
    fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    (tmp_path / "out" / "gpi_psf_1.fits").unlink()
    assert fetched_eidc1(tmp_path / "out") is None
    assert fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded
    assert (tmp_path / "out" / "gpi_psf_1.fits").exists()


def test_a_fetch_interrupted_while_unpacking_goes_on(zenodo, tmp_path, patience, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(download_eidc, "unpack", stop)
        with pytest.raises(KeyboardInterrupt):
            fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    assert fetched_eidc1(tmp_path / "out") is None
    n_requests = len(zenodo.requests)
    assert fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded
    assert len(zenodo.requests) == n_requests + 1  # the record, no archive


def test_archives_left_by_a_process_killed_after_its_marker_are_removed(
    zenodo, tmp_path, patience, monkeypatch
):
    def killed(*_, **__):
        raise KeyboardInterrupt

    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(download_eidc.shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch_eidc1(out, zenodo.url, patience)
    assert len(list((out / "archives").iterdir())) == 2
    n_requests = len(zenodo.requests)
    assert not fetch_eidc1(out, zenodo.url, patience).downloaded
    assert {one.name for one in out.iterdir() if one.suffix != ".fits"} == {"eidc1.json"}
    assert len(zenodo.requests) == n_requests


def test_the_lock_of_a_process_killed_at_its_very_end_is_removed(zenodo, tmp_path, patience):
    fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    (tmp_path / "out" / "fetch.lock").touch()
    assert not fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded
    assert not (tmp_path / "out" / "fetch.lock").exists()


def test_files_half_unpacked_by_a_killed_process_are_removed(zenodo, tmp_path, patience):
    out = tmp_path / "out"
    (out / "archives").mkdir(parents=True)
    (out / ".gpi_cube_1.fits.0a1b2c3d.partial").write_bytes(b"half")
    (out / "fetch.lock").touch()
    assert fetch_eidc1(out, zenodo.url, patience).downloaded
    assert {one.name for one in out.iterdir() if one.suffix != ".fits"} == {"eidc1.json"}


def test_a_process_killed_before_its_first_byte_holds_nobody_up(zenodo, tmp_path, patience):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "fetch.lock").touch()
    assert fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded


def test_a_second_fetch_into_the_same_folder_is_refused(zenodo, tmp_path, patience):
    said = []

    def second(*_):
        if not said:
            with pytest.raises(InputError) as error:
                fetch_eidc1(tmp_path / "out", zenodo.url, patience)
            said.append(str(error.value))

    assert fetch_eidc1(tmp_path / "out", zenodo.url, patience, second).downloaded
    assert said[0].startswith(f"{tmp_path / 'out'}: is being written by process ")


def test_who_comes_just_after_the_end_of_another_fetch_takes_what_it_left(
    zenodo, tmp_path, patience, monkeypatch
):
    described = download_eidc.read_record

    def other_first(*arguments):
        monkeypatch.setattr(download_eidc, "read_record", described)
        assert fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded
        return described(*arguments)

    monkeypatch.setattr(download_eidc, "read_record", other_first)
    assert not fetch_eidc1(tmp_path / "out", zenodo.url, patience).downloaded


def test_version_1_is_refused_for_its_missing_frames(zenodo, tmp_path, patience):
    zenodo.record["metadata"]["version"] = "1.0"
    publish(zenodo)
    with pytest.raises(DownloadError, match=r"version 1\.0, in which .* miss frames"):
        fetch_eidc1(tmp_path / "out", zenodo.url, patience)


def test_the_description_of_2023_is_understood_too(zenodo, patience):
    for file in zenodo.record["files"]:
        file["filename"], file["filesize"] = file.pop("key"), file.pop("size")
        file["checksum"] = file["checksum"].removeprefix("md5:")
    publish(zenodo)
    record = read_record("3361544", zenodo.url, patience)
    assert [file.name for file in record.files][:2] == ["Subchallenge 1.zip", "Subchallenge 2.zip"]
    assert record.files[0].url.endswith("/files/Subchallenge%201.zip/content")


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>maintenance</html>",
        b"[]",
        b"{}",
        b'{"files": [{}]}',
        b'{"files": 3}',
        b'{"files": [{"key": "../a.zip", "size": 1, "checksum": "md5:' + b"0" * 32 + b'"}]}',
        b'{"files": [{"key": "a.zip", "size": 1, "checksum": "sha1:00"}]}',
        b'{"files": [{"key": "a.zip", "size": "many", "checksum": "md5:' + b"0" * 32 + b'"}]}',
        b"\xff" * 10,
        b"[" * 100_000,
    ],
)
def test_an_answer_that_describes_no_record_is_one_line(server, tmp_path, patience, answer):
    server.files["/api/records/3361544"] = answer
    with pytest.raises(DownloadError, match="not the description of a record"):
        fetch_eidc1(tmp_path / "out", server.url, patience)


def test_a_description_cut_short_is_asked_for_again(zenodo, patience, clock):
    zenodo.faults["/api/records/3361544"] = [drop(50)]
    assert len(read_record("3361544", zenodo.url, patience).files) == 3
    assert clock.waits == [1.0]


def test_who_is_offline_hears_it_soon(tmp_path, patience, clock):
    with pytest.raises(DownloadError, match="is this machine online"):
        fetch_eidc1(tmp_path / "out", "http://127.0.0.1:9", patience)
    assert sum(clock.waits) <= 3
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(zenodo, tmp_path, patience):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gpi_cube_1.fits").write_text("mine")
    with pytest.raises(InputError, match="is not empty; name a new folder"):
        fetch_eidc1(tmp_path / "out", zenodo.url, patience)
    with pytest.raises(InputError, match="is a file"):
        fetch_eidc1(tmp_path / "out" / "gpi_cube_1.fits", zenodo.url, patience)
    with pytest.raises(InputError, match="is no folder to write to"):
        fetch_eidc1(tmp_path / "out" / "gpi_cube_1.fits" / "deep", zenodo.url, patience)
    assert zenodo.requests == []


def test_the_cache_is_where_the_system_or_the_user_has_it(monkeypatch, tmp_path):
    assert cache_folder({"EXOBENCH_CACHE": "/big/disk"}).as_posix() == "/big/disk"
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_folder({"XDG_CACHE_HOME": "/c"}).as_posix() == "/c/exobench"
    assert cache_folder({}).as_posix().endswith("/.cache/exobench")
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache_folder({}).as_posix().endswith("/Library/Caches/exobench")


# Archives that are no friends.


def archive_of(path, *members, **options):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../../naco_cube_1.fits",
        "/etc/naco_cube_1.fits",
        "a/../../naco_cube_1.fits",
        "..\\..\\naco_cube_1.fits",
        "C:\\naco_cube_1.fits",
    ],
)
def test_no_member_leaves_the_folder(tmp_path, name):
    archive = archive_of(tmp_path / "a.zip", (name, b"cube"))
    unpack([archive], tmp_path / "deep" / "out")
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {*written} == {archive, tmp_path / "deep" / "out" / "naco_cube_1.fits"}


@pytest.mark.parametrize(
    "name", ["run.sh", "naco_cube_1.fits.exe", "naco_detmap_1.fits", "a b_cube_1.fits"]
)
def test_what_is_not_named_like_a_sequence_is_ignored_and_said(tmp_path, name):
    archive = archive_of(tmp_path / "a.zip", (name, b"x"), ("naco_pa_1.fits", b"y"))
    files, ignored = unpack([archive], tmp_path / "out")
    assert files == {"naco_pa_1.fits": 1}
    assert ignored == (name,)


def test_a_bomb_is_not_unpacked(tmp_path):
    archive = archive_of(tmp_path / "a.zip", ("naco_cube_1.fits", bytes(2**27)))
    with pytest.raises(DownloadError, match="expected at most 100 times"):
        unpack([archive], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_stands_once(tmp_path):
    member = ("naco_cube_1.fits", b"x")
    twice = archive_of(tmp_path / "a.zip", member, ("sub/naco_cube_1.fits", b"y"))
    with pytest.raises(DownloadError, match="two members are called naco_cube_1"):
        unpack([twice], tmp_path / "out")
    one, two = (archive_of(tmp_path / f"{n}.zip", member) for n in "bc")
    with pytest.raises(DownloadError, match="in another archive as well"):
        unpack([one, two], tmp_path / "out")


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_damaged_archive_is_one_line(tmp_path, share):
    archive = archive_of(tmp_path / "a.zip", ("naco_cube_1.fits", CONTENT))
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DownloadError, match="damaged or unusual archive"):
        unpack([archive], tmp_path / "out")


def test_a_flipped_bit_is_noticed_and_leaves_no_file(tmp_path):
    archive = archive_of(tmp_path / "a.zip", ("naco_cube_1.fits", CONTENT))
    content = bytearray(archive.read_bytes())
    content[150_000] ^= 4
    archive.write_bytes(content)
    with pytest.raises(DownloadError, match="damaged"):
        unpack([archive], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_an_encrypted_archive_is_one_line(tmp_path):
    archive = archive_of(tmp_path / "a.zip", ("naco_cube_1.fits", b"x" * 100))
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(DownloadError, match="encrypted"):
        unpack([archive], tmp_path / "out")
