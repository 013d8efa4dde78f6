"""Numbers as the Exoplanet Imaging Data Challenge made them, for comparison only.

`binary_map` counts blobs and `process_detmaps` pools the counts, as the challenge's server
did. `published_analysis` counts resolution elements and ranks as its publication did.
`phase2_astrometry` and `phase2_photometry` are the board of the second phase, of 2022 to 2024.
"""

from exobench.scoring.legacy.areas import auc_fdr, auc_fpf, auc_tpr, normalised_area, sweep
from exobench.scoring.legacy.characterization import (
    CHARACTERIZATION_DEFECTS,
    CharacterizationNumber,
    ListedFile,
    phase2_astrometry,
    phase2_photometry,
    scratch_collisions,
)
from exobench.scoring.legacy.codalab import (
    ParticipantSettings,
    PooledScore,
    PooledSequence,
    process_detmaps,
)
from exobench.scoring.legacy.counting import binary_map
from exobench.scoring.legacy.defects import DEFECTS, Defect
from exobench.scoring.legacy.elements import ElementCounts, count_elements
from exobench.scoring.legacy.macro import MacroRanking, macro_ranking
from exobench.scoring.legacy.published import PublishedAnalysis, published_analysis

__all__ = [
    "CHARACTERIZATION_DEFECTS",
    "DEFECTS",
    "CharacterizationNumber",
    "Defect",
    "ElementCounts",
    "ListedFile",
    "MacroRanking",
    "ParticipantSettings",
    "PooledScore",
    "PooledSequence",
    "PublishedAnalysis",
    "auc_fdr",
    "auc_fpf",
    "auc_tpr",
    "binary_map",
    "count_elements",
    "macro_ranking",
    "normalised_area",
    "phase2_astrometry",
    "phase2_photometry",
    "process_detmaps",
    "published_analysis",
    "scratch_collisions",
    "sweep",
]
