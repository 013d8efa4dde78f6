"""Train detectors and put companions before them and annular PCA, for docs/learned_study.md.

    python docs/studies/learned_study.py run FOLDER ADI_40 NACO [ALGORITHM...]
    python docs/studies/learned_study.py write FOLDER

ADI_40 and NACO are as for zoo_campaign.py. ALGORITHM is a detector that is trained on each
sequence, with its options: ``'sodinn(samples=2000)'``; or one that does not learn, which is shown
the companions of the first of `LEARNED`. By default those of `LEARNED` and `OTHERS`. Models, and a
journal for each algorithm, are kept in FOLDER: a run that was stopped goes on. Needs the extra
`torch`; writing needs `leaderboard`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits
from zoo_campaign import Data, data_sets, keep

from exobench.baselines import learns, load
from exobench.baselines.learning.detector import train_detector
from exobench.baselines.learning.networks import model_file
from exobench.baselines.learning.residuals.flux_ranges import flux_range
from exobench.baselines.learning.residuals.patches import PatchSettings
from exobench.baselines.learning.residuals.rings import patch_side, rings
from exobench.baselines.learning.samples.splits import SPLITS, Sectors, reach_of
from exobench.challenge.campaigns.algorithms import Algorithm, read_algorithms, read_method
from exobench.challenge.campaigns.journal import BLANK, Journal
from exobench.challenge.campaigns.trial import false_positives
from exobench.challenge.campaigns.work import Runs, run
from exobench.challenge.costs import measured, metered
from exobench.challenge.references import reference_label
from exobench.datasets.geometry import annulus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exobench.baselines import Baseline
    from exobench.baselines.learning.networks.model_file import Detector
    from exobench.challenge.campaigns.journal import Key, Records
    from exobench.challenge.campaigns.plan import Injection
    from exobench.challenge.campaigns.sources import Source
    from exobench.datasets.sequence import ImageSequence

AGAINST = "annular_pca"
LEARNED = ("sodinn(samples=2000)", "sodinn(snr_curve=false, samples=2000)")
OTHERS = ("mean_snr", "paco")
PUBLISHED = "S/N 1-4"
_SNR = (1.0, 4.0)
_OFFSETS = ("middle", "faint")
_PLANNED = 6000  # places of a sequence, most of them in sectors that a network was trained on
_TOGETHER = 10
_SEED_OF_FLUXES = 1000
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How much of a data set a seed gets.

    Attributes
    ----------
    sequences : int
        The first so many.
    injections : int
        Into each, half of them about the limits, half at S/N 1 to 4.
    nights : int
        Blank maps of each; see `night`.
    """

    sequences: int
    injections: int
    nights: int


