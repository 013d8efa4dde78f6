"""The flux at which a reference reaches 5 sigma, by separation."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.challenge.references import References
from exobench.datasets.geometry import to_polar, to_yx
from exobench.datasets.injection import inject
from exobench.datasets.limits import detection_limit, limit_on_all_channels
from exobench.datasets.probes import N_AZIMUTHS, Probes
from exobench.datasets.sequence import Companion, ImageSequence
from exobench.datasets.simulator import simulate

SIZE, FWHM = 61, 4.0
RADII = np.array([8.0, 16.0, 24.0])


def limit_of(sequence, reference, radii=RADII, guess=None):
    return detection_limit(probes_of(sequence, radii), reference, guess)


def probes_of(sequence, radii=RADII):
    spectra = np.ones((radii.size, sequence.n_wavelengths))
    return Probes(sequence=sequence, radii_px=radii, spectra=spectra)


def gaussian(size):
    y, x = np.indices((size, size)) - size // 2
    return np.exp(-4 * np.log(2) * (y**2 + x**2) / FWHM**2)


@pytest.fixture(scope="module")
def sequence():
    """White noise on a sky that does not turn, so that a probe stays where it is put."""
    psf = gaussian(21)
    y, x = np.indices(psf.shape) - 10
    psf /= psf[np.hypot(y, x) <= FWHM / 2].sum()
    rng = np.random.default_rng(0)
    return ImageSequence(
        name="toy_1",
        cube=rng.normal(0, 1e-3, (1, 8, SIZE, SIZE)),
        angles=np.zeros(8),
        psf=psf[np.newaxis],
        fwhm=FWHM,
        pixel_scale=0.01,
    )


class Analytic:
    """A reference whose significance is a known function of a probe's flux and place.

    It also counts its calls and remembers the brightest probe beside each that it was shown.
    """

    def __init__(self, sequence, significance):
        self.blank, self.significance = sequence, significance
        self.calls, self.brightest = 0, 0.0

    def __call__(self, sequence, yx):
        self.calls += 1
        light = (sequence.cube - self.blank.cube)[0, 0]
        self.brightest = max(self.brightest, float(light.max() / sequence.psf.max()))
        nearest = np.rint(yx).astype(int)
        # Peak of the probe over that of the same probe of flux 1.
        flux = light[tuple(nearest.T)] / (gaussian_at(yx - nearest) * sequence.psf.max())
        radius, theta = to_polar(*yx.T, sequence.shape)
        return self.significance(flux, radius, theta)


def gaussian_at(offset):
    return np.exp(-4 * np.log(2) * (offset**2).sum(axis=1) / FWHM**2)


@pytest.mark.parametrize("scale", [1e-4, 1e-2, 1.0])
def test_the_flux_of_5_sigma_is_found_where_significance_saturates(sequence, scale):
    # s = a f / (1 + b f) with a = 10 / (scale r) and b = 1 / scale: 5 sigma at a known flux.
    reference = Analytic(sequence, lambda f, r, _: 80 / r * (f / scale) / (1 + f / scale))
    limit = limit_of(sequence, reference)
    a = 80 / RADII
    expected = np.where(a > 5, scale * 5 / np.where(a > 5, a - 5, 1), np.inf)
    assert limit == pytest.approx(expected, rel=0.05)


def test_the_median_over_azimuths_counts(sequence):
    def lopsided(flux, radius, theta):
        del radius
        return flux / (0.01 * (1 + 0.4 * np.cos(np.deg2rad(theta))))

    limit = limit_of(sequence, Analytic(sequence, lopsided))
    assert limit == pytest.approx(np.full(3, 0.05), rel=0.06)


def test_a_radius_that_cannot_be_measured_has_no_limit(sequence):
    reference = Analytic(sequence, lambda f, r, _: np.where(r > 20, np.nan, f / 0.01))
    limit = limit_of(sequence, reference)
    assert np.isinf(limit).tolist() == [False, False, True]


def test_a_radius_where_no_flux_reaches_5_sigma_has_no_limit(sequence):
    reference = Analytic(sequence, lambda f, r, _: np.where(r < 10, 4 * f / (0.01 + f), f / 0.01))
    limit = limit_of(sequence, reference)
    assert np.isinf(limit).tolist() == [True, False, False]
    assert limit[1:] == pytest.approx([0.05, 0.05], rel=0.05)


def test_hopeless_radii_do_not_drive_the_probes_ever_brighter(sequence):
    reference = Analytic(sequence, lambda f, r, _: np.where(r < 10, 4 * f / (0.01 + f), f / 0.01))
    limit_of(sequence, reference)
    assert reference.brightest < 100 * 0.05


@pytest.mark.parametrize("scale", [1e-3, 1.0])
def test_the_number_of_reductions_is_bounded_by_8_rounds_of_the_azimuths(sequence, scale):
    reference = Analytic(sequence, lambda f, r, _: f / scale / (1 + 0.02 * f / scale))
    limit_of(sequence, reference)
    assert reference.calls % 6 == 0
    assert 1.5 * N_AZIMUTHS <= reference.calls <= 8 * N_AZIMUTHS


def test_from_a_limit_near_by_it_takes_a_round_and_a_half(sequence):
    reference = Analytic(sequence, lambda f, r, _: f / 0.01 / (1 + 0.02 * f / 0.01))
    far = limit_of(sequence, reference)
    reference.calls = 0
    near = limit_of(sequence, reference, guess=1.15 * far)
    assert near == pytest.approx(np.full(3, 0.05 / 0.9), rel=0.01)
    assert far == pytest.approx(near, rel=0.05)
    assert reference.calls == 1.5 * N_AZIMUTHS


def test_a_guess_that_is_infinite_is_none(sequence):
    reference = Analytic(sequence, lambda f, *_: f / 0.01)
    guess = np.array([np.inf, 0.05, np.inf])
    limit = limit_of(sequence, reference, guess=guess)
    assert limit == pytest.approx(np.full(3, 0.05), rel=0.05)


def test_azimuths_of_the_second_round_are_those_that_make_the_median(sequence):
    factor = 1 + 0.4 * np.random.default_rng(5).uniform(-1, 1, N_AZIMUTHS)

    def scattered(flux, radius, theta):
        # The azimuths of a radius are 30 degrees apart, the first at the golden angle times i.
        first = 180 * (3 - np.sqrt(5)) * np.rint((radius - 8) / 8)
        number = np.rint((theta - first) / 30).astype(int) % N_AZIMUTHS
        return factor[number] * flux / 0.01

    limit = limit_of(sequence, Analytic(sequence, scattered))
    assert limit == pytest.approx(np.full(3, 0.05 / np.median(factor)), rel=0.02)


def test_a_curve_that_ends_before_5_sigma_is_not_extrapolated_to_it(sequence):
    # Two trials, at 4.7 and 4.85, seem to lead there; further on it stays at 4.85.
    reference = Analytic(sequence, lambda f, *_: np.minimum(3 * (f / 0.01) ** 0.3, 4.85))
    guess = np.full(3, 0.01 * (4.7 / 3) ** (1 / 0.3))
    assert np.isinf(limit_of(sequence, reference, guess=guess)).all()


def saturating(at, highest):
    """Significance of a flux: linear at first, 5 where `at` says, towards `highest` at last."""
    linear = 5 / np.sqrt(1 - (5 / highest) ** 2)
    return lambda f, *_: linear * f / at / np.hypot(1, linear * f / at / highest)


def falling(at, brightest):
    """Significance that rises through 5, but falls beyond `brightest`, in units of `at`."""
    scale = 5 * (1 + brightest**-2)
    return lambda f, *_: scale * f / at / (1 + (f / at / brightest) ** 2)


@pytest.mark.parametrize("factor", [1 / 30, 30])
@pytest.mark.parametrize("curve", [saturating(0.05, 10), falling(0.05, 4)])
def test_the_limit_is_found_from_guesses_far_too_bright_and_too_faint(sequence, curve, factor):
    guess = np.full(3, 0.05 * factor)
    limit = limit_of(sequence, Analytic(sequence, curve), guess=guess)
    assert limit == pytest.approx(np.full(3, 0.05), rel=0.05)


def on_channels(sequence, significance):
    """Probes on all and on some of the channels, and a reference that knows which it sees."""
    everything = replace(
        sequence,
        cube=np.repeat(sequence.cube, 3, axis=0),
        psf=np.repeat(sequence.psf, 3, axis=0),
        fwhm=np.repeat(sequence.fwhm, 3),
    )
    probes = probes_of(everything)
    some = probes_of(everything.channels(np.array([1])))
    calls = []

    def reference(observed, yx):
        calls.append((observed.n_wavelengths, len(yx)))
        blank = everything if observed.n_wavelengths == 3 else some.sequence
        curve = significance[observed.n_wavelengths]
        return Analytic(blank, curve)(observed, yx)

    return probes, some, reference, calls


def test_limits_of_some_channels_are_taken_to_all_at_each_radius(sequence):
    # More channels help at the outer radii only, and by much.
    all_at = {8.0: 0.055, 16.0: 0.03, 24.0: 0.008}
    curves = {1: saturating(0.05, 12), 3: None}
    curves[3] = lambda f, r, _: np.array(
        [saturating(all_at[round(one)], 12)(flux) for flux, one in zip(f, r, strict=True)]
    )
    probes, some, reference, _ = on_channels(sequence, curves)
    limit = limit_on_all_channels(probes, some, reference, np.full(3, 0.05))
    assert limit == pytest.approx(list(all_at.values()), rel=0.08)


def test_the_scatter_of_places_does_not_enter_what_more_channels_bring(sequence):
    def scattered(gain):
        return lambda f, r, theta: gain * f / 0.01 * (1 + 0.5 * np.cos(np.deg2rad(3 * theta + r)))

    probes, some, reference, calls = on_channels(sequence, {1: scattered(1.0), 3: scattered(1.2)})
    limit = limit_on_all_channels(probes, some, reference, np.full(3, 0.05))
    assert limit == pytest.approx(np.full(3, 0.05 / 1.2), rel=0.02)
    assert [n for n, _ in calls] == [1] * 3 + [3] * 3


def test_only_radii_far_from_their_limit_are_checked_again(sequence):
    more = {1: saturating(0.05, 12), 3: None}
    more[3] = lambda f, r, _: np.where(r > 20, 2.0, 1.1) * f / 0.01
    probes, some, reference, calls = on_channels(sequence, more)
    limit_on_all_channels(probes, some, reference, np.full(3, 0.05))
    assert calls == [(1, 3)] * 3 + [(3, 3)] * 3 + [(3, 1)]


def test_a_limit_that_all_channels_do_not_bear_out_is_none(sequence):
    # Of a radius where nothing is found on all channels, and one where nothing is measured.
    curves = {1: lambda f, *_: f / 0.01, 3: None}
    curves[3] = lambda f, r, _: np.where(
        r < 10, 1.5 * f / np.hypot(f, 0.05), np.where(r < 20, np.nan, f / 0.01)
    )
    probes, some, reference, _ = on_channels(sequence, curves)
    limit = limit_on_all_channels(probes, some, reference, np.full(3, 0.05))
    assert np.isinf(limit).tolist() == [True, True, False]
    assert limit[2] == pytest.approx(0.05, rel=0.02)


def test_radii_without_a_limit_are_not_checked(sequence):
    probes, some, reference, calls = on_channels(sequence, {1: None, 3: None})
    assert np.isinf(limit_on_all_channels(probes, some, reference, np.full(3, np.inf))).all()
    assert calls == []


def test_probes_are_dimmed_by_what_the_coronagraph_lets_through(sequence):
    probes = Probes(sequence=sequence, radii_px=RADII, spectra=np.array([[0.5], [1.0], [1.0]]))
    reference = Analytic(sequence, lambda f, *_: f / 0.01)
    assert detection_limit(probes, reference) == pytest.approx([0.1, 0.05, 0.05], rel=0.02)


def test_radii_that_are_done_get_no_probe_any_more(sequence):
    seen = []

    def reference(observed, yx):
        seen.append(len(yx))
        return Analytic(sequence, lambda f, r, _: f / (1e-4 * 8 ** (r / 4)))(observed, yx)

    limit_of(sequence, reference)
    assert seen[0] == 3
    assert seen[-1] < 3


def test_probes_stand_apart_and_at_twelve_azimuths(sequence):
    places = []

    def reference(observed, yx):
        places.append(yx)
        return Analytic(sequence, lambda f, *_: f / 0.01)(observed, yx)

    limit_of(sequence, reference)
    first = np.stack(places[:N_AZIMUTHS])
    radius, theta = to_polar(first[..., 0], first[..., 1], (SIZE, SIZE))
    assert radius == pytest.approx(np.tile(RADII, (N_AZIMUTHS, 1)))
    steps = np.diff(np.sort(theta, axis=0), axis=0)
    assert steps == pytest.approx(np.full(steps.shape, 30.0))
    for yx in first:
        assert np.hypot(*(yx[:, None] - yx[None]).T)[np.triu_indices(3, 1)].min() >= 2 * FWHM


@pytest.mark.slow
@pytest.mark.parametrize("family", ["median", "pca"])
def test_probes_at_the_limit_reach_5_sigma_at_fresh_azimuths(family):
    blank = simulate("irdis_like", rng=3, n_frames=40, size=100)
    reference = References(choices=("median", "pca"))(blank)[family]
    radii = np.array([14.0, 24.0, 38.0])
    limit = limit_of(blank, reference, radii)
    for radius, flux in zip(radii, limit, strict=True):
        reached = []
        for theta in np.arange(36) * 10 + 4.5:
            y, x = to_yx(radius, theta, blank.shape)
            companion = Companion(
                separation=radius * blank.pixel_scale,
                position_angle=theta - 90,
                flux=float(flux),
            )
            reached.append(reference(inject(blank, [companion]), np.array([[y, x]])).item())
        assert np.median(reached) == pytest.approx(5, abs=0.5), (family, radius)
