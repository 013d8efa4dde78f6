"""Time from light to an observer's frames, beside the detector's noise alone."""

import numpy as np
import pytest
from scipy import ndimage

from exobench.datasets.simulator.background import BackgroundDrift
from exobench.datasets.simulator.camera import Camera, record
from exobench.datasets.simulator.crosstalk import Crosstalk
from exobench.datasets.simulator.detector import Detector
from exobench.datasets.simulator.registration import Registration
from exobench.datasets.simulator.stripes import ColumnStripes
from exobench.datasets.simulator.warm_pixels import WarmPixels

SHAPES = {"adi": (1, 252, 160, 160), "ifs": (39, 50, 160, 160)}
DETECTOR = Detector(star=3e7, background=400.0, read_noise=10.0)
CAMERAS = {
    "noise": Camera(detector=DETECTOR, exposure=28.0),
    "registration": Camera(
        detector=DETECTOR, exposure=28.0, registration=Registration(star_drift=0.3)
    ),
    "everything": Camera(
        detector=DETECTOR,
        exposure=28.0,
        background=BackgroundDrift(background_drift=0.01),
        stripes=ColumnStripes(stripe_rms=3.0),
        warm_pixels=WarmPixels(warm_fraction=0.001),
        crosstalk=Crosstalk(channel_crosstalk=0.05),
        registration=Registration(star_drift=0.3, recentring_error=0.1, lenslet_pitch=1.5),
    ),
}


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("kind", SHAPES)
def test_record(benchmark, kind, camera):
    image = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=SHAPES[kind][2:]), 2)
    light = np.broadcast_to(1e-3 * np.abs(image), SHAPES[kind]).astype(np.float32)

    def fresh():
        return (light.copy(), CAMERAS[camera], np.random.default_rng(1)), {}

    benchmark.pedantic(record, setup=fresh, rounds=2)
