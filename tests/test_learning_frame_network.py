"""The network of frames: it tells frames with a companion, and Grad-CAM says where it stands."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from exobench.baselines.learning.frames.detector import on_pixels, peaks
from exobench.baselines.learning.frames.samples import FrameSamples, FrameWindows, standardised
from exobench.baselines.learning.networks.training import (
    TrainingError,
    TrainingSettings,
    area_under_roc,
)

FWHM, SIDE = 4.0, 32
SETTINGS = TrainingSettings(epochs=5, batch=16, learning_rate=3e-3, device="cpu")


def frames_of(n, peak, seed):
    """Blurred noise of unit scatter, with a companion of that height in every second frame."""
    rng = np.random.default_rng(seed)
    frames = gaussian_filter(rng.normal(size=(n, SIDE, SIDE)), (0, 0.7, 0.7))
    frames /= frames.std()
    yx = rng.uniform(4, SIDE - 5, (n, 2))
    labels = np.arange(n) % 2
    y, x = np.indices((SIDE, SIDE))
    square = (y - yx[:, :1, np.newaxis]) ** 2 + (x - yx[:, 1:, np.newaxis]) ** 2
    blob = np.exp(-4 * np.log(2) * square / FWHM**2)
    frames += labels[:, np.newaxis, np.newaxis] * peak * blob
    return FrameSamples(
        frames=standardised(frames),
        labels=labels.astype(np.int8),
        yx=yx,
        snr=np.where(labels, peak, np.nan),
        radius=np.zeros(n),
        azimuth=np.zeros(n),
        frame=np.arange(n),
    )


def windows(n=200, seed=0):
    return FrameWindows(
        training=frames_of(n, 8.0, seed),
        validating=frames_of(n // 4, 8.0, seed + 1),
        side=SIDE,
        margin=FWHM / 2,
        batch=16,
    )


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="needs the extra: pip install 'exobench[torch]'")


@pytest.fixture(scope="module")
def small(torch):
    from exobench.baselines.learning.torch.frame_network import FrameArchitecture

    return FrameArchitecture(channels=(8, 16, 24))


@pytest.fixture(scope="module")
def weights(small):
    """Trained on 200 frames."""
    from exobench.baselines.learning.torch.frame_inference import train_frames

    return train_frames(windows(), SETTINGS, small).weights


@pytest.fixture(scope="module")
def judged(torch):
    from exobench.baselines.learning.torch.frame_inference import judged

    return judged


def test_two_hundred_frames_teach_it_to_tell_bright_companions(weights, judged):
    held_out = frames_of(100, 8.0, seed=7)
    logits, _ = judged(weights, held_out.frames, "cpu")
    assert area_under_roc(held_out.labels, logits) > 0.9


def test_grad_cam_peaks_within_a_fwhm_of_the_companion_in_most_true_positives(weights, judged):
    held_out = frames_of(100, 8.0, seed=8)
    logits, evidence = judged(weights, held_out.frames, "cpu")
    found = (held_out.labels == 1) & (logits > np.quantile(logits[held_out.labels == 0], 0.9))
    off = np.hypot(*(peaks(evidence, SIDE) - held_out.yx)[found].T)
    assert found.sum() > 30
    assert (off < FWHM).mean() >= 0.7


def test_the_mean_probability_rises_with_contrast(weights, judged):
    means = []
    for peak in (1.0, 3.0, 5.0, 8.0, 12.0):
        frames = frames_of(100, peak, seed=9)
        logits, _ = judged(weights, frames.frames, "cpu")
        means.append((1 / (1 + np.exp(-logits[frames.labels == 1]))).mean())
    assert (np.diff(means) > 0).all()


def test_the_evidence_is_grad_cam_but_for_its_scale_and_bias(torch, weights):
    from exobench.baselines.learning.torch.frame_inference import network_of
    from exobench.baselines.learning.torch.frame_network import grad_cam

    module = network_of(weights)
    frames = torch.tensor(frames_of(6, 8.0, seed=3).frames[:, np.newaxis])
    by_gradients = grad_cam(module, frames).numpy()
    evidence = module.evidence(module.maps(frames)).detach().numpy()
    bias = module.output.bias.item()
    np.testing.assert_allclose(by_gradients * evidence[0].size, evidence - bias, atol=2e-4)


def test_log_odds_of_a_frame_are_the_mean_likelihood_ratio_of_its_places(torch, weights, judged):
    frames = frames_of(5, 8.0, seed=4).frames
    logits, evidence = judged(weights, frames, "cpu")
    expected = np.log(np.exp(evidence.astype(np.float64)).mean(axis=(1, 2)))
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_a_window_and_its_frame_agree_on_the_evidence_away_from_the_edges(torch, weights, judged):
    frames = np.random.default_rng(0).normal(size=(2, 60, 60)).astype(np.float32)
    _, whole = judged(weights, frames, "cpu")
    _, part = judged(weights, frames[:, 4:56, 4:56], "cpu")
    np.testing.assert_allclose(part[:, 9:-9, 9:-9], whole[:, 11:-11, 11:-11], atol=1e-4)


def test_evidence_lies_on_the_pixels_that_it_is_of(torch, judged):
    """Pooling means of two pixels each: a ramp comes back as it was."""
    ramp = np.arange(SIDE) + np.zeros((1, SIDE, 1))
    pooled = ramp.reshape(1, SIDE // 2, 2, SIDE // 2, 2).mean(axis=(2, 4))
    inside = slice(4, -4)
    np.testing.assert_allclose(
        on_pixels(pooled, SIDE)[0, inside, inside], ramp[0, inside, inside], atol=0.05
    )


def test_the_same_seed_gives_the_same_bytes_and_leaves_chance_alone(torch, small):
    from dataclasses import replace

    from exobench.baselines.learning.torch.frame_inference import train_frames

    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    short = replace(SETTINGS, epochs=1)
    one, two = (train_frames(windows(40), short, small).weights for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(one[name].tobytes() == values.tobytes() for name, values in two.items())
    other = train_frames(windows(40), replace(short, seed=1), small).weights
    assert any(one[name].tobytes() != values.tobytes() for name, values in other.items())


def test_a_loss_that_is_not_finite_ends_the_training(torch, small):
    from exobench.baselines.learning.torch.frame_inference import train_frames

    broken = windows(40)
    broken.training.frames[:] = np.nan
    with pytest.raises(TrainingError, match="training loss of epoch 1 is nan"):
        train_frames(broken, SETTINGS, small)


def test_windows_hold_their_positions_and_are_drawn_anew():
    made = windows(40)
    made = FrameWindows(
        training=made.training, validating=made.validating, side=15, margin=2.0, batch=16
    )
    batches = list(made.train(np.random.default_rng(0)))
    assert [len(batch) for batch in batches] == [16, 16, 8]
    assert batches[0].stacks.shape == (16, 1, 15, 15)
    lit = np.concatenate([b.stacks[b.labels == 1] for b in batches])
    assert (lit.max(axis=(1, 2, 3)) > 2.3).mean() >= 0.9  # 5 sigma, of companions of 8
    again = list(made.train(np.random.default_rng(1)))
    assert not np.array_equal(np.sort(again[0].stacks, axis=0), np.sort(batches[0].stacks, axis=0))
    fixed = [np.concatenate([b.stacks for b in made.validation()]) for _ in range(2)]
    np.testing.assert_array_equal(*fixed)
