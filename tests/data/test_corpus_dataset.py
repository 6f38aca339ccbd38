import numpy as np

import scellm
from scellm.data._corpus_dataset import CorpusDataset
from scellm.data._prepared import require_report
from tests.conftest import SMALL
from tests.reference.corpora import parts


def test_tokens_are_those_of_prepare(corpus):
    adata = parts()["a"]
    scellm.pp.prepare(adata)
    scellm.CellLM.setup_anndata(adata)
    model = scellm.CellLM(adata, **SMALL)
    expected = model._make_data_loader(adata=adata, indices=np.arange(8), batch_size=8)
    expected = next(iter(expected))
    found = CorpusDataset(corpus, require_report(adata).binning)[0, np.arange(8)]
    for key in ("gene", "bin", "offsets"):
        np.testing.assert_array_equal(found[key], expected[key].numpy())
    assert "gene_b" not in found
