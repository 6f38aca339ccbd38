import numpy as np
import pytest
import torch

import scellm
from scellm.data import Tokens
from scellm.model import from_openbiomed
from tests.conftest import QUIET, make_adata
from tests.reference import openbiomed as reference

LENGTH = 400


SYMBOLS = scellm.genes.load_vocabulary().symbols


@pytest.fixture(scope="module")
def symbols():
    """Genes in a random order, with two unknown names."""
    order = np.random.default_rng(0).permutation(len(SYMBOLS))[:3000]
    return ["no-such-gene-1", *SYMBOLS[order], "no-such-gene-2"]


def save(path, state, **more):
    torch.save({"model_state_dict": state, "epoch": 4, **more}, path)
    return path


def cells(symbols, n=4, seed=1):
    """Prepared cells with genes that the model knows, and some that it does not."""
    adata = make_adata(n_obs=n, n_vars=2510, seed=seed)
    known = [s for s in symbols if not s.startswith("no-such")]
    others = [s for s in SYMBOLS if s not in set(known)][:20]
    adata.var_names = [*known[:2490], *others]
    scellm.pp.prepare(adata)
    return adata


def expression(adata, symbols):
    """Cells over the model's genes, as input of the published pipeline: any value inside the bin."""
    at = {s: i for i, s in enumerate(symbols)}
    columns = np.array([at.get(s, -1) for s in adata.var_names])
    layer = adata.layers["celllm_bins"].toarray()
    dense = np.zeros((adata.n_obs, len(symbols)))
    for j in np.flatnonzero(columns >= 0):
        dense[:, columns[j]] = np.where(layer[:, j] > 0, layer[:, j] - 1 + 0.5, 0)
    return torch.from_numpy(dense)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-5)])
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_parity_with_the_padded_encoder(symbols, tmp_path, dtype, tolerance, pooling):
    state = reference.synthetic(len(symbols))
    adata = cells(symbols)
    model = from_openbiomed(save(tmp_path / "c.pth", state), gene_symbols=symbols, pooling=pooling, length=LENGTH)
    model.get_latent_representation(adata)  # sets up the data
    module = model.module.to(dtype)
    # The model holds float32, so the reference gets the same rounded numbers.
    wide = {k: v.float().to(dtype) if v.is_floating_point() else v for k, v in state.items()}
    for name, p in model.module.named_parameters():
        assert p.dtype == dtype, name
    batch = next(iter(model._make_data_loader(adata=adata, indices=np.arange(4), batch_size=4)))
    with torch.inference_mode():
        found = module.embed(Tokens.of(batch))
    for i, x in enumerate(expression(adata, symbols).to(dtype)):
        tokens = reference.encode(wide, x, LENGTH)
        expected = tokens[1:].mean(0) if pooling == "mean" else tokens[0]
        torch.testing.assert_close(found[i].to(dtype), expected, rtol=tolerance, atol=tolerance)


