"""Propagation and coronagraphs against hcipy, with the same pupil and screen."""

import warnings

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from exobench.datasets.simulator.aberrations import static_path
from exobench.datasets.simulator.coronagraph import build_coronagraph
from exobench.datasets.simulator.presets import load_preset
from exobench.datasets.simulator.propagation import fourier_matrix, intensity, transform
from exobench.datasets.simulator.pupil import pupil_coordinates

pytestmark = pytest.mark.slow  # hcipy takes seconds to import

FOCAL = np.arange(-40, 41) * 0.3  # lambda/D


@pytest.fixture(scope="module")
def hcipy():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own dependencies
        return pytest.importorskip(
            "hcipy", reason="needs the extra: pip install 'exobench[dev]' (hcipy)"
        )


def field_and_coronagraph(kind):
    preset = load_preset("irdis_like", coronagraph=kind, lyot_outer=0.9)
    coronagraph = build_coronagraph(preset.telescope, preset.coronagraph)
    path = static_path(coronagraph.entrance, 40.0, np.random.default_rng(1))
    return coronagraph, coronagraph.entrance * np.exp(2j * np.pi / 1593 * path)


def our_image(coronagraph, field):
    matrix = fourier_matrix(FOCAL, pupil_coordinates(field.shape[-1]))
    with threadpool_limits(1, user_api="blas"):
        behind = coronagraph.behind(field[np.newaxis].astype(np.complex64), 0.04)
        return intensity(transform(behind, matrix))[0].astype(np.float64)


def their_image(hcipy, coronagraph, field, mask):
    n = field.shape[-1]
    grid = hcipy.make_pupil_grid(n, 1)
    focal = hcipy.CartesianGrid(
        hcipy.RegularCoords(FOCAL[1] - FOCAL[0], (FOCAL.size, FOCAL.size), (FOCAL[0], FOCAL[0]))
    )
    wave = hcipy.Wavefront(hcipy.Field(field.ravel(), grid), wavelength=1)
    if mask == "perfect":
        aperture = hcipy.Field(coronagraph.entrance.ravel().astype(float), grid)
        wave = hcipy.PerfectCoronagraph(aperture, order=2).forward(wave)
    elif mask == "vortex":
        wave = hcipy.VortexCoronagraph(grid, 2).forward(wave)
    wave.electric_field = wave.electric_field * coronagraph.stop.ravel()
    image = hcipy.FraunhoferPropagator(grid, focal, focal_length=1).forward(wave)
    # Power per pixel there, squared sums over the pupil's pixels here.
    return np.array(image.intensity.shaped) * n**4


@pytest.mark.parametrize(
    ("mask", "tolerance"), [("none", 2e-6), ("perfect", 2e-6), ("vortex", 3e-4)]
)
def test_images_are_those_of_hcipy(hcipy, mask, tolerance):
    coronagraph, field = field_and_coronagraph(mask)
    mine, theirs = our_image(coronagraph, field), their_image(hcipy, coronagraph, field, mask)
    # The vortex is sampled in two different ways; both are approximations.
    assert np.abs(mine - theirs).max() <= tolerance * theirs.max()
