"""Figures of diagnostics: what is drawn is what was measured."""

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.datasets.errors import InputError
from exobench.leaderboard.diagnostic_axes import edges
from exobench.leaderboard.diagnostic_figures import (
    completeness_figure,
    contrast_figure,
    noise_regime_figure,
    quantile_figure,
    threshold_figure,
    true_positive_figure,
)
from exobench.scoring.diagnostics import (
    CompletenessCurve,
    ContrastCurve,
    LaplaceNoise,
    NoiseRegimes,
    Separations,
    TruePositiveMap,
    normal_quantiles,
    threshold_curve,
)

PX = np.array([4.0, 8.0, 12.0])
STAR = 1e5


def separations(lambda_over_d=True):
    return Separations(
        px=PX,
        arcsec=0.01 * PX,
        fwhm=PX / 4,
        lambda_over_d=PX / 3.5 if lambda_over_d else None,
    )


def contrast(star_flux=STAR, **keywords):
    return ContrastCurve(
        name="toy_1",
        separations=separations(star_flux is not None),
        sigma=5.0,
        fpf=2.9e-7,
        noise_model="Gaussian",
        throughput=np.array([0.1, 0.3, 0.4]),
        throughput_scatter=np.array([0.02, 0.02, 0.03]),
        noise=np.ones(3),
        n_noise=np.array([5, 11, 17]),
        threshold=np.array([57.0, 11.0, 8.0]),
        flux=np.array([np.inf, 40.0, 20.0]),
        large_sample_flux=np.array([100.0, 20.0, 12.0]),
        star_flux=star_flux,
    )


def completeness(star_flux=STAR, n=80):
    limits = np.geomspace(10, 100, n) * np.array([[4.0], [2.0], [1.0]])
    return CompletenessCurve(
        name="toy_1",
        criterion="above the first false positive",
        separations=separations(star_flux is not None),
        limits=limits,
        level=0.5,
        threshold=4.0,
        star_flux=star_flux,
    )


def regimes():
    return NoiseRegimes(
        name="toy_1",
        separations=separations(),
        labels=("1", "10"),
        p_values=np.array([[1e-30, 0.0, 0.3], [1e-5, 0.02, np.nan]]),
        combined=np.array([1e-9, 0.01, 0.5]),
        noise=np.array([[9.0, 3.0, 1.0], [3.0, 2.0, 1.0]]),
        p_least=0.01,
        boundary_px=6.0,
        crossover_px=5.0,
    )


def saved(figure):
    """Bytes of the file; drawing it turns up what would fail or warn."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=60)
    return file.getvalue()


def test_a_contrast_curve_is_drawn_in_magnitudes_the_faintest_below():
    figure = contrast_figure({"pca": contrast()}, completeness())
    upper, lower = figure.axes[:2]
    drawn = upper.lines[0].get_ydata()
    np.testing.assert_allclose(
        drawn, [np.nan, -2.5 * np.log10(40 / STAR), -2.5 * np.log10(20 / STAR)]
    )
    bottom, top = upper.get_ylim()
    assert bottom > top
    assert upper.get_ylabel() == "magnitudes below the star"
    assert lower.get_xlabel() == "separation [arcsec]"
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    assert labels[0] == "pca, 5σ, Gaussian noise"
    assert labels[-1] == "pca, found in 50% of 80 places"
    assert saved(figure).startswith(b"\x89PNG")


def test_without_the_flux_of_the_star_the_depth_is_a_flux_and_separations_are_in_fwhm():
    figure = contrast_figure({"pca": contrast(None)})
    upper = figure.axes[0]
    assert upper.get_yscale() == "log"
    assert "flux" in upper.get_ylabel()
    (second,) = upper.child_axes
    saved(figure)
    assert second.get_xlabel() == "separation [FWHM]"


def test_completeness_has_bands_where_there_are_places_enough():
    axes = completeness_figure(completeness(), (0.5, 0.95)).axes[0]
    assert len(axes.collections) == 2
    few = completeness_figure(completeness(n=4), (0.95,))
    assert saved(few)


@pytest.mark.slow
@pytest.mark.parametrize("star_flux", [STAR, None])
def test_a_map_shows_every_fraction_in_its_cell(star_flux):
    found = TruePositiveMap(
        name="toy_1",
        criterion="any",
        separations=separations(),
        fluxes=np.array([10.0, 100.0, 1000.0, 10000.0]),
        found=np.array([[0, 0, 1, 4], [0, 1, 4, 4], [1, 4, 4, 4]]),
        n_azimuths=4,
        threshold=np.full(3, 5.0),
        expected_false_positives=0.02,
        star_flux=star_flux,
    )
    figure = true_positive_figure(found)
    axes = figure.axes[0]
    (mesh,) = axes.collections
    np.testing.assert_allclose(mesh.get_array().reshape(4, 3), found.fraction.T)
    assert "0.02 false positives expected" in axes.get_title(loc="left")
    bottom, top = axes.get_ylim()
    assert (bottom > top) == (star_flux is not None)
    assert saved(figure)


def test_thresholds_of_both_noise_models_stand_above_five():
    curves = [
        threshold_curve(np.arange(1.0, 9.0)),
        threshold_curve(np.arange(1.0, 9.0), noise=LaplaceNoise(n_draws=50)),
    ]
    figure = threshold_figure(curves)
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[0].lines}
    assert (lines["Laplacian noise"] > lines["Gaussian noise"]).all()
    assert saved(figure)


def test_noise_regimes_mark_both_radii():
    figure = noise_regime_figure(regimes())
    upper, lower = figure.axes[:2]
    marked = {line.get_label(): line.get_xdata()[0] for line in upper.lines}
    assert marked == {
        "Gaussian from here": pytest.approx(0.06),
        "speckles = background": pytest.approx(0.05),
    }
    assert lower.get_yscale() == "log"
    assert saved(figure)


def test_quantiles_are_drawn_in_units_of_their_deviation():
    one = normal_quantiles(np.random.default_rng(0).normal(5, 3, 100))
    figure = quantile_figure({"ring": one})
    drawn = figure.axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(drawn, (one.ordered - one.intercept) / one.slope)
    assert saved(figure)


@pytest.mark.parametrize(
    "drawn",
    [
        lambda n: contrast_figure({str(k): contrast() for k in range(n)}),
        lambda n: completeness_figure(completeness(), np.linspace(0.1, 0.9, n)),
        lambda n: threshold_figure([threshold_curve([1.0, 2.0])] * n),
        lambda n: quantile_figure({str(k): normal_quantiles([1, 2, 4]) for k in range(n)}),
    ],
)
def test_no_curve_is_left_out_without_a_word(drawn):
    drawn(5)
    with pytest.raises(InputError, match="at most 5 curves apart, got 6"):
        drawn(6)


def test_a_single_place_is_called_so():
    axes = contrast_figure({"pca": contrast()}, completeness(n=1)).axes[0]
    assert axes.get_legend().get_texts()[-1].get_text() == "pca, found at the only place"
    alone = completeness_figure(completeness(n=1)).axes[0].get_legend().get_texts()
    assert [one.get_text() for one in alone] == ["found at the only place"]


def test_cells_meet_half_way_between_their_middles():
    np.testing.assert_allclose(edges(np.array([1.0, 2.0, 4.0])), [0.5, 1.5, 3.0, 5.0])
    np.testing.assert_allclose(edges(np.array([2.0])), [1.9, 2.1])
