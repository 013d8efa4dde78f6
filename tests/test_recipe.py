"""What an organizer may ask for, and how every mistake is named."""

import json

import pytest

from exobench.challenge.documents import json_bytes, validated
from exobench.challenge.recipe import Recipe, read_recipe
from exobench.challenge.suites import recipe_path, suite_names
from exobench.datasets.errors import RecipeError
from exobench.datasets.stars import RealStar, SimulatedStar

PRACTICE = 'name = "x"\nkind = "practice"\nseed = 1\n'
CONTEST = 'name = "x"\nkind = "contest"\n'
GROUP = '[[sequences]]\ntrack = "adi"\npreset = "irdis_like"\n'
SOURCE = '[[sequences]]\ntrack = "adi"\nsource = "cam"\ndiameter = 8.2\nwavelength = 3.8\n'


@pytest.fixture
def read(tmp_path):
    def of(text):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return read_recipe(path)

    return of


@pytest.fixture
def problems_of(read, tmp_path):
    """Problems of a recipe, less the path that each begins with."""

    def of(text):
        with pytest.raises(RecipeError) as caught:
            read(text)
        prefix = f"{tmp_path / 'recipe.toml'}: "
        problems = caught.value.problems
        assert all(p.startswith(prefix) and p.isprintable() for p in problems)
        return [p.removeprefix(prefix) for p in problems]

    return of


def test_the_recipe_of_the_contract_is_read(read):
    recipe = read(
        'format = 1\nname = "adi-demo"\nkind = "practice"\nseed = 1\nrank_by = "f1"\n'
        '[[sequences]]\ntrack = "adi"\npreset = "irdis_like"\ncount = 3\n'
        "overrides = { n_frames = 60, size = 100 }\ncompanions = [0, 3]\n"
        "blank_fraction = 0.25\nvisible = 1\n"
        '[[sequences]]\ntrack = "adi"\nsource = "cam"\nflip_angles = true\nwavelength = 3.8\n'
        "diameter = 8.2\ninner_radius_px = 6.0\nouter_radius_px = 40\n"
    )
    simulated, real = recipe.sequences
    assert simulated.overrides == {"n_frames": 60, "size": 100}
    assert simulated.companions == (0, 3)
    assert real.flip_angles
    assert real.outer_radius_px == 40


def test_embedded_suites_are_valid_recipes():
    assert "demo" in suite_names()
    for name in suite_names():
        assert read_recipe(recipe_path(name)).name == name


def test_a_recipe_written_and_read_back_is_the_same(read):
    for text in (PRACTICE + GROUP + "visible = 1\n", CONTEST + GROUP + SOURCE):
        recipe = read(text)
        content = json.loads(json_bytes(recipe))
        assert validated(content, Recipe, "journal", RecipeError) == recipe


def test_references_are_names_or_tables_and_come_back_from_a_document(read):
    text = PRACTICE + 'references = ["median", { name = "pca", n_components = 3 }]\n' + GROUP
    recipe = read(text)
    assert recipe.references == ("median", {"name": "pca", "n_components": 3})
    content = json.loads(json_bytes(recipe))
    assert validated(content, Recipe, "journal", RecipeError) == recipe


@pytest.mark.parametrize(
    ("more", "n_images", "said"),
    [
        ("", 24, "pca(n_components=8): is the same reference as pca for 24 images; leave one"),
        ("reference_frames = 24\n", 60, "pca(n_components=8): is the same reference as pca for"),
        ("", 60, None),
    ],
)
def test_references_that_few_frames_make_the_same_are_named(
    read, problems_of, more, n_images, said
):
    text = (
        PRACTICE
        + 'references = ["pca", "median", { name = "pca", n_components = 8 }]\n'
        + more
        + SOURCE
        + GROUP
        + f"overrides = {{ n_frames = {n_images} }}\n"
    )
    if said is None:
        assert len(read(text).references) == 3
    else:
        (problem,) = problems_of(text)
        assert problem.startswith(f"sequences: group 2: {said}")


