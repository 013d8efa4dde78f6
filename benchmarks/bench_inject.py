"""Time to inject a companion: ours beside vip_hci."""

import numpy as np
import pytest

from exobench.datasets.injection import inject
from exobench.datasets.psf import normalise_psf
from exobench.datasets.sequence import Companion, ImageSequence

SHAPES = {"adi": (1, 61, 101, 101), "ifs": (39, 50, 160, 160)}


def blank_sequence(shape):
    y, x = np.indices((31, 31)) - 15
    psf = normalise_psf(np.exp(-(y**2 + x**2) / 6.0))
    return ImageSequence(
        name="blank_1",
        cube=np.zeros(shape, dtype=np.float32),
        angles=np.linspace(0, 60, shape[1]),
        psf=np.repeat(psf.psf, shape[0], axis=0),
        fwhm=psf.fwhm[0],
        pixel_scale=0.0075,
    )


@pytest.fixture(params=SHAPES)
def sequence(request):
    return blank_sequence(SHAPES[request.param])


def companion(sequence):
    return Companion(separation=30.7 * sequence.pixel_scale, position_angle=20, flux=10.0)


def test_copy_of_the_cube(benchmark, sequence):
    benchmark(sequence.cube.copy)


def test_inject(benchmark, sequence):
    benchmark(inject, sequence, [companion(sequence)])


def test_inject_smeared(benchmark, sequence):
    benchmark(inject, sequence, [companion(sequence)], smearing=5)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_inject_vip(benchmark, sequence):
    fm = pytest.importorskip("vip_hci.fm", reason="needs the extra: pip install 'exobench[peers]'")
    ifs = sequence.n_wavelengths > 1
    benchmark(
        fm.cube_inject_companions,
        sequence.cube if ifs else sequence.cube[0],
        sequence.psf if ifs else sequence.psf[0],
        sequence.angles,
        10.0,
        rad_dists=30.7,
        theta=110.0,
        imlib="vip-fft",
    )
