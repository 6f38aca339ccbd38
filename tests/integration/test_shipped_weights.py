import hashlib
import socket
from importlib.resources import files

import numpy as np
import pytest
import scanpy as sc

import scellm
from scellm.weights._registry import registry

# scanpy's small blood data are rounded to three decimals, so prepare warns that it assumes the target sum.
pytestmark = pytest.mark.filterwarnings("ignore:adata.raw is log1p, but the sum:UserWarning")
SHIPPED = [name for name, entry in registry().items() if "file" in entry]


MOST = 12_000_000  # largest size of a file in the wheel, in bytes


def test_there_are_some():
    assert {"celllm-mini", "celllm-bag", "celllm-immune"} <= set(SHIPPED)
    assert sum(registry()[name]["size"] for name in SHIPPED) < 18_000_000
    table = scellm.CellLM.available()
    assert table.loc["celllm-immune", "types"] == 20
    assert table.loc["celllm-bag", "types"] == 0


@pytest.mark.parametrize("name", SHIPPED)
def test_file_is_the_one_of_the_entry(name):
    entry, data = registry()[name], files("scellm.weights").joinpath(registry()[name]["file"]).read_bytes()
    assert len(data) == entry["size"] <= MOST
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]


@pytest.mark.parametrize("name", SHIPPED)
def test_embeds_without_network_the_same_way_twice(name, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(socket, "socket", refuse)
    adata = sc.datasets.pbmc68k_reduced()[:40].copy()
    with pytest.warns(UserWarning, match="sum that cells were scaled to"):
        scellm.pp.prepare(adata, panel=True)
    model = scellm.CellLM.from_pretrained(name)
    first = scellm.tl.embed(adata, model, copy=True).obsm["X_celllm"]
    second = scellm.tl.embed(adata[::-1].copy(), scellm.CellLM.from_pretrained(name), copy=True).obsm["X_celllm"][::-1]
    assert np.isfinite(first).all()
    assert first[:, : model.module.config.dim].std(0).min() > 0  # hashed dimensions may be empty
    np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-4)


def test_predicts_blood_better_than_random_weights():
    """Five labelled cells per type of scanpy's small blood data; clearly better than an untrained encoder."""
    adata = sc.datasets.pbmc68k_reduced()
    with pytest.warns(UserWarning, match="sum that cells were scaled to"):
        scellm.pp.prepare(adata, panel=True)
    shipped = scellm.CellLM.from_pretrained("celllm-mini")
    options = {k: v for k, v in shipped.module.config.to_dict().items() if k != "n_genes"}
    scellm.settings.seed = 0
    scellm.tl.embed(adata, shipped, key_added="shipped")
    random = scellm.CellLM.without_data(gene_embeddings="random", **options)
    with pytest.warns(UserWarning, match="random weights"):
        scellm.tl.embed(adata, random, key_added="random")
    task = scellm.bm.Task("blood", adata, "bulk_labels", scellm.bm.FewLabels(5))
    probes = {k: lambda k=k: scellm.baselines.EmbeddingLogisticRegression(k) for k in ("shipped", "random")}
    score = scellm.bm.run([task], probes, seeds=3).table.query("metric == 'macro_f1'").groupby("method")["value"].mean()
    assert score["shipped"] > score["random"] + 0.03


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_is_complete(name):
    card = scellm.CellLM.card(name)
    assert {"licence", "citation", "recipe", "metrics", "data", "vocabulary_sha256", "model", "binning"} <= set(card)
    assert all({"name", "licence", "source", "cells"} <= set(source) for source in card["data"]["sources"])
    assert card["licence"] == registry()[name]["licence"]
    assert all(0 <= score <= 1 for score in card["metrics"].values())
    assert len(card["metrics"]) > 20


def test_names_of_blood_without_labels():
    """scanpy's blood: 765 genes, known by their likeness to sorted cells; lineages must be named right."""
    adata = sc.datasets.pbmc68k_reduced()
    with pytest.warns(UserWarning, match="sum that cells were scaled to"):
        scellm.pp.prepare(adata, panel=True)
    scellm.tl.annotate(adata, "celllm-immune", min_confidence=0)
    lineage = {"CD14+ Monocyte": "monocyte", "CD19+ B": "B cell", "CD56+ NK": "natural killer cell"}
    lineage |= {k: "T cell" for k in adata.obs["bulk_labels"].cat.categories if k.startswith(("CD4+", "CD8+"))}
    truth = adata.obs["bulk_labels"].astype(str).map(lineage)
    found = adata.obs["celllm_type_coarse"].astype(str)
    right = (found == truth)[truth.notna()].groupby(truth).mean()
    assert right.mean() > 0.75
    assert right.min() > 0.6
    scellm.tl.annotate(adata, "celllm-immune", min_confidence=1, key_added="never")
    assert (adata.obs["never"] == "unknown").mean() > 0.9
    assert set(adata.obs["celllm_type"].cat.categories) >= {"T cell", "regulatory T cell", "monocyte"}
