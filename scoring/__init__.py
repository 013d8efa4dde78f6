"""How good an answer is: arrays in, numbers out."""

from exobench.scoring import legacy
from exobench.scoring.binomial import binomial_interval
from exobench.scoring.candidates import DetectionList, find_candidates
from exobench.scoring.comparison import Comparison, compare, ranks
from exobench.scoring.counts import SequenceCounts, rank_value, sequence_counts
from exobench.scoring.metrics import METRICS, RANKABLE, Metric
from exobench.scoring.prevalence import PrevalenceF1, f1_at_filled_fraction, f1_at_prevalence
from exobench.scoring.score import METRIC_VERSION, Score
from exobench.scoring.snr import significance_map, snr_map
from exobench.scoring.standings import Standing, standings
from exobench.scoring.strict import score_maps
from exobench.scoring.truth import MapTruth

__all__ = [
    "METRICS",
    "METRIC_VERSION",
    "RANKABLE",
    "Comparison",
    "DetectionList",
    "MapTruth",
    "Metric",
    "PrevalenceF1",
    "Score",
    "SequenceCounts",
    "Standing",
    "binomial_interval",
    "compare",
    "f1_at_filled_fraction",
    "f1_at_prevalence",
    "find_candidates",
    "legacy",
    "rank_value",
    "ranks",
    "score_maps",
    "sequence_counts",
    "significance_map",
    "snr_map",
    "standings",
]
