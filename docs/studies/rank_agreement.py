"""Compare how reductions rank on injected real frames and on injected simulated ones.

    python docs/studies/rank_agreement.py PATH_OF_A_REAL_SEQUENCE [PRESET]

Builds two practice challenges by the same rules, one of copies of the real sequence (angles
reversed, so that what is real in it smears) and one of as many simulated sequences, runs the
same reductions on both, and prints their TPR and Kendall's tau as a Markdown table. The range
of tau is that of resampled sequences; beside it stands the tau of two resamplings of the real
ones, which the simulated ones could not exceed if they were perfect.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from exobench.baselines import load
from exobench.challenge.build import prepare_build, run_build
from exobench.challenge.folder import read_challenge
from exobench.challenge.recipe import read_recipe
from exobench.challenge.work import local_workers, map_tasks
from exobench.datasets.files import read_sequence
from exobench.scoring import MapTruth, score_maps

REDUCTIONS = {
    "median": ("median", {}),
    "pca, 2 components": ("pca", {"n_components": 2}),
    "pca, 5 components": ("pca", {"n_components": 5}),
    "pca, 20 components": ("pca", {"n_components": 20}),
    "annular_pca": ("annular_pca", {}),
    "loci": ("loci", {}),
    "llsg": ("llsg", {}),
}
COUNT, COMPANIONS, THRESHOLD = 20, 3, 5.0
N_RESAMPLED = 2000

RECIPE = """
format = 1
name = "{name}"
kind = "practice"
seed = 3
references = ["median", "annular_pca", "loci"]

[[sequences]]
track = "adi"
{star}
count = {count}
companions = [{companions}, {companions}]
blank_fraction = 0
"""
REAL_STAR = """source = "{path}"
diameter = 8.2
wavelength = 3.8
flip_angles = true
origin = "public-origin\""""


def main() -> None:
    """Print the table."""
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    preset = sys.argv[2] if len(sys.argv) == 3 else "naco_like"
    stars = {
        "real": REAL_STAR.format(path=Path(sys.argv[1]).resolve()),
        "simulated": f'preset = "{preset}"',
    }
    with tempfile.TemporaryDirectory() as folder, local_workers(None) as pool:
        scores = {
            kind: scores_on(built(kind, star, Path(folder), pool), pool)
            for kind, star in stars.items()
        }
    print(table(scores))  # noqa: T201 - what the script is for


def built(kind: str, star: str, folder: Path, pool) -> Path:
    """A challenge of stars of one kind."""
    path = folder / f"{kind}.toml"
    text = RECIPE.format(name=kind, star=star, count=COUNT, companions=COMPANIONS)
    path.write_text(text, "utf-8")
    out = folder / kind
    for _ in run_build(prepare_build(read_recipe(path), folder, out), pool):
        pass
    return out


def scores_on(folder: Path, pool) -> dict:
    """Score of every reduction on a challenge, by its name."""
    challenge = read_challenge(folder)
    truths, jobs = {}, []
    for public in challenge.manifest.tracks["adi"].sequences:
        hidden = challenge.truth.sequences[public.name].companions
        truths[public.name] = MapTruth(
            injections=np.array([(c.y, c.x) for c in hidden]),
            fwhm=public.fwhm,
            inner_radius_px=public.inner_radius_px,
            outer_radius_px=public.outer_radius_px,
            instrument=public.instrument,
        )
        cube = folder / "public" / public.files["cube"].path
        jobs += [(public.name, cube, label) for label in REDUCTIONS]
    maps = {label: {} for label in REDUCTIONS}
    for index, detection_map in map_tasks(pool, reduced, jobs):
        name, _, label = jobs[index]
        maps[label][name] = detection_map
    return {label: score_maps(of, truths, THRESHOLD).to_dict() for label, of in maps.items()}


def reduced(job: tuple[str, Path, str]) -> np.ndarray:
    """Detection map of one sequence by one reduction."""
    _, cube, label = job
    name, options = REDUCTIONS[label]
    return load(name, **options)(read_sequence(cube))


def table(scores: dict) -> str:
    """TPR by reduction on both kinds, and Kendall's tau between them."""
    keys = ("tpr", "tpr_at_1_fp_per_map", "f1")
    lines = [
        "| reduction | TPR at 5 sigma, real | simulated | TPR at 1 FP per map, real | simulated |",
        "|---|---|---|---|---|",
    ]
    for label in sorted(REDUCTIONS, key=lambda one: -scores["real"][one]["overall"]["tpr"]):
        real, simulated = (scores[kind][label]["overall"] for kind in ("real", "simulated"))
        cells = [f"{one[key]:.2f}" for key in keys[:2] for one in (real, simulated)]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    for key in keys:
        orders = [
            [scores[kind][label]["overall"][key] for label in REDUCTIONS]
            for kind in ("real", "simulated")
        ]
        tau = kendalltau(*orders)
        lines.append(f"\nKendall's tau of {key}: {tau.statistic:.2f} (p = {tau.pvalue:.3f})")
    rng = np.random.default_rng(0)
    for other in ("simulated", "real"):
        low, middle, high = resampled_tau(scores["real"], scores[other], rng)
        lines.append(
            f"\nTau of tpr, real against {other}, resampled: "
            f"{middle:.2f} ({low:.2f} to {high:.2f}, 95 %)"
        )
    return "\n".join(lines)


def resampled_tau(one: dict, other: dict, rng: np.random.Generator) -> np.ndarray:
    """Kendall's tau of the TPR with all sequences drawn anew: 2.5 %, median and 97.5 %."""

    def rates(score: dict) -> np.ndarray:
        rows = [score[label]["per_sequence"] for label in REDUCTIONS]
        found = np.array([[sequence["tp"] for sequence in row] for row in rows])
        injected = np.array([sequence["n_injected"] for sequence in rows[0]])
        drawn = rng.integers(0, len(injected), (N_RESAMPLED, len(injected)))
        return found[:, drawn].sum(axis=2) / injected[drawn].sum(axis=1)

    pairs = zip(rates(one).T, rates(other).T, strict=True)
    taus = [kendalltau(*pair).statistic for pair in pairs]
    return np.nanpercentile(taus, [2.5, 50, 97.5])


if __name__ == "__main__":
    main()
