"""Fixtures that many tests share."""

import hashlib
import json
import os
import signal
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def pytest_addoption(parser):
    """Options of a run in parts, as `.ci/run` does it: without the extras, then with all."""
    group = parser.getgroup("exobench")
    group.addoption("--passed", metavar="FILE", help="write to FILE which tests passed")
    group.addoption(
        "--without",
        metavar="FILE",
        action="append",
        default=[],
        help="leave out what FILE says has passed, but for tests marked `extras`; may be repeated",
    )


class Passed:
    """Writes down which tests passed, those of all workers."""

    def __init__(self, file):
        self.file, self.tests = Path(file), set()

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.tests.add(report.nodeid)

    def pytest_sessionfinish(self):
        self.file.write_text(json.dumps(sorted(self.tests)), encoding="utf-8")


def pytest_configure(config):
    # What a shell starts in the background ignores Ctrl-C, and so would the programs of tests.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    file = config.getoption("passed", None)  # none where this file is loaded late
    if file and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Passed(file))


def pytest_collection_modifyitems(config, items):
    files = [Path(file) for file in config.getoption("without", None) or ()]
    if files:
        passed = set().union(*(json.loads(file.read_text(encoding="utf-8")) for file in files))
        done = [i for i in items if i.nodeid in passed and not i.get_closest_marker("extras")]
        config.hook.pytest_deselected(items=done)
        left_out = set(done)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True, scope="session")
def not_waiting_for_the_disk():
    """Files of tests need not outlive a power cut: some thousand of them are not waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """Folder of the real sequences and PSFs."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real sequences (../shared/data) are not on this machine")
    return SHARED_DATA


@dataclass(frozen=True, kw_only=True)
class ToySequence:
    """A sequence of the toy challenge; companions as ``(y, x)``."""

    track: str = "adi"
    name: str
    shape: tuple[int, int] = (41, 41)
    companions: tuple[tuple[float, float], ...] = ()

    @property
    def public(self):
        instrument, _, identifier = self.name.rpartition("_")
        n_wavelengths = 1 if self.track == "adi" else 3
        path = f"{self.track}/{instrument}_cube_{identifier}.fits"
        return {
            "name": self.name,
            "instrument": instrument,
            "unit": self.name,
            "files": {"cube": {"path": path, "sha256": "0" * 64}},
            "shape": [n_wavelengths, 5, *self.shape],
            "fwhm": 4.0,
            "pixel_scale": 0.01,
            "wavelengths": [1.6] if self.track == "adi" else [1.0, 1.2, 1.6],
            "diameter": 8.0,
            "lambda_over_d_px": 4.0,
            "inner_radius_px": 5.0,
            "outer_radius_px": 17.0,
            "tolerance_fwhm": 1.0,
            "origin": "simulated",
        }

    @property
    def hidden(self):
        return {
            "companions": [
                {
                    "y": float(y),
                    "x": float(x),
                    "separation": 0.1,
                    "position_angle": 0.0,
                    "flux": 1.0,
                    "contrast": None,
                    "stratum": "bright",
                    "snr": {},
                }
                for y, x in self.companions
            ]
        }


TOY = (
    ToySequence(name="toy_odd_1", companions=((20.0, 32.0), (9.0, 20.0))),
    ToySequence(name="toy_even_2", shape=(40, 40)),
    ToySequence(track="adi_ifs", name="toy_ifs_1", companions=((30.0, 20.0),)),
)


class ToyChallenge:
    """A challenge folder written by hand: the rules, without any image sequence.

    Attributes
    ----------
    folder : Path
        Holds public and private.
    sequences : tuple of ToySequence
    """

    def __init__(self, folder, sequences=TOY, **manifest):
        from exobench.challenge.documents import write_json

        self.folder, self.sequences = folder, sequences
        private, public = folder / "private", folder / "public"
        truth = {
            "format": 1,
            "salt": "0" * 64,
            "metric_version": 1,
            "recipe": {},
            "secret": "0" * 64,
            "sequences": {s.name: s.hidden for s in sequences},
        }
        write_json(private / "truth.json", truth, mode=0o600)
        tracks = {
            track: {"sequences": [s.public for s in sequences if s.track == track]}
            for track in dict.fromkeys(s.track for s in sequences)
        }
        described = {
            "format": 1,
            "name": "toy",
            "kind": "practice",
            "exobench": "0.1.0",
            "metric_version": 1,
            "rank_by": "f1",
            "commitment": hashlib.sha256((private / "truth.json").read_bytes()).hexdigest(),
            "tracks": tracks,
        }
        write_json(public / "manifest.json", described | manifest)

    @property
    def public(self):
        """Public folder."""
        return self.folder / "public"

    @property
    def manifest(self):
        """As read from its file."""
        from exobench.challenge.manifest import read_manifest

        return read_manifest(self.folder)

    def maps(self, track="adi", found=1.0, seed=0):
        """Maps of Gaussian peaks of height 10 on weak noise; a fraction of them is there."""
        rng = np.random.default_rng(seed)
        maps = {}
        for sequence in self.sequences:
            if sequence.track == track:
                y, x = np.indices(sequence.shape)
                values = rng.uniform(-0.5, 0.5, sequence.shape)
                for cy, cx in sequence.companions:
                    peak = 10.0 * (rng.uniform() < found)
                    values += peak * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 5.8)
                maps[sequence.name] = values.astype(np.float32)
        return maps

    def archive(self, maps=None, threshold=5.0, **method):
        """Bytes of a submission; of all maps of track adi unless others are given."""
        from exobench.challenge.method import Method
        from exobench.challenge.submission import submission_bytes

        maps = self.maps() if maps is None else maps
        return submission_bytes(maps, threshold, Method(**method) if method else None)


