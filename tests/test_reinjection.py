"""Companions put in by the change of Gram matrices: what a whole reduction makes of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import linalg

from exobench.baselines import load
from exobench.baselines._low_rank import gram_matrix, leading_eigenpairs
from exobench.baselines._reinjection import WholeReinjection, look, prepared_reinjection, searched
from exobench.baselines._subspace_reinjection import SubspaceReinjection, _changes
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
        assert not known[~searched(seen, one.position(seen))].any()
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
    frames, injected = (s.cube[0].reshape(seen.n_frames, -1) for s in (seen, inject(seen, [one])))
    signal = companion_signal(seen, one)
    gram = (
        fast._fits[0].gram + _changes(frames, injected, signal, seen.cube[0].shape, fast._fits)[0]
    )
    expected = gram_matrix(injected)
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


# JAX compiles every kernel first.
@pytest.mark.parametrize("backend", ["torch", pytest.param("jax", marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", ["pca", "annular_pca"])
def test_backends_see_the_same_companion(backend, case):
    pytest.importorskip(backend, reason=f"needs the extra: pip install 'exobench[{backend}]'")
    seen, name = sequence(), case.partition(" ")[0]
    expected = prepared_reinjection(method(case), seen)
    found = prepared_reinjection(load(name, **METHODS[case], backend=backend, device="cpu"), seen)
    assert found.path == "subspace"
    for radius in (6.0, 11.0):
        mine, theirs = (one.look(companion(seen, radius)) for one in (found, expected))
        np.testing.assert_allclose(mine.image, theirs.image, rtol=0, atol=2e-3)
        np.testing.assert_allclose(mine.detections, theirs.detections, rtol=0, atol=2e-3)


@pytest.mark.parametrize("calibrate", [False, True])
@pytest.mark.parametrize("name", ["matched_filter", pytest.param("paco", marks=pytest.mark.slow)])
def test_flux_estimators_see_what_a_whole_run_does_near_the_companion(name, calibrate):
    seen = sequence()
    baseline = load(name, calibrate=calibrate)
    local, whole = (prepared_reinjection(baseline, seen), WholeReinjection(baseline, seen))
    assert local.path == "local"
    np.testing.assert_array_equal(local.blank.detections, whole.blank.detections)
    np.testing.assert_array_equal(local.blank.fluxes, whole.blank.fluxes)
    for radius, flux in ((8.0, 150.0), (13.0, 40.0)):
        one = companion(seen, radius, flux=flux)
        mine, theirs = local.look(one), whole.look(one)
        near = searched(seen, one.position(seen)) & np.isfinite(theirs.detections)
        assert np.isnan(mine.detections[~near]).all()
        assert np.nanmax(mine.detections) > 3
        # A whole run is calibrated with the scatter that the light of the companion is part of.
        (found, theirs_), (_, own) = (baseline.calibrated(of) for of in (inject(seen, [one]), seen))
        ratio = theirs_.scatter / own.scatter
        expected = replace(found, sigma=found.sigma / ratio, degrees=own.degrees).significance[near]
        np.testing.assert_allclose(mine.detections[near], expected, rtol=1e-4, atol=1e-4)
