"""Long work as independent tasks behind `concurrent.futures.Executor`."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

T = TypeVar("T")
R = TypeVar("R")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class WorkersLostError(BrokenExecutor):
    """Workers died or went away in the midst of their work; the message says what to do."""


class ClusterError(InputError):
    """A cluster, or one of its workers, that cannot do the work: nothing is wrong with that."""


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def open_workers(
    workers: int | None, scheduler: str | None, n_tasks: int, shared: Path
) -> Iterator[Executor]:
    """Processes of this machine, or the workers of a Dask cluster.

    Parameters
    ----------
    workers, scheduler
        As `check_workers` takes them: processes of this machine, by default one per core, or
        the address of a Dask scheduler.
    n_tasks : int
        More processes than that are not started.
    shared : Path
        A file in the folder of the work, which every worker must see as it is here.

    Raises
    ------
    ClusterError
        If the cluster cannot be used.
    WorkersLostError
        If workers die or go away during the block.
    """
    if scheduler is None:
        with local_workers(min(workers or available_cores(), n_tasks)) as executor:
            yield executor
        return
    from exobench.challenge.cluster import cluster_workers

    with cluster_workers(scheduler, shared) as executor:
        yield executor


def check_workers(workers: int | None, scheduler: str | None) -> None:
    """Refuse what `open_workers` would refuse, before anything is written.

    Raises
    ------
    ClusterError
        If both are given, or no scheduler answers.
    """
    if scheduler is None:
        return
    if workers is not None:
        raise ClusterError(
            "--workers starts processes on this machine and --scheduler takes those of a "
            "cluster; give one of the two"
        )
    from exobench.challenge.cluster import check_scheduler

    check_scheduler(scheduler)


@contextmanager
def local_workers(workers: int | None) -> Iterator[Executor]:
    """Processes of this machine; by default one per core.

    They are started afresh (spawn), so that they inherit no thread, lock or device, and end
    when this process does, even if it is killed.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        workers or available_cores(), mp_context=context, initializer=_end_with_parent
    )
    saved = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield pool
        pool.shutdown()
    except BaseException as error:
        _stop(pool)
        if isinstance(error, BrokenExecutor):
            raise WorkersLostError(
                "a worker process was killed, perhaps for lack of memory; try fewer --workers"
            ) from error
        raise
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def map_tasks(
    executor: Executor, task: Callable[[T], R], items: Sequence[T]
) -> Iterator[tuple[int, R]]:
    """Index and result of `task` for every item, in the order in which they are done.

    Every task runs with one thread of linear algebra, so that its result depends on no
    number of cores or workers. It may run more than once, when a worker is lost. No result
    is kept here.

    Raises
    ------
    ClusterError
        At once, if a worker cannot do its work; the other tasks are given up.
    InputError
        With the problems of all tasks that found their input wrong, after the others ended;
        once, where they are the same.
    """
    with _interrupts_held_back():
        futures = {
            executor.submit(partial(_single_threaded, task), item): index
            for index, item in enumerate(items)
        }
    problems: dict[int, tuple[str, ...]] = {}
    try:
        for future in as_completed(list(futures)):
            index = futures.pop(future)
            try:
                result = future.result()
            except ClusterError:
                raise
            except InputError as error:
                problems[index] = error.problems
            else:
                del future
                yield index, result
    finally:
        for left in futures:
            left.cancel()
    if problems:
        lines = (line for index in sorted(problems) for line in problems[index])
        raise InputError(*dict.fromkeys(lines))


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """No Ctrl-C inside the block, nor ever in the processes that are started in it.

    A terminal sends it to every process. Only this one is to act on it: it ends the workers,
    which would each print a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _single_threaded(task: Callable[[T], R], item: T) -> R:
    with threadpool_limits(1):
        return task(item)


def _end_with_parent() -> None:
    """Have this worker end when the process that started it does, which may be killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_await_end, args=(parent.sentinel,), daemon=True).start()


def _await_end(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: after an interrupt nobody waits for what they do."""
    processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
    for process in list(processes.values()):
        process.terminate()
    pool.shutdown(wait=False, cancel_futures=True)
