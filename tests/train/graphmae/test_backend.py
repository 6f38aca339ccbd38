import sys

import pytest

from scellm.train.graphmae._backend import load_backend


def test_unknown_back_ends(monkeypatch):
    with pytest.raises(ValueError, match=r"backend='jraph' is not known; expected one of \['pyg', 'dgl'\]"):
        load_backend("jraph")
    monkeypatch.setitem(sys.modules, "torch_geometric.nn", None)
    monkeypatch.delitem(sys.modules, "scellm.train.graphmae._pyg", raising=False)
    with pytest.raises(ImportError, match=r"pip install 'scellm\[graph\]'"):
        load_backend("pyg")
