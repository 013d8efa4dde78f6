"""The page that `exobench inspect --plot` draws."""

from dataclasses import replace

import numpy as np
import pytest

from exobench.datasets.files import read_sequence
from exobench.datasets.sequence import ImageSequence

pytest.importorskip("matplotlib", reason="needs the extra: pip install 'exobench[leaderboard]'")

from exobench.leaderboard import sequence_figure as sequence_figure_module
from exobench.leaderboard.quick_look import QuickLook, quick_look
from exobench.leaderboard.sequence_figure import sequence_figure


def sequence(**changes):
    r = np.hypot(*(np.indices((30, 40)) - np.reshape([15, 20], (2, 1, 1))))
    fields = {
        "name": "toy_1",
        "cube": np.broadcast_to(np.exp(-r / 6), (2, 5, 30, 40)),
        "angles": np.linspace(30, 90, 5),
        "psf": np.ones((2, 9, 9)),
        "fwhm": 3.0,
        "pixel_scale": 0.01,
        "wavelengths": [1.0, 1.2],
        "metadata": {"simulated": "yes"},
    }
    return ImageSequence(**(fields | changes))


def panels(figure):
    return {axes.get_title(loc="left").split(",")[0]: axes for axes in figure.axes}


@pytest.mark.slow
def test_a_real_sequence_is_drawn_with_its_panels(shared_data, tmp_path):
    real = read_sequence(shared_data / "naco_betapic")
    figure = sequence_figure(real)
    drawn = panels(figure)
    assert set(drawn) >= {
        *("mean frame", "temporal standard deviation", "PSF", "derotation angle"),
        *("residual", "significance"),
    }
    np.testing.assert_allclose(
        drawn["mean frame"].images[0].get_array(), real.cube[0].mean(axis=0), rtol=1e-5, atol=1e-4
    )
    np.testing.assert_allclose(drawn["derotation angle"].lines[0].get_ydata(), real.angles)
    figure.savefig(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000


def test_the_star_is_at_the_origin_in_arcsec_and_y_is_up():
    (image,) = panels(sequence_figure(sequence()))["mean frame"].images
    np.testing.assert_allclose(image.get_extent(), [-0.205, 0.195, -0.155, 0.145])
    assert image.origin == "lower"


def test_north_and_east_point_where_the_angles_say():
    # First angle 30: north stands at 90 - 30 = 60 degrees from +x; last angle 90: at 0, +x.
    axes = panels(sequence_figure(sequence()))["mean frame"]
    arrows = [one for one in axes.texts if getattr(one, "arrow_patch", None)]
    azimuths = [
        np.rad2deg(np.arctan2(tip[1] - foot[1], tip[0] - foot[0])) % 360
        for tip, foot in ((arrow.xy, arrow.get_position()) for arrow in arrows)
    ]
    np.testing.assert_allclose(azimuths, [60, 150, 0, 90], atol=1e-9)


def test_the_scale_bar_is_as_long_as_it_says():
    axes = panels(sequence_figure(sequence()))["mean frame"]
    bar = next(line for line in axes.lines if len(line.get_xdata()) == 2)
    label = next(text.get_text() for text in axes.texts if text.get_text().endswith('"'))
    assert np.ptp(bar.get_xdata()) == pytest.approx(float(label.rstrip('"')))


def test_the_title_names_the_channel_and_says_simulated():
    title = sequence_figure(sequence()).get_suptitle()
    assert title.startswith("toy_1\n5 frames of 40 × 30 px")
    assert "1.200 µm   ·   channel 2 of 2   ·   simulated" in title


@pytest.mark.parametrize(
    "changes",
    [
        {"cube": np.zeros((2, 5, 30, 40)), "angles": np.zeros(5)},
        {"cube": np.full((2, 1, 30, 40), -3.0), "angles": [0.0]},
        {"cube": np.ones((2, 5, 1, 1))},
        {"cube": np.ones((2, 5, 2, 2)), "pixel_scale": 1e-3},
        {
            "cube": np.random.default_rng(0).normal(size=(2, 5, 3, 3)),
            "psf": -np.ones((2, 9, 9)) + 1e-3 + 2 * np.eye(9),
        },
    ],
)
def test_odd_sequences_are_drawn_too(changes):
    figure = sequence_figure(sequence(**changes))
    figure.set_layout_engine("none")  # the same for all, and most of the time
    figure.draw_without_rendering()


def test_one_frame_has_no_deviation_and_is_one_frame():
    drawn = panels(figure := sequence_figure(sequence(cube=np.ones((2, 1, 30, 40)), angles=[0.0])))
    assert "temporal standard deviation" not in drawn
    assert "\n1 frame of 40 × 30 px" in figure.get_suptitle()


def test_every_image_says_its_unit():
    made, _ = source()
    figure = sequence_figure(made)
    units = [axes.get_ylabel() for axes in figure.axes if axes.get_label() == "<colorbar>"]
    assert sorted(units) == ["flux per px", *["units of the cube"] * 3, "σ"]


@pytest.mark.slow
def test_titles_stand_clear_of_one_another(monkeypatch):
    label = "SDI and PCA, 10 components, 200 bins"
    longest = QuickLook(residual=np.eye(9), significance=9 * np.eye(9), label=label)
    monkeypatch.setattr(sequence_figure_module, "quick_look", lambda _: longest)
    figure = sequence_figure(sequence(cube=np.random.default_rng(0).normal(size=(2, 5, 30, 40))))
    figure.draw_without_rendering()
    titles = [axes._left_title for title, axes in panels(figure).items() if title]
    boxes = [title.get_window_extent() for title in titles]
    assert len(boxes) == 6
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)


