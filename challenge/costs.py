"""What an answer takes: time, memory, and on which device."""

from __future__ import annotations

import resource
import sys
import time
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field

from exobench.baselines import run_external
from exobench.challenge.documents import Document, File, read_json
from exobench.challenge.method import Line
from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from exobench.baselines import Baseline
    from exobench.baselines._limited_process import Finished
    from exobench.datasets.sequence import ImageSequence

Result = TypeVar("Result")

ENDING = ".costs.json"

_LARGEST = 1 << 24  # bytes of a file of costs
_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")

Number = Annotated[float, Field(ge=0)]


class MapCost(Document):
    """What one map took.

    Attributes
    ----------
    cpu_seconds : float
        Of all threads, and of processes that were started and waited for.
    wall_seconds : float
    peak_memory_mb : float
        Resident; of this process with its libraries and the sequence, or of one that it
        started if that took more; of an external program, its own.
    memory_is_of : str
        ``"map"``: the peak is of this map. ``"process"``: of all that the process did so far,
        where the system does not allow to tell.
    device : str
        What computed.
    """

    cpu_seconds: Number
    wall_seconds: Number
    peak_memory_mb: Number
    memory_is_of: Literal["map", "process"]
    device: Line


class Cost(Document):
    """What all maps of a submission took, as a board shows it.

    Attributes
    ----------
    n_maps : int or None
        None where only the authors state a cost, and not of how many maps.
    cpu_seconds, wall_seconds : float or None
        Of all maps.
    peak_memory_mb : float or None
        Of the map that took most.
    device : str or None
    measured : bool
        By ``exobench run``, wherever that ran; else stated in method.toml.
    """

    n_maps: Annotated[int, Field(ge=1)] | None = None
    cpu_seconds: Number | None = None
    wall_seconds: Number | None = None
    peak_memory_mb: Number | None = None
    device: Line | None = None
    measured: bool


class Costs(File):
    """The file of costs beside a submission.

    Attributes
    ----------
    submission : str
        SHA-256 of the zip.
    baseline, track : str
    options : dict
    sequences : dict of str to MapCost
    cpu_seconds, wall_seconds, peak_memory_mb, device
        As of `Cost`.
    """

    submission: str
    baseline: str
    options: dict[str, Any]
    track: str
    sequences: dict[str, MapCost]
    cpu_seconds: Number
    wall_seconds: Number
    peak_memory_mb: Number
    device: Line

    @property
    def total(self) -> Cost:
        """That of all maps."""
        return Cost(
            n_maps=len(self.sequences) or None,
            cpu_seconds=self.cpu_seconds,
            wall_seconds=self.wall_seconds,
            peak_memory_mb=self.peak_memory_mb,
            device=self.device,
            measured=True,
        )


def measured(baseline: Baseline, sequence: ImageSequence) -> tuple[NDArray[np.floating], MapCost]:
    """The map of a baseline, and what it took."""

    def run() -> tuple[NDArray[np.floating], Finished | None]:
        return run_external(baseline, sequence)

    (detection_map, _), cost = metered(baseline, run, program=itemgetter(1))
    return detection_map, cost


def metered(
    baseline: Baseline, work: Callable[[], Result], program: Callable[[Result], Finished | None]
) -> tuple[Result, MapCost]:
    """What some work of a baseline gives, and what it took.

    Parameters
    ----------
    baseline : Baseline
    work : callable
    program : callable
        From what `work` gives to what its external program took; None if it ran none.
    """
    is_reset, children = _reset_peak(), resource.getrusage(resource.RUSAGE_CHILDREN)
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    spent = time.process_time() - cpu
    seconds = time.perf_counter() - wall
    external = program(result)
    if external is None:
        theirs, largest = _since(children)
        spent, peak, is_exact = spent + theirs, max(_peak_memory_mb(), largest), is_reset
    else:
        spent, peak, is_exact = external.cpu_seconds, external.peak_memory_mb, True
    return result, MapCost(
        cpu_seconds=spent,
        wall_seconds=seconds,
        peak_memory_mb=peak,
        memory_is_of="map" if is_exact else "process",
        device=device_of(baseline),
    )


def total_costs(
    baseline: str, options: dict[str, Any], track: str, maps: dict[str, MapCost], sha256: str
) -> Costs:
    """The costs of all maps of a submission."""
    return Costs(
        submission=sha256,
        baseline=baseline,
        options=options,
        track=track,
        sequences=maps,
        cpu_seconds=sum(one.cpu_seconds for one in maps.values()),
        wall_seconds=sum(one.wall_seconds for one in maps.values()),
        peak_memory_mb=max(one.peak_memory_mb for one in maps.values()),
        device=", ".join(dict.fromkeys(one.device for one in maps.values()))[:120],
    )


def costs_path(submission: Path) -> Path:
    """Where the costs of a submission are: beside it."""
    return submission.with_name(f"{submission.stem}{ENDING}")


def read_costs(submission: Path, sha256: str) -> Cost | None:
    """The cost of a submission by the file beside it; None without one.

    Raises
    ------
    InputError
        If the file cannot be read, or is of another zip.
    """
    path = costs_path(submission)
    if not path.exists():
        return None
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise InputError(f"{path}: is no file of costs")
    costs = read_json(path, Costs, InputError)
    if costs.submission != sha256:
        raise InputError(f"{path}: is of another zip than {submission.name}")
    return costs.total


def stated_cost(method: Mapping[str, Any]) -> Cost | None:
    """The cost that the authors of a method state; None if they state none."""
    keys = ("cpu_seconds", "peak_memory_mb", "device")
    stated = {key: method[key] for key in keys if method.get(key) is not None}
    return Cost(**stated, measured=False) if stated else None


def device_of(baseline: Baseline) -> str:
    """What a baseline computes on: as it says itself, or the GPU of its backend, else cpu."""
    backend, device = getattr(baseline, "backend", None), getattr(baseline, "device", "")
    if backend in ("torch", "jax"):
        return _torch_device(device) if backend == "torch" else _jax_device(device)
    return str(device) or "cpu"


def _torch_device(device: str) -> str:
    torch: Any = sys.modules["torch"]
    if device == "cpu" or (not device and not torch.cuda.is_available()):
        return "cpu"
    return str(torch.cuda.get_device_name(device or None))


def _jax_device(device: str) -> str:
    jax: Any = sys.modules["jax"]
    platform, _, number = device.partition(":")
    found = jax.devices(platform or None)[int(number or 0)]
    return "cpu" if found.platform == "cpu" else str(found.device_kind)


def _since(before: resource.struct_rusage) -> tuple[float, float]:
    """CPU seconds of the processes that this one has waited for since, and their largest peak.

    The latter in MB; 0 if none took more than any before.
    """
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
    return seconds, _in_mb(now.ru_maxrss) if now.ru_maxrss > before.ru_maxrss else 0.0


def _in_mb(maxrss: int) -> float:
    return maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _reset_peak() -> bool:
    """Forget how much memory this process took before; False where that cannot be."""
    try:
        _CLEAR_REFS.write_text("5")
        return _status_mb("VmHWM") <= _status_mb("VmRSS") + 1
    except (OSError, ValueError):
        return False


def _peak_memory_mb() -> float:
    """Most resident memory of this process since it was reset, or since it began."""
    try:
        return _status_mb("VmHWM")
    except (OSError, ValueError):
        return _in_mb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def _status_mb(key: str) -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(key)
