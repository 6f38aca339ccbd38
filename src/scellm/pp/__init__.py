"""Preprocessing: AnnData to AnnData."""

from scellm.pp._prepare import prepare
from scellm.pp._vocabulary import Vocabulary, load_vocabulary

__all__ = ["Vocabulary", "load_vocabulary", "prepare"]
