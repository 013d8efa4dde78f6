"""What a generator of speckles cannot make: companions, in single frames and in maps."""

import numpy as np
import pytest

from exobench.baselines import learns, load
from exobench.baselines.learning.networks.training import area_under_roc
from exobench.baselines.learning.speckles.anomaly import train_speckles
from exobench.baselines.learning.speckles.training import SpeckleSettings, save
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import radius_map
from exobench.datasets.injection import inject
from exobench.datasets.sequence import Companion
from exobench.scoring.snr import snr_at

TINY = {"size": 32, "epochs": 1, "steps": 5, "device": "cpu"}


@pytest.fixture(autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


def test_it_says_that_it_learns():
    assert learns("gan_anomaly")


def test_its_map_has_values_within_the_canvas_alone(sky):
    sequence = sky.noise((8, 41, 41), blur=1.0)
    before = sequence.cube.copy()
    detections = load("gan_anomaly", **TINY)(sequence)
    radius = radius_map(sequence.shape)
    assert detections.shape == (41, 41)
    assert np.isfinite(detections[(radius > sky.fwhm) & (radius < 15 - sky.fwhm)]).all()
    assert np.isnan(detections[radius > 15 - sky.fwhm / 2]).all()
    np.testing.assert_array_equal(sequence.cube, before)


@pytest.mark.slow
def test_the_map_of_a_model_in_a_file_is_that_of_the_same_training_again(sky, tmp_path):
    sequence = sky.noise((8, 41, 41), blur=1.0)
    settings = SpeckleSettings(size=32, epochs=1, device="cpu")
    save(train_speckles(sequence.cube[0], settings), tmp_path / "model.safetensors")
    kept = load("gan_anomaly", model=str(tmp_path / "model.safetensors"), steps=5, device="cpu")
    np.testing.assert_array_equal(kept(sequence), load("gan_anomaly", **TINY)(sequence))


@pytest.mark.slow
def test_a_companion_is_the_brightest_place_of_the_map(sky):
    y, x = 26, 29
    sequence = sky.with_companion(sky.noise((20, 41, 41), blur=1.0), y, x, flux=12.0)
    detections = load("gan_anomaly", **TINY | {"steps": 20})(sequence)
    inside = np.where(radius_map(sequence.shape) > 1.5 * sky.fwhm, detections, np.nan)
    found = np.unravel_index(np.nanargmax(inside), inside.shape)
    assert np.hypot(found[0] - y, found[1] - x) <= 1
    assert detections[found] > 4


def bright(sequence, radius, position_angle):
    """A companion at a distance in pixels, of S/N 10 in annular PCA or the best that it gives."""
    reduce, tried = load("annular_pca").reduce, []
    for flux in np.geomspace(5e-4, 0.1, 14):
        one = Companion(
            separation=radius * sequence.pixel_scale, position_angle=position_angle, flux=flux
        )
        image = reduce(inject(sequence, [one]))
        snr = float(snr_at(image, sequence.reference_fwhm, [one.position(sequence)])[0])
        tried.append((snr, one))
        if snr >= 10:
            break
    return max(tried, key=lambda found: found[0])


@pytest.mark.slow
def test_bright_companions_stand_out_though_the_generator_has_seen_them():
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=24, size=41)
    found = [bright(sequence, *place) for place in ((9.0, 20.0), (11.0, 140.0), (12.0, 260.0))]
    assert min(snr for snr, _ in found) > 7
    companions = [one for _, one in found]
    within = inject(sequence, companions)
    method = load("gan_anomaly", size=32, epochs=6, steps=50, device="cpu")
    positions = np.array([one.position(sequence) for one in companions])
    at = tuple(np.rint(positions).astype(int).T)
    seen, unseen = method(within), method.trained(sequence)(within)
    y, x = np.indices(seen.shape)
    fwhm = sequence.reference_fwhm
    blank = np.isfinite(seen) & (radius_map(seen.shape) > 1.5 * fwhm)
    for one in positions:
        blank &= np.hypot(y - one[0], x - one[1]) > 2 * fwhm
    labels = np.repeat([1, 0], [len(companions), blank.sum()])
    assert area_under_roc(labels, np.concatenate([seen[at], seen[blank]])) > 0.7
    assert seen[at].mean() > 0.6 * unseen[at].mean() > 1
    assert not np.allclose(seen, unseen, equal_nan=True)  # each has speckles of its own taken away


def test_sequences_that_are_too_short_are_refused(sky):
    trained = load("gan_anomaly", **TINY).trained(sky.noise((4, 41, 41)))
    for n in (1, 2):
        few = sky.noise((n, 41, 41))
        for method in (load("gan_anomaly", **TINY), trained):
            with pytest.raises(InputError, match=rf"{few.name}: .* by 3 frames or more, got {n}"):
                method(few)


def test_options_that_the_model_has_decided_are_refused_beside_it():
    kept = load(
        "gan_anomaly", model="speckles.safetensors", steps=5, seed=2, detection="normalized"
    )
    assert kept.steps == 5
    with pytest.raises(InputError, match="size, epochs: not beside a model") as caught:
        load("gan_anomaly", model="speckles.safetensors", size=32, epochs=1)
    assert "leave out model=speckles.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 40}, "size must be a multiple of 16"),
        ({"epochs": 0}, "epochs must be 1 or more, got 0"),
        ({"feature_weight": -1.0}, "feature_weight must be 0 or more, got -1"),
    ],
)
def test_options_out_of_range_are_refused(sky, options, message):
    with pytest.raises(InputError, match=message):
        load("gan_anomaly", **TINY | options)(sky.noise((6, 41, 41)))
