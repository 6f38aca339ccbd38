"""The models: AnnData in, arrays out."""

from scellm.model._cell_lm import CellLM
from scellm.model._classifier import CellLMClassifier
from scellm.model._drug_response import DrugResponse
from scellm.model._drug_response_method import DrugResponseMethod
from scellm.model._from_openbiomed import from_openbiomed
from scellm.model._plan import Plan, plan
from scellm.model._scbert_like import ScBERTLike
from scellm.model._token_model import TokenModel

__all__ = [
    "CellLM",
    "CellLMClassifier",
    "DrugResponse",
    "DrugResponseMethod",
    "Plan",
    "ScBERTLike",
    "TokenModel",
    "from_openbiomed",
    "plan",
]
