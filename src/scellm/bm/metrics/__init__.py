"""Metrics, one file each."""

from scellm.bm.metrics._accuracy import Accuracy
from scellm.bm.metrics._auroc import AUROC
from scellm.bm.metrics._average_precision import AveragePrecision
from scellm.bm.metrics._balanced_accuracy import BalancedAccuracy
from scellm.bm.metrics._base import LABELS, NUMBERS, PROBABILITIES, Metric
from scellm.bm.metrics._calibration_error import CalibrationError
from scellm.bm.metrics._log_loss import LogLoss
from scellm.bm.metrics._macro_f1 import MacroF1
from scellm.bm.metrics._pearson import Pearson
from scellm.bm.metrics._rmse import RMSE
from scellm.bm.metrics._weighted_f1 import WeightedF1

METRICS: dict[str, Metric] = {
    m.name: m
    for m in (
        MacroF1(),
        Accuracy(),
        WeightedF1(),
        BalancedAccuracy(),
        LogLoss(),
        CalibrationError(),
        AUROC(),
        AveragePrecision(),
        Pearson(),
        RMSE(),
    )
}
"""Metrics by name. To add one, write a file with a :class:`Metric` and list it here."""

__all__ = [
    "AUROC",
    "LABELS",
    "METRICS",
    "NUMBERS",
    "PROBABILITIES",
    "RMSE",
    "Accuracy",
    "AveragePrecision",
    "BalancedAccuracy",
    "CalibrationError",
    "LogLoss",
    "MacroF1",
    "Metric",
    "Pearson",
    "WeightedF1",
]
