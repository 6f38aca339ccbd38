import scellm


def test_predicts_types(adata):
    floor = scellm.baselines.LogisticRegression().fit(adata, "cell_type", indices=range(45))
    assert (floor.predict(adata, indices=range(45, 60)) == adata.obs["cell_type"].to_numpy()[45:]).all()
