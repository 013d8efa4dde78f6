"""Sequences with hidden companions: where they end up, and what they are made from."""

import re
from dataclasses import replace
from functools import partial
from itertools import islice

import numpy as np
import pytest

from exobench.challenge.draws import latin_draws
from exobench.challenge.references import References
from exobench.datasets.builder import SequencePlan, build_sequence, scored_radii
from exobench.datasets.calibration import limit_curves
from exobench.datasets.centring import shift, star_offset
from exobench.datasets.errors import RecipeError, SequenceError
from exobench.datasets.files import write_sequence
from exobench.datasets.geometry import lambda_over_d_px, to_polar
from exobench.datasets.rotation import derotate
from exobench.datasets.sequence import Companion
from exobench.datasets.simulator import load_preset, preset_names, simulate
from exobench.datasets.spectra import SPECTRAL_TYPES, spectrum
from exobench.datasets.stars import RealStar, SimulatedStar

SMALL = {"n_frames": 12, "size": 71, "n_pupil": 40}
STEADY = SMALL | {"star_drift": 0, "star_jitter": 0, "recentring_error": 0}
SMALL_IFS = {"n_wavelengths": 4, "n_frames": 6, "size": 71}


def rng_for(purpose, seed=0):
    return np.random.default_rng([seed, *purpose.encode()])


def references(limit_flux, calls=None):
    """One family: significance is 5 times flux over `limit_flux`, at every radius."""

    def for_sequence(blank):
        def family(sequence, yx):
            if calls is not None:
                calls.append(sequence)
            light = sequence.cube.mean(axis=0) - blank.cube.mean(axis=0)
            radius, theta = to_polar(*yx.T, sequence.shape)
            y, x = sequence.centre
            found = []
            for r, azimuth in zip(radius, theta, strict=True):
                angles = np.deg2rad(azimuth - sequence.angles)
                rows = np.rint(y + r * np.sin(angles)).astype(int)
                columns = np.rint(x + r * np.cos(angles)).astype(int)
                found.append(light[np.arange(sequence.n_frames), rows, columns].mean())
            return 5 * np.array(found) / sequence.psf.max() / limit_flux

        return {"toy": family}

    return for_sequence


def plan(star=None, n=2, **changes):
    star = star or SimulatedStar(preset="irdis_like", overrides=SMALL)
    draws = tuple(islice(latin_draws(np.random.default_rng(0)), n - changes.get("visible", False)))
    return SequencePlan(**({"name": "toy_1", "star": star, "draws": draws} | changes))


@pytest.fixture(scope="module")
def built():
    return build_sequence(plan(), references(0.01), rng_for)


@pytest.fixture(scope="module")
def ifs():
    star = SimulatedStar(preset="sphere_ifs_like", overrides=SMALL_IFS)
    return build_sequence(plan(star, name="ifs_1", n=3), references(0.01), rng_for)


@pytest.fixture
def files(tmp_path):
    """Writes a planet-free sequence, its star moved, as a real one would lie on disk."""

    def write(offset=(0.0, 0.0)):
        sequence = simulate("naco_like", rng=2, name="cam_1", **STEADY)
        sequence = replace(sequence, cube=shift(sequence.cube, offset), wavelengths=None)
        write_sequence(sequence, tmp_path / "cam")
        return tmp_path / "cam"

    return write


def real(path, **changes):
    return RealStar(**({"path": path, "wavelength": 3.8, "diameter": 8.2} | changes))


def added_light(sequence, blank):
    """Derotated mean of what was added to a blank sequence."""
    return derotate(sequence.cube - blank.cube, sequence.angles).mean(axis=(0, 1))


def brightest(image):
    """Centroid around the brightest pixel of an image."""
    peak = np.unravel_index(image.argmax(), image.shape)
    box = image[peak[0] - 3 : peak[0] + 4, peak[1] - 3 : peak[1] + 4]
    y, x = np.indices(box.shape) - 3
    return peak[0] + (y * box).sum() / box.sum(), peak[1] + (x * box).sum() / box.sum()


