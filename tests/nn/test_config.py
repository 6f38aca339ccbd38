import pytest
import torch

from scellm.module import CellLMModule
from scellm.nn import Encoder, make_config
from scellm.train.objectives._registry import make_heads

N = 19_225


def expected(dim, depth, inner):
    """Count by hand: the published block (two LayerNorms, q k v without bias, out, feed-forward), and tables."""
    block = 2 * 2 * dim + 3 * dim * inner + (inner * dim + dim) + (dim * 4 * dim + 4 * dim) + (4 * dim * dim + dim)
    return depth * block + (N + 2) * dim + 8 * dim + 2 * dim


@pytest.mark.parametrize(
    ("size", "shape", "millions"),
    [
        ("mini", (128, 4, 128), 3.25),
        ("8m", (256, 3, 512), 8.1),
        ("25m", (384, 10, 384), 25.1),
        ("50m", (512, 10, 1024), 51.8),
    ],
)
def test_parameter_counts_of_presets(size, shape, millions):
    with torch.device("meta"):
        n = sum(p.numel() for p in Encoder(make_config(size, N)).parameters())
    assert n == expected(*shape)
    assert n == pytest.approx(millions * 1e6, rel=0.02)


def test_published_counts():
    # the published encoder has 4,199,424 parameters per block, 41,994,240 in ten
    assert expected(512, 10, 1024) - expected(512, 0, 1024) == 41_994_240
    with torch.device("meta"):
        head = CellLMModule(make_config("50m", N), heads=make_heads()).heads["masked"]
    assert sum(p.numel() for p in head.parameters()) == 4_104


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"size": "huge"}, ValueError, "size='huge' is not known"),
        ({"size": "mini", "width": 3}, TypeError, "takes no option 'width'"),
        ({"size": "mini", "depth": -1}, ValueError, "depth must be a whole number of at least 0"),
        ({"size": "mini", "depth": 0, "pooling": "cls"}, ValueError, "sees no gene"),
        ({"size": "mini", "dropout": 1.0}, ValueError, "dropout must be a number of at least 0 and below 1"),
    ],
)
def test_bad_shapes(options, error, message):
    with pytest.raises(error, match=message):
        make_config(n_genes=N, **options)


def test_unknown_attention():
    with pytest.raises(ValueError, match="attention='flash' is not known"):
        Encoder(make_config("mini", 10, attention="flash"))