def test_of_a_spectrograph_all_wavelengths_count(read, problems_of):
    text = (
        PRACTICE
        + 'ifs_references = ["sdi_pca", { name = "sdi_pca", n_components = 16 }]\n'
        + GROUP.replace('"adi"', '"adi_ifs"').replace("irdis", "sphere_ifs")
        + "overrides = { n_wavelengths = 4, n_frames = 12 }\n"
    )
    (problem,) = problems_of(text)
    assert "is the same reference as sdi_pca for 48 images" in problem
    assert read(text.replace("n_frames = 12", "n_frames = 13")).sequences


def test_a_series_names_the_random_numbers(read):
    assert read(PRACTICE + GROUP).random_name == "x"
    assert read(PRACTICE + 'series = "y"\n' + GROUP).random_name == "y"


def test_an_unknown_key_lists_the_known_ones_on_every_level(problems_of):
    text = "seeds = 2\n" + PRACTICE + GROUP + "cuont = 3\n"
    group, top = sorted(problems_of(text))
    assert group.startswith(
        "unknown key seeds; known are characterization, format, ifs_references, kind, name,"
    )
    assert top.startswith("unknown key sequences[1].cuont; known are blank_fraction, centring,")
    text = PRACTICE + GROUP + "overrides = { n_frame = 60 }\n"
    (override,) = problems_of(text)
    assert "no parameter 'n_frame'; there are diameter, obscuration," in override
    assert override.startswith("sequences[1]: ")


