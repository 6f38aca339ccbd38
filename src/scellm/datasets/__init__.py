"""Public data in their original formats, and ready benchmark tasks."""

from scellm.datasets._baron import baron
from scellm.datasets._depmap import depmap
from scellm.datasets._drug_tasks import DRUG_TASKS, drug_tasks
from scellm.datasets._gdsc import gdsc
from scellm.datasets._gse117872 import gse117872
from scellm.datasets._gse149383 import gse149383
from scellm.datasets._muraro import muraro
from scellm.datasets._pbmc3k import pbmc3k
from scellm.datasets._segerstolpe import segerstolpe
from scellm.datasets._tasks import TASKS, tasks
from scellm.datasets._xin import xin
from scellm.datasets._zheng68k import zheng68k

__all__ = [
    "DRUG_TASKS",
    "TASKS",
    "baron",
    "depmap",
    "drug_tasks",
    "gdsc",
    "gse117872",
    "gse149383",
    "muraro",
    "pbmc3k",
    "segerstolpe",
    "tasks",
    "xin",
    "zheng68k",
]
