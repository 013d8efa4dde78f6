"""Search for the hyper-parameters of a network that learns to find companions in a sequence.

Run it: python examples/tune.py                     (a small simulated sequence, minutes)
        python examples/tune.py FOLDER --flip-angles --trials 20 --storage sqlite:///tune.db

FOLDER holds one sequence in EIDC names. Needs Optuna and PyTorch: pip install optuna
'exobench[torch]'. Trials are chosen, and stopped early, by the validation sectors of the sky
alone. The sectors for testing are looked at once, at the end, by the defaults and the winner.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from exobench.baselines.learning.networks.architecture import Architecture, initial_weights
from exobench.baselines.learning.networks.inference import logits
from exobench.baselines.learning.networks.model_file import Model
from exobench.baselines.learning.networks.training import TrainingSettings
from exobench.baselines.learning.samples.augmentation import Augmentation
from exobench.baselines.learning.samples.drawn import drawn
from exobench.baselines.learning.samples.recipe import Recipe
from exobench.baselines.learning.samples.streams import of_size, shuffled
from exobench.datasets import read_sequence, simulate
from exobench.datasets.errors import InputError

try:
    import optuna

    from exobench.baselines.learning.torch.training import train
except ImportError as error:
    sys.exit(f"{error.name} is not installed: pip install optuna 'exobench[torch]'")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exobench.baselines.learning.networks.training import Progress
    from exobench.baselines.learning.samples.samples import Batch, Samples
    from exobench.datasets.sequence import ImageSequence

SHARES = (0.5, 0.2, 0.3)  # of the sky: for training, validation and test
MOST_FALSE = 0.1  # of class c-: what lies beyond says nothing about few false alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What is searched for, with the values that are tried first."""

    learning_rate: float = 0.003
    filters: int = 8
    dense: int = 64
    augmentation: float = 0.0
    epochs: int = 12


