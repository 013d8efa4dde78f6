"""Presets: what is there, what may be changed, what is refused."""

import tomllib
from importlib.resources import files

import numpy as np
import pytest

from exobench.datasets.errors import InputError
from exobench.datasets.simulator import load_preset, preset_names, simulate


def test_the_presets_load():
    assert preset_names() == (
        *("gpi_like", "irdis_like", "lmircam_like", "naco_like", "nirc2_like", "sphere_ifs_like"),
    )
    for name in preset_names():
        assert load_preset(name).name == name


def test_the_file_of_presets_says_its_format():
    text = files("exobench.datasets.simulator").joinpath("presets.toml").read_text("utf-8")
    assert tomllib.loads(text)["format"] == 1


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(InputError, match="no preset 'gpi'; there are gpi_like, irdis_like"):
        load_preset("gpi")


def test_an_unknown_parameter_is_answered_with_the_known_ones():
    with pytest.raises(InputError) as caught:
        load_preset("irdis_like", frames=60, sizes=100)
    first, second = caught.value.problems
    assert first.startswith("irdis_like: no parameter 'frames'; there are diameter,")
    assert "n_frames" in first
    assert "'sizes'" in second


def test_the_name_of_a_preset_is_no_parameter():
    with pytest.raises(InputError, match="no parameter 'name'"):
        load_preset("irdis_like", name="other")


def test_all_impossible_values_are_named_at_once():
    with pytest.raises(InputError) as caught:
        load_preset(
            "irdis_like",
            n_frames=0,
            size=10.5,
            r0=-1,
            pixel_scale=np.nan,
            jitter="much",
            declination=100,
            coronagraph="lyot",
        )
    assert caught.value.problems == (
        "irdis_like: coronagraph must be 'aplc', 'vortex', 'perfect' or 'none', got 'lyot'",
        "irdis_like: size must be a whole number of at least 8, got 10.5",
        "irdis_like: pixel_scale must be a finite number, positive, got nan",
        "irdis_like: n_frames must be a whole number of at least 1, got 0",
        "irdis_like: declination must be a finite number, between -90 and 90, got 100",
        "irdis_like: r0 must be a finite number, positive, got -1",
        "irdis_like: jitter must be a finite number, 0 or more, got 'much'",
    )


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"size": 400}, "lower the size or raise n_pupil"),
        ({"pixel_scale": 0.03, "size": 40}, "undersample lambda/D"),
        ({"n_frames": 100_000}, "lower n_frames or speckle_time, or raise the duration"),
        ({"ncpa_rms": (5.0, 5.0, 5.0)}, "as many of both"),
        ({"ncpa_rms": "many"}, "as many of both"),
        ({"ncpa_rms": ("few", "many")}, "as many of both"),
        ({"ncpa_rms": (5.0, np.nan)}, "as many of both"),
        ({"n_wavelengths": 5, "bandwidth": 0.0}, "several wavelengths need a bandwidth"),
        ({"psf_size": 30}, "psf_size must be odd, got 30"),
        ({"psf_size": 15}, r"ends amid its rings, 2.1 lambda/D .* psf_size must be at least 19"),
        ({"wavelength": 3.0}, r"a PSF of 31 pixels ends amid its rings, .* at least 35"),
        ({"waffle_rms": 5.0, "waffle_frequency": 40.0}, "at most n_pupil / 2 = 32, got 40"),
        ({"lyot_outer": 0.1}, "lyot_outer must lie between the obscuration and 1"),
    ],
)
def test_values_that_do_not_go_together_are_refused(overrides, problem):
    with pytest.raises(InputError, match=problem):
        load_preset("irdis_like", **overrides)


def test_fewer_frames_are_longer_ones():
    whole, short = load_preset("irdis_like"), load_preset("irdis_like", n_frames=63)
    assert short.observation.duration == whole.observation.duration
    assert short.observation.exposure == pytest.approx(4 * whole.observation.exposure)
    assert short.speckles_per_frame == pytest.approx(4 * whole.speckles_per_frame)


def test_channels_span_the_bandwidth():
    wavelengths = load_preset("sphere_ifs_like").sampling.wavelengths
    assert wavelengths.size == 39
    assert wavelengths[[0, 19, -1]] == pytest.approx([0.95, 1.15, 1.35])
    one = load_preset("sphere_ifs_like", n_wavelengths=1)
    assert one.sampling.wavelengths == pytest.approx([1.15])


def test_the_psf_of_every_preset_ends_in_the_dark():
    for name in preset_names():
        channels = min(load_preset(name).sampling.n_wavelengths, 2)
        fixed = {"n_frames": 1, "duration": 100.0, "size": 15, "n_wavelengths": channels}
        for image in simulate(name, rng=1, **fixed).psf:
            edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
            assert edge.mean() < 0.005 * image.max(), name
