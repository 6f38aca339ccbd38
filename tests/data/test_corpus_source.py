import numpy as np
import pytest

import scellm
from scellm.data import SourceOptions
from scellm.data._corpus_source import CorpusSource
from tests.conftest import QUIET, SMALL
from tests.reference.corpora import parts


@pytest.mark.parametrize("view", ["identity", "thin", "subsample"])
def test_pretraining_on_a_corpus(corpus, view, tmp_path):
    model = scellm.CellLM.without_data(**SMALL)
    model.pretrain(corpus=str(corpus.folder), max_steps=3, batch_size=24, view=view, source_block=8, **QUIET)
    assert {"pretrain_contrastive", "pretrain_masked", "pretrain_malignancy"} <= set(model.history)
    adata = parts()["b"]
    vectors = model.get_latent_representation(adata)
    assert np.isfinite(vectors).all()
    model.save_pretrained(tmp_path / "w")
    again = scellm.CellLM.from_pretrained(tmp_path / "w")
    np.testing.assert_array_equal(again.get_latent_representation(adata), vectors)


def test_an_interrupted_run_resumes_to_the_same_weights(corpus, tmp_path):
    def run(steps, **kwargs):
        scellm.settings.seed = 4
        model = scellm.CellLM.without_data(**SMALL)
        model.pretrain(corpus=corpus, max_steps=steps, batch_size=24, view="thin", **QUIET, **kwargs)
        return model.module.state_dict()

    whole = run(5)

    class Stop(Exception):
        pass

    import lightning.pytorch as pl

    class StopAt(pl.Callback):
        def on_train_batch_end(self, trainer, module, outputs, batch, batch_idx):
            if batch_idx == 2:
                raise Stop

    with pytest.raises(Stop):
        run(5, checkpoint=tmp_path / "c.pt", checkpoint_every=1, callbacks=[StopAt()])
    resumed = run(5, checkpoint=tmp_path / "c.pt", checkpoint_every=1)
    for name, value in whole.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)


@pytest.mark.parametrize(
    "options",
    [
        {"positives": "clusters", "negatives": "source", "whiten": "clusters", "view": "thin"},
        {"view": "panels", "negatives": "source", "objectives": ("contrastive",)},
        {"view": "split", "objectives": ("denoise", "masked", "contrastive")},
    ],
)
def test_signals_of_a_corpus(corpus, options):
    def run():
        scellm.settings.seed = 1
        model = scellm.CellLM.without_data(**{**SMALL, "pooling": "expression"})
        model.pretrain(corpus=corpus, max_steps=3, batch_size=24, source_block=8, **options, **QUIET)
        return model

    model = run()
    assert all(np.isfinite(t.to_numpy()).all() for t in model.history.values())
    adata = parts()["b"]
    again = run().get_latent_representation(adata.copy())
    np.testing.assert_array_equal(model.get_latent_representation(adata), again)


def test_groups_are_clusters_of_the_first_cells(corpus):
    model = scellm.CellLM.without_data(**SMALL)
    source = CorpusSource.of(corpus, SourceOptions(model.binning, together=2))
    found = source.groups(30, 0)
    rows = np.sort(source.order.epoch(0, 0)[:30])
    pairs = list(zip(corpus.arrays["source"][rows], corpus.arrays["cluster"][rows], strict=True))
    assert len(found) == source.first(30, 0).n_cells
    assert all((found[i] == found[j]) == (pairs[i] == pairs[j]) for i in range(30) for j in range(30))
    batch = source.dataset[0, rows]
    np.testing.assert_array_equal(batch["cluster"], corpus.arrays["cluster"][rows])
    np.testing.assert_array_equal(batch["source"], corpus.arrays["source"][rows])
    assert source.describe()["cluster_block"] == 2


def test_whitening_is_the_last_step_whether_resumed_or_complete(corpus, tmp_path):
    def run(**options):
        scellm.settings.seed = 1
        model = scellm.CellLM.without_data(**{**SMALL, "pooling": "expression"})
        model.pretrain(corpus=corpus, max_steps=3, batch_size=24, view="thin", **options, **QUIET)
        return model.module.state_dict()

    plain, whole = run(), run(whiten="clusters", checkpoint=tmp_path / "c.pt")
    again = run(whiten="clusters", checkpoint=tmp_path / "c.pt")  # complete: read from the file
    key = "cell_encoder.pooling.weight"
    assert not np.allclose(plain[key], whole[key])
    for name, value in whole.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
    model = scellm.CellLM.without_data(**{**SMALL, "pooling": "mean"})
    with pytest.raises(ValueError, match="MeanPooling has no linear last step"):
        model.pretrain(corpus=corpus, max_steps=1, batch_size=24, whiten="clusters", **QUIET)
