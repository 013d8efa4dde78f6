"""`exobench explain`: one detection, and why."""

import json

import numpy as np
import pytest

from exobench.baselines.learning.judgement.calibration import Calibration
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.judgement.noise_scale import NoiseScale
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.model_file import Detector, Model, save
from exobench.baselines.learning.residuals.rings import patch_side
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.datasets import simulate
from exobench.datasets.files import write_sequence


@pytest.fixture(scope="module", autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A sequence, models for it, and one for larger patches."""
    pytest.importorskip("safetensors", reason="needs the extra: pip install 'exobench[torch]'")
    folder = tmp_path_factory.mktemp("night")
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=10, size=41)
    write_sequence(sequence, folder / "night.h5")
    side = patch_side(sequence.reference_fwhm)
    noise = NoiseScale(median=0.0, high=1.0, excess=0.5, n_samples=50)
    meaning = Meaning(calibration=Calibration(), noise=noise).to_dict()
    for name, patch, snr_curve, calibration, provenance in (
        ("model", side, False, meaning, {}),
        ("curve", side, True, meaning, {}),
        ("large", 31, False, meaning, {}),
        ("bare", side, False, {}, {}),
        ("other", side, False, meaning, {"method": "na_sodinn"}),
    ):
        architecture = Architecture(
            kind="conv3d", n_ranks=4, patch=patch, filters=(3, 4), dense=5, snr_curve=snr_curve
        )
        part = Model(
            architecture=architecture,
            weights=initial_weights(architecture, np.random.default_rng(0)),
            recipe=Recipe(n_ranks=4).to_dict(),
            calibration=calibration,
        )
        detector = Detector(parts=(part,), provenance=provenance)
        save(detector, folder / f"{name}.safetensors")
    return folder


def arguments(night, *more, model="model"):
    file = night / f"{model}.safetensors"
    return ("sodinn", "--on", night / "night.h5", "--model", file, "--device", "cpu", *more)


def test_the_highest_candidate_is_explained_by_default(exobench, night, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")
    plot = tmp_path / "why.png"
    code, out, _ = exobench("explain", *arguments(night, "--plot", plot))
    assert code == 0
    assert "no pixel is higher" in out
    assert "components" in out
    assert f"figure written to {plot}" in out
    assert plot.stat().st_size > 20_000


def test_a_position_is_the_same_by_angle_and_by_pixels_and_as_option(exobench, night):
    code, out, _ = exobench("explain", *arguments(night, "--x", "20", "--y", "29.2", "--json"))
    assert code == 0
    told = json.loads(out)
    assert (told["x"], told["y"], told["position_angle"]) == (20, 29, 0.0)
    place = ("--separation", str(told["separation"]), "--position-angle", "0")
    code, out, _ = exobench("explain", *arguments(night, *place, "--json"))
    assert json.loads(out) == told
    model = f"model={night / 'model.safetensors'}"
    same = ("-o", model, "-o", "device=cpu", *place, "--json")
    assert json.loads(exobench("explain", "sodinn", "--on", night / "night.h5", *same)[1]) == told


def test_each_input_says_its_own_where_there_are_two(exobench, night):
    place = ("--x", "20", "--y", "29")
    told = json.loads(exobench("explain", *arguments(night, *place, "--json", model="curve"))[1])
    row = (
        f"{told['probability_of_stack']:.4g} by the patches without their S/N curve, "
        f"{told['probability_of_curve']:.4g} by the curve without the patches"
    )
    assert told["probability_of_stack"] != pytest.approx(told["probability_of_curve"], rel=1e-2)
    assert row in exobench("explain", *arguments(night, *place, model="curve"))[1]
    assert "by input" not in exobench("explain", *arguments(night, *place))[1]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--x", "20"), "--x and --y go together, got only one of them"),
        (("--x", "2", "--y", "3", "--separation", "1"), "--separation and --position-angle go"),
        (
            ("--x", "2", "--y", "3", "--separation", "1", "--position-angle", "3"),
            "by --separation and --position-angle, or by --x and --y",
        ),
        (("--x", "nan", "--y", "3"), "a position must be two finite numbers"),
        (("--separation", "0", "--position-angle", "3"), "--separation must be above 0 arcsec"),
        (("--separation", "9", "--position-angle", "3"), "from the star; whole patches fit from"),
        (("--x", "20", "--y", "20"), "the position is 0 px (0 arcsec) from the star"),
        (("--sequence", "day"), "holds 1 sequence, no day"),
        (("-o", "samples=80"), "samples: not beside a model, whose training is over"),
        (("-o", "output=log_odds"), "option output says what the map of run or campaign holds"),
        (("--device", "cuda:7"), "has no device 'cuda:7'"),
    ],
)
def test_positions_that_cannot_be_explained_are_refused(exobench, night, more, message):
    code, out, err = exobench("explain", *arguments(night, *more))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("large", "trained for patches of 31 pixels"),
        ("bare", "does not say what its values mean"),
        ("none", "none.safetensors: cannot be read"),
        ("other", "was trained by na_sodinn, not by sodinn"),
    ],
)
def test_models_that_do_not_fit_are_refused(exobench, night, model, message):
    code, out, err = exobench("explain", *arguments(night, "--x", "20", "--y", "31", model=model))
    assert (code, out) == (2, "")
    assert message in err


def test_without_a_model_or_for_what_does_not_learn_it_says_what_to_do(exobench, night):
    on = ("--on", night / "night.h5")
    code, _, err = exobench("explain", "sodinn", *on)
    assert code == 2
    assert "name a model by --model; exobench train sodinn" in err
    code, _, err = exobench("explain", "pca", *on)
    assert code == 2
    assert "pca does not learn; methods that do: " in err
    assert "sodinn" in err
    code, _, err = exobench("explain", "sodinn", *on, "--model", night / "night.h5")
    assert code == 2
    assert "is no model: expected a file of safetensors" in err
