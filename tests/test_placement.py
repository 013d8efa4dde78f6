"""Where companions are put and how bright they are."""

from collections import Counter
from itertools import islice

import numpy as np
import pytest

from exobench.challenge.draws import latin_draws
from exobench.datasets.errors import RecipeError
from exobench.datasets.geometry import to_yx
from exobench.datasets.limit_curve import LimitCurve, combined_limit
from exobench.datasets.placement import Draw, Ground, draw_places, offset_at
from exobench.datasets.strata import Stratum

FWHM = LOD = 4.0
SHAPE = (161, 161)
RADII = np.linspace(10.0, 74.0, 9)


def limit_of(radii=RADII, flux=None):
    return LimitCurve(radii_px=radii, flux=1e3 * radii**-2.0 if flux is None else flux)


def strata_of(lod):
    names = [f"{low}-{high} lambda/D" for low, high in ((0, 3), (3, 6), (6, 10), (10, "inf"))]
    edges = [0, 3 * lod, 6 * lod, 10 * lod, np.inf]
    return tuple(Stratum(*s) for s in zip(names, edges, edges[1:], strict=False))


def ground(limit=None, lod=LOD):
    return Ground(
        limit=limit or limit_of(),
        strata=strata_of(lod),
        lambda_over_d_px=lod,
        fwhm=FWHM,
        shape=SHAPE,
    )


def draws(n, seed=0):
    return list(islice(latin_draws(np.random.default_rng(seed)), n))


def draw(n=4, seed=0, limit=None, visible=False):
    rng = np.random.default_rng([seed, 1])
    return draw_places(ground(limit), draws(n - visible, seed), visible=visible, rng=rng)


@pytest.fixture(scope="module")
def many():
    """Places of 300 sequences of 4 companions."""
    rng, dealt = np.random.default_rng(0), draws(1200)
    return [
        draw_places(ground(), dealt[i : i + 4], visible=False, rng=rng) for i in range(0, 1200, 4)
    ]


def offset(place, limit):
    return -2.5 * np.log10(place.mean_flux / limit.at(place.radius_px))


def test_the_limit_between_radii_is_a_power_of_its_neighbours():
    limit = limit_of(np.array([10.0, 20.0, 30.0]), np.array([8.0, 2.0, 1.0]))
    assert limit.at(10) == pytest.approx(8)
    assert limit.at(15) == pytest.approx(4)
    assert limit.at(25) == pytest.approx(np.sqrt(2))
    assert limit.at(30) == pytest.approx(1)


def test_beside_a_radius_without_limit_there_is_none():
    limit = limit_of(np.array([10.0, 20.0, 30.0, 40.0]), np.array([np.inf, 2.0, 1.0, 1.0]))
    assert limit.at(15) == np.inf
    assert limit.at(25) < np.inf
    assert limit.ranges() == [(20.0, 40.0)]


def test_the_limit_of_three_families_is_their_median_and_of_two_their_mean_magnitude():
    curves = [limit_of(flux=np.full(RADII.size, flux)) for flux in (1.0, 4.0, 64.0)]
    assert combined_limit(curves).flux == pytest.approx(np.full(RADII.size, 4.0))
    assert combined_limit(curves[:2]).flux == pytest.approx(np.full(RADII.size, 2.0))


def test_where_most_families_reach_no_limit_there_is_none():
    finite, infinite = np.ones(RADII.size), np.full(RADII.size, np.inf)
    two = combined_limit([limit_of(flux=finite), limit_of(flux=infinite)])
    assert np.isinf(two.flux).all()
    three = combined_limit([limit_of(flux=f) for f in (finite, finite, infinite)])
    assert three.flux == pytest.approx(finite)


def test_a_fifth_is_bright_three_fifths_middle_and_a_fifth_faint(many):
    strata = Counter(place.stratum for places in many for place in places)
    shares = {name: count / strata.total() for name, count in strata.items()}
    assert shares == pytest.approx({"bright": 0.2, "middle": 0.6, "faint": 0.2}, abs=0.04)


@pytest.mark.parametrize(
    ("stratum", "low", "high"),
    [("bright", -1.5, -0.75), ("middle", -0.75, 0.75), ("faint", 0.75, 1.75)],
)
def test_offsets_from_the_limit_fill_the_range_of_their_stratum(many, stratum, low, high):
    limit = limit_of()
    offsets = [offset(p, limit) for places in many for p in places if p.stratum == stratum]
    assert low <= min(offsets) < low + 0.05
    assert high - 0.05 < max(offsets) <= high
    assert np.mean(offsets) == pytest.approx((low + high) / 2, abs=0.06)


def test_separations_come_in_equal_counts_over_the_strata_that_have_room(many):
    # 4 FWHM from the star is where the curve begins: 2.5 lambda/D, so that four strata have
    # 2, 12, 16 and 34 px of room, and the first, below 1 FWHM, gets none.
    lod = np.array([[p.radius_px / LOD for p in places] for places in many])
    counts = [((low <= lod) & (lod < high)).sum() for low, high in ((3, 6), (6, 10), (10, 99))]
    assert counts == pytest.approx([400, 400, 400], abs=30)
    per_sequence = np.stack([np.histogram(row, bins=[3, 6, 10, 99])[0] for row in lod])
    assert per_sequence.min() == 1  # dealt round, not drawn
    assert per_sequence.max() == 2


