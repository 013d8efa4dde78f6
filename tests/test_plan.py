"""From a recipe to the sequences that are to be built."""

from collections import Counter
from dataclasses import replace
from hashlib import sha256
from itertools import islice

import numpy as np
import pytest

from exobench.challenge import plan
from exobench.challenge import sources as sources_module
from exobench.challenge.draws import latin_draws
from exobench.challenge.plan import plan_challenge
from exobench.challenge.recipe import Recipe, SequenceGroup
from exobench.challenge.references import DEFAULT_IFS_REFERENCES, References
from exobench.challenge.secrets import Secret
from exobench.challenge.sources import source_instrument
from exobench.datasets import stars
from exobench.datasets.errors import RecipeError
from exobench.datasets.files import read_sequence, write_sequence
from exobench.datasets.simulator import simulate

SECRET = Secret("0123456789abcdef" * 4)


def recipe(*groups, kind="practice"):
    seed = 1 if kind == "practice" else None
    return Recipe(name="x", kind=kind, seed=seed, sequences=groups)


def group(**changes):
    return SequenceGroup(**({"track": "adi", "preset": "irdis_like"} | changes))


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Folder with a monochromatic camera and a spectrograph."""
    folder = tmp_path_factory.mktemp("sources")
    small = {"n_frames": 12, "size": 71}
    camera = simulate("naco_like", rng=1, name="big_cam_7", **small)
    write_sequence(camera, folder / "cam")
    write_sequence(camera, folder / "cam.H5")
    ifs = simulate("sphere_ifs_like", rng=1, name="ifs_1", n_wavelengths=3, **small)
    write_sequence(ifs, folder / "ifs")
    return folder


def source(**changes):
    fields = {"track": "adi", "source": "cam", "diameter": 8.2, "wavelength": 3.8}
    return SequenceGroup(**(fields | changes))


def test_sequences_are_numbered_by_instrument_across_groups(tmp_path):
    ifs = group(track="adi_ifs", preset="sphere_ifs_like")
    plans = plan_challenge(recipe(group(count=2), ifs, group()), tmp_path, SECRET)
    assert [p.plan.name for p in plans] == [
        "irdis_like_1",
        "irdis_like_2",
        "sphere_ifs_like_1",
        "irdis_like_3",
    ]
    assert [p.unit for p in plans] == [p.plan.name for p in plans]
    assert {p.origin for p in plans} == {"simulated"}


def test_companions_are_drawn_between_least_and_most_and_blanks_apart(tmp_path):
    many = group(count=400, companions=(2, 4), blank_fraction=0.25)
    plans = plan_challenge(recipe(many), tmp_path, SECRET)
    counts = Counter(p.plan.n_companions for p in plans)
    assert counts[0] == 100
    assert [counts[n] for n in (2, 3, 4)] == pytest.approx([100, 100, 100], abs=25)
    assert set(counts) == {0, 2, 3, 4}


def test_a_least_of_none_is_one_where_a_sequence_is_not_blank(tmp_path):
    plans = plan_challenge(recipe(group(count=40, companions=(0, 2))), tmp_path, SECRET)
    assert Counter(p.plan.n_companions for p in plans)[0] == 10
    none = plan_challenge(recipe(group(count=4, companions=(0, 0))), tmp_path, SECRET)
    assert [p.plan.n_companions for p in none] == [0] * 4


def dealt(plans):
    return [draw for p in plans for draw in p.plan.draws]


def table(*factors, levels):
    counts = np.zeros(levels, dtype=int)
    np.add.at(counts, tuple(np.array(f) for f in factors), 1)
    return counts


def test_every_combination_of_strata_comes_as_often_as_any_other():
    draws = list(islice(latin_draws(np.random.default_rng(0)), 360))
    fifth = [int(5 * d.offset) for d in draws]
    spectrum = [d.spectrum for d in draws]
    for n_strata in (2, 3, 4):
        stratum = [d.ranks[n_strata - 1] for d in draws]
        triples = table(stratum, fifth, spectrum, levels=(n_strata, 5, 3))
        assert set(triples.ravel()) == {360 // triples.size}
        for first in (0, 7, 181):  # any so many in a row hold every pair once
            run = slice(first, first + 5 * n_strata)
            if run.stop <= 180 or run.start >= 180:
                pairs = table(stratum[run], fifth[run], levels=(n_strata, 5))
                assert set(pairs.ravel()) == {1}


def test_few_companions_are_spread_as_evenly_as_their_number_allows():
    draws = list(islice(latin_draws(np.random.default_rng(3)), 7))
    for n_strata in (2, 3, 4):
        counts = np.bincount([d.ranks[n_strata - 1] for d in draws], minlength=n_strata)
        assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount([int(5 * d.offset) for d in draws], minlength=5)) <= 1


def test_levels_and_places_within_them_are_random():
    several = [list(islice(latin_draws(np.random.default_rng(s)), 180)) for s in range(20)]
    assert len({tuple(d.ranks for d in draws[:4]) for draws in several}) > 10
    within = np.array([5 * d.offset % 1 for draws in several for d in draws])
    assert np.histogram(within, bins=4)[0] / within.size == pytest.approx(
        np.full(4, 0.25), abs=0.03
    )


def test_companions_of_a_recipe_are_balanced_over_its_groups(tmp_path):
    groups = group(count=3, companions=(2, 3)), group(preset="naco_like", count=4)
    plans = plan_challenge(recipe(*groups), tmp_path, SECRET)
    draws = dealt(plans)
    counts = np.bincount([d.ranks[2] for d in draws], minlength=3)
    assert np.ptp(counts) <= 1
    assert np.ptp(np.bincount([int(5 * d.offset) for d in draws], minlength=5)) <= 1


def test_tracks_are_balanced_apart(tmp_path):
    ifs = group(track="adi_ifs", preset="sphere_ifs_like", count=3)
    alone = plan_challenge(recipe(group(count=4)), tmp_path, SECRET)
    with_ifs = plan_challenge(recipe(group(count=4), ifs), tmp_path, SECRET)
    assert [p.plan for p in with_ifs[:4]] == [p.plan for p in alone]


def test_the_first_tens_of_a_larger_recipe_are_those_of_a_smaller_one(tmp_path):
    def plans(count):
        groups = (
            group(count=count, companions=(1, 4), visible=2),
            group(preset="naco_like", count=count),
        )
        return {p.plan.name: p.plan for p in plan_challenge(recipe(*groups), tmp_path, SECRET)}

    small, large = plans(20), plans(50)
    assert small.items() <= large.items()
    assert len(large) == 100


def test_every_ten_sequences_have_their_share_of_blanks(tmp_path):
    plans = plan_challenge(recipe(group(count=50)), tmp_path, SECRET)
    blank = np.array([p.plan.n_companions == 0 for p in plans]).reshape(5, 10).sum(axis=1)
    assert blank.tolist() == [3, 2, 3, 2, 3]


def test_references_and_channels_are_those_of_the_track(tmp_path):
    asked = recipe(group(), group(track="adi_ifs", preset="sphere_ifs_like"))
    asked = asked.model_copy(
        update={"references": ("pca",), "reference_frames": 63, "reference_channels": 13}
    )
    adi, ifs = plan_challenge(asked, tmp_path, SECRET)
    assert adi.references == References(choices=("pca",), max_frames=63)
    assert ifs.references == References(choices=DEFAULT_IFS_REFERENCES, max_frames=63)
    assert (adi.plan.calibration_channels, ifs.plan.calibration_channels) == (None, 13)


def test_groups_that_are_left_out_change_no_other(tmp_path):
    groups = (
        group(count=2),
        group(preset="naco_like"),
        group(track="adi_ifs", preset="sphere_ifs_like"),
    )
    everything = plan_challenge(recipe(*groups), tmp_path, SECRET)
    rest = plan_challenge(recipe(*groups), tmp_path, SECRET, without={1})
    assert rest == [*everything[:2], everything[3]]


def test_which_sequences_are_blank_depends_on_the_secret_alone(tmp_path):
    def blanks(secret):
        plans = plan_challenge(recipe(group(count=20)), tmp_path, secret)
        return [p.plan.n_companions == 0 for p in plans]

    assert blanks(SECRET) == blanks(SECRET)
    several = [blanks(Secret.of_seed(seed, "x")) for seed in range(30)]
    assert np.mean(several, axis=0) == pytest.approx(np.full(20, 0.25), abs=0.25)
    assert len({tuple(b) for b in several}) == 30


def test_so_many_sequences_as_asked_have_a_visible_companion(tmp_path):
    plans = plan_challenge(recipe(group(count=8, visible=2)), tmp_path, SECRET)
    visible = [p for p in plans if p.plan.visible]
    assert len(visible) == 2
    assert all(p.plan.n_companions >= 1 for p in visible)


def test_copies_of_one_source_are_one_unit_even_over_groups(sources):
    groups = source(count=2), source(flip_angles=True), group()
    plans = plan_challenge(recipe(*groups), sources, SECRET)
    assert [p.plan.name for p in plans][:3] == ["big_cam_1", "big_cam_2", "big_cam_3"]
    assert [p.unit for p in plans] == ["big_cam_1"] * 3 + ["irdis_like_1"]
    assert [p.origin for p in plans] == ["real"] * 3 + ["simulated"]


def test_a_contest_takes_a_source_once_by_whatever_path(sources):
    for other in ("../" + sources.name + "/cam", "cam/big_cam_cube_7.fits"):
        groups = source(), source(source=other, flip_angles=True)
        with pytest.raises(RecipeError, match="copies of one source differ by nothing but"):
            plan_challenge(recipe(*groups, kind="contest"), sources, SECRET)
        plans = plan_challenge(recipe(*groups), sources, SECRET)
        assert [p.unit for p in plans] == ["big_cam_1", "big_cam_1"]


def test_the_instrument_of_a_source_is_that_of_its_files(sources):
    for name in ("cam", "cam/big_cam_cube_7.fits"):
        assert source_instrument(sources / name) == "big_cam"
    assert source_instrument(sources / "cam.H5") == "naco_like"


def test_the_instrument_of_a_single_file_becomes_part_of_the_names_of_others(tmp_path):
    sequence = simulate("naco_like", rng=1, n_frames=4, size=41)
    write_sequence(replace(sequence, instrument="VLT / NACO"), tmp_path / "night.fits")
    assert source_instrument(tmp_path / "night.fits") == "VLT_NACO"


def test_every_source_and_radius_that_cannot_be_used_is_named(sources):
    groups = (
        source(source="none"),
        source(track="adi_ifs"),
        source(source="ifs"),
        group(inner_radius_px=90.0, overrides={"size": 101}),
        group(inner_radius_px=30.0, outer_radius_px=20.0),
        source(outer_radius_px=36.0),
    )
    with pytest.raises(RecipeError) as caught:
        plan_challenge(recipe(*groups), sources, SECRET)
    said = [
        "sequences[1]: ",
        "sequences[2]: track adi_ifs does not fit",
        "sequences[3]: track adi does not fit",
        "sequences[4]: inner_radius_px = 90 px lies outside the frame, which reaches to 50 px",
        "sequences[5]: inner_radius_px = 30 is not below outer_radius_px = 20",
        "sequences[6]: outer_radius_px = 36 px lies outside the frame, which reaches to 35 px",
    ]
    problems = caught.value.problems
    assert len(problems) == len(said)
    for problem, begin in zip(problems, said, strict=True):
        assert problem.startswith(begin)
    assert "no such file or folder" in problems[0]


def test_a_source_is_read_once_whatever_is_made_of_it(sources, monkeypatch):
    read = []

    def reading(path):
        read.append(path)
        return read_sequence(path)

    for module in (plan, sources_module, stars):
        monkeypatch.setattr(module, "read_sequence", reading)
    groups = (
        source(source="cam.H5", count=4),
        source(source="cam.H5", flip_angles=True),
        source(source="cam/big_cam_cube_7.fits", count=3),
    )
    assert len(plan_challenge(recipe(*groups), sources, SECRET)) == 8
    assert read == [sources / "cam.H5", sources / "cam/big_cam_cube_7.fits"]


def test_the_files_of_a_source_are_known_by_their_content(sources):
    groups = source(), source(source="cam/big_cam_cube_7.fits"), source(source="cam.H5"), group()
    folder, cube, single, simulated = plan_challenge(recipe(*groups), sources, SECRET)
    expected = {p.name: sha256(p.read_bytes()).hexdigest() for p in (sources / "cam").iterdir()}
    assert len(expected) >= 4
    assert folder.source_files == cube.source_files == expected
    assert list(single.source_files) == ["cam.H5"]
    assert (folder.source, simulated.source) == ("cam", None)
    assert simulated.source_files == {}


def test_a_plan_has_the_fingerprint_of_all_that_it_asks_for(sources):
    groups = source(count=2), group(count=2)
    plans = plan_challenge(recipe(*groups), sources, SECRET)
    again = plan_challenge(recipe(*groups), sources, SECRET)
    assert [p.fingerprint for p in again] == [p.fingerprint for p in plans]
    assert len({p.fingerprint for p in plans}) == 4
    others = (
        replace(plans[0], source_files=plans[0].source_files | {"big_cam_pa_7.fits": "0" * 64}),
        replace(plans[0], references=References(choices=("pca",))),
        replace(plans[0], plan=replace(plans[0].plan, outer_radius_px=30.0)),
    )
    assert plans[0].fingerprint not in {other.fingerprint for other in others}
