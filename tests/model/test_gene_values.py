import numpy as np
import torch

import scellm
from scellm.model._gene_values import gene_values
from tests.conftest import SMALL


def test_values_come_back_in_the_cells_and_columns_they_are_of(model):
    adata, seen = model.adata, []

    def of_chunk(cells, rows):
        seen.append(rows)
        assert len(rows) == len(cells.gene)
        return cells.gene + 1e4 * torch.from_numpy(rows)[:, None] + 1.0

    found = gene_values(model, adata, of_chunk, 16, "test").tocoo()
    assert sorted(np.concatenate(seen)) == list(range(60))
    ids = adata.var["celllm_gene"].to_numpy()
    np.testing.assert_array_equal(found.data, ids[found.col] + 1e4 * found.row + 1.0)
    assert found.nnz == adata.layers["celllm_bins"].nnz


def test_the_published_encoder_sees_fewer_genes(prepared):
    adata = prepared
    shape = {"compat": "openbiomed", "compat_length": 20, "pooling": "mean", "dropout": 0.0}
    model = scellm.CellLM(adata, **SMALL, **shape)
    encoder = model.module.cell_encoder
    first = int(adata.var["celllm_gene"].min())
    encoder.encoder.embedding.gene.weight.data[first] = torch.nan
    found = gene_values(model, adata, lambda cells, _: torch.ones(cells.gene.shape), None, "test")
    assert found.getnnz(axis=1).max() == 19
    assert found[:, 0].nnz == 0
