"""The workers of a Dask cluster behind `concurrent.futures.Executor`.

Only what must be the same everywhere is asked of them: the libraries, and the folder into
which the tasks write. A task of a worker that is lost is done again by another.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import warnings
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from exobench.challenge.documents import unreadable
from exobench.challenge.environment import differences, environment
from exobench.challenge.manifest import checksum
from exobench.challenge.work import ONE_THREAD, ClusterError, WorkersLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

P = ParamSpec("P")
R = TypeVar("R")

CONNECT_SECONDS = 10
_SPEAKS = ("dask", "distributed", "cloudpickle", "msgpack")  # with which both ends talk
_INSTALL = "--scheduler needs an extra: pip install 'exobench[distributed]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a worker must have in common with the process that gives it work."""

    libraries: tuple[tuple[str, str], ...]
    shared: Path
    sha256: str

    @classmethod
    def of(cls, shared: Path) -> Terms:
        """Those of this process, which sees the file `shared`."""
        shared = shared.resolve()
        return cls(libraries=tuple(environment().items()), shared=shared, sha256=checksum(shared))


@contextmanager
def cluster_workers(address: str, shared: Path) -> Iterator[Executor]:
    """The workers of the Dask scheduler at `address`; those that join later, too.

    Parameters
    ----------
    address : str
        Such as ``tcp://10.0.0.1:8786``.
    shared : Path
        A file in the folder of the work, which every worker must see as it is here.

    Raises
    ------
    ClusterError
        With all that is wrong: nobody at the address, other versions, another folder,
        several tasks at once in one process.
    WorkersLostError
        If the scheduler goes away, or a task loses one worker after another.
    """
    terms, killed = Terms.of(shared), _distributed().KilledWorker
    with _quiet(), _connected(address) as client:
        _check_workers(client, terms)
        try:
            yield _ClusterExecutor(client, terms)
        except killed as error:
            raise WorkersLostError(
                f"a task lost {error.allowed_failures + 1} workers of {address} one after the "
                "other, perhaps for lack of memory; give each more (dask worker --memory-limit)"
            ) from error
        except (CancelledError, OSError) as error:
            if isinstance(error, OSError) and client.status == "running":
                raise
            raise WorkersLostError(f"the scheduler at {address} went away") from error


class _ClusterExecutor(Executor):
    """That of a Dask client, whose workers look at the terms before they work."""

    def __init__(self, client: Any, terms: Terms) -> None:
        # Tasks differ though their arguments may be equal: they write files.
        self._executor = client.get_executor(pure=False)
        self._terms = terms

    def submit(
        self, task: Callable[P, R], /, *arguments: P.args, **keywords: P.kwargs
    ) -> Future[R]:
        future: Future[R] = self._executor.submit(
            _on_terms, self._terms, task, *arguments, **keywords
        )
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait=wait and not cancel_futures)


def _on_terms(terms: Terms, task: Callable[P, R], *arguments: P.args, **keywords: P.kwargs) -> R:
    problems = worker_problems(terms)
    if problems:
        raise ClusterError(*problems)
    return task(*arguments, **keywords)


@cache
def worker_problems(terms: Terms) -> tuple[str, ...]:
    """What keeps this process from work on those terms; limits its linear algebra to one thread.

    The limit stays: of tasks that share a process none may lift it for the others.
    """
    os.environ.update(ONE_THREAD)  # for libraries that are loaded later
    threadpool_limits(1)
    worker = f"worker {os.getpid()} on {socket.gethostname()}"
    found = differences(environment(), dict(terms.libraries))
    problems = [f"{worker}: has {', '.join(found)}; install the same everywhere"] if found else []
    try:
        same = checksum(terms.shared) == terms.sha256
    except OSError as error:
        problems.append(
            f"{worker}: {unreadable(terms.shared, error)}; "
            "the folder must be on a file system that all workers share, under one path"
        )
    else:
        if not same:
            problems.append(
                f"{worker}: {terms.shared} is another file there; "
                "the folder must be on a file system that all workers share"
            )
    return tuple(problems)


def check_scheduler(address: str) -> None:
    """Refuse an address at which no Dask scheduler of our version answers.

    Raises
    ------
    ClusterError
        Also where the extra `distributed` is not installed.
    """
    distributed = _distributed()
    try:
        # Asked for it without a port, the client would take seconds to end with a traceback.
        distributed.comm.get_address_host_port(address, strict=True)
        kind, there = asyncio.run(_answer(address))
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"--scheduler {address}: no Dask scheduler answers there; "
            "expected an address as it prints when it starts, such as tcp://10.0.0.1:8786"
        ) from error
    if kind != "Scheduler":
        raise ClusterError(f"--scheduler {address}: is the address of a Dask {kind.lower()}")
    here = {name: version(name) for name in _SPEAKS}
    found = differences({name: str(there.get(name)) for name in _SPEAKS}, here)
    if found:
        raise ClusterError(
            f"--scheduler {address}: runs {', '.join(found)}; install the same everywhere"
        )


async def _answer(address: str) -> tuple[str, dict[str, Any]]:
    """What a Dask server says that it is, and its packages."""
    distributed = _distributed()
    security = distributed.Security().get_connection_args("client")
    async with (
        asyncio.timeout(CONNECT_SECONDS),
        distributed.rpc(address, connection_args=security) as server,
    ):
        identity, versions = await server.identity(), await server.versions()
    return str(identity.get("type")), versions["packages"]


def _distributed() -> Any:
    try:
        return import_module("distributed")
    except ImportError as error:
        raise ClusterError(_INSTALL) from error


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    check_scheduler(address)
    client = _distributed().Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    try:
        yield client
    finally:
        client.close(timeout=CONNECT_SECONDS)


def _check_workers(client: Any, terms: Terms) -> None:
    """Refuse the cluster if a worker that is there cannot do the work; others look themselves."""
    threads: dict[str, int] = client.nthreads()
    problems = [
        f"worker {worker} does {n} tasks at once in one process; "
        "start it with --nthreads 1 (and --nworkers for more processes)"
        for worker, n in threads.items()
        if n > 1
    ]
    answers: dict[str, Any] = client.run(worker_problems, terms, on_error="return")
    for worker, answer in answers.items():
        if isinstance(answer, BaseException):  # it could not even read what was asked
            problems.append(f"worker {worker}: {answer}; install the same everywhere")
        else:
            problems.extend(answer)
    if problems:
        raise ClusterError(*problems)


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing of what Dask would log or warn of: what matters is raised.

    After an error it stays silent, since its own thread goes on to complain of the same.
    """
    # Each of its modules has a logger with a level and a handler of its own.
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    loggers = [logger for logger in map(logging.getLogger, names) if not logger.disabled]
    for logger in loggers:
        logger.disabled = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="distributed")
        yield
    for logger in loggers:
        logger.disabled = False
