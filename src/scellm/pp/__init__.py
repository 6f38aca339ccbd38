"""Preprocessing: AnnData to AnnData."""

from scellm.pp._binning import Binning
from scellm.pp._inspect import Inspection, inspect
from scellm.pp._prepare import prepare
from scellm.pp._report import PrepareReport

__all__ = ["Binning", "Inspection", "PrepareReport", "inspect", "prepare"]
