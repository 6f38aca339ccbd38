import pytest

from scellm.data import SourceOptions
from scellm.data._anndata_source import AnnDataSource
from scellm.data._corpus_source import CorpusSource
from scellm.data._sources import as_source


def test_the_kind_follows_from_the_data(model, corpus):
    options = SourceOptions(model.binning)
    assert isinstance(as_source(model.adata_manager, options), AnnDataSource)
    for given in (corpus, corpus.folder, str(corpus.folder)):
        assert isinstance(as_source(given, options), CorpusSource)


def test_an_anndata_is_refused_with_the_right_call(model):
    with pytest.raises(TypeError, match=r"found AnnData.*scellm.CellLM\(adata\)"):
        as_source(model.adata, SourceOptions(model.binning))
