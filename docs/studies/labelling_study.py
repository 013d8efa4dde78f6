"""Train networks on differently labelled samples, for docs/labelling_study.md.

    python docs/studies/labelling_study.py run FOLDER SEQUENCE [NAME...]
    python docs/studies/labelling_study.py write FOLDER

SEQUENCE is a real sequence in EIDC names; its angles are negated. NAME is one of
`CONFIGURATIONS`; by default all. Samples, and what each network says of the test companions and
the blank maps, are kept in FOLDER: a run that was stopped goes on with the next network. Less
than a minute of CPU time for each seed of a configuration. Needs the extra `torch`; writing needs
`leaderboard`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from labelling_field import Field, Test, of_pca, tests
from labelling_samples import N_PER_CLASS, samples
from threadpoolctl import threadpool_limits
from zoo_campaign import keep

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.model_file import Model
from exobench.baselines.learning.networks.training import TrainingSettings, area_under_roc
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import patch_side, rings
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.store import StoredData
from exobench.challenge.campaigns.sources import Said, find_sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from exobench.baselines.learning.networks.training import Trained
    from exobench.baselines.learning.samples.samples import Batch
    from exobench.baselines.learning.samples.store import SampleStore
    from exobench.datasets.sequence import ImageSequence

SEEDS = (0, 1)
USUAL = "S/N 1-3, negated, 20 ranks"
PCA, CURVE = "annular PCA", "mean of the S/N curve"
EPOCHS = 6
BATCH = 64  # patches that stay in the cache of a core


def recipe(**changes: Any) -> Recipe:
    """The usual one, with changes; shares of the sky are those of the study."""
    return Recipe(n_per_class=N_PER_CLASS, **changes)


CONFIGURATIONS = {
    USUAL: recipe(),
    "elsewhere": recipe(negatives="elsewhere"),
    "S/N 2-4": recipe(snr=(2, 4)),
    "S/N 1-5": recipe(snr=(1, 5)),
    "S/N 1-10": recipe(snr=(1, 10)),
    "5 ranks": recipe(n_ranks=5),
    "10 ranks": recipe(n_ranks=10),
}


def main() -> None:
    """Run, or write the page."""
    match sys.argv[1:]:
        case ["run", folder, sequence, *chosen]:
            with threadpool_limits(1):
                for line in run_all(Path(folder), read(Path(sequence)), chosen):
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()
        case ["write", folder]:
            from labelling_study_page import write_page

            write_page(Path(folder))
        case _:
            sys.exit(__doc__)


def read(path: Path) -> ImageSequence:
    """The sequence with its angles negated, so that real companions smear."""
    said = Said(wavelength=3.8, diameter=8.2, flip_angles=True)
    return find_sources(path, said, ())[0].read()


def run_all(folder: Path, sequence: ImageSequence, chosen: list[str]) -> Iterator[str]:
    """Do what is left, seed by seed; a line for each network."""
    import torch

    torch.set_num_threads(1)
    fields = partial(field_of, folder, sequence, kept_tests(folder, sequence))
    yield from controls(folder, fields(Recipe().n_ranks))
    for seed in SEEDS:
        for name in chosen or CONFIGURATIONS:
            path = told_path(folder, name, seed)
            if not path.exists():
                one = CONFIGURATIONS[name]
                told = run_one(folder, fields(one.n_ranks), one, seed)
                keep(path, json.dumps(told))
                yield f"{name}, seed {seed}: {told['cpu_seconds']:.0f} s of CPU time"


def kept_tests(folder: Path, sequence: ImageSequence) -> list[Test]:
    """The test companions, placed once."""
    path = folder / "tests.json"
    if not path.exists():
        keep(path, json.dumps([asdict(one) for one in tests(sequence)]))
    return [Test(**one) for one in json.loads(path.read_text("utf-8"))]


def field_of(folder: Path, sequence: ImageSequence, some: list[Test], n_ranks: int) -> Field:
    """What judges networks that see so many ranks."""
    settings = PatchSettings(patch=patch_side(sequence.reference_fwhm), n_ranks=n_ranks)
    return Field(sequence=sequence, tests=some, settings=settings, folder=folder / "field")


def told_path(folder: Path, name: str, seed: int) -> Path:
    """Of what is kept of a network."""
    return folder / "told" / f"{name.replace('/', '')} {seed}.json"


def controls(folder: Path, judge: Field) -> Iterator[str]:
    """What needs no training."""
    keep(folder / "share.json", json.dumps(judge.share_of("test")))
    methods = {PCA: of_pca, CURVE: lambda judge: judge.judged(lambda batch: batch.snr.mean(axis=1))}
    for name, method in methods.items():
        path = told_path(folder, name, 0)
        if not path.exists():
            keep(path, json.dumps(method(judge)))
            yield name


def run_one(folder: Path, judge: Field, one: Recipe, seed: int) -> dict[str, Any]:
    """A network, and what it says of companions, blank maps, and its own validation set."""
    begun = time.process_time()
    store = samples(folder, judge.sequence, one, seed)
    made = time.process_time()
    trained, model = learnt(store, seed)
    ended = time.process_time()

    def score(batch: Batch) -> NDArray[np.floating]:
        return logits(model, [batch], device="cpu", batch_size=BATCH)

    own = store.samples("validation")
    of_own = score(own.batch())
    return judge.judged(score) | {
        "sample_seconds": made - begun,
        "training_seconds": ended - made,
        "cpu_seconds": time.process_time() - begun,
        "best_epoch": trained.best_epoch,
        "validation_auc": area_under_roc(own.labels, of_own),
        "pixel_above_negative": above(judge, score, own.radius, own.labels, of_own),
    }


def learnt(store: SampleStore, seed: int) -> tuple[Trained, Model]:
    """A small network with the S/N curve, trained."""
    from exobench.baselines.learning.torch.training import train

    architecture = Architecture(
        kind="conv3d",
        n_ranks=store.n_ranks,
        patch=store.patch,
        filters=(8, 16),
        dense=64,
        snr_curve=True,
    )
    start = initial_weights(architecture, np.random.default_rng(seed))
    settings = TrainingSettings(epochs=EPOCHS, seed=seed, device="cpu")
    trained = train(architecture, start, StoredData(store=store), settings)
    return trained, Model(architecture=architecture, weights=trained.weights)


def above(
    judge: Field,
    score: Any,
    radius: NDArray[np.floating],
    labels: NDArray[np.integer],
    values: NDArray[np.floating],
) -> float:
    """Chance that a pixel of the blank map is given a higher value than a c- of its ring.

    Both of the validation sectors, mean over the rings; 0.5 if c- looks as the map does.
    """
    pixels, of_pixels = judge.validation_pixels(score)
    found = []
    for ring in rings(judge.sequence, judge.settings.patch):
        here = (pixels >= ring.inner) & (pixels < ring.outer)
        mine = (labels == 0) & (radius >= ring.inner) & (radius < ring.outer)
        both = np.concatenate([of_pixels[here], values[mine]])
        found.append(area_under_roc(np.arange(len(both)) < here.sum(), both))
    return float(np.mean([one for one in found if one is not None]))


if __name__ == "__main__":
    main()