SHARES = {
    "naco": Share(sequences=1, injections=200, nights=4),
    "adi-40": Share(sequences=6, injections=40, nights=1),
}
SEEDS = (0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A detector for one sequence, and where companions may test it.

    Attributes
    ----------
    algorithm : Algorithm
    made : Detector
    """

    algorithm: Algorithm
    made: Detector

    def is_new(self, one: Injection) -> bool:
        """Whether the patch around a companion shares no pixel with those trained on."""
        part = self.made.part_at(one.radius_px)
        sectors = Sectors(**json.loads(part.provenance["samples"]["sectors"]))
        reach = reach_of(part.architecture.patch)
        split = sectors.split_of([one.radius_px], [one.theta], [1], reach)
        return int(split[0]) > SPLITS.index("train")


def main() -> None:
    """Run, or write the page."""
    match sys.argv[1:]:
        case ["run", folder, adi_40, naco, *chosen]:
            # A companion of the suite would be in class c-, of angles negated once more.
            data = data_sets(Path(folder), Path(adi_40), Path(naco), blank=True)
            with threadpool_limits(1):
                for line in run_all(data, chosen or (*LEARNED, *OTHERS)):
                    sys.stdout.write(f"{line}\n")
                    sys.stdout.flush()
        case ["write", folder]:
            from learned_study_page import write_page

            write_page(Path(folder))
        case _:
            sys.exit(__doc__)


def run_all(data: dict[str, Data], words: tuple[str, ...] | list[str]) -> Iterator[str]:
    """Do what is left, seed by seed; a line for each sequence in each."""
    for seed in SEEDS:
        for name, one in data.items():
            for source in one.sources[: SHARES[name].sequences]:
                for word in words:
                    added = run_one(one, source, word, seed, SHARES[name])
                    yield f"{name} {source.name} {word} seed {seed}: {added} runs added"


def run_one(data: Data, source: Source, word: str, seed: int, share: Share) -> int:
    """Runs of an algorithm on a sequence, and of PCA on the same companions; their number."""
    within = between_rings(source)
    learned = learns(read_method(word, ())[0])
    trained = detector(data.folder / "models", within, word if learned else LEARNED[0], seed)
    asked = trained.algorithm if learned else read_algorithms([word])[0]
    tests = [one for one in companions(data, within) if trained.is_new(one)]
    added = 0
    label = f"{label_of(word)} {seed}"
    for name, algorithm in ((AGAINST, Algorithm(name=AGAINST)), (label, asked)):
        journal = Journal(data.folder / name)
        (data.folder / name).mkdir(parents=True, exist_ok=True)
        done = journal.read().runs
        for records in work(within, algorithm, name, tests[: share.injections], share.nights, done):
            journal.add([(table, row | {"algorithm": name}) for table, row in records])
            added += 1
    return added


def work(
    source: Source,
    algorithm: Algorithm,
    label: str,
    tests: list[Injection],
    nights: int,
    done: set[Key],
) -> Iterator[Records]:
    """Records of what has not been done: blank maps of some nights, some companions at a time."""
    baseline = algorithm.load()
    for number in range(nights):
        name = night_name(source.name, number)
        if (label, name, BLANK) not in done:
            yield blank_records(baseline, night(source.read(), number, nights), name, source)
    left = [one for one in tests if (label, source.name, one.index) not in done]
    for start in range(0, len(left), _TOGETHER):
        yield run(
            Runs(
                source=source,
                algorithm=algorithm,
                injections=tuple(left[start : start + _TOGETHER]),
                with_blank=False,
                n_refilled=0,
            )
        )


def blank_records(
    baseline: Baseline, sequence: ImageSequence, name: str, source: Source
) -> Records:
    """False positives of a blank map, and what it took."""
    detections, cost = measured(baseline, sequence)
    assert source.radii_px is not None
    scored = annulus(sequence.shape, *source.radii_px)
    values = np.asarray(detections, dtype=np.float64)
    rows = [("false_positives", row) for row in false_positives(values, sequence, scored)]
    costs = ("costs", {"injection": BLANK, "path": "whole", **cost.model_dump()})
    return [(table, row | {"sequence": name}) for table, row in [*rows, costs]]


def night(sequence: ImageSequence, number: int, nights: int) -> ImageSequence:
    """The sequence with its angles moved on by a part of the frames, those at the end first.

    Frames, speckles and their components stay what they are; every frame is turned by another
    angle before the mean is taken, so that what is left of its speckles adds up anew.
    """
    return replace(sequence, angles=np.roll(sequence.angles, number * sequence.n_frames // nights))


def night_name(sequence: str, number: int) -> str:
    """The first one is the sequence itself."""
    return sequence if number == 0 else f"{sequence}, night {number + 1}"


@lru_cache(maxsize=1)
def between_rings(source: Source) -> Source:
    """The source, scored where whole patches fit: what is beyond a network gives no value to."""
    sequence = source.read()
    around = rings(sequence, patch_side(sequence.reference_fwhm))
    return source.model_copy(update={"radii_px": (around[0].inner, around[-1].outer)})


def companions(data: Data, source: Source) -> Iterator[Injection]:
    """Companions well inside the scored area, in turn about the limits and at S/N 1 to 4.

    Those about the limits are the middle and faint ones of a campaign.
    """
    assert source.radii_px is not None
    fwhm = source.read().reference_fwhm
    inner, outer = source.radii_px
    fluxes = published_fluxes(data, source)
    for one in data.plan(source, _PLANNED):
        if not inner + fwhm / 2 <= one.radius_px <= outer - fwhm / 2:
            continue
        if one.index // 3 % 2:  # three strata of separation take turns
            yield _published(one, fluxes)
        elif one.brightness in _OFFSETS:
            yield one


def published_fluxes(data: Data, source: Source) -> list[dict[str, float]]:
    """By ring: `outer` radius, and the fluxes of S/N 1 and 4 (`low`, `high`); measured once.

    As training sets have them: the best of annular PCA with as many components as explain 90,
    95 and 99 %, on average over the ring. The places that they are tried at are those of no
    training set.
    """
    path = data.folder / "room" / f"{source.name} fluxes.json"
    if not path.exists():
        sequence, rng = source.read(), np.random.default_rng(_SEED_OF_FLUXES)
        settings = PatchSettings(patch=patch_side(sequence.reference_fwhm))
        found = []
        for ring in rings(sequence, settings.patch):
            range_ = flux_range(sequence, ring, settings, rng, snr=_SNR)
            found.append({"outer": ring.outer, "low": range_.low, "high": range_.high})
        keep(path, json.dumps(found))
    return list(json.loads(path.read_text("utf-8")))


def snr_of(index: int) -> float:
    """Expected S/N, from 1 to 4, of a companion that is not drawn about the limits."""
    return float(_SNR[0] + index * _GOLDEN % 1 * (_SNR[1] - _SNR[0]))


def _published(one: Injection, fluxes: list[dict[str, float]]) -> Injection:
    """A companion at the same place, of the flux of its S/N in its ring."""
    ring = next(ring for ring in fluxes if one.radius_px < ring["outer"])
    share = (snr_of(one.index) - _SNR[0]) / (_SNR[1] - _SNR[0])
    flux = ring["low"] + share * (ring["high"] - ring["low"])
    offset = one.offset_mag + 2.5 * float(np.log10(one.flux / flux))
    return replace(one, brightness=PUBLISHED, offset_mag=offset, flux=flux)


def detector(folder: Path, source: Source, word: str, seed: int) -> Trained:
    """A detector trained on a sequence, once; its cost stands beside its model."""
    name, options = read_method(word, ())
    path = folder / f"{label_of(word)} {seed} {source.name}.safetensors"
    if not path.exists():
        _train(path, load(name, **options, seed=seed), source.read())
    algorithm = Algorithm(name=name, options=(("device", "cpu"), ("model", str(path))))
    return Trained(algorithm=algorithm, made=model_file.load(path))


def label_of(word: str) -> str:
    """How a detector is called in files and tables, however its options were written."""
    name, options = read_method(word, ())
    return reference_label({"name": name, **options})


def _train(path: Path, method: Any, sequence: ImageSequence) -> None:
    def trained() -> Any:
        with TemporaryDirectory() as folder:
            return train_detector(sequence, method.lessons(sequence), Path(folder))

    (made, how), cost = metered(method, trained, lambda result: None)
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "epochs": [len(one.history) for one in how],
        "validation_auc": [one.history[one.best_epoch - 1].validation_auc for one in how],
    }
    keep(path.with_suffix(".json"), json.dumps(cost.model_dump() | told))
    model_file.save(made, path)


if __name__ == "__main__":
    main()
