"""NA-SODINN: every regime of the noise has a network, and the map is the union of theirs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from exobench.baselines import learns, load
from exobench.baselines.learning.detector import Told, detector_map, train_detector, two_splits
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.networks import model_file
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.training import cross_entropy
from exobench.baselines.learning.residuals.flux_ranges import flux_range
from exobench.baselines.learning.residuals.rings import rings
from exobench.baselines.learning.samples import noise_regimes
from exobench.baselines.learning.samples.label_plan import planned
from exobench.baselines.learning.samples.noise_regimes import Regime, Regimes
from exobench.baselines.learning.samples.store import SampleStore
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion

OPTIONS = {"samples": 150, "n_ranks": 8, "epochs": 10, "device": "cpu"}
RADIUS, AZIMUTH = 17.0, 40.0


@pytest.fixture(scope="module")
def sequence():
    return simulate("irdis_like", rng=np.random.default_rng(0), n_frames=30, size=61)


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


def model(seed, n_ranks):
    """A network as it is before training, calibrated by logits drawn at random."""
    rng = np.random.default_rng(seed)
    architecture = Architecture(
        kind="conv3d", n_ranks=n_ranks, patch=9, filters=(2, 3), snr_curve=True
    )
    labels, noise = np.arange(200) % 2, rng.normal(size=(2, 200))
    return model_file.Model(
        architecture=architecture,
        weights=initial_weights(architecture, rng),
        recipe=two_splits(n_ranks=n_ranks).to_dict(),
        calibration=Meaning.of(labels, labels + noise[0], noise[1]).to_dict(),
    )


@pytest.fixture
def parted(monkeypatch):
    """A sequence on which regimes are said to meet at a radius."""

    def at(radius):
        parts = (
            Regime(noise="speckles", radii_px=(0.0, radius)),
            Regime(noise="background", radii_px=(radius, None)),
        )
        found = Regimes(parts=parts, notes=("two regimes",), found=None)
        monkeypatch.setattr(noise_regimes, "regimes_of", lambda sequence, recipe: found)

    return at


@pytest.mark.usefixtures("torch")
def test_the_map_is_the_union_of_those_of_the_parts(sequence):
    inner, outer = model(0, 8), model(1, 5)
    both = model_file.Detector(parts=(inner, outer), boundaries_px=(15.3,))
    shown = detector_map(both, sequence, device="cpu")
    near = radius_map(sequence.shape) < 15.3
    for one, where in ((inner, near), (outer, ~near)):
        alone = detector_map(model_file.Detector(parts=(one,)), sequence, device="cpu")
        # As many patches at a time as come together: sums are rounded in another order.
        np.testing.assert_allclose(shown[where], alone[where], rtol=1e-4, atol=1e-4)
        assert np.isfinite(alone[where]).any()
        assert not np.allclose(shown[~where], alone[~where], equal_nan=True)


@pytest.mark.usefixtures("torch")
def test_pixels_wanted_of_one_part_are_judged_alone(sequence):
    both = model_file.Detector(parts=(model(0, 8), model(1, 5)), boundaries_px=(15.3,))
    wanted = np.zeros(sequence.shape, dtype=bool)
    wanted[30, [40, 50]] = True  # a pixel of each part
    shown = detector_map(both, sequence, wanted=wanted, device="cpu")
    np.testing.assert_array_equal(np.isfinite(shown), wanted)


def test_every_regime_has_samples_of_its_own_rings(sequence, parted):
    parted(16.0)
    lessons = load("na_sodinn", **OPTIONS).lessons(sequence)
    assert [one.radii_px for one in lessons.recipes] == [(0.0, 16.0), (16.0, None)]
    assert [one.n_per_class for one in lessons.recipes] == [150, 150]
    assert lessons.snr_curve
    around = rings(sequence, 9)
    covered = [[ring for ring in around if one.covers(ring)] for one in lessons.recipes]
    assert covered[0] + covered[1] == list(around)
    assert max(ring.middle for ring in covered[0]) < 16 <= covered[1][0].middle


def test_in_one_kind_of_noise_it_is_sodinn(sequence, monkeypatch):
    only = Regime(noise="background", radii_px=(0.0, None))
    one_kind = Regimes(parts=(only,), notes=("one kind of noise",), found=None)
    monkeypatch.setattr(noise_regimes, "regimes_of", lambda *_: one_kind)
    alone = load("sodinn", **OPTIONS).lessons(sequence)
    same = replace(alone, regimes=one_kind, method="na_sodinn")
    assert load("na_sodinn", **OPTIONS).lessons(sequence) == same


def test_the_s_n_curve_is_an_option_of_both(sequence):
    for name in ("sodinn", "na_sodinn"):
        assert load(name, **OPTIONS).lessons(sequence).snr_curve
        assert not load(name, **OPTIONS, snr_curve=False).lessons(sequence).snr_curve


def test_radii_without_a_ring_are_refused(sequence):
    for radii in ((100.0, None), (0.0, 1.0)):
        recipe = two_splits(n_ranks=8, radii_px=radii)
        with pytest.raises(InputError, match="no ring has its middle from "):
            planned(sequence, recipe, np.random.default_rng(0))


@pytest.mark.parametrize("radii", [(3.0, 2.0), (-1.0, None), (1.0,), (float("nan"), None)])
def test_radii_that_are_none_are_refused(radii):
    with pytest.raises(InputError, match="radii_px must be two radii of 0 or more"):
        two_splits(radii_px=radii)


def test_it_learns_and_has_the_options_of_sodinn():
    assert learns("na_sodinn")
    with pytest.raises(InputError, match="augmentation must be 1 or less"):
        load("na_sodinn", augmentation=1.5)
    with pytest.raises(InputError, match="samples must be 60 or more"):
        load("na_sodinn", samples=5)


@pytest.mark.usefixtures("torch")
def test_a_model_that_does_not_say_who_trained_it_is_read_by_either(sequence, tmp_path):
    path = tmp_path / "model"
    model_file.save(model_file.Detector(parts=(model(0, 8),)), path)
    one, other = (load(name, model=str(path), device="cpu") for name in ("sodinn", "na_sodinn"))
    np.testing.assert_array_equal(one(sequence), other(sequence))


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_trained_by_regimes_it_finds_a_companion_and_its_file_says_how(sequence, parted, tmp_path):
    boundary = [ring.inner for ring in rings(sequence, 9)][2]
    parted(boundary)
    baseline = load("na_sodinn", **OPTIONS, augmentation=0.5)
    lessons = replace(baseline.lessons(sequence), regimes=None)
    begun = []
    told = Told(part=lambda number, total, recipe: begun.append((number, total, recipe)))
    detector, trained = train_detector(sequence, lessons, tmp_path, told=told)
    assert [one[:2] for one in begun] == [(1, 2), (2, 2)]
    assert len(trained) == 2
    assert detector.boundaries_px == (boundary,)
    path = tmp_path / "model"
    model_file.save(detector, path)
    (ring,) = (one for one in rings(sequence, 9) if one.inner <= RADIUS < one.outer)
    recipe = lessons.recipes[1]
    fluxes = flux_range(sequence, ring, recipe.settings(sequence), np.random.default_rng(0))
    companion = Companion(
        separation=RADIUS * sequence.pixel_scale, position_angle=AZIMUTH - 90, flux=3 * fluxes.high
    )
    shown = load("na_sodinn", model=str(path), device="cpu")(inject(sequence, [companion]))
    peak = np.unravel_index(np.nanargmax(shown), shown.shape)
    assert np.hypot(*np.subtract(peak, to_yx(RADIUS, AZIMUTH, shown.shape))) < 4
    with pytest.raises(InputError, match="was trained by na_sodinn, not by sodinn"):
        load("sodinn", model=str(path), device="cpu")(sequence)


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("normalisation", ["noise", "slice"])
def test_a_network_is_shown_the_scale_that_it_was_trained_with(sequence, tmp_path, normalisation):
    options = OPTIONS | {"epochs": 5, "normalisation": normalisation}
    lessons = load("sodinn", **options).lessons(sequence)
    detector, (trained,) = train_detector(sequence, lessons, tmp_path)
    (part,) = detector.parts
    assert part.architecture.normalisation == normalisation
    store = SampleStore.open(tmp_path / "0" / "samples.h5", normalisation=normalisation)
    held_out = store.samples("validation")
    said = logits(part, [held_out.batch(normalisation)], device="cpu")
    loss = trained.history[trained.best_epoch - 1].validation_loss
    assert cross_entropy(held_out.labels, said) == pytest.approx(loss, rel=1e-5)
    shown = detector_map(detector, sequence, output="log_odds", device="cpu")
    other = replace(part.architecture, normalisation={"noise": "slice"}.get(normalisation, "noise"))
    misled = replace(detector, parts=(replace(part, architecture=other),))
    seen = np.isfinite(shown)
    assert (detector_map(misled, sequence, output="log_odds", device="cpu") != shown)[seen].any()


@pytest.mark.slow
@pytest.mark.usefixtures("torch")
def test_a_single_regime_is_one_network_that_says_so(sequence, tmp_path):
    """Speckles of the simulated instrument reach beyond these frames."""
    lessons = load("na_sodinn", **OPTIONS | {"epochs": 1}).lessons(sequence)
    said = []
    detector, _ = train_detector(sequence, lessons, tmp_path, told=Told(noted=said.append))
    assert said == list(lessons.regimes.notes)
    assert [one.radii_px for one in lessons.recipes] == [(0.0, None)]
    kept = json.loads(json.dumps(detector.provenance, allow_nan=False))["regimes"]
    assert len(detector.parts) == 1
    assert kept["notes"][0].startswith("one regime: speckles")
    assert kept["found"]["labels"][0] == "1"
