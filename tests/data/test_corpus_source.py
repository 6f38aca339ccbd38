import numpy as np
import pytest

import scellm
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
