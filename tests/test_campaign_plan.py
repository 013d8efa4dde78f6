"""The companions of a campaign: even over separation, azimuth and flux, and the same for all."""

import numpy as np
import pytest

from exobench.challenge.campaigns.plan import planned_injections
from exobench.datasets.limit_curve import LimitCurve
from exobench.datasets.placement import OFFSETS, Ground
from exobench.datasets.strata import Stratum

FWHM = 4.0


def ground(limit=(10.0, 2.0, 1.0), strata=((0, 12), (12, 24), (24, np.inf))):
    return Ground(
        limit=LimitCurve(radii_px=np.array([8.0, 20.0, 40.0]), flux=np.array(limit)),
        strata=tuple(Stratum(f"{low}-{high}", low, high) for low, high in strata),
        lambda_over_d_px=4.0,
        fwhm=FWHM,
        shape=(101, 101),
    )


def column(injections, name):
    return np.array([getattr(one, name) for one in injections])


def test_more_companions_leave_the_first_as_they_are():
    assert (
        planned_injections(ground(), "a_1", 50, 1)
        == planned_injections(ground(), "a_1", 80, 1)[:50]
    )


def test_every_stratum_gets_as_many_and_holds_them():
    plan = planned_injections(ground(), "a_1", 99, 1)
    for stratum, (low, high) in zip(ground().strata, ((8, 12), (12, 24), (24, 40)), strict=True):
        here = [one for one in plan if one.separation_stratum == stratum.name]
        assert len(here) == 33
        assert low <= column(here, "radius_px").min() < low + 0.08 * (high - low)
        assert high - 0.08 * (high - low) < column(here, "radius_px").max() <= high


@pytest.mark.parametrize("n", [16, 50, 200])
def test_azimuths_separations_and_offsets_are_more_even_than_chance(n):
    one_stratum = ground(strata=((0, np.inf),))
    plan = planned_injections(one_stratum, "a_1", n, 3)
    for values in (column(plan, "theta") / 360, (column(plan, "radius_px") - 8) / 32):
        steps = np.diff(np.sort(values), prepend=0, append=1)
        assert steps.max() < 3 / n
    quarters = np.histogram2d(column(plan, "theta"), column(plan, "radius_px"), bins=2)[0]
    assert np.abs(quarters - n / 4).max() <= max(2, 0.06 * n)


def test_strata_of_brightness_have_their_shares_and_ranges():
    plan = planned_injections(ground(), "a_1", 300, 0)
    for name, (share, low, high) in OFFSETS.items():
        here = [one for one in plan if one.brightness == name]
        assert abs(len(here) / 300 - share) < 0.02
        offsets = column(here, "offset_mag")
        assert (offsets >= low).all()
        assert (offsets <= high).all()


def test_fluxes_are_that_many_magnitudes_from_the_limit():
    for one in planned_injections(ground(), "a_1", 30, 0):
        limit = np.exp(np.interp(one.radius_px, [8, 20, 40], np.log([10.0, 2.0, 1.0])))
        assert one.flux == pytest.approx(limit * 10 ** (-0.4 * one.offset_mag), rel=1e-12)


def test_position_and_position_angle_agree():
    for one in planned_injections(ground(), "a_1", 10, 0):
        angle = np.deg2rad(one.position_angle)
        east, north = -(one.x - 50), one.y - 50
        np.testing.assert_allclose(
            (east, north), one.radius_px * np.array([np.sin(angle), np.cos(angle)]), atol=1e-9
        )


def test_sequences_and_seeds_have_numbers_of_their_own():
    plans = [
        planned_injections(ground(), *who) for who in (("a_1", 9, 0), ("a_2", 9, 0), ("a_1", 9, 1))
    ]
    assert len({tuple(plan) for plan in plans}) == 3


def test_no_companion_stands_where_no_flux_reaches_the_limit():
    gap = ground(limit=(np.inf, 2.0, 1.0))
    plan = planned_injections(gap, "a_1", 40, 0)
    assert column(plan, "radius_px").min() >= 20
    assert {one.separation_stratum for one in plan} == {"12-24", "24-inf"}
    assert planned_injections(ground(limit=(np.inf,) * 3), "a_1", 40, 0) == ()
