"""Generators of speckles: trained, again alike, kept in files, and inverted."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.speckles.anomaly import (
    InversionSettings,
    anomaly_scores,
    residual_canvases,
    synthesise,
    train_speckles,
)
from exobench.baselines.learning.speckles.frames import held_out
from exobench.baselines.learning.speckles.quality import likeness
from exobench.baselines.learning.speckles.training import (
    SpeckleSettings,
    SpeckleTrainingError,
    load,
    save,
)
from exobench.datasets import read_sequence
from exobench.datasets.errors import InputError

TINY = SpeckleSettings(size=32, latent=8, channels=4, epochs=2, steps=4, batch=8, device="cpu")


@pytest.fixture(scope="module", autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


def speckles(n=20, size=33, n_modes=None, seed=0):
    """Frames of a star: smooth noise on a halo, or mixtures of so many smooth patterns."""
    rng = np.random.default_rng(seed)
    if n_modes is None:
        noise = gaussian_filter(rng.normal(size=(n, size, size)), (0, 1.5, 1.5))
    else:
        modes = gaussian_filter(rng.normal(size=(n_modes, size, size)), (0, 1.5, 1.5))
        noise = np.tensordot(rng.normal(size=(n, n_modes)), modes, axes=1)
    return (100 + 5 * noise / noise.std()).astype(np.float32)


@pytest.fixture(scope="module")
def model(torch):
    return train_speckles(speckles(), TINY)


def arrays(model):
    return {f"g/{k}": v for k, v in model.generator.items()} | {
        f"d/{k}": v for k, v in model.discriminator.items()
    }


def test_the_same_seed_gives_the_same_bytes_and_leaves_chance_alone(model, torch):
    before = torch.random.get_rng_state()
    again = train_speckles(speckles(), TINY)
    assert torch.equal(before, torch.random.get_rng_state())
    assert arrays(model).keys() == arrays(again).keys()
    for name, values in arrays(model).items():
        np.testing.assert_array_equal(values, arrays(again)[name], err_msg=name)


def test_another_seed_gives_other_weights(model):
    other = train_speckles(speckles(), replace(TINY, seed=1, epochs=1))
    assert (other.generator["last.weight"] != model.generator["last.weight"]).any()


def test_two_hundred_frames_and_two_epochs_have_finite_losses_and_progress():
    told = []
    settings = replace(TINY, batch=25)
    model = train_speckles(speckles(200), settings, on_epoch=told.append)
    assert [one.epoch.number for one in told] == [1, 2]
    assert [one.epochs for one in told] == [2, 2]
    assert told[0].seconds_left == pytest.approx(told[0].epoch.seconds)
    assert told[1].seconds_left == 0
    for epoch in model.history:
        assert np.isfinite([epoch.generator_loss, epoch.discriminator_loss]).all()


@pytest.mark.slow
def test_training_brings_the_moments_of_the_speckles_nearer():
    settings = replace(TINY, epochs=8, steps=10, batch=8)
    history = train_speckles(speckles(), settings).history
    assert history[-1].moment_loss < 0.6 * history[0].moment_loss


def test_synthetic_frames_have_the_shape_and_level_of_real_ones_and_differ(model):
    made = synthesise(model, 5, np.random.default_rng(0))
    assert made.shape == (5, 33, 33)
    assert made.mean() == pytest.approx(100, abs=5)
    assert len({one.tobytes() for one in made}) == 5
    np.testing.assert_array_equal(made, synthesise(model, 5, np.random.default_rng(0)))


def test_a_model_comes_back_from_its_file(model, tmp_path):
    save(model, tmp_path / "m.safetensors")
    back = load(tmp_path / "m.safetensors")
    assert back.settings == model.settings
    assert back.history == model.history
    np.testing.assert_array_equal(
        synthesise(back, 2, np.random.default_rng(0)),
        synthesise(model, 2, np.random.default_rng(0)),
    )


def test_a_file_of_another_version_or_of_other_settings_is_refused(model, tmp_path):
    path = tmp_path / "m.safetensors"
    save(model, path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b'\\"format\\": 1', b'\\"format\\": 9'))
    with pytest.raises(InputError, match="has format 9, this version of exobench reads 1"):
        load(path)
    path.write_bytes(content.replace(b'\\"latent\\": 8', b'\\"latent\\": 7'))
    with pytest.raises(InputError, match=r"'?dense.weight'? of the generator must have shape"):
        synthesise(load(path), 1, np.random.default_rng(0))
    path.write_bytes(content.replace(b'\\"latent\\": 8', b'\\"lament\\": 8'))
    with pytest.raises(InputError, match="is not that of speckles"):
        load(path)


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_what_was_trained(monkeypatch, torch):
    from exobench.baselines.learning.torch import speckle_gan

    batches = speckle_gan._Pair.batches

    def spoiled(self, number):
        for batch in batches(self, number):
            yield batch * float("nan") if number == 2 else batch

    monkeypatch.setattr(speckle_gan._Pair, "batches", spoiled)
    with pytest.raises(SpeckleTrainingError, match="losses of epoch 2 are") as raised:
        train_speckles(speckles(), TINY)
    assert len(raised.value.model.history) == 1
    assert np.isfinite(synthesise(raised.value.model, 2, np.random.default_rng(0))).all()


@pytest.mark.slow
def test_speckles_of_a_real_sequence_are_like_frames_that_were_held_out(shared_data):
    """Profile 0.05, spectrum 0.09, area 0.70; the frames learned from: 0.04, 0.06 and 0.43."""
    from exobench.baselines.learning.torch.speckle_gan import generated

    frames = read_sequence(shared_data / "naco_betapic").cube[0]
    out = held_out(len(frames))
    settings = SpeckleSettings(size=48, epochs=12, batch=12, device="cpu")
    model = train_speckles(frames[~out], settings)
    made = generated(model, 120, np.random.default_rng(1))
    real, _ = model.scale.standardised(frames[out])
    found = likeness(made, real, np.random.default_rng(0))
    # What is learned depends on how a machine rounds: the bars are 0.1, 0.1 and 0.75.
    assert found.profile_error < 0.1
    assert found.spectrum_error < 0.13
    assert found.classifier_auc < 0.8


def test_frames_that_are_not_finite_are_refused():
    frames = speckles()
    frames[3, 10, 10] = np.nan
    with pytest.raises(InputError, match="finite"):
        train_speckles(frames, TINY)


@pytest.mark.slow
def test_what_the_generator_made_it_can_make_again(model):
    from exobench.baselines.learning.torch import speckle_gan

    generator = speckle_gan.generator_of(model, speckle_gan.torch.device("cpu"))
    latent = speckle_gan.torch.randn(4, 8, generator=speckle_gan.torch.Generator().manual_seed(3))
    made = generator(latent).numpy()
    search = InversionSettings(steps=100, device="cpu")
    left = residual_canvases(model, made, search)
    assert np.abs(left).mean() < 0.25 * np.abs(made - made.mean(axis=0)).mean()
    with_features = residual_canvases(model, made, replace(search, feature_weight=0.1))
    assert np.abs(with_features).mean() < 0.5 * np.abs(made - made.mean(axis=0)).mean()


def test_the_score_of_a_canvas_is_its_highest_mean_within_a_circle():
    canvases = np.zeros((2, 32, 32), dtype=np.float32)
    canvases[1, 9:12, 20:23] = 4
    np.testing.assert_allclose(anomaly_scores(canvases, 2.9), [0, 4])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 33}, "size must be a multiple of 16"),
        ({"latent": 0}, "latent must be a whole number, 1 to 1024, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0, got 0.0"),
        ({"averaging": 1.0}, "averaging must be from 0 to below 1, got 1.0"),
        ({"moment_weight": float("nan")}, "moment_weight must be a number 0 or more, got nan"),
        ({"seed": -1}, "seed must be a whole number, 0 or more, got -1"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        SpeckleSettings(**options)


def test_every_problem_of_settings_is_said_at_once():
    with pytest.raises(InputError) as raised:
        SpeckleSettings(size=5, epochs=0, batch=-1)
    assert len(raised.value.problems) == 3


def test_documents_hold_no_code(model, tmp_path):
    path = tmp_path / "m.safetensors"
    save(model, path)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert {one["dtype"] for name, one in header.items() if name != "__metadata__"} == {"F32"}
