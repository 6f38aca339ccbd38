"""Names of the AnnData slots that scellm writes."""

from __future__ import annotations

UNS = "celllm"
"""`adata.uns`: provenance, plain strings and numbers only, so that any AnnData can be written to disk."""

PREPARE = "prepare"
"""`adata.uns["celllm"]`: the report of :func:`scellm.pp.prepare`."""

PROFILES = "profiles"
"""`adata.uns["celllm"]`: how :meth:`scellm.DrugResponse.setup_anndata` read the profiles."""

SLOTS = "slots"
"""`adata.uns["celllm"]`: for each slot that a tool wrote, the tool, the model, versions and date."""

BINS = "celllm_bins"
"""`adata.layers`: binned expression, CSR uint8; a stored value is the bin + 1."""

GENE = "celllm_gene"
"""`adata.var`: position of the gene in the vocabulary, -1 if unknown."""

EMBEDDING = "X_celllm"
"""`adata.obsm`: cell embedding, float32, (n_obs, d)."""

GENE_EMBEDDING = "celllm_genes"
"""`adata.varm`: gene embeddings, float32, (n_vars, d); NaN for genes outside the vocabulary."""

ATTENTION = "celllm_attention"
"""`adata.layers`: attention of [CLS] to each gene, CSR float32."""

CONTRIBUTIONS = "celllm_contributions"
"""`adata.layers`: what each gene contributes to the score of a type, in logits, CSR float32."""

TYPE = "celllm_type"
"""`adata.obs`: predicted cell type, categorical."""

SCREEN = "screen"
"""`adata.uns["celllm"]`: the table of :func:`scellm.tl.screen`."""

SENSITIVITY = "celllm_sensitivity"
"""`adata.obs`: predicted drug sensitivity, categorical."""

# Key of malignancy in the scvi-tools registry (scvi-tools' own keys are in `scvi.REGISTRY_KEYS`).
MALIGNANCY_KEY = "malignancy"

# Columns of a pretraining batch.
SOURCE_KEY = "source"
CLUSTER_KEY = "cluster"