def test_the_figure_is_nobody_elses():
    assert sequence_figure(sequence()).canvas.manager is None


def source(position_angle=60.0, **changes):
    """Noise that stands still, a star's halo, and one companion at 12 px."""
    rng = np.random.default_rng(5)
    angles = changes.pop("angles", np.linspace(0, 70, 12))
    size = changes.pop("size", 61)
    rows, columns = np.indices((size, size)) - size // 2
    halo = np.exp(-np.hypot(rows, columns) / 8) + 0.02 * rng.normal(size=(size, size))
    azimuth = np.deg2rad(position_angle + 90 - angles)
    y, x = 12 * np.sin(azimuth), 12 * np.cos(azimuth)
    square = (rows - y[:, None, None]) ** 2 + (columns - x[:, None, None]) ** 2
    cube = halo + 0.05 * np.exp(-4 * np.log(2) * square / 9)
    cube += 1e-3 * rng.normal(size=cube.shape)
    stamp = np.exp(-4 * np.log(2) * (rows**2 + columns**2) / 9)
    half = size // 2
    fields = {
        "name": "toy_1",
        "cube": cube[np.newaxis],
        "angles": angles,
        "psf": stamp[np.newaxis, half - 10 : half + 11, half - 10 : half + 11],
        "fwhm": 3.0,
        "pixel_scale": 0.01,
    }
    return ImageSequence(**(fields | changes)), halo + 1e-3 * rng.normal(size=(8, size, size))


@pytest.mark.parametrize("size", [61, 60])
def test_a_companion_is_circled_where_it_stands_on_the_sky(size):
    made, _ = source(size=size)
    axes = panels(sequence_figure(made))["significance"]
    circle = axes.patches[0]
    # East is left: position angle 60 stands up and to the left.
    expected = 0.12 * np.array([-np.sin(np.deg2rad(60)), np.cos(np.deg2rad(60))])
    np.testing.assert_allclose(circle.get_center(), expected, atol=0.011)
    value = next(text for text in axes.texts if text.get_text()[:1].isdigit())
    from_centre = np.hypot(*(np.array(value.xy) - circle.get_center()))
    assert from_centre == pytest.approx(circle.get_radius())


def test_reference_frames_reduce_what_does_not_rotate():
    made, library = source(angles=np.zeros(12))
    assert quick_look(made) == "the field does not rotate"
    look = quick_look(replace(made, reference=library[np.newaxis]))
    assert look.label == "RDI, 4 components"
    y, x = np.unravel_index(np.nanargmax(look.significance), look.significance.shape)
    assert np.hypot(y - 36, x - (30 - 12 * np.sin(np.deg2rad(60)))) < 1.5


@pytest.mark.slow
def test_long_and_large_sequences_are_binned_and_cropped():
    rng = np.random.default_rng(0)
    for n in (220, 221):
        made = sequence(
            cube=rng.normal(size=(2, 3, n, n)),
            angles=np.linspace(0, 60, 3),
            reference=rng.normal(size=(2, 2, n, n)),
        )
        assert quick_look(made).residual.shape == (201, 201)
    long = sequence(cube=rng.normal(size=(2, 640, 21, 21)), angles=np.linspace(0, 60, 640))
    assert quick_look(long).label.endswith(", 160 bins")
