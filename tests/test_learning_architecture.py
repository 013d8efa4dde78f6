"""Networks as numbers: parameters of published networks, starts, and what cannot be."""

import subprocess
import sys

import numpy as np
import pytest

from exobench.baselines.learning.networks.architecture import (
    Architecture,
    check_weights,
    initial_weights,
    parameter_shapes,
)
from exobench.datasets.errors import InputError

KINDS = ["conv3d", "convlstm", "lstm", "gru"]


@pytest.mark.parametrize(
    ("kind", "n_parameters"),
    # Of a GRU: 400 + 12,880 in the convolutions, 2 × 3 × 128 × (320 + 128 + 2) in the units of
    # cuDNN, 257 × 128 + 129 in the layers after them.
    [("conv3d", 231_857), ("convlstm", 418_177), ("lstm", 506_081), ("gru", 391_905)],
)
def test_networks_have_as_many_parameters_as_those_of_sodinn(kind, n_parameters):
    assert Architecture(kind=kind).n_parameters == n_parameters


@pytest.mark.parametrize("kind", KINDS)
def test_an_snr_curve_adds_its_layer_and_its_features(kind):
    without, with_curve = (Architecture(kind=kind, snr_curve=curve) for curve in (False, True))
    assert with_curve.n_parameters - without.n_parameters == 20 * 32 + 32 + 32 * 128


@pytest.mark.parametrize("kind", KINDS)
def test_the_start_is_that_of_the_seed_and_has_the_shapes(kind):
    architecture = Architecture(kind=kind, n_ranks=5, patch=7, filters=(2, 3), recurrent=4)
    first, again = (initial_weights(architecture, np.random.default_rng(1)) for _ in range(2))
    check_weights(architecture, first)
    assert {name: one.shape for name, one in first.items()} == parameter_shapes(architecture)
    assert all(first[name].tobytes() == again[name].tobytes() for name in first)
    assert first["dense.weight"].std() > 0


def test_kernels_are_uniform_with_the_variance_of_glorot():
    architecture = Architecture(kind="conv3d")
    weights = initial_weights(architecture, np.random.default_rng(0))
    fans = {"conv2.weight": (40 + 80) * 8, "dense.weight": 1600 + 128}
    for name, both in fans.items():
        limit = np.sqrt(6 / both)
        assert weights[name].std() == pytest.approx(np.sqrt(2 / both), rel=0.02)
        assert 0.99 * limit < np.abs(weights[name]).max() <= limit


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("convlstm", "cell1.hidden.weight"),
        ("convlstm", "cell2.hidden.weight"),
        ("lstm", "recurrent.weight_hh_l0"),
        ("gru", "recurrent.weight_hh_l0_reverse"),
    ],
)
def test_kernels_from_step_to_step_are_orthonormal(kind, name):
    architecture = Architecture(kind=kind, filters=(3, 2), recurrent=5)
    kernel = initial_weights(architecture, np.random.default_rng(0))[name]
    rows = kernel.reshape(len(kernel), -1).astype(float)
    products = rows @ rows.T if len(rows) <= rows.shape[1] else rows.T @ rows
    np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-6)


def test_forget_gates_start_open_and_other_biases_at_zero():
    units = {"cell1.input.bias": 3, "recurrent.bias_ih_l0": 4, "recurrent.bias_ih_l0_reverse": 4}
    for kind in KINDS:
        architecture = Architecture(kind=kind, filters=(3, 2), recurrent=4)
        weights = initial_weights(architecture, np.random.default_rng(0))
        for name in (one for one in weights if "bias" in one):
            bias = weights[name]
            if name in units and kind != "gru":
                n = units[name]
                np.testing.assert_array_equal(bias, [0] * n + [1] * n + [0] * 2 * n)
            elif not name.startswith("cell2"):
                assert not bias.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "conv4d"}, "kind must be one of conv3d, convlstm, lstm, gru, got conv4d"),
        ({"kind": ["conv3d"]}, "kind must be one of conv3d"),
        ({"pooling": "median"}, "pooling must be one of max, average, got median"),
        ({"patch": 3}, "patch must be 4 pixels or more to be pooled twice, got 3; take patches"),
        ({"n_ranks": 3}, "n_ranks must be 4 or more to be pooled twice by conv3d, got 3; take"),
        ({"n_ranks": 0}, "n_ranks must be a whole number from 1 to 1024, got 0"),
        ({"n_ranks": True}, "n_ranks must be a whole number from 1 to 1024, got True"),
        ({"patch": 9.0}, r"patch must be a whole number from 1 to 256, got 9\.0"),
        ({"filters": (40,)}, r"filters must be two whole numbers from 1 to 8192, got \(40,\)"),
        ({"filters": 40}, "filters must be two whole numbers from 1 to 8192, got 40"),
        ({"kernels": (3, "2")}, r"kernels must be two whole numbers from 1 to 15, got \(3, '2'\)"),
        ({"dense_dropout": 1.0}, r"dense_dropout must be a rate from 0 to below 1, got 1\.0"),
        (
            {"dense_dropout": float("nan")},
            "dense_dropout must be a rate from 0 to below 1, got nan",
        ),
        ({"channel_dropout": 0.5}, r"channel_dropout must be two rates from 0 .* got 0\.5"),
        ({"snr_curve": 1}, "snr_curve must be true or false, got 1"),
        ({"dense": 65536, "filters": (4000, 8000)}, "may have 268435456 parameters, this one"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(options, message):
    with pytest.raises(InputError, match=message):
        Architecture(**{"kind": "conv3d"} | options)


def test_every_wrong_hyper_parameter_is_named_at_once():
    with pytest.raises(InputError) as caught:
        Architecture(kind="x", n_ranks=-1, patch="9", pooled_dropout=-0.1)
    words = ("kind", "n_ranks", "patch", "pooled_dropout")
    assert [line.split(" ")[0] for line in caught.value.problems] == list(words)


def test_three_ranks_are_enough_where_ranks_are_not_pooled():
    assert Architecture(kind="gru", n_ranks=3).map_shape == (3, 2, 2)


def test_weights_of_another_network_are_refused_with_every_problem():
    architecture = Architecture(kind="conv3d", filters=(2, 3), dense=4)
    weights = initial_weights(architecture, np.random.default_rng(0))
    del weights["conv1.bias"]
    weights["extra"] = np.zeros(1, np.float32)
    weights["output.bias"] = np.zeros(2, np.float32)
    weights["conv2.bias"] = np.zeros(3)
    weights["dense.bias"] = np.full(4, np.nan, np.float32)
    with pytest.raises(InputError) as caught:
        check_weights(architecture, weights)
    assert caught.value.problems == (
        "a network conv3d has no weights extra",
        "a network conv3d lacks the weights conv1.bias",
        "weights conv2.bias must be float32, got float64",
        "weights dense.bias must be finite; the training has failed",
        "weights output.bias must have shape (1,), got (2,)",
    )


def test_describing_a_network_loads_no_framework():
    program = (
        "import sys, exobench.baselines.learning.networks.architecture, "
        "exobench.baselines.learning.networks.model_file, "
        "exobench.baselines.learning.networks.inference, "
        "exobench.baselines.learning.explain; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'jax', 'flax', 'safetensors')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
