from scellm.data._anndata_dataset import TokenDataset
from scellm.data._manager import TokenDataManager


def test_loaders_get_tokens_in_the_given_order(model):
    manager = model.adata_manager
    assert isinstance(manager, TokenDataManager)
    assert isinstance(manager.create_torch_dataset(), TokenDataset)
    some = manager.create_torch_dataset(indices=[5, 2])
    assert some[0]["row"].tolist() == [5]
    assert some[1]["row"].tolist() == [2]
