"""Detectors that learn, in a campaign: trained once, without the companion, then only asked."""

import numpy as np
import pytest

from exobench.baselines import learns, load, names
from exobench.baselines._learners import TrainedField
from exobench.baselines._reinjection import LOCAL, WHOLE, prepared_reinjection, searched
from exobench.challenge.campaigns.algorithms import read_algorithms
from exobench.challenge.campaigns.campaign import prepare_campaign, run_campaign
from exobench.challenge.campaigns.settings import new_settings
from exobench.challenge.campaigns.sources import Said, find_sources
from exobench.challenge.campaigns.tables import read_frame
from exobench.datasets import simulate, write_sequence
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion

FOREST = {"samples": 60, "n_ranks": 4, "trees": 20}
PIXEL_BY_PIXEL = {"sodirf": FOREST, "patch_mlp": {"samples": 60}}
WHOLE_FIELD = {
    "frame_cnn": {"samples": 60, "n_components": 2, "epochs": 1, "device": "cpu"},
    "gan_anomaly": {"size": 32, "epochs": 1, "steps": 5, "device": "cpu"},
}
RADIUS = 14.0


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(3), n_frames=14, size=51)


@pytest.fixture(scope="module")
def companion(sequence):
    separation = RADIUS * sequence.pixel_scale
    return Companion(separation=separation, position_angle=70.0, flux=20.0)


class Learner:
    """Says how much brighter every pixel of the mean is than in the training."""

    tracks = ("adi",)

    def __init__(self):
        self.seen = []

    def __call__(self, sequence):
        return self.trained(sequence)(sequence)

    def trained(self, sequence):
        self.seen.append(sequence)
        known = sequence.cube[0].mean(axis=0)
        return TrainedField(judge=lambda other: np.float64(other.cube[0].mean(axis=0) - known))


def test_a_campaign_trains_once_on_the_sequence_without_the_companion(sequence, companion):
    learner = Learner()
    prepared = prepared_reinjection(learner, sequence)
    maps = [prepared.look(companion).detections for _ in range(2)]
    assert learner.seen == [sequence]
    assert np.abs(prepared.blank.detections).max() == 0
    added = (inject(sequence, [companion]).cube - sequence.cube)[0].mean(axis=0)
    for one in maps:
        np.testing.assert_allclose(one, added, atol=1e-4 * added.max())


def test_every_detector_that_learns_can_be_trained_beforehand():
    for name in names():
        assert callable(getattr(load(name), "trained", None)) == learns(name), name


@pytest.mark.slow
@pytest.mark.parametrize("name", PIXEL_BY_PIXEL)
def test_what_is_said_near_a_companion_is_what_the_whole_map_says(sequence, companion, name):
    method = load(name, **PIXEL_BY_PIXEL[name])
    prepared = prepared_reinjection(method, sequence)
    assert prepared.path == LOCAL
    whole = prepared.baseline(inject(sequence, [companion]))
    seen = prepared.look(companion).detections
    near = searched(sequence, np.array(companion.position(sequence))) & np.isfinite(whole)
    np.testing.assert_array_equal(np.isfinite(seen), near)
    np.testing.assert_allclose(seen[near], whole[near], atol=1e-4)
    assert np.nanmax(np.abs(seen - prepared.blank.detections)) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE_FIELD)
def test_methods_of_whole_fields_make_the_map_anew_without_learning_anew(sequence, companion, name):
    pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")
    method = load(name, **WHOLE_FIELD[name])
    prepared = prepared_reinjection(method, sequence)
    assert prepared.path == WHOLE
    injected = inject(sequence, [companion])
    seen, anew = prepared.look(companion).detections, method(injected)
    np.testing.assert_array_equal(seen, prepared.baseline(injected))
    known = np.isfinite(seen)
    np.testing.assert_array_equal(known, np.isfinite(anew))
    assert np.abs(seen - anew)[known].max() > 0.01


@pytest.mark.slow
def test_a_campaign_checks_the_pixels_near_a_companion_against_the_whole_map(
    sequence, in_process, tmp_path, monkeypatch
):
    from exobench.baselines.learning.shallow import forest_detector

    trained, real = [], forest_detector.train_forest

    def noted(*given):
        trained.append(given)
        return real(*given)

    monkeypatch.setattr(forest_detector, "train_forest", noted)
    write_sequence(sequence, tmp_path / "one.h5")
    chosen = read_algorithms(["sodirf(samples=60, n_ranks=4, trees=20)"])
    sources = find_sources(tmp_path / "one.h5", Said(), chosen)
    settings = new_settings(
        chosen, read_algorithms(["median"]), sources, injections=6, refilled=2, seed=1
    )
    for _ in run_campaign(prepare_campaign(settings, tmp_path / "out"), in_process):
        pass
    assert len(trained) == 1
    rows = read_frame(tmp_path / "out", "injections")
    assert set(rows["path"]) == {LOCAL}
    differences = rows["difference_from_whole"].dropna()
    assert len(differences) == 2
    assert differences.max() < 1e-4
