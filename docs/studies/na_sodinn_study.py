"""Count false positives of SODINN and NA-SODINN by regime of the noise, for docs/learned_study.md.

    python docs/studies/na_sodinn_study.py run FILE [SEED...]
    python docs/studies/na_sodinn_study.py write FILE

Simulated sequences with speckles to 15 px and a background that rules beyond. Detectors are
trained on one and judge two others. FILE takes a line for every seed, 0 to 4 by default; each
takes some three minutes of one core. Needs the extra `torch`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter
from tables import write_table
from threadpoolctl import threadpool_limits

from exobench.baselines import load
from exobench.baselines.learning.detector import train_detector
from exobench.baselines.learning.judgement.meaning import Meaning
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.inputs import patch_settings
from exobench.baselines.learning.residuals.mlar import RingResiduals
from exobench.baselines.learning.residuals.rings import companion_at, rings
from exobench.baselines.learning.samples.samples import Batch
from exobench.datasets import simulate
from exobench.datasets.geometry import annulus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.baselines.learning.detector import Lessons
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.baselines.learning.residuals.patches import Patches
    from exobench.baselines.learning.residuals.rings import Ring
    from exobench.datasets.sequence import ImageSequence

PAGE = Path(__file__).parents[1] / "learned_study.md"
SEEDS = (0, 1, 2, 3, 4)
BOUNDARY_PX = 15.0
SAMPLES, COMPANIONS_PER_RING = 600, 80
FOUND = (0.5, 0.8, 0.9)
OPTIONS = {"n_ranks": 12, "epochs": 14, "device": "cpu"}
NOISE_ADAPTIVE = "na_sodinn"
SEEN = {"patches": {"snr_curve": False}, "patches and S/N curve": {}}  # by one network of SODINN
REGIMES = ("speckles", "background")


@dataclass(frozen=True)
class Sky:
    """Speckles with a background that scatters as much as what PCA leaves of them at 15 px."""

    seed: int

    @cached_property
    def level(self) -> float:
        """Of the background."""
        speckles = self._speckles(self.seed)
        left = load("pca", n_components=5).residuals(speckles)
        near = annulus(speckles.shape, BOUNDARY_PX - 2, BOUNDARY_PX + 2)
        return float(np.asarray(left)[..., near].std())

    def sequence(self, number: int) -> ImageSequence:
        """One of them: 0 to be trained on, others to be judged."""
        seed = self.seed + 100 * number
        speckles = self._speckles(seed)
        noise = np.random.default_rng(1000 + seed).normal(size=speckles.cube.shape)
        background = gaussian_filter(noise, (0, 0, 1, 1))
        cube = speckles.cube + self.level * background / background.std()
        return replace(speckles, cube=cube.astype(np.float32))

    def _speckles(self, seed: int) -> ImageSequence:
        return simulate("irdis_like", rng=np.random.default_rng(seed), n_frames=40, size=61)


def main() -> None:
    """Run, or write the table."""
    match sys.argv[1:]:
        case ["run", file, *seeds]:
            with threadpool_limits(1), Path(file).open("a", encoding="utf-8") as out:
                for seed in map(int, seeds or SEEDS):
                    out.write(json.dumps(measured(seed)) + "\n")
                    out.flush()
        case ["write", file]:
            write_table(PAGE, "na_sodinn", table(Path(file)))
        case _:
            sys.exit(__doc__)


def measured(seed: int) -> dict[str, list[list[float]]]:
    """By method and regime: the share of blank pixels above what finds each share of `FOUND`."""
    sky = Sky(seed)
    train = sky.sequence(0)
    made = {name: trained(lessons(name, train, seed), train) for name in (NOISE_ADAPTIVE, *SEEN)}
    samples = json.loads(made["patches"].parts[0].provenance["samples"]["rings"])
    fluxes = [(one["ring"]["inner"], one["fluxes"]) for one in samples]
    boundary = made[NOISE_ADAPTIVE].boundaries_px[0]
    rng = np.random.default_rng(seed + 7)
    values: dict[str, tuple[Any, Any]] = {name: ([[], []], [[], []]) for name in made}
    for number in (1, 2):
        sequence = sky.sequence(number)
        for ring, blank, bright in looked_at(sequence, made["patches"], fluxes, rng):
            where = int(ring.middle >= boundary)
            for name, detector in made.items():
                for kind, patches in zip(values[name], (blank, bright), strict=True):
                    kind[where] += [said(detector, ring, one) for one in patches]
    return {
        name: [
            false_positive_rates(*(np.concatenate(kind[where]) for kind in kinds))
            for where in range(len(REGIMES))
        ]
        for name, kinds in values.items()
    }


def lessons(name: str, train: ImageSequence, seed: int) -> Lessons:
    """How a method is taught; NA-SODINN with the boundary that the noise was made with."""
    options = OPTIONS | SEEN.get(name, {}) | {"seed": seed}
    if name != NOISE_ADAPTIVE:  # as many samples as both networks of the other together
        return load("sodinn", samples=2 * SAMPLES, **options).lessons(train)
    whole = load("sodinn", samples=SAMPLES, **options).lessons(train)
    (recipe,) = whole.recipes
    around = rings(train, recipe.settings(train).patch)
    ends = [one.inner for one in around[1:]]
    boundary = min(ends, key=lambda inner: abs(inner - BOUNDARY_PX))
    areas = ((0.0, boundary), (boundary, None))
    return replace(whole, recipes=tuple(replace(recipe, radii_px=one) for one in areas))


def trained(taught: Lessons, train: ImageSequence) -> Detector:
    """The detector of some lessons."""
    with TemporaryDirectory() as folder:
        return train_detector(train, taught, Path(folder))[0]


def looked_at(
    sequence: ImageSequence,
    detector: Detector,
    fluxes: list[tuple[float, dict[str, float]]],
    rng: np.random.Generator,
) -> Iterator[tuple[Ring, list[Patches], list[Patches]]]:
    """Rings that were trained in, with all their blank patches and some with companions."""
    settings = patch_settings(detector.parts[0])
    for ring in rings(sequence, settings.patch):
        known = [one for inner, one in fluxes if abs(inner - ring.inner) < 0.5]
        if not known:
            continue
        residuals = RingResiduals(sequence, ring, settings)
        places = ring.positions(COMPANIONS_PER_RING, rng, sequence.shape)
        bright = [
            residuals.positives(
                companion_at(sequence, yx, float(rng.uniform(known[0]["low"], known[0]["high"])))
            )
            for yx in places
        ]
        yield ring, [patches for _, patches in residuals.map_patches()], bright


def said(detector: Detector, ring: Ring, patches: Patches) -> np.ndarray:
    """Significances of patches."""
    part = detector.part_at(ring.middle)
    labels = np.zeros(len(patches.snr), dtype=np.int8)
    batch = Batch.of(patches.stacks, patches.snr, labels, part.architecture.normalisation)
    meaning = Meaning.from_dict(part.calibration)
    return meaning.values(logits(part, [batch], device="cpu"), "significance")


def false_positive_rates(blank: np.ndarray, bright: np.ndarray) -> list[float]:
    """Shares of blank values that reach what some shares of the bright ones do."""
    return [float((blank >= np.quantile(bright, 1 - share)).mean()) for share in FOUND]


def table(file: Path) -> str:
    """In Markdown: mean rates over the seeds, and the ratio of the two methods."""
    seeds = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    head = ["regime", "sodinn sees", "na_sodinn", "sodinn", "ratio", "by seed"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    at = FOUND.index(0.8)
    for where, regime in enumerate(REGIMES):
        for seen in SEEN:
            mine, theirs = (
                np.array([one[name][where][at] for one in seeds]) for name in (NOISE_ADAPTIVE, seen)
            )
            each = ", ".join(f"{a:.3f} : {b:.3f}" for a, b in zip(mine, theirs, strict=True))
            rates = f"{mine.mean():.3f} | {theirs.mean():.3f} | {mine.mean() / theirs.mean():.2f}"
            lines.append(f"| {regime} | {seen} | {rates} | {each} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