def test_strata_without_room_are_left_out_and_named():
    assert ground().left_out() == ("0-3 lambda/D",)
    near = limit_of(np.array([6.0, 11.0, 30.0]))
    assert ground(near).left_out() == ("10-inf lambda/D",)


def test_a_companion_stands_in_the_stratum_that_it_was_dealt_and_is_named_so(many):
    for place in (p for places in many for p in places):
        low, high = place.separation_stratum.removesuffix(" lambda/D").split("-")
        assert float(low) <= place.radius_px / LOD < float(high)


def test_ranks_count_from_the_star_over_the_strata_that_are_offered():
    dealt = [Draw(ranks=(0, 0, rank, 0), offset=0.5, spectrum=0) for rank in (0, 1, 2)]
    places = draw_places(ground(), dealt, visible=False, rng=np.random.default_rng(0))
    assert [p.separation_stratum for p in places] == [
        "3-6 lambda/D",
        "6-10 lambda/D",
        "10-inf lambda/D",
    ]


@pytest.mark.parametrize(
    ("quantile", "expected"),
    [
        (0.0, ("bright", -1.5)),
        (0.1, ("bright", -1.125)),
        (0.2, ("middle", -0.75)),
        (0.5, ("middle", 0.0)),
        (0.8, ("faint", 0.75)),
        (0.9, ("faint", 1.25)),
        (1 - 1e-12, ("faint", 1.75)),
    ],
)
def test_quantiles_of_the_offset_are_a_fifth_bright_three_middle_and_one_faint(quantile, expected):
    stratum, magnitudes = offset_at(quantile)
    assert stratum == expected[0]
    assert magnitudes == pytest.approx(expected[1])


def test_radii_are_uniform_within_a_stratum_and_azimuths_around_the_star(many):
    outer = np.array([p.radius_px for places in many for p in places if p.radius_px > 10 * LOD])
    assert np.histogram(outer, bins=3, range=(40, 74))[0] / outer.size == pytest.approx(
        np.full(3, 1 / 3), abs=0.08
    )
    theta = np.array([p.theta for places in many for p in places])
    assert np.histogram(theta, bins=4, range=(0, 360))[0] / theta.size == pytest.approx(
        np.full(4, 1 / 4), abs=0.04
    )


def test_companions_stand_three_fwhm_apart_where_the_limit_is_known(many):
    for places in many:
        yx = np.array([(p.y, p.x) for p in places])
        distances = np.hypot(*(yx[:, None] - yx[None]).T)[np.triu_indices(len(yx), 1)]
        assert distances.min() >= 3 * FWHM
        assert all(RADII[0] <= p.radius_px <= RADII[-1] for p in places)


def test_positions_are_those_of_radius_and_azimuth(many):
    for place in many[0]:
        assert (place.y, place.x) == pytest.approx(to_yx(place.radius_px, place.theta, SHAPE))


def test_flux_depends_on_separation_and_stratum_only():
    here, brighter = limit_of(), limit_of(flux=7e3 * RADII**-2.0)
    for a, b in zip(draw(seed=5, limit=here), draw(seed=5, limit=brighter), strict=True):
        assert (a.radius_px, a.theta, a.stratum) == (b.radius_px, b.theta, b.stratum)
        assert b.mean_flux == pytest.approx(7 * a.mean_flux)


def test_the_visible_companion_is_ten_times_the_limit_at_6_to_10_lambda_over_d():
    for seed in range(30):
        visible, *others = draw(n=3, seed=seed, visible=True)
        assert visible.stratum == "visible"
        assert 6 * LOD <= visible.radius_px <= 10 * LOD
        assert visible.mean_flux == pytest.approx(10 * limit_of().at(visible.radius_px))
        assert len(others) == 2
        assert "visible" not in {p.stratum for p in others}


def test_no_room_for_the_visible_companion_is_said():
    with pytest.raises(RecipeError, match=r"no room for the visible .* 6 and 10 lambda/D"):
        draw(n=1, visible=True, limit=limit_of(np.array([10.0, 20.0])))


def test_more_companions_than_fit_are_refused():
    narrow = limit_of(np.array([12.0, 16.5]))
    with pytest.raises(RecipeError, match=r"no room for 9 companions 3 FWHM apart; ask for fewer"):
        draw(n=9, limit=narrow)


def test_a_crowd_that_fits_is_arranged_even_if_the_first_tries_do_not_fit():
    # A ring of radius 12 to 16.5 px holds six or seven at a distance of 12 px.
    narrow = limit_of(np.array([12.0, 16.5]))
    assert all(len(draw(n=5, seed=seed, limit=narrow)) == 5 for seed in range(20))


def test_where_the_references_find_nothing_there_is_no_companion():
    blind = limit_of(flux=np.full(RADII.size, np.inf))
    assert draw(limit=blind) == []
    assert len(ground(blind).left_out()) == 4
    half = limit_of(flux=np.where(RADII < 40, np.inf, 1.0))
    assert all(p.radius_px >= 42 for seed in range(20) for p in draw(seed=seed, limit=half))


def test_the_same_seed_gives_the_same_places():
    assert draw(seed=3) == draw(seed=3)
    assert draw(seed=3) != draw(seed=4)
