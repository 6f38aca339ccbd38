"""Benchmarks of drug responses: splits, scores that cannot be gamed, and paired comparisons."""

from scellm.bm.drug._drug_data import DrugData
from scellm.bm.drug._drug_metrics import drug_metrics
from scellm.bm.drug._drug_results import DrugResults, Judged
from scellm.bm.drug._drug_task import DrugTask
from scellm.bm.drug._method import DrugMethod
from scellm.bm.drug._random_pairs import RandomPairs
from scellm.bm.drug._run_drugs import run_drugs
from scellm.bm.drug._split import DrugSplit
from scellm.bm.drug._unseen_drugs import UnseenDrugs
from scellm.bm.drug._unseen_lines import UnseenLines
from scellm.bm.drug._unseen_tissues import UnseenTissues

__all__ = [
    "DrugData",
    "DrugMethod",
    "DrugResults",
    "DrugSplit",
    "DrugTask",
    "Judged",
    "RandomPairs",
    "UnseenDrugs",
    "UnseenLines",
    "UnseenTissues",
    "drug_metrics",
    "run_drugs",
]
