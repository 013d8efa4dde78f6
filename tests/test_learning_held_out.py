"""What held-out sectors say: only of themselves, and with calibrations of the other half."""

import json

import numpy as np
import pytest

from exobench.baselines.learning.held_out import (
    HeldOut,
    PartHeldOut,
    _inside,
    _sectors,
    reliability,
    with_threshold,
)
from exobench.baselines.learning.judgement.calibration import Calibration
from exobench.baselines.learning.judgement.thresholds import Threshold
from exobench.baselines.learning.samples.splits import Sectors
from exobench.datasets import simulate
from exobench.datasets.errors import InputError
from exobench.datasets.geometry import frame_centre


def part_held_out(rng, n_blank=1500, n_validation=700, overconfidence=2.0):
    """Logits of a network that is too sure of itself, in two halves of a sector."""
    n = n_validation + n_blank
    labels = np.zeros(n, int)
    labels[: n_validation // 2] = 1
    return PartHeldOut(
        labels=labels,
        logits=overconfidence * (2.0 * (2 * labels - 1) + 2.0 * rng.normal(size=n)),
        radius=rng.uniform(5, 40, n),
        half=rng.integers(2, size=n),
        is_map=np.arange(n) >= n_validation,
    )


def held(*parts):
    return HeldOut(
        significance=np.zeros((9, 9)),
        judged=np.ones((9, 9), bool),
        share=0.3,
        fwhm=3.0,
        parts=parts,
    )


@pytest.mark.parametrize("seed", range(3))
def test_calibration_is_small_and_a_third_of_what_it_was_on_the_half_it_has_not_seen(seed):
    rng = np.random.default_rng(seed)
    found = reliability(held(part_held_out(rng), part_held_out(rng)), rng)
    assert found.prevalence == pytest.approx(0.05, abs=0.003)
    assert found.labels.size > 2500
    before, after = found.errors
    assert after <= 0.03
    assert after <= before / 3


def test_a_half_says_nothing_of_the_other_one():
    rng = np.random.default_rng(0)
    one = part_held_out(rng)
    # The halves contradict each other: calibrated by the other one, either is wrong.
    shift = np.where(one.half == 0, 6.0, -6.0)
    torn = PartHeldOut(
        labels=one.labels,
        logits=one.logits + shift,
        radius=one.radius,
        half=one.half,
        is_map=one.is_map,
    )
    assert reliability(held(torn), rng).errors[1] > 0.1


def test_too_few_samples_have_no_reliability():
    rng = np.random.default_rng(0)
    assert reliability(held(part_held_out(rng, n_blank=10)), rng) is None


def test_candidates_count_only_where_patches_were_held_out():
    shown = np.full((61, 61), np.nan)
    rng = np.random.default_rng(0)
    shown[:, :30] = rng.normal(size=(61, 30))
    shown[30, 28] = 99.0  # beyond the border of what is judged, and hides what is beside it
    judged = np.zeros(shown.shape, bool)
    judged[:, :26] = True
    found = HeldOut(significance=shown, judged=judged, share=0.3, fwhm=4.0, parts=())
    assert found.threshold(1.0).value < 10
    with pytest.raises(InputError, match="take larger frames"):
        HeldOut(significance=shown, judged=judged & False, share=0.3, fwhm=4.0, parts=()).threshold(
            1.0
        )


class Part:
    """What is read of a model."""

    def __init__(self, sectors, calibration=None):
        from dataclasses import asdict

        self.provenance = {"samples": {"sectors": json.dumps(asdict(sectors))}}
        self.calibration = calibration


def test_no_pixel_of_a_held_out_patch_lies_in_a_sector_of_the_training():
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=10, size=61)
    sectors = _sectors(Part(Sectors(start=77.0, shares=(0.6, 0.4, 0.0))), sequence)
    patch = 7
    inside = _inside(sectors, sequence, patch)
    assert inside.any()
    y, x = np.nonzero(inside)
    across = np.arange(patch) - patch // 2
    cy, cx = frame_centre(sequence.shape)
    shape = (y.size, patch, patch)
    pixels_y = np.broadcast_to(y[:, None, None] + across[:, None] - cy, shape)
    pixels_x = np.broadcast_to(x[:, None, None] + across - cx, shape)
    azimuth = np.rad2deg(np.arctan2(pixels_y, pixels_x))
    middle = (sequence.angles.min() + sequence.angles.max()) / 2
    after = (azimuth + middle - 77.0) % 360
    assert after.min() >= 0.6 * 360


def test_a_model_that_names_no_sectors_is_refused():
    sequence = simulate("irdis_like", rng=np.random.default_rng(0), n_frames=5, size=31)
    part = Part(Sectors())
    part.provenance = {}
    with pytest.raises(InputError, match="which sectors it was trained on"):
        _sectors(part, sequence)


def test_every_part_names_the_threshold_of_the_maps():
    from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
    from exobench.baselines.learning.networks.model_file import Detector, Model

    architecture = Architecture(kind="conv3d", n_ranks=4, patch=7)
    weights = initial_weights(architecture, np.random.default_rng(0))
    calibration = Calibration().to_dict()
    one = Model(architecture=architecture, weights=weights, calibration=calibration)
    threshold = Threshold(value=3.5, wanted=1.0, count=1, n_maps=0.3)
    found = with_threshold(Detector(parts=(one, one), boundaries_px=(9.0,)), threshold)
    for part in found.parts:
        assert Calibration.from_dict(part.calibration).thresholds == (threshold,)
