"""Genes: the vocabulary, the names of a gene, and gene embeddings."""

from scellm.genes._align import align_rows
from scellm.genes._match import GeneMatch, match_genes, match_names
from scellm.genes._string_vectors import load_string_vectors
from scellm.genes._vectors import read_gene_embeddings
from scellm.genes._vocabulary import Vocabulary, load_vocabulary

__all__ = [
    "GeneMatch",
    "Vocabulary",
    "align_rows",
    "load_string_vectors",
    "load_vocabulary",
    "match_genes",
    "match_names",
    "read_gene_embeddings",
]