def suggested(trial: optuna.Trial) -> Network:
    """The network of a trial."""
    return Network(
        learning_rate=trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
        filters=trial.suggest_categorical("filters", [4, 8, 16, 24]),
        dense=trial.suggest_categorical("dense", [16, 32, 64, 128]),
        augmentation=trial.suggest_float("augmentation", 0, 1, step=0.25),
        epochs=trial.suggest_int("epochs", 4, 16, step=2),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Samples in memory, as a training takes them."""

    samples: Mapping[str, Samples]
    augmentation: Augmentation | None

    def train(self, rng: np.random.Generator) -> Iterator[Batch]:
        """The training set once, in an order that `rng` draws."""
        whole = self.samples["train"]
        pools = shuffled(iter([whole]), len(whole), rng, self.augmentation)
        return (part.batch() for part in of_size(pools, 64))

    def validation(self) -> Iterator[Batch]:
        """The validation set once."""
        return iter([self.samples["validation"].batch()])


def learnt(
    samples: Mapping[str, Samples],
    network: Network,
    seed: int,
    on_epoch: Callable[[Progress], None] | None = None,
) -> Model:
    """A network trained until its time is over, as it was after its best epoch."""
    some = samples["train"]
    architecture = Architecture(
        kind="conv3d",
        n_ranks=some.n_ranks,
        patch=some.patch,
        filters=(network.filters, 2 * network.filters),
        dense=network.dense,
        snr_curve=True,
    )
    share = network.augmentation
    trained = train(
        architecture,
        initial_weights(architecture, np.random.default_rng(seed)),
        Data(samples=samples, augmentation=Augmentation.of_share(share) if share else None),
        TrainingSettings(
            epochs=network.epochs, learning_rate=network.learning_rate, seed=seed, device="cpu"
        ),
        on_epoch=on_epoch,
    )
    return Model(architecture=architecture, weights=trained.weights)


def score(model: Model, samples: Samples) -> float:
    """Area under the ROC curve up to few false alarms; 0.5 is chance, 1 perfect.

    Standardised as in McClish (1989), Medical Decision Making 9, 190.
    """
    values = logits(model, [samples.batch()], device="cpu")
    return float(roc_auc_score(samples.labels, values, max_fpr=MOST_FALSE))


def searched(samples: Mapping[str, Samples], trials: int, storage: str | None) -> optuna.Study:
    """A search that has as many trials, those that the storage held before included."""
    known = {name: samples[name] for name in ("train", "validation")}  # no look at the test

    def objective(trial: optuna.Trial) -> float:
        def reported(progress: Progress) -> None:
            trial.report(-progress.epoch.validation_loss, progress.epoch.number)
            if trial.should_prune():
                raise optuna.TrialPruned

        model = learnt(known, suggested(trial), 0, reported)
        return score(model, known["validation"])

    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=0),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=3),
        storage=storage,
        study_name="exobench",
        load_if_exists=True,
    )
    study.enqueue_trial(asdict(Network()), skip_if_exists=True)
    study.optimize(objective, max(0, trials - len(finished(study))), callbacks=[tell])
    return study


def finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that went to their end, or were stopped because others were better."""
    return study.get_trials(deepcopy=False, states=_ENDED)


_ENDED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


def tell(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    """A line for a trial that has ended."""
    reached = "stopped" if trial.values is None else f"{trial.value:.3f}"
    asked = ", ".join(f"{name} {value:.3g}" for name, value in trial.params.items())
    print(f"trial {trial.number:2}: {reached}  {asked}", flush=True)


def arguments(words: list[str] | None) -> argparse.Namespace:
    """What was asked for on the command line."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=_AS_IT_STANDS)
    told.add_argument("folder", nargs="?", help="sequence; without one, one is simulated")
    told.add_argument("--flip-angles", action="store_true", help="negate its angles first")
    told.add_argument("--trials", type=int, default=12)
    told.add_argument("--samples", type=int, default=300, help="of each class")
    told.add_argument("--negatives", default="negated", choices=["negated", "elsewhere"])
    told.add_argument("--seeds", type=int, default=3, help="of the networks that are tested")
    told.add_argument("--storage", help="keeps the trials, such as sqlite:///tune.db")
    return told.parse_args(words)


_AS_IT_STANDS = argparse.RawDescriptionHelpFormatter


def sequence_of(asked: argparse.Namespace) -> ImageSequence:
    """The sequence that networks are trained on."""
    if asked.folder is None:
        return simulate("naco_like", rng=1, n_frames=30, size=61)
    sequence = read_sequence(asked.folder)
    return replace(sequence, angles=-sequence.angles) if asked.flip_angles else sequence


def main(words: list[str] | None = None) -> dict[str, Any]:
    """Search, say what was found, and judge it once by the test sectors."""
    asked = arguments(words)
    recipe = Recipe(n_per_class=asked.samples, shares=SHARES, negatives=asked.negatives)
    begun = time.process_time()
    samples = drawn(sequence_of(asked), recipe, np.random.default_rng(0)).samples
    print(f"samples: {', '.join(f'{len(some)} {name}' for name, some in samples.items())}")
    made = time.process_time()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = searched(samples, asked.trials, asked.storage)
    best = Network(**study.best_params)
    print(f"best on validation sectors: {study.best_value:.3f}, {best}")
    print(f"CPU time: {made - begun:.0f} s samples, {time.process_time() - made:.0f} s search")
    found = {}
    for name, network in (("defaults", Network()), ("best", best)):
        models = [learnt(samples, network, 1 + seed) for seed in range(asked.seeds)]
        found[name] = [score(model, samples["test"]) for model in models]
        by_seed = ", ".join(f"{value:.3f}" for value in found[name])
        print(f"test sectors, {name}: {np.mean(found[name]):.3f} ({by_seed})")
    return {"best": best, "test": found}


if __name__ == "__main__":
    try:
        with threadpool_limits(1):
            main()
    except InputError as error:
        sys.exit(str(error))
