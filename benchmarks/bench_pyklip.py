"""Time of pyKLIP on one core, beside which ours are timed with the same settings.

CPU: --benchmark-timer=time.process_time. pyKLIP works in a pool of processes, whose time
would not count: here in one thread of this process. Its frames are turned by its own cubic
splines; tests/test_pyklip.py compares what comes out.
"""

from multiprocessing.dummy import Pool

import numpy as np
import pytest

from exobench.baselines import load
from exobench.datasets.geometry import edge_distance

REASON = "needs the extra: pip install 'exobench[peers]'"
N_COMPONENTS, DELTA_ROTATION = 10, 0.5
RING_PX = 9
FMMF_COMPONENTS, FMMF_DELTA_ROTATION = 10, 0.25
POSITION_ANGLES = (0, 90, 180, 270)
ROTATIONS = ("fourier", "lanczos")


def one_thread(processes=None, initializer=None, initargs=(), maxtasksperchild=None):
    """A pool in this process."""
    return Pool(1, initializer, initargs)


@pytest.fixture
def in_one_thread(monkeypatch):
    """Function: a module of pyKLIP that does its work in this process."""

    def imported(name):
        module = pytest.importorskip(name, reason=REASON)
        monkeypatch.setattr(module.mp, "Pool", one_thread)
        return module

    return imported


def ours(case, fwhm, rotation):
    options = {"n_components": N_COMPONENTS, "rotation": rotation}
    if case == "rings":
        options |= {"annulus_width": RING_PX / fwhm, "delta_rotation": DELTA_ROTATION}
    return load({"frames": "pca", "rings": "annular_pca"}[case], **options)


def theirs(case, sequence):
    n_rings = int(edge_distance(sequence.shape) // RING_PX)
    options = {"mode": "ADI", "subsections": 1, "numbasis": [N_COMPONENTS], "numthreads": 1}
    options |= {"maxnumbasis": sequence.n_frames, "corr_smooth": 0, "verbose": False}
    if case == "frames":
        return options | {"annuli": 1, "movement": 0}
    movement = DELTA_ROTATION * float(sequence.fwhm[0])
    return options | {"OWA": n_rings * RING_PX, "annuli": n_rings, "movement": movement}


@pytest.mark.parametrize("rotation", ROTATIONS)
@pytest.mark.parametrize("case", ["frames", "rings"])
def test_klip_image(benchmark, naco_sequence, case, rotation):
    baseline = ours(case, float(naco_sequence.fwhm[0]), rotation)
    benchmark.pedantic(baseline.reduce, (naco_sequence,), rounds=5)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", ["frames", "rings"])
def test_klip_image_pyklip(benchmark, naco_sequence, in_one_thread, case):
    parallelized, sequence = in_one_thread("pyklip.parallelized"), naco_sequence
    n, centre = sequence.n_frames, [float(c) for c in sequence.centre[::-1]]
    centres, angles = np.tile(centre, (n, 1)), sequence.angles.copy()
    images, options = sequence.cube[0].astype(float), theirs(case, sequence)

    def image():
        arguments = (images, centres, angles, np.ones(n), np.arange(n), 0)
        frames = parallelized.klip_parallelized(*arguments, **options)[0][-1]
        turned = parallelized.rotate_imgs(frames, angles, centres, new_center=centre, numthreads=1)
        return np.nanmedian(turned, axis=0)

    benchmark.pedantic(image, rounds=3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_fmmf_at_four_positions_pyklip(benchmark, naco_sequence, in_one_thread):
    """At 4 of the 7900 positions; bench_inverse.py times our own at all of them."""
    fm, sequence = in_one_thread("pyklip.fm"), naco_sequence
    from pyklip.fmlib.matchedFilter import MatchedFilter

    n, fwhm = sequence.n_frames, float(sequence.fwhm[0])
    stamp, middle = round(fwhm), sequence.psf.shape[1] // 2
    cut = slice(middle - 2 * stamp, middle + 2 * stamp + 1)
    psf, centre = sequence.psf[:, cut, cut].astype(float), list(sequence.centre[::-1])
    places = [(7.5 * fwhm, angle) for angle in POSITION_ANGLES]
    options = {"mode": "ADI", "annuli": [(6 * fwhm, 9 * fwhm)], "OWA": 9 * fwhm, "subsections": 1}
    options |= {"movement": FMMF_DELTA_ROTATION * fwhm, "numbasis": np.array([FMMF_COMPONENTS])}
    options |= {"maxnumbasis": n, "corr_smooth": 0, "aligned_center": centre, "padding": stamp}
    options |= {"numthreads": 1, "save_klipped": False, "mute_progression": True, "flipx": False}
    images, centres = sequence.cube[0].astype(float), np.tile(centre, (n, 1))

    def fitted():
        template = (psf, [1.0], [np.full(n, psf.sum())])
        model = MatchedFilter(
            *(images.shape, [FMMF_COMPONENTS], *template),
            **{"fakes_sepPa_list": places, "planet_radius": stamp, "background_width": 2 * stamp},
            **{"ref_center": centre, "flipx": False},
        )
        arguments = (images, centres, sequence.angles.copy(), np.ones(n), 6 * fwhm, model, centres)
        return fm.klip_parallelized(*arguments, **options)[1]

    norms = benchmark.pedantic(fitted, rounds=1)[1, 0, 0]
    assert np.count_nonzero(norms.any(axis=0)) == len(places)
