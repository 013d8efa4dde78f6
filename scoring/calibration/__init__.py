"""Whether probabilities, posteriors and sigmas mean what they say."""

from exobench.scoring.calibration.audit_result import Audit, SeparationAudit
from exobench.scoring.calibration.brier import BrierScore, brier_score
from exobench.scoring.calibration.crps import (
    crps_binned,
    crps_gaussian,
    crps_samples,
    ranked_probability_score,
)
from exobench.scoring.calibration.false_alarms import audit, gaussian_claim
from exobench.scoring.calibration.fields import BlankField, blank_fields
from exobench.scoring.calibration.gaussian_noise import Ring, ring_in_noise
from exobench.scoring.calibration.pit import (
    UniformityTest,
    pit_binned,
    pit_classes,
    pit_gaussian,
    pit_samples,
    uniformity_test,
)
from exobench.scoring.calibration.priors import (
    correct_class_priors,
    correct_log_odds,
    correct_prior,
    estimate_priors,
)
from exobench.scoring.calibration.rates import CandidateRate, FalseAlarmRate
from exobench.scoring.calibration.recalibration import Recalibration, logistic_recalibration
from exobench.scoring.calibration.reliability import (
    CalibrationTest,
    ReliabilityBin,
    ReliabilityDiagram,
    calibration_test,
    reliability_diagram,
    wilson_interval,
)
from exobench.scoring.calibration.tail import GeneralisedParetoTail, fit_tail

__all__ = [
    "Audit",
    "BlankField",
    "BrierScore",
    "CalibrationTest",
    "CandidateRate",
    "FalseAlarmRate",
    "GeneralisedParetoTail",
    "Recalibration",
    "ReliabilityBin",
    "ReliabilityDiagram",
    "Ring",
    "SeparationAudit",
    "UniformityTest",
    "audit",
    "blank_fields",
    "brier_score",
    "calibration_test",
    "correct_class_priors",
    "correct_log_odds",
    "correct_prior",
    "crps_binned",
    "crps_gaussian",
    "crps_samples",
    "estimate_priors",
    "fit_tail",
    "gaussian_claim",
    "logistic_recalibration",
    "pit_binned",
    "pit_classes",
    "pit_gaussian",
    "pit_samples",
    "ranked_probability_score",
    "reliability_diagram",
    "ring_in_noise",
    "uniformity_test",
    "wilson_interval",
]