def test_all_problems_come_at_once(problems_of):
    text = (
        'name = 3\nkind = "contest"\nseed = 1\nrank_by = "auc"\n'
        + GROUP
        + "companions = [3, 1]\n"
        + GROUP
        + 'count = "two"\n'
        + '[[sequences]]\ntrack = "adi_ifs"\npreset = "irdis_like"\ncentring = "trust"\n'
        + "visible = 2\n"
    )
    found = problems_of(text)
    begins = [
        "name: input should be a valid string, got 3",
        "seed: a contest takes no seed, since its truth could be rebuilt from it; leave it out",
        "rank_by: input should be 'f1', 'tpr', 'ppv', 'macro_f1' or 'macro_tpr', got 'auc'",
        "sequences[1].companions: give the least first, then the most, got [3, 1]",
        "sequences[2].count: input should be a valid integer, got 'two'",
        "sequences[3]: centring: for a source only, not for a preset",
        "sequences[3]: track adi_ifs takes several wavelengths, preset irdis_like has 1",
        "sequences[3]: visible = 2, but only 1 of 1 sequences are not blank",
    ]
    assert len(found) == len(begins)
    for problem, begin in zip(found, begins, strict=True):
        assert problem.startswith(begin)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CONTEST + "seed = 1\n" + GROUP, "seed: a contest takes no seed"),
        (CONTEST + 'seed = "0x12"\n' + GROUP, "seed: input should be a valid integer"),
        ('name = "x"\nkind = "practice"\n' + GROUP, "seed: a practice challenge needs a seed"),
        (PRACTICE.replace("1", "-1") + GROUP, "seed: input should be greater than or equal to 0"),
        (CONTEST + GROUP + "visible = 1\n", "visible is for practice challenges only"),
        (CONTEST + SOURCE + 'origin = "public-origin"\n', "gives its companions away"),
        (CONTEST + SOURCE + "count = 2\n", "copies of one source differ by nothing but"),
        (PRACTICE, "sequences is missing"),
        (PRACTICE + "sequences = []\n", "a challenge needs sequences"),
        (PRACTICE + GROUP + SOURCE.partition("\n")[2], "Cannot overwrite a value"),
        (PRACTICE + GROUP + 'source = "cam"\n', "give either a preset or a source"),
        (PRACTICE + '[[sequences]]\ntrack = "adi"\n', "give either a preset or a source"),
        (PRACTICE + GROUP.replace("irdis", "iris"), "no preset 'iris_like'; there are"),
        (PRACTICE + GROUP + "diameter = 8.0\n", "diameter: for a source only"),
        (PRACTICE + SOURCE.replace("diameter = 8.2\n", ""), "needs the telescope's diameter"),
        (PRACTICE + SOURCE + "overrides = { size = 9 }\n", "overrides are for a preset"),
        (PRACTICE + GROUP + "count = 0\n", "count: input should be greater than or equal to 1"),
        (PRACTICE + GROUP + "count = true\n", "count: input should be a valid integer"),
        (PRACTICE + GROUP + "blank_fraction = 1.5\n", "blank_fraction: input should be less"),
        (PRACTICE + GROUP + "blank_fraction = nan\n", "blank_fraction: input should be a finite"),
        (PRACTICE + GROUP + "companions = [1]\n", "companions[2] is missing"),
        (PRACTICE + GROUP + "companions = [-1, 2]\n", "companions[1]: input should be greater"),
        (PRACTICE + GROUP + "companions = [0, 0]\nvisible = 1\n", "but companions allow none"),
        (PRACTICE + GROUP + "inner_radius_px = -3\n", "inner_radius_px: input should be greater"),
        (PRACTICE + GROUP + "overrides = { size = 10.5 }\n", "size must be a whole number"),
        (PRACTICE + GROUP + 'centring = "no"\n', "centring: input should be 'check', 'recentre'"),
        (CONTEST + 'series = "y"\n' + GROUP, "series: a contest has a secret of its own"),
        (PRACTICE + "references = []\n" + GROUP, "references: name at least one baseline"),
        (PRACTICE + "references = [3]\n" + GROUP, 'name a baseline, such as "pca", or give a'),
        (PRACTICE + 'references = ["pac"]\n' + GROUP, "no baseline 'pac'; there are"),
        (PRACTICE + 'references = ["sdi_pca"]\n' + GROUP, "sdi_pca: does not answer track adi"),
        (PRACTICE + 'references = ["pca", "pca"]\n' + GROUP, "references: pca: is named twice"),
        (
            PRACTICE + 'references = [{ name = "pca", n_modes = 3 }]\n' + GROUP,
            "references: pca has no option 'n_modes'; there are n_components (int = 10)",
        ),
        (PRACTICE + "reference_frames = 1\n" + GROUP, "reference_frames: input should be greater"),
        (PRACTICE + SOURCE + 'injection = "stamp"\n', "injection is for a preset; companions of"),
        (PRACTICE + GROUP + 'injection = "none"\n', "injection: input should be 'optical' or"),
        (PRACTICE + "format = 2\n" + GROUP, "format: input should be 1, got 2"),
        ("name = ", "is not TOML (Invalid value"),
    ],
)
def test_a_mistake_is_named(problems_of, text, said):
    found = problems_of(text)
    assert any(said in problem for problem in found), found
    assert len(found) == 1


def test_a_group_has_the_star_that_it_names(read, tmp_path):
    simulated, real = read(PRACTICE + GROUP + "overrides = { size = 80 }\n" + SOURCE).sequences
    assert simulated.star(tmp_path) == SimulatedStar(preset="irdis_like", overrides={"size": 80})
    assert real.star(tmp_path) == RealStar(path=tmp_path / "cam", wavelength=3.8, diameter=8.2)


@pytest.mark.parametrize(
    ("count", "fraction", "n_blank"),
    [(4, 0.25, 1), (3, 0.25, 1), (2, 0.25, 1), (1, 0.25, 0), (9, 0.0, 0), (5, 1.0, 5)],
)
def test_the_blank_fraction_is_rounded_half_up(read, count, fraction, n_blank):
    text = PRACTICE + GROUP + f"count = {count}\nblank_fraction = {fraction}\n"
    assert read(text).sequences[0].n_blank == n_blank


def test_a_recipe_is_a_file_or_a_suite(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert recipe_path("demo").is_file()
    with pytest.raises(RecipeError, match="no such recipe; give a TOML file or an embedded suite"):
        recipe_path("nope")
    (tmp_path / "demo").mkdir()  # such as the folder of an earlier demo
    assert recipe_path("demo").suffix == ".toml"
