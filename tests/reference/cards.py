"""The smallest weights that a card can describe."""

import torch

CARD = {
    "scellm": "0.1.0",
    "dtype": "float32",
    "vocabulary": "v",
    "vocabulary_sha256": "0",
    "model": {"dim": 4, "depth": 0, "n_bins": 6, "heads": 1, "dim_head": 2, "ff_mult": 2, "projector": 0},
    "binning": {"target_sum": 1e4, "log_base": 2.7, "bin_edges": "1.0,2.0,3.0,4.0,5.0"},
}


def tensors() -> dict[str, torch.Tensor]:
    """A gene table of three genes and a bin table of six bins, both with two more rows."""
    encoder = "cell_encoder.encoder.embedding"
    return {f"{encoder}.gene.weight": torch.arange(20.0).view(5, 4), f"{encoder}.bin.weight": torch.ones(8, 4)}
