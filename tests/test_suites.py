"""The embedded suites: what they hold, how they nest, where their sources are."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from exobench.challenge.plan import plan_challenge
from exobench.challenge.recipe import Recipe, SequenceGroup, read_recipe
from exobench.challenge.secrets import Secret
from exobench.challenge.suites import SUITES, recipe_path, source_folder, suite_names
from exobench.datasets.download_eidc import EIDC1, MARKER, SEQUENCES
from exobench.datasets.errors import RecipeError
from exobench.datasets.files import write_sequence
from exobench.datasets.simulator import simulate

SIMULATED = [name for name in SUITES if name != EIDC1]


@pytest.fixture(scope="module")
def plans():
    """Function: the plans of a suite, by the name of the sequence."""

    def of(name):
        recipe = read_recipe(recipe_path(name))
        secret = Secret.of_seed(recipe.seed, recipe.random_name)
        planned = plan_challenge(recipe, recipe_path(name).parent, secret)
        return {p.plan.name: p for p in planned}

    return of


def test_every_recipe_file_is_a_suite_and_every_suite_a_practice_recipe():
    assert set(suite_names()) == {p.stem for p in recipe_path("demo").parent.glob("*.toml")}
    for name in suite_names():
        recipe = read_recipe(recipe_path(name))
        assert recipe.name == name
        assert recipe.kind == "practice"


@pytest.mark.parametrize(
    ("name", "count"),
    [("demo", 5), ("adi-std", 9), ("adi-40", 40), ("adi-200", 200), ("ifs-std", 6), ("ifs-60", 60)],
)
def test_suites_have_their_number_of_sequences_a_quarter_of_them_blank(plans, name, count):
    n_companions = np.array([p.plan.n_companions for p in plans(name).values()])
    assert n_companions.size == count
    assert (n_companions == 0).sum() >= count / 4
    if name.startswith(("adi-40", "adi-200", "ifs-60")):
        assert n_companions[n_companions > 0].mean() == pytest.approx(2.5, abs=0.2)


def test_adi_40_is_the_first_ten_of_each_style_of_adi_200(plans):
    small, large = plans("adi-40"), plans("adi-200")
    styles = ("irdis_like", "nirc2_like", "naco_like", "lmircam_like")
    assert set(small) == {f"{style}_{n}" for style in styles for n in range(1, 11)}
    # The plan, the secret and the name are all that a sequence is built from.
    assert all(large[name] == planned for name, planned in small.items())
    a, b = (read_recipe(recipe_path(name)) for name in ("adi-40", "adi-200"))
    assert Secret.of_seed(a.seed, a.random_name) == Secret.of_seed(b.seed, b.random_name)


def test_the_companions_of_adi_40_are_balanced(plans):
    draws = [draw for p in plans("adi-40").values() for draw in p.plan.draws]
    for n_strata in (2, 3, 4):
        pairs = Counter((d.ranks[n_strata - 1], int(5 * d.offset)) for d in draws)
        assert len(pairs) == 5 * n_strata
        assert max(pairs.values()) - min(pairs.values()) <= 1


@pytest.mark.parametrize("name", SIMULATED)
def test_the_size_that_is_said_is_that_of_the_cubes(name):
    groups = read_recipe(recipe_path(name)).sequences
    megabytes = sum(4e-6 * g.count * np.prod(g.simulated_preset().shape) for g in groups)
    assert SUITES[name].megabytes == pytest.approx(megabytes, rel=0.15, abs=10)


def test_listed_suites_say_their_sequences_size_and_time(exobench):
    listed = json.loads(exobench("list", "suites", "--json")[1])["suites"]
    assert listed["adi-40"].startswith("40 sequences (adi), 100 MB, about ")
    assert "minutes of one core" in listed["adi-40"]
    assert listed["eidc1"].startswith("19 sequences (adi and adi_ifs), 5 GB, about")


def test_the_suite_on_published_data_takes_every_sequence_once_with_flipped_angles():
    groups = read_recipe(recipe_path(EIDC1)).sequences
    named = [g.source.removeprefix("eidc1/").removesuffix(".fits") for g in groups]
    assert sorted(name.replace("_cube_", "_") for name in named) == sorted(SEQUENCES)
    assert {(g.flip_angles, g.origin) for g in groups} == {(True, "public-origin")}
    blank = Counter(
        n.rpartition("_cube_")[0] for n, g in zip(named, groups, strict=True) if g.n_blank
    )
    assert blank == dict.fromkeys(("sphere_irdis", "nirc2", "lmircam", "sphere_ifs", "gpi"), 1)


def test_without_the_published_cubes_their_suite_says_how_to_get_them(
    exobench, tmp_path, monkeypatch
):
    monkeypatch.setenv("EXOBENCH_CACHE", str(tmp_path / "cache"))
    code, _, err = exobench("build", EIDC1, "--out", tmp_path / "out")
    assert code == 2
    assert err.startswith(f"error: eidc1: needs the published cubes in {tmp_path / 'cache'}")
    assert err.rstrip().endswith("run exobench fetch eidc1")
    assert not (tmp_path / "out").exists()


def test_sources_of_a_recipe_of_ones_own_are_beside_it(tmp_path):
    (tmp_path / "mine.toml").write_text("")
    assert source_folder(tmp_path / "mine.toml") == tmp_path


@pytest.mark.parametrize("elsewhere", [False, True])
def test_published_data_must_be_said_to_be_public(tmp_path, monkeypatch, elsewhere):
    cache = tmp_path / "cache" if elsewhere else tmp_path
    monkeypatch.setenv("EXOBENCH_CACHE", str(cache))
    if elsewhere:  # exobench fetch eidc1 --out tmp_path
        (tmp_path / MARKER).write_text("{}")
    write_sequence(simulate("naco_like", rng=1, n_frames=12, size=71, name="cam_1"), tmp_path / "x")

    def recipe(**origin):
        group = SequenceGroup(track="adi", source="x", diameter=8.2, wavelength=3.8, **origin)
        return Recipe(name="x", kind="practice", seed=1, sequences=(group,))

    secret = Secret.of_seed(1, "x")
    with pytest.raises(RecipeError, match='is published data; say origin = "public-origin"'):
        plan_challenge(recipe(), tmp_path, secret)
    (planned,) = plan_challenge(recipe(origin="public-origin"), tmp_path, secret)
    assert planned.origin == "public-origin"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["adi-40", pytest.param("ifs-60", marks=pytest.mark.exhaustive)]
)  # larger ones are built by hand: minutes
def test_sequences_of_every_style_have_room_for_their_companions(plans, name):
    from exobench.datasets.builder import build_sequence

    styles = {p.instrument: p for p in plans(name).values() if p.plan.n_companions}
    for planned in styles.values():
        secret = Secret.of_seed(2026, "adi-200" if name.startswith("adi-") else name)
        built = build_sequence(
            planned.plan, planned.references, secret.rng_for("sequence", planned.plan.name)
        )
        assert len(built.sources) == planned.plan.n_companions
        radii = next(iter(built.limits.values())).radii_px
        assert all(b > a for a, b in pairwise(radii))
