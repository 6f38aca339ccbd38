"""Every slot of an AnnData that scellm writes, named once."""

from __future__ import annotations

UNS = "celllm"
"""Provenance: plain strings and numbers, so that any AnnData can be written to disk."""

BINS = "celllm_bins"
"""`adata.layers`: binned expression, CSR uint8; a stored value is the bin + 1."""

GENE = "celllm_gene"
"""`adata.var`: position of the gene in the vocabulary, -1 where unknown."""

EMBEDDING = "X_celllm"
"""`adata.obsm`: cell embedding, float32, (n_obs, d)."""

GENE_VECTORS = "celllm_genes"
"""`adata.varm`: gene vectors, float32, (n_vars, d); NaN for genes outside the vocabulary."""

TYPE = "celllm_type"
"""`adata.obs`: predicted cell type, categorical."""

# Keys of the registry that the model reads its data from (scvi-tools names its own in `scvi.REGISTRY_KEYS`).
ORIGIN_KEY = "origin"
