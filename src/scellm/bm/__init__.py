"""Benchmarks: a task is data, a split and labels; a contender is anything that fits and predicts on AnnData."""

from scellm.bm._geometry import geometry
from scellm.bm._metrics import METRICS
from scellm.bm._results import Results
from scellm.bm._run import run
from scellm.bm._splits import Across, FewLabels, LeaveOut, Stratified
from scellm.bm._summary import summary
from scellm.bm._task import Contender, Task

__all__ = [
    "METRICS",
    "Across",
    "Contender",
    "FewLabels",
    "LeaveOut",
    "Results",
    "Stratified",
    "Task",
    "geometry",
    "run",
    "summary",
]
