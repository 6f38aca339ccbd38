import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import scellm

mpl.use("Agg")


def test_gene_neighbors():
    vectors = pd.DataFrame(
        np.random.default_rng(0).normal(size=(6, 3)), index=["CD3E", "CD3D", "CD3G", "MS4A1", "CD79A", "LYZ"]
    )
    ax = scellm.pl.gene_neighbors(vectors, "CD3E", n_neighbors=4)
    expected = scellm.tl.gene_neighbors(vectors, "CD3E", n_neighbors=4)
    assert [t.get_text() for t in ax.get_yticklabels()] == list(expected["neighbor"])
    np.testing.assert_allclose(ax.lines[0].get_xdata(), expected["similarity"])
    assert "CD3E" in ax.get_title()
    other = plt.subplots()[1]
    assert scellm.pl.gene_neighbors(vectors, "CD3E", ax=other) is other
    plt.close("all")
