"""KLIP and the matched filter on what it leaves, beside pyKLIP.

pyKLIP subtracts from every image its mean over the section that it models; where residuals
are compared number by number, ours are given images without it.
"""

from dataclasses import replace
from multiprocessing.dummy import Pool

import numpy as np
import pytest

from exobench.baselines import adapt, load
from exobench.datasets import Companion, inject, simulate
from exobench.datasets.geometry import annulus, edge_distance, radius_map

pytestmark = [pytest.mark.peers, pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
REASON = "needs the extra: pip install 'exobench[peers]'"
N_COMPONENTS = 10
RING_PX, DELTA_ROTATION = 9, 0.5
FMMF_COMPONENTS, FMMF_DELTA_ROTATION = 5, 0.25


def one_thread(processes=None, initializer=None, initargs=(), maxtasksperchild=None):
    """A pool in this process: forks of one with threads may hang."""
    return Pool(1, initializer, initargs)


@pytest.fixture(scope="module")
def sequence():
    return simulate("naco_like", rng=0)


@pytest.fixture
def parallelized(monkeypatch):
    """The module of pyKLIP, which does its work in this process."""
    module = pytest.importorskip("pyklip.parallelized", reason=REASON)
    monkeypatch.setattr(module.mp, "Pool", one_thread)
    return module


def klip(parallelized, sequence, **options):
    """Residual frames of pyKLIP, by the same libraries as ours: whatever correlates with them."""
    function = adapt(
        parallelized.klip_parallelized,
        *("imgs", "centers", "parangs", "wvs", "filenums"),
        returns="frames",
        result=lambda returned: returned[0][-1],
        **{"mode": "ADI", "subsections": 1, "numbasis": [N_COMPONENTS], "IWA": 0},
        **{"maxnumbasis": sequence.n_frames, "corr_smooth": 0, "numthreads": 1, "verbose": False},
    )
    return function.returned(sequence, options)


def whole_frames(parallelized, sequence):
    return klip(parallelized, sequence, annuli=1, movement=0)


def without_means(sequence, sections):
    """The sequence less the mean of every frame over each of the sections."""
    cube = sequence.cube.copy()
    for pixels in sections:
        cube[:, :, pixels] -= cube[:, :, pixels].mean(axis=2, keepdims=True)
    return replace(sequence, cube=cube)


def correlation(one, other, pixels):
    return np.corrcoef(one[..., pixels].ravel(), other[..., pixels].ravel())[0, 1]


def test_residual_frames_of_pca_are_those_of_pyklip(parallelized, sequence):
    everything = np.ones(sequence.shape, dtype=bool)
    ours = load("pca", n_components=N_COMPONENTS)
    frames = ours.residuals(without_means(sequence, [everything]))
    theirs = whole_frames(parallelized, sequence)
    np.testing.assert_allclose(frames, theirs, atol=1e-3 * theirs.std())
    # the mean that pyKLIP subtracts makes little difference
    compared = annulus(sequence.shape, 6, edge_distance(sequence.shape) - 6)
    assert correlation(ours.residuals(sequence), theirs, compared) > 0.995


def test_the_image_of_pca_is_that_of_pyklip(parallelized, sequence):
    theirs = whole_frames(parallelized, sequence)
    centre = [sequence.centre[1], sequence.centre[0]]
    turned = parallelized.rotate_imgs(
        theirs,
        sequence.angles,
        np.tile(centre, (len(theirs), 1)),
        new_center=centre,
        numthreads=1,
    )
    image = np.nanmedian(turned, axis=0)
    same = without_means(sequence, [np.ones(sequence.shape, dtype=bool)])
    compared = annulus(sequence.shape, 6, edge_distance(sequence.shape) - 6)
    # pyKLIP turns by cubic splines, which soften noise: Lanczos comes nearest, shears keep it
    ours = load("pca", n_components=N_COMPONENTS, rotation="lanczos").reduce(same)
    assert correlation(ours, image, compared) > 0.985
    sharper = load("pca", n_components=N_COMPONENTS, rotation="fourier").reduce(same)
    assert 0.9 < correlation(sharper, image, compared) < 0.985


def test_residual_frames_of_annular_pca_are_those_of_pyklip(parallelized, sequence):
    fwhm = float(sequence.fwhm[0])
    n_rings = int(edge_distance(sequence.shape) // RING_PX)
    theirs = klip(
        parallelized,
        sequence,
        OWA=n_rings * RING_PX,
        annuli=n_rings,
        movement=DELTA_ROTATION * fwhm,
    )
    ours = load(
        "annular_pca",
        n_components=N_COMPONENTS,
        annulus_width=RING_PX / fwhm,
        delta_rotation=DELTA_ROTATION,
    )
    number = radius_map(sequence.shape) // RING_PX
    rings = [number == i for i in range(n_rings)]
    frames = ours.residuals(without_means(sequence, rings))
    # In the innermost ring few frames have turned enough: pyKLIP takes these only.
    for ring in rings[1:]:
        expected = theirs[:, ring]
        np.testing.assert_allclose(frames[:, ring], expected, atol=1e-3 * expected.std())


@pytest.fixture
def fm(monkeypatch):
    """The module of pyKLIP, which does its work in this process."""
    module = pytest.importorskip("pyklip.fm", reason=REASON)
    monkeypatch.setattr(module.mp, "Pool", one_thread)
    return module


def fitted(fm, sequence, position_angle):
    """Flux that pyKLIP's matched filter fits at 3.5 FWHM from the star, and the pixel."""
    from pyklip.fmlib.matchedFilter import MatchedFilter

    n, fwhm = sequence.n_frames, float(sequence.fwhm[0])
    stamp, middle = round(fwhm), sequence.psf.shape[1] // 2
    cut = slice(middle - 2 * stamp, middle + 2 * stamp + 1)
    psf = sequence.psf[:, cut, cut].astype(float)
    centre = [sequence.centre[1], sequence.centre[0]]
    centres = np.tile(centre, (n, 1))
    same = {"flipx": False}
    template = (psf, [1.0], [np.full(n, psf.sum())])
    options = {"fakes_sepPa_list": [(3.5 * fwhm, position_angle)], "planet_radius": stamp}
    options |= {"background_width": 2 * stamp, "ref_center": centre, "datatype": "double"}
    model = MatchedFilter(sequence.cube[0].shape, [FMMF_COMPONENTS], *template, **options, **same)
    images = (sequence.cube[0].astype(float), centres, sequence.angles.copy(), np.ones(n))
    options = {"mode": "ADI", "OWA": 4 * fwhm, "annuli": [(3 * fwhm, 4 * fwhm)], "subsections": 1}
    options |= {"movement": FMMF_DELTA_ROTATION * fwhm, "numbasis": np.array([FMMF_COMPONENTS])}
    options |= {"maxnumbasis": n, "corr_smooth": 0, "aligned_center": centre, "padding": stamp}
    options |= {"numthreads": 1, "save_klipped": False, "mute_progression": True}
    returned = fm.klip_parallelized(*images, 3 * fwhm, model, centres, **options, **same)
    product, norm, variance, _ = returned[1][:, 0, 0]
    ((y, x),) = np.argwhere(norm.any(axis=0))
    known = norm[:, y, x] > 0
    product, norm, variance = (one[known, y, x] for one in (product, norm, variance))
    return float((product / variance).sum() / (norm / variance).sum()), (y, x)


@pytest.mark.parametrize("position_angle", [0.0, 90.0, 200.0])
def test_the_matched_filter_finds_a_companion_as_bright_as_that_of_pyklip(fm, position_angle):
    """Their noise differs: pyKLIP counts all that is in a disc, we what looks like a PSF."""
    sequence = simulate("naco_like", rng=0, n_frames=30, size=61)
    fwhm, flux = float(sequence.fwhm[0]), 1.7e-3
    companion = Companion(
        separation=3.5 * fwhm * sequence.pixel_scale, position_angle=position_angle, flux=flux
    )
    injected = inject(sequence, [companion])
    ours = load(
        "fmmf",
        n_components=FMMF_COMPONENTS,
        annulus_width=1.0,
        delta_rotation=FMMF_DELTA_ROTATION,
        stamp_radius=round(fwhm) / fwhm,
        noise="white",
        calibrate=False,
    )
    with_it, position = fitted(fm, injected, position_angle)
    without, _ = fitted(fm, sequence, position_angle)
    assert np.hypot(*np.subtract(position, companion.position(sequence))) < 0.8
    fluxes = [ours.estimate(one).flux[position] for one in (injected, sequence)]
    responses = (with_it - without) / flux, (fluxes[0] - fluxes[1]) / flux
    assert responses[1] == pytest.approx(responses[0], abs=0.07)
    assert min(responses) > 0.85
