"""ANDROMEDA: which frames are paired, what a companion leaves in them, and VIP's map."""

import dataclasses

import numpy as np
import pytest
from scipy import ndimage

from exobench.baselines import load
from exobench.baselines._frame_pairs import balances, frame_pairs
from exobench.baselines.andromeda import high_passed
from exobench.datasets.errors import InputError
from exobench.datasets.files import read_sequence
from exobench.datasets.geometry import annulus


def test_each_frame_is_paired_with_the_next_that_has_turned_enough():
    angles = np.array([0.0, 10, 20, 30, 40, 50])
    turn = np.deg2rad(15)
    pairs = frame_pairs(angles, least=2 * 10 * np.sin(turn / 2), radius=10)
    assert pairs.tolist() == [[2, 0], [3, 1], [4, 2], [5, 3]]
    assert frame_pairs(-angles, 2.6, 10).tolist() == [[3, 5], [2, 4], [1, 3], [0, 2]]


def test_a_frame_that_no_other_takes_looks_back():
    pairs = frame_pairs(np.array([0.0, 1, 2, 20]), least=2.0, radius=10)
    assert pairs.tolist() == [[3, 0], [3, 1], [3, 2]]
    pairs = frame_pairs(np.array([0.0, 18, 19, 20]), least=2.0, radius=10)
    assert sorted(map(tuple, pairs.tolist())) == [(1, 0), (2, 0), (3, 0)]


def test_without_enough_rotation_there_are_no_pairs_and_no_claims(sky):
    assert frame_pairs(np.array([0.0, 1]), 5.0, 10).size == 0
    assert frame_pairs(np.array([0.0, 170]), 5.0, 2).size == 0
    still = dataclasses.replace(sky.noise((8, 31, 31)), angles=np.zeros(8))
    assert np.isnan(load("andromeda")(still)).all()


def test_frames_are_balanced_as_asked():
    rng = np.random.default_rng(1)
    earlier = rng.normal(5, 1, 400)
    later = 1.3 * earlier + 0.5
    later[::20] += 30
    values, pairs = np.stack([later, earlier]), np.array([[0, 1]])
    gamma, offset = balances(values, pairs, "l1")
    assert gamma[0] == pytest.approx(1.3, abs=0.01)
    assert offset[0] == pytest.approx(0.5, abs=0.05)
    gamma, offset = balances(values, pairs, "lsq")
    assert gamma[0] == pytest.approx(later @ earlier / (earlier @ earlier))
    assert balances(values, pairs, "total")[0][0] == pytest.approx(later.sum() / earlier.sum())
    assert balances(values, pairs, "none")[0][0] == 1
    assert offset[0] == 0


def test_a_high_pass_removes_slow_waves_and_leaves_fast_ones():
    x = np.arange(64)
    slow, fast = (np.tile(np.cos(2 * np.pi * k * x / 64), (64, 1)) for k in (1, 20))
    constant = np.full((64, 64), 7.0)
    filtered = high_passed((slow + fast + constant)[np.newaxis].astype(np.float32), 0.25)
    left = 1 - np.cos(np.pi / 2 * (1 / 64) / 0.125) ** 2
    np.testing.assert_allclose(filtered[0], fast + left * slow, atol=1e-5)
    assert high_passed(slow, 0.0) is slow


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"filtering_fraction": 0.0, "balance": "none"},
        {"balance": "l1", "homogeneous_variance": False},
    ],
)
def test_the_flux_of_a_companion_of_ten_sigma_is_unbiased(sky, options):
    places = ((8.5, 111), (14, 0), (17, 277))
    shares = sky.shares_found(load("andromeda", **options), sky.noise((30, 50, 51)), places, 10)
    np.testing.assert_allclose(shares, 1, atol=0.1)


def test_noise_has_unit_scatter_and_no_mean(sky):
    sequences = [sky.noise((30, 51, 51), seed=seed) for seed in range(6)]
    field = annulus(sequences[0].shape, 2 * sky.fwhm, 22)
    values = np.concatenate([load("andromeda")(s)[field] for s in sequences])
    assert 0.9 < values.std() < 1.1
    assert abs(values.mean()) < 0.1


@pytest.mark.slow
def test_false_alarms_are_as_rare_as_claimed(sky):
    sequences = (sky.noise((20, 51, 51), seed=seed) for seed in range(60))
    field = annulus((51, 51), 2 * sky.fwhm, 22)
    values = np.concatenate([load("andromeda")(s)[field] for s in sequences])
    for threshold, claimed in ((2.0, 2.28e-2), (3.0, 1.35e-3)):
        assert claimed / 3 < (values > threshold).mean() < 3 * claimed


def test_impossible_options_are_named():
    with pytest.raises(InputError) as caught:
        load("andromeda", roa=0.5, min_sep=0.0)
    assert caught.value.problems == (
        "roa must be 1 or more, got 0.5",
        "min_sep must be more than 0, got 0.0",
    )
    with pytest.raises(InputError, match=r"filtering_fraction must be below 1, got 1.0"):
        load("andromeda", filtering_fraction=1.0)
    with pytest.raises(InputError, match="balance must be one of lsq, total, l1, none"):
        load("andromeda", balance="l2")


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_map_is_that_of_vip(shared_data):
    """Theirs stands half a pixel off, and its PSFs on whole pixels: it is moved to ours."""
    invprob = pytest.importorskip(
        "vip_hci.invprob", reason="needs the extra: pip install 'exobench[peers]'"
    )
    naco = read_sequence(shared_data / "naco_betapic")
    naco = dataclasses.replace(naco, wavelengths=np.array([3.8]), diameter=8.2)
    unit = naco.lambda_over_d_px
    _, theirs, _, _, _, _, outermost = invprob.andromeda(
        cube=naco.cube[0].astype(float),
        oversampling_fact=unit / 2,
        angle_list=naco.angles.copy(),
        psf=naco.psf[0].astype(float),
    )
    moved = np.zeros(naco.shape)
    moved[1:, 1:] = theirs
    moved = ndimage.shift(moved, (-0.5, -0.5))
    compared = annulus(naco.shape, 1.5 * unit, outermost * unit - 2)
    ours = load("andromeda", calibrate=False)(naco)
    assert np.corrcoef(ours[compared], moved[compared])[0, 1] > 0.95