def test_companions_are_where_the_truth_says_after_derotation(built):
    star = SimulatedStar(preset="irdis_like", overrides=SMALL)
    field = star.observe("toy_1", rng_for)
    source = built.sources[0]
    strong = replace(source.companion, flux=100.0)
    # The same noise numbers, with and without: what is left is the companion.
    light = added_light(field.with_companions([strong]), field.with_companions([]))
    assert brightest(light) == pytest.approx((source.place.y, source.place.x), abs=0.15)
    assert source.companion.position(built.sequence) == pytest.approx(
        (source.place.y, source.place.x)
    )


def test_photons_of_a_companion_make_noise():
    star = SimulatedStar(preset="irdis_like", overrides=SMALL)
    companion = Companion(separation=0.3, position_angle=0, flux=20.0)
    one, other = (
        star.observe(
            "toy_1", lambda purpose, seed=seed: rng_for(purpose, seed * (purpose == "noise"))
        ).with_companions([companion])
        for seed in (0, 1)
    )
    # The same star and companion, other photons: they differ most where most light is.
    spread = derotate(one.cube - other.cube, one.angles).std(axis=(0, 1))
    y, x = (round(c) for c in companion.position(one))
    assert spread[y - 2 : y + 3, x - 2 : x + 3].mean() > 1.5 * np.median(spread)


def test_the_noise_that_calibrates_is_not_the_noise_handed_out():
    field = SimulatedStar(preset="irdis_like", overrides=SMALL).observe("toy_1", rng_for)
    handed_out = field.with_companions([])
    difference = handed_out.cube - field.blank.cube
    assert (difference != 0).mean() > 0.99
    # The same star: the speckles are common, only the detection differs.
    assert difference.std() < 0.2 * handed_out.cube.std()


def test_fluxes_are_those_of_limit_and_stratum(built):
    limit = built.limits["toy"]
    for source in built.sources:
        offset = -2.5 * np.log10(source.companion.flux / limit.at(source.place.radius_px))
        assert -1.5 <= offset <= 1.75
    # At 5 sigma at 0.01; the toy reference reads the nearest pixels of the PSF.
    assert limit.flux == pytest.approx(np.full(limit.flux.size, 0.01), rel=0.25)


def test_companions_stand_one_fwhm_inside_the_scored_area(built):
    inner, outer = built.radii_px
    fwhm = built.sequence.reference_fwhm
    limit = built.limits["toy"]
    assert limit.radii_px[[0, -1]] == pytest.approx([inner + fwhm, outer - fwhm])
    assert np.diff(limit.radii_px).min() >= 2 * fwhm
    for source in built.sources:
        assert inner + fwhm <= source.place.radius_px <= outer - fwhm


def test_what_each_reference_reaches_is_measured_on_the_sequence_handed_out():
    calls = []
    built = build_sequence(plan(), references(0.01, calls), rng_for)
    assert calls[-1] is built.sequence
    assert all(set(source.significance) == {"toy"} for source in built.sources)


def test_a_blank_sequence_needs_no_reference():
    def never(sequence):
        raise AssertionError(sequence.name)

    built = build_sequence(plan(n=0), never, rng_for)
    assert built.sources == ()
    assert built.sequence.metadata == {"simulated": "irdis_like"}


def test_where_the_references_find_nothing_at_any_flux_the_sequence_stays_blank(built):
    def blind(sequence):
        del sequence
        return watching([])

    empty = build_sequence(plan(), blind, rng_for)
    assert empty.sources == ()
    assert len(empty.left_out) == 4
    assert np.isinf(empty.limits["toy"].flux).all()
    assert "injected" not in empty.sequence.metadata


