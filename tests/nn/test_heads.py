import torch

from scellm.nn import AnnotationHead, MalignancyHead, MaskedHead, ProfileHead, ProjectionHead


def test_shapes():
    x = torch.randn(5, 16)
    assert MaskedHead(16, 6)(x).shape == (5, 8)
    assert MalignancyHead(16)(x).shape == (5, 1)
    assert ProjectionHead(16, 64)(x).shape == (5, 16)
    assert AnnotationHead(16, 3).eval()(x).shape == (5, 3)


def test_the_type_does_not_depend_on_depth():
    """The sum over genes grows with their number; the head normalises it."""
    torch.manual_seed(0)
    head, x = AnnotationHead(16, 3).eval(), torch.randn(5, 16)
    torch.testing.assert_close(head(7 * x), head(x), rtol=1e-3, atol=1e-3)


def test_the_profile_head_adds_a_map_of_the_gene_vectors():
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    head = ProfileHead(4, 9).double()
    assert torch.equal(state, torch.random.get_rng_state())  # a seed gives the same model with it and without
    h, vectors = torch.randn(3, 4, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)
    torch.testing.assert_close(head(h, vectors), h @ vectors.T / 4)
