"""Long work as independent tasks behind `concurrent.futures.Executor`."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")
R = TypeVar("R")

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def local_workers(workers: int | None) -> Iterator[Executor]:
    """Processes of this machine; by default one per core.

    They are started afresh (spawn), so that they inherit no thread, lock or device.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers or available_cores(), mp_context=context)
    saved = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield pool
        pool.shutdown()
    except BaseException:
        _stop(pool)
        raise
    finally:
        for name, value in saved.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def map_tasks(
    executor: Executor, task: Callable[[T], R], items: Sequence[T]
) -> Iterator[tuple[int, R]]:
    """Index and result of `task` for every item, in the order in which they are done.

    Every task runs with one thread of linear algebra, so that its result depends on no
    number of cores or workers.

    Raises
    ------
    InputError
        With the problems of all tasks that found their input wrong, after the others ended.
    """
    with _interrupts_held_back():
        futures = {
            executor.submit(partial(_single_threaded, task), item): index
            for index, item in enumerate(items)
        }
    problems: dict[int, tuple[str, ...]] = {}
    for future in as_completed(futures):
        try:
            result = future.result()
        except InputError as error:
            problems[futures[future]] = error.problems
        else:
            yield futures[future], result
    if problems:
        raise InputError(*(line for index in sorted(problems) for line in problems[index]))


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


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: after an interrupt nobody waits for what they do."""
    processes: dict[int, Any] = getattr(pool, "_processes", None) or {}
    for process in list(processes.values()):
        process.terminate()
    pool.shutdown(wait=False, cancel_futures=True)
