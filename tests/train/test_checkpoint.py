import os

import numpy as np
import pytest

import scellm
from scellm._tensors import read_header
from tests.reference.runs import OPTIONS, new, same, weights


@pytest.mark.parametrize("contrast", ["divide-and-conquer", "moco", None])
@pytest.mark.parametrize("stop", [1, 3])
def test_stopped_and_resumed_equals_uninterrupted(tmp_path, contrast, stop):
    common = {**OPTIONS, "contrast": contrast, "queue": 32, "redraw_every": 2, "view": "thin"}
    whole = new()
    whole.pretrain(**common)

    class Stop(Exception):
        pass

    import lightning.pytorch as pl

    class Stopper(pl.Callback):
        def on_train_batch_end(self, trainer, plan, *_):
            if plan.step == stop:
                raise Stop

    file = tmp_path / "run" / "pretraining.pt"
    broken = new()
    with pytest.raises(Stop):
        broken.pretrain(**common, checkpoint=file, checkpoint_every=1, callbacks=[Stopper()])
    resumed = new()
    resumed.pretrain(**common, checkpoint=file)
    assert same(weights(whole), weights(resumed))
    assert resumed.history["pretrain_loss"].equals(whole.history["pretrain_loss"])
    done = new()
    done.pretrain(**common, checkpoint=file)  # nothing is left to do
    assert same(weights(whole), weights(done))
    with pytest.raises(ValueError, match=r"another run .*lr: 0.001 there, 0.01 here"):
        new().pretrain(**{**common, "lr": 0.01}, checkpoint=file)


def test_a_checkpoint_knows_its_cells_and_views(tmp_path):
    file = tmp_path / "a.pt"
    common = {**OPTIONS, "max_steps": 1, "checkpoint": file}
    new().pretrain(**common, view=scellm.data.identity, indices=np.arange(30))
    saved = read_header(file)["settings"]
    assert saved["view"] == ["scellm.data._view.identity"] * 2, (
        "a name, and not an address in memory, which would differ in another process"
    )
    new().pretrain(**common, view="identity", indices=np.arange(30))  # the same view by name
    with pytest.raises(ValueError, match=r"another run .*(cells|contents): "):
        new().pretrain(**common, view="identity", indices=np.arange(1, 31))
    with pytest.raises(ValueError, match=r"another run .*view: .*Thin\(low=0.2"):
        new().pretrain(**common, view="thin", indices=np.arange(30))


def test_what_a_killed_run_was_writing_is_deleted(tmp_path):
    file = tmp_path / "a[1].pt"
    parts = [tmp_path / f".{name}.0a1_bcde.part" for name in ("a[1].pt", "a[1].pt.2", "a1.pt")]
    for part in parts:
        part.write_bytes(b"half")
        os.utime(part, (1e9, 1e9))
    live = tmp_path / ".a[1].pt.zzzzzzzz.part"
    live.write_bytes(b"half")
    os.utime(live, (2**33, 2**33))  # of a run that goes on writing
    new().pretrain(**OPTIONS, checkpoint=file)
    assert sorted(tmp_path.iterdir()) == sorted([file, live, *parts[1:]]), "of other files and of runs that go on"


def test_checkpoint_needs_a_seed(tmp_path, model):
    scellm.settings.seed = None
    with pytest.raises(ValueError, match=r"scvi.settings.seed"):
        model.pretrain(**OPTIONS, checkpoint=tmp_path / "a.pt")