def test_padding_matters_and_a_cell_is_still_its_own(symbols, tmp_path):
    path = save(tmp_path / "c.pth", reference.synthetic(len(symbols)))
    adata = cells(symbols, n=6)
    long = from_openbiomed(path, gene_symbols=symbols, length=LENGTH).get_latent_representation(adata)
    short = from_openbiomed(path, gene_symbols=symbols, length=200).get_latent_representation(adata)
    assert np.abs(long - short).max() > 1e-3
    model = from_openbiomed(path, gene_symbols=symbols, length=LENGTH)
    alone = np.concatenate([model.get_latent_representation(adata, indices=[i]) for i in range(6)])
    np.testing.assert_allclose(alone, long, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("prefix", ["encoder.", "cell_encoder."])
def test_files_of_fine_tuned_models(symbols, tmp_path, prefix):
    state = {prefix + k: v for k, v in reference.synthetic(len(symbols)).items()} | {"conv.weight": torch.zeros(1)}
    from_openbiomed(save(tmp_path / "c.pth", state), gene_symbols=symbols)
    torch.save(state, tmp_path / "bare.pth")
    from_openbiomed(tmp_path / "bare.pth", gene_symbols=symbols)


def test_gene_vectors_of_their_own(symbols, tmp_path):
    state = reference.synthetic(len(symbols))
    vectors = state.pop("pos_emb.emb.weight")
    path = save(tmp_path / "c.pth", state)
    with pytest.raises(ValueError, match=r"lacks \['pos_emb.emb.weight'\].*gene_vectors="):
        from_openbiomed(path, gene_symbols=symbols)
    model = from_openbiomed(path, gene_symbols=symbols, gene_vectors=vectors[:-2].numpy())
    with pytest.raises(
        ValueError, match=r"of another shape: \['pos_emb.emb.weight \(3004, 7\), expected \(3004, 12\)'\]"
    ):
        from_openbiomed(path, gene_symbols=symbols, gene_vectors=np.ones((len(symbols), 7)))
    with pytest.raises(ValueError, match=r"must be \(genes, dim\); found the shape \(3,\)"):
        from_openbiomed(path, gene_symbols=symbols, gene_vectors=np.ones(3))
    found = model.get_gene_embeddings()
    np.testing.assert_allclose(found.loc[symbols[1]], vectors[1], rtol=1e-6)
    assert found.isna().any(axis=1).sum() == len(found) - 3000


def test_it_can_be_trained_saved_and_loaded(symbols, tmp_path):
    adata = cells(symbols, n=30)
    adata.obs["cell_type"] = np.array(["a", "b"])[np.arange(30) % 2]
    model = from_openbiomed(
        save(tmp_path / "c.pth", reference.synthetic(len(symbols))), gene_symbols=symbols, length=LENGTH
    )
    model.save_pretrained(tmp_path / "w", licence="as given")
    scellm.CellLM.setup_anndata(adata, labels_key="cell_type")
    again = scellm.CellLM.from_pretrained(tmp_path / "w", adata)
    np.testing.assert_allclose(again.get_latent_representation(), model.get_latent_representation(adata), rtol=1e-6)
    again.train(max_epochs=1, tune="last", **QUIET)
    assert len(again.predict()) == 30
    with pytest.raises(ValueError, match="for embedding and fine-tuning"):
        again.pretrain(max_steps=1, **QUIET)


def test_the_order_of_genes_must_be_given(symbols, tmp_path):
    path = save(tmp_path / "c.pth", reference.synthetic(len(symbols)))
    with pytest.raises(TypeError, match="gene_symbols"):
        from_openbiomed(path)
    with pytest.raises(ValueError, match="must name the 3,002 genes of the model's table in their order; found 3,001"):
        from_openbiomed(path, gene_symbols=symbols[1:])
    with pytest.raises(ValueError, match="0 of 3,002 gene_symbols are known"):
        from_openbiomed(path, gene_symbols=[f"no-gene-{i}x" for i in range(3002)])


def test_other_files_are_refused_with_their_contents(symbols, tmp_path):
    state = reference.synthetic(len(symbols))
    del state["norm.weight"]
    state["surprise"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"missing: \['norm.weight'\]; not known: \['surprise'\]"):
        from_openbiomed(save(tmp_path / "a.pth", state), gene_symbols=symbols)
    state = reference.synthetic(len(symbols)) | {"norm.bias": torch.zeros(3)}
    with pytest.raises(
        ValueError, match=r"of another shape: \['cell_encoder.encoder.norm.bias \(3,\), expected \(12,\)'\]"
    ):
        from_openbiomed(save(tmp_path / "b.pth", state), gene_symbols=symbols)
    key = "performer.net.layers.0.0.fn.to_k.weight"
    state = reference.synthetic(len(symbols))
    with pytest.raises(
        ValueError, match=r"of another shape: \['performer.net.layers.0.0.fn.to_k.weight \(2, 3\), expected"
    ):
        from_openbiomed(save(tmp_path / "k.pth", state | {key: torch.zeros(2, 3)}), gene_symbols=symbols)
    torch.save({"a": torch.zeros(1)}, tmp_path / "c.pth")
    with pytest.raises(ValueError, match=r"holds no encoder.*found \['a'\]"):
        from_openbiomed(tmp_path / "c.pth", gene_symbols=symbols)


def test_nothing_in_the_file_is_run(symbols, tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    torch.save({"model_state_dict": Harm()}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="damaged, or holds code"):
        from_openbiomed(tmp_path / "x.pth", gene_symbols=symbols)
