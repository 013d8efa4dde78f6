"""Why a model says what it says: against differences, planted companions, and both frameworks."""

import numpy as np
import pytest
from scipy.special import logit

from exobench.baselines.learning.explain import explain
from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import probabilities
from exobench.baselines.learning.networks.model_file import Model
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets.errors import InputError


@pytest.fixture(scope="module", autouse=True)
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


def random_model(kind, **options):
    options = {"n_ranks": 6, "patch": 7, "filters": (3, 4), "recurrent": 3, "dense": 5} | options
    architecture = Architecture(kind=kind, **options)
    rng = np.random.default_rng(0)
    weights = {
        name: values + rng.normal(0, 0.3, values.shape).astype(np.float32)
        for name, values in initial_weights(architecture, rng).items()
    }
    shape = (architecture.n_ranks, architecture.patch, architecture.patch)
    stack = rng.random(shape, dtype=np.float32)
    snr = rng.normal(size=shape[0]).astype(np.float32)
    return Model(architecture=architecture, weights=weights), stack, snr


def brightness_model(kind, n_ranks=8, patch=12):
    """A network whose verdict is the sum of what it sees, blind to where."""
    architecture = Architecture(
        kind=kind,
        n_ranks=n_ranks,
        patch=patch,
        filters=(1, 1),
        kernels=(1, 1),
        dense=1,
        pooling="average",
    )
    weights = initial_weights(architecture, np.random.default_rng(0))
    for name, values in weights.items():
        weights[name] = np.full_like(values, float("weight" in name))
    weights["output.bias"] -= 1
    return Model(architecture=architecture, weights=weights)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("conv3d", {"snr_curve": True}),
        ("convlstm", {"pooling": "average"}),
        ("gru", {}),
        ("lstm", {}),
    ],
)
def test_saliency_is_what_differences_of_the_log_odds_are(kind, options):
    model, stack, snr = random_model(kind, **options)
    found = explain(model, stack, snr, device="cpu")
    rng, step = np.random.default_rng(1), 0.01
    strongest = np.argsort(found.saliency.ravel())[-20:]
    pixels = [np.unravel_index(i, stack.shape) for i in rng.choice(strongest, 6, replace=False)]
    changed = np.repeat(stack[None], 2 * len(pixels), axis=0)
    for i, pixel in enumerate(pixels):
        changed[2 * i][pixel] += step
        changed[2 * i + 1][pixel] -= step
    batch = Batch(
        stacks=changed,
        snr=np.repeat(snr[None], len(changed), axis=0),
        labels=np.zeros(len(changed), np.int8),
    )
    odds = logit(probabilities(model, [batch], device="cpu").astype(float))
    slopes = np.abs(odds[::2] - odds[1::2]) / (2 * step)
    expected = [found.saliency[pixel] for pixel in pixels]
    # A pixel may cross the corner of a ReLU or a pooling within the step.
    assert np.median(np.abs(slopes / expected - 1)) < 0.03


@pytest.mark.parametrize("place", [(2, 2), (2, 8), (9, 5)])
def test_evidence_lies_on_the_companion(place):
    y, x = np.indices((12, 12))
    blob = np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 2).astype(np.float32)
    stack = np.repeat(blob[None], 8, axis=0)
    stack[:4] *= 0.1  # it stands out after the fifth rank
    found = explain(brightness_model("conv3d"), stack, device="cpu")
    cam = found.evidence.mean(axis=0)
    centre = [(cam * axis).sum() / cam.sum() for axis in (y, x)]
    np.testing.assert_allclose(centre, place, atol=0.3)
    peak = np.unravel_index(cam.argmax(), cam.shape)
    assert np.hypot(*(np.array(peak) - place)) < 1.5
    assert found.evidence.max() == 1
    assert found.evidence[5:].mean() > 5 * found.evidence[:3].mean()
    # This network weights the same everywhere, so that both kinds of map are one.
    np.testing.assert_allclose(found.grad_cam, found.evidence, atol=1e-6)


def test_nothing_lights_up_where_nothing_speaks_for_a_companion():
    model = brightness_model("conv3d")
    weights = model.weights | {"output.weight": -model.weights["output.weight"]}
    model = Model(architecture=model.architecture, weights=weights)
    found = explain(model, np.ones((8, 12, 12)), device="cpu")
    assert not found.evidence.any()
    assert not found.grad_cam.any()
    assert found.saliency.any()


