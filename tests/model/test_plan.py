import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.loggers import CSVLogger

import scellm
from scellm.model import Plan
from scellm.model._plan import _duration
from tests.conftest import QUIET, make_adata
from tests.reference.runs import weights


def test_a_plan_for_embedding(small):
    adata = make_adata(80)
    found = scellm.plan(adata, small, budget=1)
    assert (found.task, found.model, found.cells, found.steps) == ("embed", "CellLM", 80, 0)
    assert found.genes_per_cell == pytest.approx((adata.X > 0).sum() / 80)
    assert found.seconds > 0
    assert found.memory > 1 << 26
    assert "peak memory" in repr(found)


def test_a_plan_changes_nothing(small, tmp_path):
    adata = make_adata(30)
    scellm.settings.seed = 3
    before, random = weights(small), torch.get_rng_state()
    numbers, managers = np.random.get_state()[1].copy(), len(scellm.CellLM._setup_adata_manager_store)  # noqa: NPY002  the global state
    called = []
    files = {
        "callbacks": [LambdaCallback(on_train_batch_end=lambda *args: called.append(1))],
        "logger": CSVLogger(tmp_path),
        "default_root_dir": str(tmp_path),
        "checkpoint": tmp_path / "run.safetensors",
        "devices": 2,
        "strategy": "ddp",
    }
    for task, options in (("embed", {}), ("pretrain", {"max_steps": 5, "batch_size": 8, **QUIET, **files})):
        scellm.plan(adata, small, task=task, budget=0.5, **options)
    assert not called
    assert not list(tmp_path.iterdir())
    assert len(scellm.CellLM._setup_adata_manager_store) == managers
    np.testing.assert_array_equal(np.random.get_state()[1], numbers)  # noqa: NPY002  as above
    assert not adata.layers or list(adata.layers) == [None]
    assert not adata.uns
    assert list(adata.obs) == list(make_adata(2).obs)
    assert not small.configs_
    for name, value in weights(small).items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), random)
    assert scellm.settings.seed == 3


def test_a_plan_for_pretraining_counts_its_steps(small):
    adata = make_adata(60)
    options = {"batch_size": 16, "view": "thin", "budget": 1.0, **QUIET}
    found = scellm.plan(adata, small, task="pretrain", max_epochs=4, **options)
    assert found.steps == 4 * (60 // 16)
    assert found.chunk_tokens == 8192
    twice = scellm.plan(adata, small, task="pretrain", max_epochs=400, chunk_tokens=1000, **options)
    assert twice.seconds > 10 * found.seconds
    assert twice.chunk_tokens == 1000


def test_what_is_refused(small):
    with pytest.raises(ValueError, match="task"):
        scellm.plan(make_adata(5), small, task="train")
    with pytest.raises(TypeError, match=r"\['max_steps'\] are options of pretraining"):
        scellm.plan(make_adata(5), small, max_steps=3)
    with pytest.raises(RuntimeError, match="not trained on cell types"):
        scellm.plan(make_adata(5), small, task="annotate")
    with pytest.raises(TypeError, match="Pass the corpus as the data"):
        scellm.plan(make_adata(5), small, task="pretrain", corpus="corpus")
    with pytest.raises(TypeError, match="takes a CellLM, a size of"):
        scellm.plan(make_adata(5), 3)
    with pytest.raises(TypeError, match="takes an AnnData"):
        scellm.plan("nowhere.h5ad", small)
    with pytest.raises(ValueError, match="There are no cells"):
        scellm.plan(make_adata(5)[:0], small)
    with pytest.raises(TypeError, match="batchsize"):
        scellm.plan(make_adata(5), small, task="pretrain", batchsize=3)
    with pytest.raises(ValueError, match="budget"):
        scellm.plan(make_adata(5), small, budget=0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1.24, "1.2 s"), (61, "1 min 1 s"), (3599, "59 min 59 s"), (7300, "2 h 2 min"), (200_000, "2 d 8 h")],
)
def test_times_in_words(seconds, text):
    assert _duration(seconds) == text
    plan = Plan("embed", "m", 1, 1.0, 0, seconds, 0, 1, 1)
    assert text in repr(plan)
    assert "not known" in repr(plan)
