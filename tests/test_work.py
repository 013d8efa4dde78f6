"""Long work as independent tasks."""

import os
import signal
import subprocess
import sys
import time
import weakref
from functools import partial
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from exobench.challenge.work import WorkersLostError, available_cores, local_workers, map_tasks
from exobench.datasets.errors import InputError, SequenceError


def thread_counts(_):
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def refuse_odd(number):
    if number % 2:
        raise SequenceError(f"{number} is odd", f"{number} is not even")
    return number


def crash(_):
    raise ZeroDivisionError


def signals_held_back(executor):
    """Signals that reach no task of an executor."""
    # A task for a worker has to be importable there, as this file is not.
    ((_, held_back),) = map_tasks(executor, partial(signal.pthread_sigmask, signal.SIG_BLOCK), [()])
    return held_back


def test_results_come_with_the_index_of_their_item(in_process):
    assert sorted(map_tasks(in_process, abs, [-1, -2])) == [(0, 1), (1, 2)]


def test_problems_of_all_tasks_come_at_once_after_the_others_are_done(in_process):
    done = map_tasks(in_process, refuse_odd, [0, 1, 2, 3])
    assert sorted((next(done), next(done))) == [(0, 0), (2, 2)]
    with pytest.raises(InputError) as caught:
        next(done)
    assert caught.value.problems == ("1 is odd", "1 is not even", "3 is odd", "3 is not even")


def test_a_problem_that_all_tasks_have_is_said_once(in_process):
    with pytest.raises(InputError) as caught:
        list(map_tasks(in_process, refuse_odd, [3, 1, 3]))
    assert caught.value.problems == ("3 is odd", "3 is not even", "1 is odd", "1 is not even")


def test_an_error_of_ours_is_not_taken_for_a_problem(in_process):
    with pytest.raises(ZeroDivisionError):
        list(map_tasks(in_process, crash, [0]))


def test_every_task_runs_with_one_thread_of_linear_algebra(in_process):
    ((_, counts),) = map_tasks(in_process, thread_counts, [None])
    assert counts
    assert set(counts) == {1}


def test_workers_are_deaf_to_ctrl_c_and_this_process_is_not_afterwards():
    before = {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    with local_workers(1) as executor:
        assert signal.SIGINT in signals_held_back(executor)
        assert os.environ["OMP_NUM_THREADS"] == "1"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert {name: os.environ.get(name) for name in before} == before


def interrupted(executor, workers):
    next(map_tasks(executor, abs, [1]))
    workers += executor._processes.values()
    executor.submit(time.sleep, 600)
    time.sleep(0.5)  # until a worker is at it
    raise KeyboardInterrupt


def test_after_an_interrupt_the_workers_are_gone_whatever_they_were_at():
    workers = []
    with pytest.raises(KeyboardInterrupt), local_workers(1) as executor:
        interrupted(executor, workers)
    (worker,) = workers
    worker.join(timeout=120)
    assert not worker.is_alive()


PARENT = """
import time
from exobench.challenge.work import local_workers
if __name__ == "__main__":
    with local_workers(2) as executor:
        done = [executor.submit(time.sleep, 600) for _ in range(2)]
        print(*(process.pid for process in executor._processes.values()), flush=True)
        done[0].result()
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_workers_end_with_the_process_that_started_them_even_if_it_is_killed(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    command = (sys.executable, str(tmp_path / "parent.py"))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        workers = [Path("/proc") / pid for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
    end = time.monotonic() + 120
    while any(_runs(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.1)


def _runs(process):
    try:
        return ") Z" not in (process / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_killed_worker_is_said_with_what_to_do():
    with (
        pytest.raises(WorkersLostError, match="a worker process was killed"),
        local_workers(1) as executor,
    ):
        executor.submit(os._exit, 1).result()


def test_results_are_not_kept(in_process):
    kept = []

    def made(_):
        result = Result()
        kept.append(weakref.ref(result))
        return result

    for _, result in map_tasks(in_process, made, range(5)):
        del result
    assert [reference() for reference in kept] == [None] * 5


class Result:
    """Something that can be referred to weakly."""


def test_there_is_at_least_one_core():
    assert available_cores() >= 1
