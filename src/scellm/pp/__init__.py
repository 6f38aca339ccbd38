"""Preprocessing: AnnData to AnnData."""

from scellm.pp._binning import Binning
from scellm.pp._check_confounding import Confounding, check_confounding
from scellm.pp._inspect import Inspection, inspect
from scellm.pp._prepare import prepare
from scellm.pp._report import PrepareReport

__all__ = ["Binning", "Confounding", "Inspection", "PrepareReport", "check_confounding", "inspect", "prepare"]