@pytest.fixture(scope="session")
def toy_kit():
    """The classes of challenge and sequence, for fixtures that outlive a test."""
    return ToyChallenge, ToySequence


@pytest.fixture
def toy_challenge(tmp_path):
    """Two tracks; of adi one sequence with two companions and one, of even size, with none."""
    return ToyChallenge(tmp_path / "toy")


@pytest.fixture
def make_challenge(tmp_path):
    """Builds a toy challenge of the given sequences."""

    def make(*sequences, **manifest):
        return ToyChallenge(tmp_path / "made", sequences, **manifest)

    make.sequence = ToySequence
    return make


class PlainSky:
    """Sequences of 80 degrees of rotation and a Gaussian PSF, made of what a test puts in."""

    fwhm = 3.0

    def of(self, cube, rotation=80.0):
        """The sequence of frames of shape (n_frames, n_y, n_x)."""
        from exobench.datasets.psf import normalise_psf
        from exobench.datasets.sequence import ImageSequence

        y, x = np.indices((25, 25)) - 12
        psf = np.exp(-4 * np.log(2) * (x**2 + y**2) / self.fwhm**2)
        return ImageSequence(
            name="plain",
            cube=cube[np.newaxis],
            angles=np.linspace(-rotation / 2, rotation / 2, len(cube)),
            psf=normalise_psf(psf, self.fwhm).psf,
            fwhm=self.fwhm,
            pixel_scale=0.01,
        )

    def noise(self, shape, blur=0.0, seed=0, rotation=80.0):
        """Gaussian noise of unit variance, white in time, blurred over so many pixels."""
        rng = np.random.default_rng(seed)
        cube = gaussian_filter(rng.normal(size=shape), (0, blur, blur))
        return self.of(cube / cube.std(), rotation)

    def flickering(self, shape, speckles, seed=0):
        """Speckles that hold still and flicker slowly by 5 %, and white noise."""
        rng = np.random.default_rng(seed)
        patterns = gaussian_filter(rng.normal(size=(4, *shape[1:])), (0, 1, 1))
        strengths = 1 + 0.05 * gaussian_filter(rng.normal(size=(shape[0], 4)), (3, 0))
        return self.of(
            speckles * np.tensordot(strengths, patterns, axes=1) + rng.normal(size=shape)
        )

    def with_companion(self, sequence, y, x, flux):
        """The sequence with a companion on a pixel of the sky."""
        from exobench.datasets.geometry import to_polar
        from exobench.datasets.injection import inject
        from exobench.datasets.sequence import Companion

        radius, theta = to_polar(y, x, sequence.shape)
        separation = float(radius) * sequence.pixel_scale
        companion = Companion(separation=separation, position_angle=float(theta) - 90, flux=flux)
        return inject(sequence, [companion], smearing=1)

    def searched(self, sequence):
        """Pixels from 1.5 FWHM of the star to 1 FWHM from the edge."""
        from exobench.datasets.geometry import annulus, edge_distance

        outermost = edge_distance(sequence.shape) - self.fwhm
        return annulus(sequence.shape, 1.5 * self.fwhm, outermost)

    def shares_found(self, method, sequence, places, strength):
        """Shares of their flux found of companions of so many sigma, one at a time.

        They are at `places`, pairs of a radius and an angle from +x in degrees.
        """
        from exobench.datasets.geometry import to_yx

        blank, calibration = method.calibrated(sequence)
        shares = []
        for radius, theta in places:
            y, x = (int(np.rint(c)) for c in to_yx(radius, theta, sequence.shape))
            flux, where = strength * blank.sigma[y, x], np.zeros(sequence.shape, dtype=bool)
            where[y, x] = True
            injected = self.with_companion(sequence, y, x, flux)
            found = method.estimate_at(injected, where, calibration).flux[y, x]
            shares.append((found - blank.flux[y, x]) / flux)
        return np.array(shares)