def test_features_are_weighted_where_they_lie():
    model = brightness_model("conv3d")
    dense = model.weights["dense.weight"].reshape(1, 2, 3, 3)
    dense[:] = -1
    dense[:, :, 1, 1] = 1  # light around the centre speaks for a companion, other light against
    stack = np.ones((8, 12, 12), np.float32)
    weights = model.weights | {"dense.bias": np.full(1, 40, np.float32)}
    found = explain(Model(architecture=model.architecture, weights=weights), stack, device="cpu")
    assert not found.grad_cam.any()
    peak = np.unravel_index(found.evidence.mean(axis=0).argmax(), (12, 12))
    assert max(abs(peak[0] - 5.5), abs(peak[1] - 5.5)) < 2


def test_the_localisation_is_where_pixels_matter():
    model = brightness_model("conv3d")
    model.weights["dense.weight"].reshape(1, 2, 3, 3)[:, :, [0, 1, 2, 0, 2], [0, 0, 1, 2, 2]] = 0
    model.weights["dense.weight"].reshape(1, 2, 3, 3)[:, :, [0, 1, 2], [1, 2, 0]] = 0
    found = explain(model, np.ones((8, 12, 12)), device="cpu").localisation
    expected = np.zeros((12, 12))
    expected[4:8, 4:8] = 1 / 64  # the one place that is left, of the nine
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_ranks_are_told_from_one_another_by_leaving_out_and_by_themselves():
    model = brightness_model("conv3d")
    stack = np.zeros((8, 12, 12), np.float32)
    stack[5] = 0.1
    found = explain(model, stack, device="cpu")
    # Sum over 2 × 3 × 3 places of the mean of 4 × 4 × 4 pixels: 9 of them see the bright slice.
    odds = np.array([0.0, 0, 0, 0, 0, 0.1 / 4 * 9, 0, 0])
    assert logit(found.probability) == pytest.approx(odds.sum() - 1, abs=1e-4)
    np.testing.assert_allclose(logit(found.probability_alone), odds * 8 - 1, atol=1e-4)
    without = np.full(8, odds[5])
    without[[4, 6]] *= 1.5  # half of the bright slice comes in
    without[5] = 0
    np.testing.assert_allclose(logit(found.probability_without), without - 1, atol=1e-4)


def test_a_single_rank_cannot_be_left_out():
    model, stack, _ = random_model("gru", n_ranks=1)
    found = explain(model, stack, device="cpu")
    assert np.isnan(found.probability_without).all()
    assert found.probability_alone == pytest.approx([found.probability])


def test_each_input_is_told_from_the_other():
    model, stack, snr = random_model("conv3d", snr_curve=True)
    found = explain(model, stack, snr, device="cpu")
    without_curve = explain(model, stack, np.zeros_like(snr), device="cpu").probability
    without_stack = explain(model, np.zeros_like(stack), snr, device="cpu").probability
    assert found.probability_of_stack == pytest.approx(without_curve, abs=1e-6)
    assert found.probability_of_curve == pytest.approx(without_stack, abs=1e-6)
    assert len({found.probability, without_curve, without_stack}) == 3
    patches_alone, stack, _ = random_model("conv3d")
    assert np.isnan(explain(patches_alone, stack, device="cpu").probability_of_curve)


@pytest.mark.parametrize(
    "kind",
    ["conv3d", *(pytest.param(k, marks=pytest.mark.slow) for k in ("convlstm", "lstm", "gru"))],
)
def test_both_frameworks_explain_alike(kind):
    pytest.importorskip("flax", reason="needs the extra: pip install 'exobench[jax]'")
    model, stack, snr = random_model(kind, snr_curve=True)
    lit = 0
    for sign in (1, -1):
        weights = model.weights | {"output.weight": sign * model.weights["output.weight"]}
        signed = Model(architecture=model.architecture, weights=weights)
        one, other = (
            explain(signed, stack, snr, framework=framework, device="cpu")
            for framework in ("torch", "flax")
        )
        lit += one.evidence.any()
        for name in one.__slots__:
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-5)
    assert lit


@pytest.mark.parametrize(
    ("stack", "snr", "message"),
    [
        (np.ones((7, 7)), None, r"must have shape \(n_ranks, patch, patch\), got \(7, 7\)"),
        (np.ones((6, 9, 9)), None, "trained for patches of 7 pixels, this sequence needs 9"),
        (np.ones((6, 7, 7)), None, "trained with S/N curves; give that of the patch, too"),
        (np.ones((6, 7, 7)), np.ones(5), r"S/N curve must have shape \(6,\), got \(5,\)"),
        (np.full((6, 7, 7), np.nan), np.ones(6), "must be finite; take a patch in the field"),
    ],
)
def test_what_cannot_be_explained_is_refused(stack, snr, message):
    model, *_ = random_model("conv3d", snr_curve=True)
    with pytest.raises(InputError, match=message):
        explain(model, stack, snr)
