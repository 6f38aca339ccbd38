"""Benchmarks: a task is data, labels and a split; a method is any object with `fit` and `predict`."""

from scellm.bm import drug
from scellm.bm._by_type import by_type
from scellm.bm._geometry import geometry
from scellm.bm._method import Method
from scellm.bm._results import Results
from scellm.bm._run import run
from scellm.bm._splits import Across, FewLabels, HashSplit, LeaveOut, RandomCells, Stratified
from scellm.bm._summary import summary
from scellm.bm._task import NumberTask, Task
from scellm.bm.metrics import METRICS, Metric

__all__ = [
    "METRICS",
    "Across",
    "FewLabels",
    "HashSplit",
    "LeaveOut",
    "Method",
    "Metric",
    "NumberTask",
    "RandomCells",
    "Results",
    "Stratified",
    "Task",
    "by_type",
    "drug",
    "geometry",
    "run",
    "summary",
]