@pytest.fixture(scope="session")
def sky():
    """Plain sequences of noise, and companions for them."""
    return PlainSky()


TOLD_CONTRASTS = ((1e-5, 2e-5, 3e-5), (4e-5, 4e-5, 4e-5))


@pytest.fixture
def told_challenge(tmp_path, toy_kit):
    """Makes a challenge that tells of two companions and one, in turn, in two sequences or more."""
    challenge, sequence = toy_kit

    @dataclass(frozen=True, kw_only=True)
    class Told(sequence):
        track: str = "adi_ifs"
        star_flux: tuple = (2.0, 2.0, 4.0)

        @property
        def public(self):
            told = {"n_companions": len(self.companions), "first_guess_px": 5.0}
            told["star_flux"] = None if self.star_flux is None else list(self.star_flux)
            return super().public | {"characterization": told}

        @property
        def hidden(self):
            companions = super().hidden["companions"]
            for one, contrast in zip(companions, TOLD_CONTRASTS, strict=False):
                star = (1.0,) * 3 if self.star_flux is None else self.star_flux
                one["flux"] = [c * s for c, s in zip(contrast, star, strict=True)]
                one["contrast"] = None if self.star_flux is None else list(contrast)
            return {"companions": companions}

    def make(n=2, kind="practice", **fields):
        places = (((20.0, 32.0), (9.0, 20.0)), ((30.0, 20.0),))
        return challenge(
            tmp_path / f"told{len(list(tmp_path.iterdir()))}",
            tuple(
                Told(name=f"toy_a_{i + 1}", companions=places[i % 2], **fields) for i in range(n)
            ),
            kind=kind,
        )

    return make


@pytest.fixture
def exobench(capsys):
    """Runs the program; returns its exit code, standard output and standard error."""

    def run(*arguments):
        from exobench.cli import main

        with pytest.raises(SystemExit) as done:
            main([str(one) for one in arguments])
        captured = capsys.readouterr()
        return done.value.code, captured.out, captured.err

    return run


class InProcess(Executor):
    """Does a task at once, in this process: an executor without the cost of workers."""

    def submit(self, task, /, *arguments, **keywords):
        future = Future()
        try:
            future.set_result(task(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="session")
def in_process():
    """An executor without workers."""
    return InProcess()


@pytest.fixture
def without_workers(monkeypatch, in_process):
    """Has the program do its work in this process, which spares the start of others."""
    from exobench.challenge import work

    monkeypatch.setattr(work, "local_workers", lambda workers: nullcontext(in_process))


SMALL_CONTEST = """
format = 1
name = "small-contest"
kind = "contest"
references = ["median", "pca"]
ifs_references = ["sdi_pca"]

[[sequences]]
track = "adi"
preset = "irdis_like"
count = 3
overrides = { n_frames = 8, size = 61, n_pupil = 40 }
companions = [1, 2]
blank_fraction = 0.34

[[sequences]]
track = "adi_ifs"
preset = "sphere_ifs_like"
overrides = { n_wavelengths = 3, n_frames = 6, size = 71 }
companions = [1, 1]
blank_fraction = 0.0
"""
SMALL_SECRET = hashlib.sha256(b"tests").hexdigest()


@dataclass(frozen=True, kw_only=True)
class BuiltContest:
    """A small contest that was really built, once for all tests: not to be changed."""

    folder: Path
    recipe: Path
    secret: Path

    def build(self, out, executor):
        """Build it again, elsewhere; returns the names in the order in which they were done."""
        from exobench.challenge.build import prepare_build, run_build
        from exobench.challenge.recipe import read_recipe

        recipe = read_recipe(self.recipe)
        return list(run_build(prepare_build(recipe, Path(), out, self.secret), executor))


@pytest.fixture(scope="session")
def contest(tmp_path_factory, in_process):
    """A built contest of three ADI sequences, one of them blank, and an IFS sequence."""
    folder = tmp_path_factory.mktemp("contest")
    recipe, secret = folder / "contest.toml", folder / "secret"
    recipe.write_text(SMALL_CONTEST)
    secret.write_text(SMALL_SECRET + "\n")
    made = BuiltContest(folder=folder / "built", recipe=recipe, secret=secret)
    made.build(made.folder, in_process)
    return made


@pytest.fixture(scope="session")
def bytes_of():
    """Function: the content of every file below a folder, by its path there."""

    def read(folder):
        files = (path for path in sorted(folder.rglob("*")) if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    return read
