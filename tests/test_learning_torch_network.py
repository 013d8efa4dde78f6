"""Networks in PyTorch: against plain numpy, weights in and out, dropout, and compilation."""

from types import SimpleNamespace

import numpy as np
import pytest

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.datasets.errors import InputError

KINDS = ["conv3d", "convlstm", "lstm", "gru"]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


@pytest.fixture(scope="module")
def networks(torch):
    from exobench.baselines.learning.torch import network

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
    snr = rng.normal(size=shape[:2]).astype(np.float32)
    return SimpleNamespace(architecture=architecture, weights=weights, stacks=stacks, snr=snr)


def convolved(maps, kernel):
    """Maps (channels, y, x) by a kernel (out, in, k, k) that keeps their size."""
    side, (n_y, n_x) = kernel.shape[-1], maps.shape[1:]
    before = (side - 1) // 2
    wide = np.pad(maps, [(0, 0), (before, side // 2), (before, side // 2)])
    result = np.zeros((len(kernel), n_y, n_x))
    for dy in range(side):
        for dx in range(side):
            result += np.tensordot(kernel[:, :, dy, dx], wide[:, dy : dy + n_y, dx : dx + n_x], 1)
    return result


def hard_sigmoid(values):
    return np.clip(0.2 * values + 0.5, 0, 1)


@pytest.mark.parametrize("side", [2, 3])
def test_a_convolutional_lstm_steps_as_its_equations_say(torch, networks, side):
    rng = np.random.default_rng(1)
    n_in, n_out, n_ranks = 2, 3, 4
    layer = networks.ConvolutionalLSTM(n_in, n_out, side)
    kernel, recurrent = (rng.normal(size=(12, n, side, side)) for n in (n_in, n_out))
    bias = rng.normal(size=12)
    given = {"input.weight": kernel, "input.bias": bias, "hidden.weight": recurrent}
    layer.load_state_dict({name: torch.tensor(one).float() for name, one in given.items()})
    sequence = rng.normal(size=(n_in, n_ranks, 4, 5))

    state = cell = np.zeros((n_out, 4, 5))
    expected = []
    for rank in range(n_ranks):
        gates = convolved(sequence[:, rank], kernel) + convolved(state, recurrent)
        gates += bias[:, None, None]
        take, keep, candidate, give = np.split(gates, 4)
        cell = hard_sigmoid(keep) * cell + hard_sigmoid(take) * np.tanh(candidate)
        state = hard_sigmoid(give) * np.tanh(cell)
        expected.append(state)

    with torch.no_grad():
        found = layer(torch.tensor(sequence[None]).float())[0].numpy()
    np.testing.assert_allclose(found, np.stack(expected, axis=1), atol=1e-5)


def test_a_network_of_convolutions_is_that_of_the_table(torch, networks):
    case = example("conv3d", n_ranks=6, kernels=(3, 2), snr_curve=True)
    weights, stack = case.weights, case.stacks[0].astype(float)

    def layer(name, values):
        return weights[f"{name}.weight"] @ values + weights[f"{name}.bias"]

    def stage(name, maps):
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        side, n_ranks = kernel.shape[2], maps.shape[1]
        before = (side - 1) // 2
        wide = np.pad(maps, [(0, 0), (before, side // 2), (0, 0), (0, 0)])
        convolutions = [
            sum(convolved(wide[:, rank + k], kernel[:, :, k]) for k in range(side))
            for rank in range(n_ranks)
        ]
        maps = np.maximum(np.stack(convolutions, axis=1) + bias[:, None, None, None], 0)
        n = [length // 2 for length in maps.shape[1:]]
        blocks = maps[:, : 2 * n[0], : 2 * n[1], : 2 * n[2]]
        return blocks.reshape(-1, n[0], 2, n[1], 2, n[2], 2).max(axis=(2, 4, 6))

    features = stage("conv2", stage("conv1", stack[None])).ravel()
    curve = np.maximum(layer("snr", case.snr[0]), 0)
    hidden = np.maximum(layer("dense", np.concatenate([features, curve])), 0)
    module = networks.network(case.architecture, weights)
    with torch.no_grad():
        found = module(torch.tensor(case.stacks), torch.tensor(case.snr)).numpy()
    assert found.shape == (4,)
    assert found[0] == pytest.approx(layer("output", hidden)[0], abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_come_back_bit_for_bit_and_apart(torch, networks, kind):
    case = example(kind, snr_curve=True)
    module = networks.network(case.architecture, case.weights)
    found = networks.weights_of(module)
    assert {name: one.tobytes() for name, one in found.items()} == {
        name: one.tobytes() for name, one in case.weights.items()
    }
    learned = [one for one in module.parameters() if one.requires_grad]
    assert sum(one.numel() for one in learned) == case.architecture.n_parameters
    with torch.no_grad():
        for parameter in learned:
            parameter.add_(1)
    np.testing.assert_array_equal(found["dense.weight"], case.weights["dense.weight"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_has_a_gradient_and_no_two_stacks_mix(torch, networks, kind):
    case = example(kind, snr_curve=True, n_ranks=8)
    module = networks.network(case.architecture, case.weights)
    stacks, snr = torch.tensor(case.stacks, requires_grad=True), torch.tensor(case.snr)
    logits = module(stacks, snr)
    logits[1].backward()
    assert all(one.grad is not None for one in module.parameters() if one.requires_grad)
    changed = stacks.grad.abs().sum(dim=(1, 2, 3)) > 0
    assert changed.tolist() == [False, True, False, False]


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_leaves_whole_channels_out(torch, networks, kind):
    case = example(kind, channel_dropout=(0.0, 0.5), pooled_dropout=0.0, filters=(2, 40))
    last = {"convlstm": "cell2.input"}.get(kind, "conv2")
    for name in case.weights:
        if name.startswith(("conv2", "cell2")):
            case.weights[name] = np.full_like(case.weights[name], name == f"{last}.bias")
    module = networks.network(case.architecture, case.weights)
    with torch.no_grad():
        torch.manual_seed(0)
        whole, dropped = (
            module.maps(torch.tensor(case.stacks)),
            module.train().maps(torch.tensor(case.stacks)),
        )
    kept = (dropped / whole).numpy()
    np.testing.assert_allclose(kept[kept > 0], 2, rtol=1e-5)
    spread = np.ptp(kept, axis=(3, 4)) if kind in ("lstm", "gru") else np.ptp(kept, axis=(2, 3, 4))
    assert not spread.any()
    assert 0.3 < (kept > 0).mean() < 0.7


def test_a_curve_that_is_missing_is_asked_for(torch, networks):
    case = example("conv3d", snr_curve=True)
    with pytest.raises(ValueError, match="needs snr beside the stacks"):
        networks.network(case.architecture, case.weights)(torch.tensor(case.stacks))


def test_weights_of_another_architecture_are_refused(networks):
    case = example("conv3d")
    with pytest.raises(InputError, match="a network gru lacks the weights recurrent"):
        networks.network(Architecture(kind="gru"), case.weights)


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_changes_little_and_ends_in_float32(torch, networks, kind):
    case = example(kind)
    module, stacks = networks.network(case.architecture, case.weights), torch.tensor(case.stacks)
    with torch.no_grad():
        exact = module(stacks)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            half = module(stacks)
    assert half.dtype == torch.float32
    assert not torch.equal(half, exact)
    np.testing.assert_allclose(half, exact, atol=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_compilers_can_follow(torch, networks, kind):
    case = example(kind)
    module = networks.network(case.architecture, case.weights)
    graphs = []

    def collected(graph, _):
        graphs.append(graph)
        return graph.forward

    compiled = torch.compile(module, backend=collected)
    stacks = torch.tensor(case.stacks)
    with torch.no_grad():
        np.testing.assert_array_equal(compiled(stacks), module(stacks))
    assert len(graphs) == (1 if kind in ("conv3d", "convlstm") else len(graphs)) > 0
    assert networks.weights_of(compiled).keys() == case.weights.keys()
