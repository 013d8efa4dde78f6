"""LOCI over wavelengths and times: what serves as a reference, and what is left."""

import dataclasses

import numpy as np
import pytest

from exobench.baselines import load
from exobench.baselines._spectral import magnify
from exobench.datasets.errors import InputError
from exobench.datasets.sequence import ImageSequence

WAVELENGTHS = np.linspace(1.0, 1.6, 7)
SHAPE = (61, 61)


def blob(y, x, fwhm=4.0):
    rows, columns = np.indices(SHAPE) - 30
    return np.exp(-4 * np.log(2) * ((rows - y) ** 2 + (columns - x) ** 2) / fwhm**2)


def speckled(angles):
    """Three patterns, scaled with wavelength, that come and go with time and wavelength."""
    rng = np.random.default_rng(4)
    shape = (len(WAVELENGTHS), len(angles))
    patterns = [
        sum(a * blob(y, x, 6.0) for a, y, x in rng.uniform(-25, 25, (40, 3))) for _ in range(3)
    ]
    strengths = 10 + rng.normal(size=(*shape, 3))
    aligned = np.tensordot(strengths, np.stack(patterns), axes=1).astype(np.float32)
    cube, _ = magnify(aligned, WAVELENGTHS / WAVELENGTHS.max())
    y, x = np.indices((9, 9)) - 4
    return ImageSequence(
        name="toy",
        cube=cube + 0.1 * rng.normal(size=cube.shape),
        angles=angles,
        psf=np.stack([np.exp(-4 * np.log(2) * (x**2 + y**2) / 16)] * len(WAVELENGTHS)),
        fwhm=4.0,
        pixel_scale=0.01,
        wavelengths=WAVELENGTHS,
    )


def with_companion(sequence, radius, flux, theta=70.0):
    place = np.deg2rad(theta - sequence.angles)
    track = np.stack([blob(radius * np.sin(a), radius * np.cos(a)) for a in place])
    return dataclasses.replace(sequence, cube=sequence.cube + flux * track.astype(np.float32))


@pytest.mark.parametrize("field_rotation", [0.0, 60.0])
def test_speckles_vanish_and_a_companion_stays_with_and_without_rotation(field_rotation):
    sequence = speckled(np.linspace(0, field_rotation, 8))
    method, flux = load("sdi_loci"), 5.0
    empty = method.reduce(sequence)
    image = method.reduce(with_companion(sequence, 17.0, flux)) - empty
    inside = np.hypot(*(np.indices(SHAPE) - 30)) < 18
    assert empty[inside].std() < 0.02 * sequence.cube[-1, :, inside].std()
    expected = 30 + 17 * np.array([np.sin(np.deg2rad(70)), np.cos(np.deg2rad(70))])
    found = np.unravel_index(image.argmax(), SHAPE)
    assert np.hypot(*(found - expected)) < 1
    assert image.max() > 0.4 * flux


def test_without_rotation_the_wavelengths_alone_protect_a_companion():
    sequence = speckled(np.zeros(8))
    kept = []
    for n_delta in (0.1, 1.0):
        method = load("sdi_loci", n_delta=n_delta)
        difference = method.reduce(with_companion(sequence, 17.0, 5.0)) - method.reduce(sequence)
        kept.append(difference.max() / 5)
    assert kept[1] > kept[0] + 0.1


def test_impossible_options_are_those_of_loci():
    with pytest.raises(InputError) as caught:
        load("sdi_loci", n_delta=0.0, damping=-1.0)
    assert caught.value.problems == (
        "damping must be 0 or more, got -1.0",
        "n_delta must be more than 0, got 0.0",
    )
