import pytest

from scellm.train.graphmae import GraphMAEConfig, train

pyg = pytest.mark.skipif(
    "not __import__('importlib').util.find_spec('torch_geometric')",
    reason="torch_geometric is not installed: pip install 'scellm[graph]'",
)


@pyg
def test_bad_options(network):
    with pytest.raises(TypeError, match=r"takes no option 'epochs'. Here it is called 'max_epochs'"):
        train(network, epochs=3)
    for bad in (
        {"dim": 10},
        {"mask_rate": 0.0},
        {"mask_rate": 1.0},
        {"gamma": 0.5},
        {"dim": 0},
        {"replace_rate": 1.0},
        {"lr": 0.0},
    ):
        with pytest.raises(ValueError, match="must be"):
            GraphMAEConfig(**bad)
