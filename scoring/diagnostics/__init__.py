"""What an algorithm can find on a sequence, and what its noise is like: for researchers.

Algorithms come in as callables: sequence -> residual image (the `reduce` of a baseline), or
sequence -> detection map (the baseline itself).
"""

from exobench.scoring.diagnostics.completeness import completeness_curve, completeness_map
from exobench.scoring.diagnostics.contrast import ContrastCurve, contrast_curve
from exobench.scoring.diagnostics.injections import Injections
from exobench.scoring.diagnostics.noise_models import (
    GaussianNoise,
    LaplaceNoise,
    NoiseModel,
    fpf_of_sigma,
    sigma_of_fpf,
)
from exobench.scoring.diagnostics.noise_regimes import NoiseRegimes, noise_regimes
from exobench.scoring.diagnostics.normality import (
    TESTS,
    NormalityTests,
    NormalQuantiles,
    normal_quantiles,
    normality_tests,
)
from exobench.scoring.diagnostics.performance import performance_map
from exobench.scoring.diagnostics.rings import aperture_fluxes, ring_fluxes, ring_noise
from exobench.scoring.diagnostics.separations import Separations
from exobench.scoring.diagnostics.thresholds import ThresholdCurve, threshold_curve
from exobench.scoring.diagnostics.true_positives import CompletenessCurve, TruePositiveMap

__all__ = [
    "TESTS",
    "CompletenessCurve",
    "ContrastCurve",
    "GaussianNoise",
    "Injections",
    "LaplaceNoise",
    "NoiseModel",
    "NoiseRegimes",
    "NormalQuantiles",
    "NormalityTests",
    "Separations",
    "ThresholdCurve",
    "TruePositiveMap",
    "aperture_fluxes",
    "completeness_curve",
    "completeness_map",
    "contrast_curve",
    "fpf_of_sigma",
    "noise_regimes",
    "normal_quantiles",
    "normality_tests",
    "performance_map",
    "ring_fluxes",
    "ring_noise",
    "sigma_of_fpf",
    "threshold_curve",
]
