import numpy as np
import pytest

from scellm.data import CellSource, SourceOptions
from scellm.data._anndata_source import AnnDataSource
from scellm.pp import Binning


def test_options_choose_cells():
    options = SourceOptions(Binning(), indices=[3, 1])
    assert options.rows(5).tolist() == [3, 1]
    assert SourceOptions(Binning()).rows(3).tolist() == [0, 1, 2]
    mask = np.array([True, False, True])
    assert SourceOptions(Binning(), indices=mask).rows(3).tolist() == [0, 2]


def test_a_description_is_of_the_cells_and_their_order(model):
    of = lambda *rows: AnnDataSource(model.adata_manager, SourceOptions(model.binning, indices=list(rows))).describe()
    assert of(1, 2) == of(1, 2)
    assert of(1, 2) != of(2, 1)
    assert of(1, 2) != of(1, 3)


def test_it_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        CellSource()
