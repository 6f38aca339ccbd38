import numpy as np

from scellm.baselines import PCALogisticRegression, PCANeighbors


def test_the_types_are_those_of_the_nearest_labelled_cells(cells):
    train, test = np.arange(30), np.arange(30, 60)
    types = cells.obs["cell_type"].astype(str).to_numpy()
    found = PCANeighbors(5, n_neighbors=1).fit(cells, "cell_type", indices=train).predict(cells, indices=test)
    pca = PCALogisticRegression(5).fit(cells, "cell_type", indices=train)
    x = pca.features(cells, np.arange(60))
    nearest = ((x[test][:, None] - x[train][None]) ** 2).sum(-1).argmin(1)
    assert found.tolist() == types[train][nearest].tolist()
