"""Networks in Flax: the outputs of those in PyTorch, weights both ways, dropout, compilation."""

import numpy as np
import pytest

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.datasets.errors import InputError

KINDS = ["conv3d", "convlstm", "lstm", "gru"]
REASON = "needs the extra: pip install 'exobench[{}]'"
SIZES = {
    "odd": {"n_ranks": 7, "patch": 9, "kernels": (3, 2), "pooling": "max"},
    "even": {"n_ranks": 6, "patch": 6, "kernels": (2, 3), "pooling": "average"},
}


@pytest.fixture(scope="module")
def networks():
    pytest.importorskip("flax", reason=REASON.format("jax"))
    from exobench.baselines.learning.flax import network

    return network


def example(kind, seed=0, **options):
    """A small architecture, weights that are all but 0, stacks and S/N curves."""
    options = {"n_ranks": 5, "patch": 6, "filters": (3, 4), "recurrent": 3, "dense": 5} | options
    architecture = Architecture(kind=kind, **options)
    rng = np.random.default_rng(seed)
    weights = {
        name: values + rng.normal(0, 0.3, values.shape).astype(np.float32)
        for name, values in initial_weights(architecture, rng).items()
    }
    shape = (4, architecture.n_ranks, architecture.patch, architecture.patch)
    stacks = rng.random(shape, dtype=np.float32)
    return architecture, weights, stacks, rng.normal(size=shape[:2]).astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "size", "snr_curve"),
    [
        ("conv3d", "odd", True),
        ("convlstm", "even", False),
        ("lstm", "odd", False),
        *(
            pytest.param(kind, size, curve, marks=pytest.mark.slow)
            for kind, size, curve in [
                ("conv3d", "even", False),
                ("convlstm", "odd", True),
                ("lstm", "even", True),
                ("gru", "odd", False),
                ("gru", "even", True),
            ]
        ),
    ],
)
def test_outputs_are_those_of_pytorch_and_weights_pass_both_ways(networks, kind, size, snr_curve):
    torch = pytest.importorskip("torch", reason=REASON.format("torch"))
    from flax import nnx

    from exobench.baselines.learning.torch import network as torch_network

    architecture, weights, stacks, snr = example(kind, snr_curve=snr_curve, **SIZES[size])
    peer = torch_network.network(architecture, weights)
    module = networks.network(architecture, torch_network.weights_of(peer))
    back = torch_network.weights_of(
        torch_network.network(architecture, networks.weights_of(module))
    )
    assert {name: one.tobytes() for name, one in back.items()} == {
        name: one.tobytes() for name, one in weights.items()
    }
    with torch.no_grad():
        expected = peer(torch.tensor(stacks), torch.tensor(snr)).numpy()
    found = nnx.jit(lambda module, *inputs: module(*inputs))(module, stacks, snr)
    np.testing.assert_allclose(found, expected, atol=min(1e-5, 0.01 * expected.std()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_parameters_are_those_of_the_architecture_and_no_others(networks, kind):
    import jax
    from flax import nnx

    architecture, weights, *_ = example(kind, snr_curve=True)
    module = networks.network(architecture, weights)
    learned = jax.tree.leaves(nnx.state(module, nnx.Param))
    assert sum(one.size for one in learned) == architecture.n_parameters
    assert {one.dtype for one in learned} == {np.dtype(np.float32)}
    found = networks.weights_of(module)
    assert {name: one.tobytes() for name, one in found.items()} == {
        name: one.tobytes() for name, one in weights.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_dropout_leaves_whole_channels_out_anew_at_every_call(networks, kind):
    options = {"channel_dropout": (0.0, 0.5), "pooled_dropout": 0.0, "filters": (2, 40)}
    architecture, weights, stacks, _ = example(kind, **options)
    last = {"convlstm": "cell2.input"}.get(kind, "conv2")
    for name in weights:
        if name.startswith(("conv2", "cell2")):
            weights[name] = np.full_like(weights[name], name == f"{last}.bias")
    module = networks.network(architecture, weights)
    whole = np.asarray(module.maps(stacks))
    module.train()
    first, second = (np.asarray(module.maps(stacks)) / whole for _ in range(2))
    assert (first != second).any()
    np.testing.assert_allclose(first[first > 0], 2, rtol=1e-5)
    pixels = (2, 3) if kind in ("lstm", "gru") else (1, 2, 3)
    assert not np.ptp(first, axis=pixels).any()
    assert 0.3 < (first > 0).mean() < 0.7
    again = networks.network(architecture, weights, seed=0)
    again.train()
    np.testing.assert_array_equal(np.asarray(again.maps(stacks)) / whole, first)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_changes_little_and_ends_in_float32(networks, kind):
    import jax.numpy as jnp
    from flax import nnx

    architecture, weights, stacks, _ = example(kind)
    outputs = [
        nnx.jit(lambda module, stacks: module(stacks))(
            networks.network(architecture, weights, dtype=dtype), stacks
        )
        for dtype in (None, jnp.bfloat16)
    ]
    assert outputs[1].dtype == np.float32
    assert (outputs[0] != outputs[1]).all()
    np.testing.assert_allclose(outputs[1], outputs[0], atol=0.1)


def test_a_curve_that_is_missing_is_asked_for(networks):
    architecture, weights, stacks, _ = example("conv3d", snr_curve=True)
    module = networks.network(architecture, weights)
    with pytest.raises(ValueError, match="needs snr beside the stacks"):
        module.head(module.maps(stacks), None)


def test_weights_of_another_architecture_are_refused(networks):
    with pytest.raises(InputError, match="a network gru lacks the weights recurrent"):
        networks.network(Architecture(kind="gru"), example("conv3d")[1])
