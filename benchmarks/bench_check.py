"""Time of checking a submission: a good one of nine maps, and a bomb that is refused."""

import struct
import zlib

import numpy as np
import pytest

from exobench.challenge.manifest import Manifest
from exobench.challenge.submission import check_submission, submission_bytes

N_MAPS, SIZE = 9, 160


@pytest.fixture(scope="module")
def manifest():
    sequences = tuple(
        {
            "name": f"toy_{i}",
            "instrument": "toy",
            "unit": f"toy_{i}",
            "files": {},
            "shape": (1, 60, SIZE, SIZE),
            "fwhm": 4.0,
            "pixel_scale": 0.0123,
            "wavelengths": (1.6,),
            "diameter": 8.0,
            "lambda_over_d_px": 3.7,
            "inner_radius_px": 6.0,
            "outer_radius_px": 77.0,
            "tolerance_fwhm": 1.0,
            "origin": "simulated",
        }
        for i in range(N_MAPS)
    )
    return Manifest.model_validate(
        {
            "name": "bench",
            "kind": "practice",
            "exobench": "0",
            "metric_version": 1,
            "rank_by": "f1",
            "commitment": "",
            "tracks": {"adi": {"sequences": sequences}},
        }
    )


def test_check_nine_maps(benchmark, manifest):
    rng = np.random.default_rng(0)
    data = submission_bytes({f"toy_{i}": rng.normal(size=(SIZE, SIZE)) for i in range(N_MAPS)}, 3)
    assert benchmark(lambda: check_submission(data, manifest)).valid


def test_refuse_a_gibibyte_of_zeros(benchmark, manifest):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    stored, name = 1024 * block + packer.flush(), b"toy_detmap_1.fits"
    fixed = struct.pack("<5HL2L2H", 20, 0, 8, 0, 33, 0, len(stored), 1 << 30, len(name), 0)
    local = b"PK\x03\x04" + fixed + name + stored
    central = b"PK\x01\x02" + struct.pack("<H", 20) + fixed + struct.pack("<3H2L", 0, 0, 0, 0, 0)
    sizes = struct.pack("<4H2LH", 0, 0, 1, 1, len(central + name), len(local), 0)
    data = local + central + name + b"PK\x05\x06" + sizes
    verdict = benchmark(lambda: check_submission(data, manifest))
    assert "too_large" in {problem.code for problem in verdict.errors}
