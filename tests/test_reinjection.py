"""Companions put in by the change of Gram matrices: what a whole reduction makes of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import linalg

from exobench.baselines import load
from exobench.baselines._low_rank import gram_matrix, leading_eigenpairs
from exobench.baselines._reinjection import WholeReinjection, look, prepared_reinjection
from exobench.baselines._subspace_reinjection import SEARCHED_FWHM, SubspaceReinjection
from exobench.datasets.injection import companion_signal, inject
from exobench.datasets.sequence import Companion, ImageSequence

FWHM = 3.0


def sequence(shape=(41, 41), n_frames=14, rotation=70.0, seed=0):
    """A quasi-static smooth star that drifts, and photon noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape) - np.array([n // 2 for n in shape])[:, None, None]
    halo = 200 * np.exp(-np.hypot(y, x) / 6)
    pattern = rng.normal(size=(3, *shape)) * halo
    drift = np.cumsum(rng.normal(size=(n_frames, 3)), axis=0) * 0.2 + 1
    cube = halo + np.tensordot(drift, pattern, 1) * 0.2 + rng.normal(size=(n_frames, *shape))
    py, px = np.mgrid[-6:7, -6:7]
    psf = np.exp(-4 * np.log(2) * (py**2 + px**2) / FWHM**2)
    return ImageSequence(
        name="toy_1",
        cube=cube[np.newaxis],
        angles=np.linspace(-rotation / 2, rotation / 2, n_frames),
        psf=psf[np.newaxis] / psf[np.hypot(py, px) < FWHM / 2].sum(),
        fwhm=FWHM,
        pixel_scale=0.0165,
        wavelengths=[1.6],
        diameter=8.0,
    )


def companion(seen, radius=11.0, position_angle=130.0, flux=60.0):
    return Companion(separation=radius * seen.pixel_scale, position_angle=position_angle, flux=flux)


METHODS = {
    "pca": {"n_components": 3},
    "pca with a threshold": {"n_components": 3, "delta_rotation": 0.5},
    "annular_pca": {"n_components": 2},
    "annular_pca in segments": {"n_components": 2, "n_segments": 3, "annulus_width": 2.0},
    "annular_pca without a threshold": {"n_components": 2, "delta_rotation": 0.0},
}


def method(case):
    return load(case.partition(" ")[0], **METHODS[case])


@pytest.mark.parametrize("case", METHODS)
@pytest.mark.parametrize("shape", [(41, 41), (40, 46)])
def test_the_change_of_the_gram_matrices_gives_what_a_whole_reduction_does(case, shape):
    seen = sequence(shape)
    fast, whole = prepared_reinjection(method(case), seen), WholeReinjection(method(case), seen)
    assert fast.path == "subspace"
    np.testing.assert_array_equal(fast.blank.detections, whole.blank.detections)
    for radius, flux in ((6.0, 400.0), (11.0, 60.0), (14.5, 10.0)):
        one = companion(seen, radius, flux=flux)
        mine, theirs = fast.look(one), whole.look(one)
        known = np.isfinite(mine.detections)
        y, x = one.position(seen)
        away = np.hypot(*(np.argwhere(known) - (y, x)).T)
        assert away.max() <= SEARCHED_FWHM * FWHM
        np.testing.assert_allclose(
            mine.detections[known], theirs.detections[known], rtol=0, atol=2e-4
        )
        assert np.abs(theirs.detections - whole.blank.detections)[known].max() > 0.1


def test_every_pixel_that_decides_about_a_candidate_within_the_tolerance_has_its_value():
    seen = sequence()
    one = companion(seen)
    mine = prepared_reinjection(method("pca"), seen).look(one)
    y, x = np.indices(seen.shape)
    near = np.hypot(y - one.position(seen)[0], x - one.position(seen)[1]) <= 2 * FWHM
    inside = np.hypot(y - 20, x - 20) <= 18
    assert np.isfinite(mine.detections[near & inside]).all()


def test_gram_matrix_and_subspace_are_those_of_the_injected_frames():
    seen = sequence()
    fast = SubspaceReinjection(method("pca"), seen)
    one = companion(seen, flux=300.0)
    signal = companion_signal(seen, one)
    signal.add_to(fast._injected[np.newaxis])
    gram = fast._fits[0].gram + fast._changes(signal)[0]
    frames = inject(seen, [one]).cube[0].reshape(seen.n_frames, -1)
    expected = gram_matrix(frames)
    np.testing.assert_allclose(gram, expected, rtol=1e-12, atol=1e-12 * expected.max())
    assert np.abs(gram - fast._fits[0].gram).max() > 1e-6 * gram.max()
    subspaces = (leading_eigenpairs(g, 3)[0] for g in (gram, expected))
    assert np.sin(linalg.subspace_angles(*subspaces)).max() < 1e-5


def test_a_companion_leaves_no_trace_in_the_next():
    seen = sequence()
    fast, again = (prepared_reinjection(method("annular_pca"), seen) for _ in range(2))
    fast.look(companion(seen, flux=1e4))
    first, fresh = (one.look(companion(seen, 8.0, 20.0)) for one in (fast, again))
    np.testing.assert_array_equal(first.image, fresh.image)
    np.testing.assert_array_equal(first.detections, fresh.detections)


def test_a_companion_that_leaves_the_frame_in_some_exposures_is_followed():
    seen = sequence((31, 51))
    one = companion(seen, radius=20.0, position_angle=90.0, flux=500.0)
    fast, whole = (kind(method("pca"), seen) for kind in (prepared_reinjection, WholeReinjection))
    mine, theirs = fast.look(one), whole.look(one)
    ring = np.abs(mine.image - theirs.image)
    y, x = np.indices(seen.shape)
    assert ring[np.abs(np.hypot(y - 15, x - 25) - 20) < FWHM].max() < 1e-3


@pytest.mark.parametrize(
    ("name", "options"),
    [("median", {}), ("pca", {"detection": "stim"}), ("pca", {"detection": "normalized"})],
)
def test_other_methods_run_whole(name, options):
    seen = sequence()
    prepared = prepared_reinjection(load(name, **options), seen)
    assert prepared.path == "whole"
    expected = load(name, **options)(inject(seen, [companion(seen)]))
    np.testing.assert_array_equal(prepared.look(companion(seen)).detections, expected)


def test_several_wavelengths_run_whole():
    one = sequence()
    both = replace(
        one,
        cube=np.concatenate([one.cube, one.cube]),
        psf=np.concatenate([one.psf, one.psf]),
        fwhm=np.full(2, FWHM),
        wavelengths=[1.6, 1.7],
    )
    assert prepared_reinjection(method("pca"), both).path == "whole"


def test_a_look_is_the_detection_map_with_the_image_that_it_came_from():
    seen = sequence()
    found = look(method("pca"), seen)
    np.testing.assert_array_equal(found.detections, method("pca")(seen))
    np.testing.assert_array_equal(found.image, method("pca").reduce(seen))
    assert found.fluxes is None
