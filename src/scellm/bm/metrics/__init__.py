"""Metrics, one file each."""

from scellm.bm.metrics._accuracy import Accuracy
from scellm.bm.metrics._auroc import AUROC
from scellm.bm.metrics._average_precision import AveragePrecision
from scellm.bm.metrics._base import LABELS, NUMBERS, PROBABILITIES, Metric
from scellm.bm.metrics._log_loss import LogLoss
from scellm.bm.metrics._macro_f1 import MacroF1
from scellm.bm.metrics._pearson import Pearson
from scellm.bm.metrics._rmse import RMSE

METRICS: dict[str, Metric] = {
    m.name: m for m in (MacroF1(), Accuracy(), LogLoss(), AUROC(), AveragePrecision(), Pearson(), RMSE())
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
    "LogLoss",
    "MacroF1",
    "Metric",
    "Pearson",
]
