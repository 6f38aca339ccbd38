import numpy as np
import torch

import scellm
from scellm.model._encodings import fingerprint_of_weights
from tests.conftest import make_adata


def counting(model):
    """Count the cells that the encoder is run on."""
    seen = []
    model.module.cell_encoder.register_forward_hook(lambda m, i, out: seen.append(len(out)))
    embed = model.module.embed
    model.module.embed = lambda tokens, *a: (seen.append(tokens.n_cells), embed(tokens, *a))[1]
    return seen


def test_the_same_cells_are_encoded_once(trained):
    seen = counting(trained)
    adata = trained.adata
    trained.train()
    n = sum(seen)
    scellm.tl.annotate(adata, trained)
    scellm.tl.embed(adata, trained)
    trained.predict(indices=[3, 1])
    assert sum(seen) == n > 0


def test_what_changed_is_encoded_again(trained):
    z = trained.get_latent_representation()
    seen = counting(trained)
    trained.get_latent_representation()
    assert not seen
    with torch.no_grad():
        trained.module.cell_encoder.pooling.weight.mul_(2)
    again = trained.get_latent_representation()
    assert seen
    assert not np.allclose(again, z)
    seen.clear()
    other = make_adata(60, seed=9)
    assert not np.allclose(trained.get_latent_representation(other), again)
    assert seen
    adata = trained.adata
    seen.clear()
    adata.layers["celllm_bins"].data[:50] = 1  # the same object with other contents
    trained.get_latent_representation()
    assert seen


def test_part_of_the_cells_is_remembered(trained):
    seen = counting(trained)
    some = trained.get_latent_representation(indices=[5, 2, 5])
    n = sum(seen)
    whole = trained.get_latent_representation()
    np.testing.assert_allclose(whole[[5, 2, 5]], some, atol=1e-6)
    assert sum(seen) > n


def test_fingerprints_are_of_contents(trained):
    before = fingerprint_of_weights(trained.module)
    assert fingerprint_of_weights(trained.module) == before
    with torch.no_grad():
        next(trained.module.parameters()).view(-1)[0] += 1e-3
    assert fingerprint_of_weights(trained.module) != before
