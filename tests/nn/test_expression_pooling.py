import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scellm.data import Tokens
from scellm.nn import ExpressionPooling

GENES, BINS, DIM, HASHED = 30, 6, 8, 5

GENES, BINS, DIM, HASHED = 30, 6, 8, 5


def pooling(seed: int = 0) -> ExpressionPooling:
    torch.manual_seed(seed)
    made = ExpressionPooling(GENES, BINS, DIM, HASHED).double()
    for p in made.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return made


def cells(rng: np.random.Generator, lengths: list[int]) -> Tokens:
    gene = np.concatenate([rng.permutation(GENES)[:n] for n in lengths]).astype(int)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Tokens(*(torch.from_numpy(x) for x in (gene, rng.integers(0, BINS, len(gene)), offsets)))


def test_against_the_formula_cell_by_cell():
    rng, made = np.random.default_rng(0), pooling()
    tokens = cells(rng, [5, 1, 0, 12])
    padded = tokens.pad(GENES, BINS)
    hidden = torch.randn(*padded.gene.shape, DIM, dtype=torch.float64)
    found = made(hidden, padded).detach().numpy()
    level, gain, rows, bias = (p.detach().numpy() for p in (made.level, made.gain, made.weight, made.bias))
    u, context = made.gate.weight.detach().numpy()[0], made.context.weight.detach().numpy()
    for i, n in enumerate(tokens.lengths.tolist()):
        expected, sketch = bias.copy(), np.zeros(HASHED)
        if n:
            at = range(1, n + 1)  # after [CLS]
            gene, bins = padded.gene[i, 1 : n + 1].numpy(), padded.bin[i, 1 : n + 1].numpy()
            h = hidden[i, 1 : n + 1].numpy()
            s = np.array(
                [np.exp(level[b] + gain[g] + u @ h[k]) for k, (b, g) in enumerate(zip(bins, gene, strict=True))]
            )
            expected += sum(s[k] * rows[gene[k]] for k in range(len(at))) / np.sqrt((s**2).sum()) / np.sqrt(DIM)
            for k in range(len(at)):
                t = made.hashed_weight[gene[k]].item()
                sketch[made.hashed_index[gene[k]]] += s[k] / np.sqrt((s**2).sum()) * t
            expected += context @ (sum(s[k] * h[k] for k in range(len(at))) / s.sum())
        np.testing.assert_allclose(found[i], np.concatenate([expected, sketch]), rtol=1e-10, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 20))
def test_order_other_cells_and_padding_do_not_matter(seed, n):
    rng, made = np.random.default_rng(seed), pooling()
    alone = cells(rng, [n])
    order = torch.from_numpy(rng.permutation(n))
    other = cells(rng, [17])
    both = Tokens(
        torch.cat([alone.gene[order], other.gene]),
        torch.cat([alone.bin[order], other.bin]),
        torch.tensor([0, n, n + 17]),
    )
    table = torch.randn(GENES + 2, DIM, dtype=torch.float64)
    vector = lambda t: made(table[t.pad(GENES, BINS).gene], t.pad(GENES, BINS))[0]
    torch.testing.assert_close(vector(alone), vector(both), rtol=1e-10, atol=1e-12)


def test_a_new_one_is_linear_in_expression_and_ignores_the_encoder():
    made = ExpressionPooling(GENES, BINS, DIM, 1920)
    padded = cells(np.random.default_rng(0), [4, 9]).pad(GENES, BINS)
    a, b = (torch.randn(*padded.gene.shape, DIM) for _ in range(2))
    torch.testing.assert_close(made(a, padded), made(b, padded))


def test_a_cell_without_genes_has_a_gradient():
    made = pooling()
    padded = cells(np.random.default_rng(0), [0, 3]).pad(GENES, BINS)
    made(torch.randn(*padded.gene.shape, DIM, dtype=torch.float64), padded).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in made.parameters())


def test_without_hashed_features():
    made = ExpressionPooling(GENES, BINS, DIM, 0)
    padded = cells(np.random.default_rng(0), [4, 9]).pad(GENES, BINS)
    assert made(torch.randn(*padded.gene.shape, DIM), padded).shape == (2, DIM)
    assert not any("hashed" in k for k in made.state_dict())


def test_a_map_of_the_learned_dimensions_is_folded_into_the_weights():
    rng, made = np.random.default_rng(0), pooling()
    tokens, matrix = cells(rng, [5, 1, 0, 12]), torch.randn(DIM, DIM, dtype=torch.float64)
    padded = tokens.pad(GENES, BINS)
    hidden = torch.randn(*padded.gene.shape, DIM, dtype=torch.float64)
    before = made(hidden, padded)
    made.transform(matrix)
    after = made(hidden, padded)
    torch.testing.assert_close(after[:, :DIM], before[:, :DIM] @ matrix)
    torch.testing.assert_close(after[:, DIM:], before[:, DIM:])
    assert made.gene_vectors.shape == (GENES, DIM)
