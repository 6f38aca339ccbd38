"""Molecules, responses and profiles: what a model of drug response reads."""

from scellm.drug._molecules import Molecules
from scellm.drug._morgan import morgan_fingerprints, tanimoto
from scellm.drug._profiles import Profiles
from scellm.drug._responses import Responses
from scellm.drug._route import Domain, Route
from scellm.drug._standardize_smiles import standardize_smiles

__all__ = [
    "Domain",
    "Molecules",
    "Profiles",
    "Responses",
    "Route",
    "morgan_fingerprints",
    "standardize_smiles",
    "tanimoto",
]
