"""A new objective: predict the number of expressed genes from [CLS]."""

from torch import nn

from scellm.train import TokenObjective


class GeneNumber(TokenObjective):
    """Squared error of the logarithm of the number of genes."""

    name = "gene_number"

    @classmethod
    def of(cls, options):
        return cls()

    @staticmethod
    def make_head(config):
        return nn.Linear(config.dim, 1)

    def count(self, tokens, labels):
        return tokens.n_cells

    def loss(self, head, hidden, cells, labels):
        real = cells.gene < cells.gene.max() if cells.real is None else cells.real
        return (head(hidden[:, 0]).squeeze(1) - real.sum(1).float().log()).square().sum()