def test_a_blank_sequence_is_the_one_with_companions_less_their_light(built):
    blank = build_sequence(plan(n=0), references(0.01), rng_for).sequence
    light = added_light(built.sequence, blank)
    for source in built.sources:
        y, x = round(source.place.y), round(source.place.x)
        assert light[y, x] > 5 * np.median(np.abs(light))
    assert np.array_equal(blank.psf, built.sequence.psf)


def test_ifs_companions_have_one_of_the_spectra(ifs):
    sequence = ifs.sequence
    shapes = [spectrum(k, sequence.wavelengths, sequence.star_flux) for k in SPECTRAL_TYPES]
    assert ifs.sources
    for source in ifs.sources:
        flux = np.array(source.companion.flux)
        assert flux.shape == (4,)
        assert flux.mean() == pytest.approx(source.place.mean_flux)
        assert any(np.allclose(flux / flux.mean(), shape) for shape in shapes)


def test_the_same_randomness_gives_the_same_bytes_and_other_randomness_others(built):
    again = build_sequence(plan(), references(0.01), rng_for)
    assert np.array_equal(again.sequence.cube, built.sequence.cube)
    other = build_sequence(plan(), references(0.01), partial(rng_for, seed=1))
    assert not np.array_equal(other.sequence.cube, built.sequence.cube)
    assert other.sources[0].place != built.sources[0].place


@pytest.mark.parametrize("size", [70, 71])
def test_default_radii_are_working_angle_and_edge(size):
    star = SimulatedStar(preset="irdis_like", overrides=SMALL | {"size": size})
    field = star.observe("toy_1", rng_for)
    inner, outer = scored_radii(plan(star), field)
    assert inner == pytest.approx(max(0.1 / 0.01225, 1.5 * field.blank.lambda_over_d_px))
    nearest_edge = 35 if size == 71 else 34
    assert outer == pytest.approx(nearest_edge - field.blank.reference_fwhm / 2)


def test_without_a_coronagraph_the_inner_radius_is_one_and_a_half_lambda_over_d(files):
    field = real(files()).observe("cam_1", rng_for)
    inner, _ = scored_radii(plan(real(files())), field)
    assert inner == pytest.approx(1.5 * 3.8e-6 / 8.2 * 206264.806 / 0.02719, rel=1e-4)


def test_radii_of_the_recipe_are_taken():
    field = SimulatedStar(preset="irdis_like", overrides=SMALL).observe("toy_1", rng_for)
    asked = plan(inner_radius_px=10.0, outer_radius_px=30.0)
    assert scored_radii(asked, field) == (10.0, 30.0)


@pytest.mark.parametrize("radii", [(30.0, 31.0), (5.0, 36.0), (40.0, 50.0), (20.0, 10.0)])
def test_radii_without_room_are_refused(radii):
    impossible = plan(inner_radius_px=radii[0], outer_radius_px=radii[1])
    with pytest.raises(RecipeError, match=r"toy_1: scored radii .* px do not fit: the frame"):
        build_sequence(impossible, references(0.01), rng_for)


def test_problems_name_the_sequence_once(tmp_path):
    with pytest.raises(RecipeError) as caught:
        build_sequence(plan(real(tmp_path / "none")), references(1.0), rng_for)
    assert [p.count("toy_1: ") for p in caught.value.problems] == [1]
    assert "no such file" in caught.value.problems[0]


def test_a_star_off_centre_is_refused_with_its_position(files):
    path = files(offset=(0.5, -0.5))
    with pytest.raises(SequenceError) as caught:
        real(path).read()
    (problem,) = caught.value.problems
    found = re.fullmatch(
        rf"{path}: the star stands at \(y, x\) = \(([\d.]+), ([\d.]+)\), ([\d.]+) px from .*",
        problem,
    )
    assert [float(n) for n in found.groups()] == pytest.approx([35.5, 34.5, 0.71], abs=0.2)
    assert 'set centring = "recentre"' in problem


def test_a_star_off_by_less_than_half_a_pixel_is_accepted(files):
    read = real(files(offset=(0.3, 0.2))).read()
    assert np.hypot(*star_offset(read)) == pytest.approx(0.36, abs=0.2)


