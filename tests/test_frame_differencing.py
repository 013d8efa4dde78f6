"""Pairwise frame differencing against literal loops, and VIP."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines import frame_differencing, load
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus, edge_distance, radius_map
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import ImageSequence

FWHM = 3.0


def sequence_of(cube, angles):
    y, x = np.indices((9, 9)) - 4
    return ImageSequence(
        name="toy_1",
        cube=cube,
        angles=angles,
        psf=np.exp(-(x**2 + y**2) / 3)[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
    )


def recurring(n_frames=12, shape=(30, 31), seed=0):
    """Three states of the speckles that come back, and noise."""
    rng = np.random.default_rng(seed)
    states = 20 * rng.normal(size=(3, *shape))
    frames = states[rng.integers(0, 3, n_frames)] + rng.normal(size=(n_frames, *shape))
    frames = 4 * gaussian_filter(frames, (0, 1.2, 1.2))
    return frames.astype(np.float32), np.cumsum(rng.uniform(3, 9, n_frames))


def literal_rings(shape, width):
    radius, edge = radius_map(shape), edge_distance(shape) + 0.5
    limits = [*(width * np.arange(max(1, int(edge / width + 0.5)))), edge, np.inf]
    for inner, outer in itertools.pairwise(limits):
        ring = (radius >= inner) & (radius < outer)
        yield ring, radius[ring].mean() if outer == np.inf else (inner + outer) / 2


def literal_order(frames, angles, ring, middle, least_px, n):
    """For each frame the others that have moved enough, most similar first."""
    for t in range(len(frames)):
        moved = 2 * middle * np.abs(np.sin(np.deg2rad(angles - angles[t]) / 2))
        others = [s for s in range(len(frames)) if s != t]
        able = [s for s in others if moved[s] >= least_px]
        if len(able) < n:
            able = sorted(others, key=lambda s: -moved[s])[:n]
        apart = {s: np.abs(frames[t][ring] - frames[s][ring]).sum() for s in able}
        yield sorted(able, key=lambda s: apart[s])[:n]


@pytest.mark.parametrize("n_similar", [1, 3])
def test_each_frame_loses_the_most_similar_ones(n_similar):
    frames, angles = recurring()
    method = load("frame_differencing", n_similar=n_similar, annulus_width=2.0)
    residuals = method.residuals(sequence_of(frames[np.newaxis], angles))
    exact = frames.astype(float)
    for ring, middle in literal_rings(frames.shape[1:], 2 * FWHM):
        orders = literal_order(exact, angles, ring, middle, 0.5 * FWHM, n_similar)
        for t, similar in enumerate(orders):
            expected = exact[t, ring] - np.median(exact[similar][:, ring], axis=0)
            np.testing.assert_allclose(residuals[t, ring], expected, atol=1e-4)


def test_the_image_is_the_median_of_both_differences_of_every_pair():
    frames, angles = recurring()
    image = load("frame_differencing", annulus_width=2.0).reduce(
        sequence_of(frames[np.newaxis], angles)
    )
    for ring, middle in literal_rings(frames.shape[1:], 2 * FWHM):
        orders = literal_order(frames.astype(float), angles, ring, middle, 0.5 * FWHM, 1)
        pairs = [pair for t, (s,) in enumerate(orders) for pair in ((t, s), (s, t))]
        differences = np.stack([frames[i] - frames[j] for i, j in pairs])
        turned = derotate(differences, angles[[i for i, _ in pairs]])
        expected = np.median(turned, axis=0)[ring]
        # what is left is from where the frame is cut about a ring
        assert np.abs(image[ring] - expected).std() < 0.05 * expected.std()


def test_speckles_that_come_back_are_removed_as_if_they_stood_still():
    frames, angles = recurring(40)
    sequence = sequence_of(frames[np.newaxis], angles)
    assert load("frame_differencing").residuals(sequence).std() < 2
    assert load("median").residuals(sequence).std() > 15


def test_with_more_similar_frames_than_there_are_all_others_serve():
    frames, angles = recurring(4)
    sequence = sequence_of(frames[np.newaxis], angles)
    residuals = load("frame_differencing", n_similar=9).residuals(sequence)
    np.testing.assert_allclose(
        residuals[1], frames[1] - np.median(frames[[0, 2, 3]], axis=0), atol=1e-4
    )


def test_frames_that_are_not_square_and_few_are_reduced():
    frames, angles = recurring(2, shape=(24, 37))
    image = load("frame_differencing").reduce(sequence_of(frames[np.newaxis], angles))
    assert image.shape == (24, 37)
    with pytest.raises(InputError, match="toy_1: 1 frame to tell the star by; expected 2"):
        load("frame_differencing").reduce(sequence_of(frames[np.newaxis, :1], angles[:1]))


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_image_is_that_of_vip_on_the_same_rings(shared_data, monkeypatch):
    psfsub = pytest.importorskip(
        "vip_hci.psfsub", reason="needs the extra: pip install 'exobench[peers]'"
    )
    naco = read_sequence(shared_data / "naco_betapic")
    theirs = psfsub.frame_diff(
        naco.cube[0].astype(float),
        naco.angles.copy(),
        fwhm=naco.reference_fwhm,
        imlib="opencv",
        nproc=1,
        verbose=False,
    )
    limits = np.append(0, 2 + 4.0 * np.arange(13))
    monkeypatch.setattr(frame_differencing, "ring_limits", lambda shape, width: limits)
    ours = load("frame_differencing").reduce(naco)
    compared = annulus(naco.shape, 6, edge_distance(naco.shape) - 6)
    assert np.corrcoef(ours[compared], theirs[compared])[0, 1] > 0.95
