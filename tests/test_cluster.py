"""Work on a Dask cluster: the same bytes, and what goes wrong is said."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from exobench.challenge import cluster
from exobench.challenge.build import give_up, prepare_build, working_folder
from exobench.challenge.cluster import Terms, check_scheduler, cluster_workers, worker_problems
from exobench.challenge.manifest import public_folder
from exobench.challenge.recipe import read_recipe
from exobench.challenge.work import ONE_THREAD, ClusterError, check_workers, map_tasks
from exobench.datasets.errors import InputError

NEEDS = "needs the extra: pip install 'exobench[distributed]'"


@pytest.fixture
def distributed():
    return pytest.importorskip("distributed", reason=NEEDS)


@pytest.fixture
def unlimited(monkeypatch):
    """Keeps what a worker does to its process for good from this one."""
    monkeypatch.setattr(cluster, "threadpool_limits", lambda limit: None)
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "3")
    worker_problems.cache_clear()
    yield
    worker_problems.cache_clear()


@pytest.fixture
def shared(tmp_path):
    path = tmp_path / "shared"
    path.write_text("what this process sees")
    return path


def test_workers_and_a_scheduler_are_not_taken_together():
    with pytest.raises(ClusterError, match="give one of the two"):
        check_workers(2, "tcp://10.0.0.1:8786")
    check_workers(2, None)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError) as caught:
        check_workers(None, "tcp://10.0.0.1:8786")
    assert caught.value.problems == (
        "--scheduler needs an extra: pip install 'exobench[distributed]'",
    )


@pytest.mark.usefixtures("distributed")
@pytest.mark.parametrize("address", ["", "nonsense", "tcp://127.0.0.1", "foo://127.0.0.1:1"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ClusterError, match=f"--scheduler {address}: no Dask scheduler answers"):
        check_scheduler(address)


@pytest.mark.usefixtures("distributed")
@pytest.mark.parametrize("listens", [False, True])
def test_an_address_at_which_nobody_answers_is_refused(monkeypatch, listens):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listens:  # and never says a word
            server.listen()
        with pytest.raises(ClusterError, match="no Dask scheduler answers there"):
            check_scheduler(f"tcp://127.0.0.1:{server.getsockname()[1]}")


@pytest.mark.usefixtures("unlimited")
def test_a_worker_on_the_same_terms_has_no_problem(shared):
    assert worker_problems(Terms.of(shared)) == ()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"libraries": (("numpy", "1.0"), ("exobench", "0.0"))}, r"has exobench .* \(expected 0.0"),
        ({"sha256": "0" * 64}, "is another file there; the folder must be on a file system"),
        ({"shared": Path("/nowhere/build.json")}, "no such file or directory; the folder must be"),
    ],
)
def test_a_worker_on_other_terms_says_which(shared, change, said):
    terms = Terms.of(shared)
    fields = {name: getattr(terms, name) for name in ("libraries", "shared", "sha256")}
    (problem,) = worker_problems(Terms(**(fields | change)))
    assert problem.startswith(f"worker {os.getpid()} on ")
    assert re.search(said, problem)


def test_a_worker_that_cannot_work_ends_the_work_at_once(in_process):
    def task(number):
        if number == 1:
            raise ClusterError("worker 1: has numpy 1.0")
        raise InputError("found only when all have ended")

    with pytest.raises(ClusterError, match="worker 1"):
        list(map_tasks(in_process, task, [0, 1, 2]))


def test_a_build_is_given_up_only_if_nothing_of_it_is_finished(contest, tmp_path):
    out = tmp_path / "out"
    begun = prepare_build(read_recipe(contest.recipe), Path(), out, contest.secret)
    give_up(begun)
    assert list(tmp_path.iterdir()) == []


class Cluster:
    """A scheduler and its workers, processes of this machine."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        file = folder / "scheduler.json"
        self.scheduler = self.start("scheduler", "--port", "0", "--scheduler-file", file)
        wait_for(lambda: file.exists() and file.stat().st_size, self.scheduler)
        self.address = json.loads(file.read_text())["address"]

    def start(self, kind, *options):
        command = (sys.executable, "-m", "distributed.cli.dask_" + kind, *options)
        log = (self.folder / f"{kind}{len(self.processes)}.log").open("w")
        with log:
            process = subprocess.Popen(
                [str(word) for word in (*command, "--no-dashboard")],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def workers(self, count, *options):
        """Start as many processes, without the nurse that would start others in their place."""
        started = [self.start("worker", self.address, "--no-nanny", *options) for _ in range(count)]
        wait_for(lambda: len(self.known()) >= count, self.scheduler)
        return started

    def known(self):
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return client.scheduler_info(n_workers=-1)["workers"]

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(condition, process, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def dask(distributed, tmp_path):
    """A running scheduler without workers."""
    folder = tmp_path / "dask"
    folder.mkdir()
    running = Cluster(folder)
    yield running
    running.stop()


@pytest.fixture
def start_build(contest, dask, tmp_path):
    """Starts `exobench build` of the small contest on the cluster."""
    started = []

    def begin(out):
        command = (
            *(sys.executable, "-c", "from exobench.cli import main; main()", "build"),
            *(str(contest.recipe), "--out", str(out), "--secret", str(contest.secret)),
            *("--scheduler", dask.address),
        )
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, start_new_session=True, **pipes)
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def n_parts(out):
    return len(list((working_folder(out) / "private" / "parts").glob("[!.]*.json")))


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes_even_if_it_loses_a_worker(
    contest, dask, start_build, tmp_path, bytes_of
):
    out = tmp_path / "out"
    lost, _ = dask.workers(2, "--nthreads", "1")
    process = start_build(out)
    wait_for(lambda: n_parts(out) >= 1, process)
    os.killpg(lost.pid, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert [line.partition(":")[0] for line in stderr.splitlines()] == ["building sequences"] * 4
    assert bytes_of(out) == bytes_of(contest.folder)
    assert str(out) in stdout


@pytest.mark.slow
@pytest.mark.parametrize("end", ["scheduler lost", "interrupt"])
def test_a_build_whose_cluster_is_lost_says_so_and_goes_on_elsewhere(
    contest, dask, start_build, tmp_path, bytes_of, in_process, end
):
    out = tmp_path / "out"
    dask.workers(1, "--nthreads", "1")
    process = start_build(out)
    wait_for(lambda: n_parts(out) >= 1, process)
    if end == "interrupt":
        os.kill(process.pid, signal.SIGINT)
    else:
        os.killpg(dask.scheduler.pid, signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=240)
    assert process.returncode == (130 if end == "interrupt" else 1), stderr
    said = [line for line in stderr.splitlines() if not line.startswith("building sequences")]
    if end == "interrupt":
        assert said == ["interrupted"]
    else:
        (line,) = said if len(said) == 1 else pytest.fail(stderr)
        assert line.startswith(f"error: the scheduler at {dask.address} went away; ")
        assert line.endswith("the same command goes on from what is done")
    assert stdout == ""
    assert n_parts(out) >= 1
    contest.build(out, in_process)
    assert bytes_of(out) == bytes_of(contest.folder)


@pytest.mark.slow
def test_a_worker_of_several_threads_is_refused(dask, shared):
    dask.workers(1, "--nthreads", "2")
    with (
        pytest.raises(ClusterError, match="does 2 tasks at once") as caught,
        cluster_workers(dask.address, shared),
    ):
        pass
    assert len(caught.value.problems) == 1


@pytest.mark.slow
def test_tasks_run_behind_the_interface_of_every_executor(dask, shared):
    dask.workers(1, "--nthreads", "1")
    with cluster_workers(dask.address, shared) as executor:
        assert sorted(map_tasks(executor, abs, [-1, -2])) == [(0, 1), (1, 2)]
        with pytest.raises(InputError, match="gone: no such folder"):
            list(map_tasks(executor, public_folder, ["gone"]))