def test_recentring_moves_the_star_to_the_centre(files):
    read = real(files(offset=(0.5, -0.5)), centring="recentre").read()
    assert np.hypot(*star_offset(read)) < 0.03


def test_trust_leaves_the_frames_as_they_are(files):
    path = files(offset=(0.5, -0.5))
    trusted = real(path, centring="trust").read()
    assert np.hypot(*star_offset(trusted)) == pytest.approx(0.71, abs=0.2)


def test_a_constant_frame_is_refused_by_the_name_of_its_file(tmp_path):
    sequence = simulate("naco_like", rng=1, name="cam_1", **SMALL)
    flat = replace(sequence, cube=np.ones_like(sequence.cube))
    write_sequence(flat, tmp_path / "flat")
    with pytest.raises(SequenceError, match=r"flat: no star to centre on"):
        real(tmp_path / "flat").read()


def test_flipped_angles_are_shipped_and_injected_with(files):
    plain, flipped = real(files()), real(files(), flip_angles=True)
    field = flipped.observe("cam_1", rng_for)
    assert np.array_equal(field.blank.angles, -plain.read().angles)
    companion = Companion(separation=0.6, position_angle=40, flux=1.0)
    handed_out = field.with_companions([companion])
    assert np.array_equal(handed_out.angles, field.blank.angles)
    light = added_light(handed_out, field.blank)
    assert brightest(light) == pytest.approx(companion.position(handed_out), abs=0.1)
    # Derotated by the angles that the files have, it smears.
    smeared = derotate(handed_out.cube - field.blank.cube, -handed_out.angles).mean(axis=(0, 1))
    assert smeared.max() < 0.7 * light.max()


def test_a_wavelength_that_the_files_do_not_give_comes_from_the_recipe(files):
    assert real(files()).read().wavelengths.tolist() == [3.8]
    assert real(files()).read().diameter == 8.2
    with pytest.raises(SequenceError, match=r"add wavelength = \(micrometres\)"):
        real(files(), wavelength=None).read()


def test_a_real_sequence_without_companions_is_handed_out_as_it_is(files):
    path = files()
    built = build_sequence(plan(real(path), n=0), references(1.0), rng_for)
    assert np.array_equal(built.sequence.cube, real(path).read().cube)
    assert built.sequence.name == "toy_1"


def watching(seen):
    """A family that measures nothing and keeps what it was shown."""

    def family(sequence, yx):
        seen.append((sequence, yx))
        return np.full(len(yx), np.nan)

    return {"toy": family}


def test_the_limit_is_measured_with_probes_that_look_like_the_star(ifs):
    star = SimulatedStar(preset="sphere_ifs_like", overrides=SMALL_IFS)
    observed, seen = star.observe("ifs_1", rng_for), []
    curve = limit_curves(observed, watching(seen), ifs.radii_px)["toy"]
    assert np.isinf(curve.flux).all()
    light = (seen[0][0].cube - observed.blank.cube).clip(0).sum(axis=(1, 2, 3))
    colour = light / (ifs.sequence.psf.clip(0).sum(axis=(1, 2)) * ifs.sequence.star_flux)
    assert colour / colour.mean() == pytest.approx(np.ones(4), rel=0.05)


def test_probes_are_as_dim_as_a_companion_behind_the_coronagraph(built):
    observed, seen = SimulatedStar(preset="irdis_like", overrides=SMALL).observe("x", rng_for), []
    limit_curves(observed, watching(seen), built.radii_px)
    sequence, yx = seen[0]
    radius = np.hypot(*(yx - observed.blank.centre).T)
    light = added_light(sequence, observed.blank)
    at_probes = np.array([light[round(y), round(x)] for y, x in yx])
    fraction = observed.transmission(radius * observed.blank.pixel_scale)[0]
    assert fraction[0] < 0.98
    assert fraction[-1] == pytest.approx(1, abs=0.02)
    # The first trial's flux is that of the guess, so that what was added tells the fraction.
    undimmed = replace(observed, transmission=lambda arcsec: np.ones((1, arcsec.size)))
    seen_undimmed = []
    limit_curves(undimmed, watching(seen_undimmed), built.radii_px)
    brighter = added_light(seen_undimmed[0][0], observed.blank)
    without = np.array([brighter[round(y), round(x)] for y, x in yx])
    assert at_probes / without == pytest.approx(fraction, abs=0.02)


