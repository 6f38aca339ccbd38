"""Simple methods for drug response, for comparison in :func:`scellm.bm.drug.run_drugs`."""

from scellm.baselines.drug._base import DrugBaseline
from scellm.baselines.drug._denoised_ridge import DenoisedRidge
from scellm.baselines.drug._drug_forest import DrugForest
from scellm.baselines.drug._drug_line_mean import DrugLineMean
from scellm.baselines.drug._drug_mean import DrugMean
from scellm.baselines.drug._factorization import Factorization
from scellm.baselines.drug._line_mean import LineMean
from scellm.baselines.drug._line_sensitivity import LineSensitivity
from scellm.baselines.drug._ridge_per_drug import RidgePerDrug
from scellm.baselines.drug._similar_drugs import SimilarDrugs
from scellm.baselines.drug._tissue_drug_mean import TissueDrugMean

__all__ = [
    "DenoisedRidge",
    "DrugBaseline",
    "DrugForest",
    "DrugLineMean",
    "DrugMean",
    "Factorization",
    "LineMean",
    "LineSensitivity",
    "RidgePerDrug",
    "SimilarDrugs",
    "TissueDrugMean",
]
