"""Which library computes, and where: numpy, PyTorch or JAX, from one body of mathematics.

Kernels take arrays of any of them, ask for their namespace and use what the Python array
API standard (2024.12) has. Arrays come in and go out at one place, `computed`; the
libraries are imported there, when they are asked for.
"""

from __future__ import annotations

import functools
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import array_api_compat
import array_api_compat.numpy
import numpy as np
from scipy import fft

from exobench.datasets.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, NDArray

    Array = Any  # of any namespace; the standard has no types that a checker could follow

numpy_namespace = array_api_compat.numpy
BACKENDS = ("numpy", "torch", "jax")
# Values of a block of a larger computation on a device: few launches, bounded memory.
_DEVICE_BLOCK = 2**23

Function = TypeVar("Function", bound="Callable[..., Any]")


def computed(
    function: Callable[..., Any], *arrays: NDArray[Any], backend: str = "numpy", device: str = ""
) -> Any:
    """What `function` makes of the arrays on a device, as numpy arrays.

    Parameters
    ----------
    function : callable
        Of arrays of the backend, on the device; returns one, or a tuple of them.
    *arrays : ndarray
        Copied to the device, except by numpy.
    backend : {"numpy", "torch", "jax"}
    device : str
        As the library names it: "cpu", "cuda", "cuda:1". Empty: an accelerator that the
        library supports if there is one, otherwise the CPU.

    Returns
    -------
    ndarray or tuple of ndarray

    Raises
    ------
    InputError
        If the backend is unknown or not installed, or has no such device.

    Notes
    -----
    JAX computes with 64 bits and full precision of products within the call; the state
    outside is left as it is.
    """
    with computing(backend, device) as place:
        result = function(*(place(array) for array in arrays))
        if backend == "numpy":
            return result
        if isinstance(result, tuple):
            return tuple(to_numpy(array) for array in result)
        return to_numpy(result)


@contextmanager
def computing(
    backend: str = "numpy", device: str = ""
) -> Iterator[Callable[[NDArray[Any]], Array]]:
    """Where arrays that stay on a device are made and used: gives what takes them there.

    Parameters and errors are those of `computed`, which is for arrays that come back. Ones
    that were made in a block may be used in any later one of the same device.
    """
    if backend not in BACKENDS:
        raise InputError(f"backend must be {', '.join(BACKENDS[:-1])} or jax, got {backend!r}")
    if backend == "numpy":
        if device not in ("", "cpu"):
            raise InputError(
                f"backend numpy has no device {device!r}, only cpu; take backend torch or jax"
            )
        yield lambda array: array
        return
    library = _imported(backend)
    with ExitStack() as stack:
        yield (_on_torch if backend == "torch" else _on_jax)(library, device, stack)


def namespace(*arrays: Array) -> Any:
    """The array API namespace that the arrays share; numpy's for what is no array yet."""
    known = [array for array in arrays if array_api_compat.is_array_api_obj(array)]
    return array_api_compat.array_namespace(*known) if known else numpy_namespace


def like(array: Array, values: ArrayLike, dtype: str | None = None) -> Array:
    """Values of the host as an array of the namespace and on the device of `array`."""
    xp = array_api_compat.array_namespace(array)
    if xp is numpy_namespace:
        return np.asarray(values, dtype=dtype)
    return xp.asarray(np.array(values, dtype=dtype, order="C"), device=device_of(array))


def device_of(array: Array) -> Any:
    """Where an array lies, for the arrays that are made beside it."""
    return array_api_compat.device(array)


def as_float32(values: ArrayLike) -> Array:
    """Values in float32: an array of its namespace, or of numpy's if it is none."""
    xp = namespace(values)
    if xp is numpy_namespace:
        return np.asarray(values, dtype=np.float32)
    return xp.astype(values, xp.float32, copy=False)


def to_numpy(array: Array) -> NDArray[Any]:
    """The array as one of numpy, on the host and writable."""
    if array_api_compat.is_torch_array(array):
        array = array.cpu().numpy()
    return np.array(array)  # what JAX shares is not writable


def on_host(array: Array) -> bool:
    """Whether numpy computes."""
    return isinstance(array, np.ndarray)


def median(values: Array) -> Array:
    """Median of finite values, at least one, of one axis; the standard lacks it."""
    if on_host(values):
        return _partitioned_median(values)
    ordered, n = namespace(values).sort(values), values.shape[0]
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


def _partitioned_median(values: NDArray[Any]) -> Any:
    """As `np.median`, whose search for NaN takes five times as long as the median."""
    ordered, middle = values.copy(), values.shape[0] // 2
    ordered.partition(middle)
    upper = ordered[middle]
    return upper if values.shape[0] % 2 else (ordered[:middle].max() + upper) / 2


def fourier(array: Array) -> Any:
    """The Fourier transforms of a namespace; SciPy's for numpy, whose own are slower."""
    return fft if on_host(array) else array_api_compat.array_namespace(array).fft


def block_length(array: Array, values_per_item: int, cached: int) -> int:
    """Items at a time: as many as `cached` values hold on the host, many more on a device."""
    return max(1, (cached if on_host(array) else _DEVICE_BLOCK) // max(1, values_per_item))


def compiled(*static: str) -> Callable[[Function], Function]:
    """Decorator of kernels that JAX compiles, once for every shape of their arrays.

    Parameters
    ----------
    *static : str
        Arguments that are no arrays; each of their values is compiled anew.
    """

    def decorate(function: Function) -> Function:
        @functools.cache
        def by_jax() -> Any:
            return import_module("jax").jit(function, static_argnames=static)

        @functools.wraps(function)
        def kernel(*arguments: Any, **options: Any) -> Any:
            chosen = by_jax() if array_api_compat.is_jax_array(arguments[0]) else function
            return chosen(*arguments, **options)

        return kernel  # type: ignore[return-value]

    return decorate


def _imported(backend: str) -> Any:
    try:
        return import_module(backend)
    except ImportError as error:
        raise InputError(
            f"backend {backend} is not installed; install it by "
            f"pip install 'exobench[{backend}]', or take backend numpy"
        ) from error


def _on_torch(torch: Any, device: str, stack: ExitStack) -> Callable[[NDArray[Any]], Array]:
    if not device:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, dtype=torch.float64, device=device)
    except (RuntimeError, AssertionError, TypeError) as error:
        known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        raise InputError(_no_device("torch", device, known)) from error
    stack.enter_context(torch.inference_mode())
    return functools.partial(torch.tensor, device=device)


def _on_jax(jax: Any, device: str, stack: ExitStack) -> Callable[[NDArray[Any]], Array]:
    platform, _, number = device.partition(":")
    try:
        place = jax.devices(platform or None)[int(number or 0)]
    except (RuntimeError, ValueError, IndexError) as error:
        known = dict.fromkeys(f"{d.platform}:{d.id}" for d in jax.devices() + jax.devices("cpu"))
        raise InputError(_no_device("jax", device, list(known))) from error
    stack.enter_context(jax.enable_x64(True))
    # GPUs round the factors of products to 10 bits otherwise.
    stack.enter_context(jax.default_matmul_precision("highest"))
    stack.enter_context(jax.default_device(place))
    return functools.partial(jax.numpy.array, device=place)


def _no_device(backend: str, device: str, known: list[str]) -> str:
    return f"backend {backend} has no device {device!r} here; there are {', '.join(known)}"