def test_on_some_channels_the_first_and_last_are_among_them_and_all_are_checked(ifs):
    star = SimulatedStar(preset="sphere_ifs_like", overrides=SMALL_IFS)
    observed, seen = star.observe("ifs_1", rng_for), []

    base = observed.blank.cube[0].sum(dtype=float)

    def family(sequence, yx):
        seen.append(sequence.wavelengths)
        light = sequence.cube[0].sum(dtype=float) - base
        return np.full(len(yx), light / sequence.n_frames)  # of all probes together

    limit_curves(observed, {"toy": family}, ifs.radii_px, n_channels=2)
    some, everything = observed.blank.wavelengths[[0, -1]], observed.blank.wavelengths
    on_all = [np.array_equal(seen_there, everything) for seen_there in seen]
    assert np.array_equal(seen[0], some)
    assert on_all == [False] * (len(seen) - 3) + [True] * 3


def test_each_family_begins_from_the_limit_of_the_one_before(built):
    star = SimulatedStar(preset="irdis_like", overrides=SMALL)
    calls = {"first": [], "second": []}
    observed = star.observe("toy_1", rng_for)
    families = {name: references(0.01, seen)(observed.blank)["toy"] for name, seen in calls.items()}
    limits = limit_curves(observed, families, built.radii_px)
    assert limits["second"].flux == pytest.approx(limits["first"].flux, rel=0.05)
    assert len(calls["second"]) < len(calls["first"])


@pytest.mark.parametrize("preset", preset_names())
def test_the_scored_area_of_every_preset_begins_outside_mask_and_first_fringe(preset):
    chosen = load_preset(preset)
    lod = lambda_over_d_px(
        float(np.median(chosen.sampling.wavelengths)),
        chosen.telescope.diameter,
        chosen.sampling.pixel_scale,
    )
    overrides = {"n_frames": 8} | (
        {"n_wavelengths": 3} if chosen.sampling.n_wavelengths > 1 else {}
    )
    observed = SimulatedStar(preset=preset, overrides=overrides).observe("x_1", rng_for)
    inner, outer = scored_radii(plan(), observed)
    working_angle = chosen.coronagraph.inner_working_angle / chosen.sampling.pixel_scale
    assert inner == pytest.approx(max(working_angle, 1.5 * lod), rel=1e-3)
    assert inner + 5 * observed.blank.reference_fwhm < outer


@pytest.mark.slow
def test_the_real_cube_gets_companions_that_the_references_see(shared_data):
    star = RealStar(path=shared_data / "naco_betapic", wavelength=3.8, diameter=8.2)
    asked = plan(star, name="naco_1", visible=True)
    built = build_sequence(asked, References(choices=("median", "pca")), rng_for)
    visible = built.sources[0]
    assert visible.place.stratum == "visible"
    assert min(visible.significance.values()) > 5
    light = added_light(built.sequence, star.read())
    place = visible.place
    y, x = np.indices(light.shape)
    light[np.hypot(y - place.y, x - place.x) > 5] = 0
    assert brightest(light) == pytest.approx((place.y, place.x), abs=0.2)  # its PSF is lopsided


def test_the_real_cube_is_centred_well_enough(shared_data):
    star = RealStar(path=shared_data / "naco_betapic", wavelength=3.8, diameter=8.2)
    assert np.hypot(*star_offset(star.read())) < 0.5
