"""Pretraining in one, two and three processes gives the same weights, and survives the death of any of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
EQUAL = 1e-10
WAYS = {
    "all objectives": {},
    "momentum contrast": {"contrast": "moco"},
    "no loss over the batch": {"contrast": None, "objectives": ["masked", "malignancy"]},
    "one chunk a view": {"chunk_tokens": 100_000},
    "shared masks": {"masked_inputs": "shared", "view": "thin", "redraw_every": 2},
    "nothing recomputed": {"memory": 1 << 30},
}


def jobs(folder, *wanted):
    """Run jobs and return their folders, and what became of them."""
    file = folder / "jobs.json"
    listed = [{**job, "out": str(folder / str(at))} for at, job in enumerate(wanted)]
    file.write_text(json.dumps(listed))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "tests.reference.ranks", str(file)], env=env, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [folder / str(at) for at in range(len(wanted))], json.loads(file.with_suffix(".done.json").read_text())


def facts(folder, rank=0):
    found = folder / f"facts-{rank}.json"
    assert found.exists(), "\n".join(f.read_text()[-2000:] for f in sorted(folder.glob("error-*.txt")))
    return json.loads(found.read_text())


def difference(a, b, rank=0):
    a, b = torch.load(a / "weights-0.pt"), torch.load(b / f"weights-{rank}.pt")
    return max(float((a[k] - b[k]).abs().max()) for k in a)


@pytest.mark.slow
def test_any_number_of_processes_gives_the_same_weights(tmp_path):
    """With dropout, in float64; the third process of "one chunk a view" has nothing to compute."""
    sizes = (1, 2, 3)
    wanted = [{"size": n, "options": way} for way in WAYS.values() for n in sizes]
    folders, _ = jobs(tmp_path, *wanted)
    for at, name in enumerate(WAYS):
        one, *others = folders[3 * at : 3 * at + 3]
        for size, other in zip(sizes[1:], others, strict=True):
            assert facts(other)["loss"] == pytest.approx(facts(one)["loss"], rel=1e-10), name
            for rank in range(size):
                assert difference(one, other, rank) <= EQUAL, (name, size, rank)
    # Each step exchanges embeddings once, if there is a loss over them, and gradients once, however it is cut.
    for at, name in enumerate(WAYS):
        found = facts(folders[3 * at + 2])
        ours = [n for n in found["exchanges"] if n > 1]  # Lightning exchanges single flags before the first step
        assert sum(n >= found["parameters"] for n in ours) == found["steps"], name
        assert len(ours) == found["steps"] * (1 if name == "no loss over the batch" else 2), name


TRAIN = {
    "all layers": {},
    "the paper's head, stopped early": {"head": "mlp", "lr": 0.05, "max_epochs": 8, "patience": 1},
    "one chunk a batch": {"chunk_tokens": 100_000, "tune": "last"},
    "nothing shared to train": {"head": "mlp", "tune": "head", "early_stopping": False},
}


@pytest.mark.slow
def test_cell_types_are_learned_alike_in_any_number_of_processes(tmp_path):
    """With dropout, the encoder in float64, and the same epoch is the best; a process may have nothing to embed."""
    sizes = (1, 2, 3)
    shapes = {"nothing shared to train": {"pooling": "mean"}}
    wanted = [
        {"task": "train", "size": n, "options": way, "shape": shapes.get(name, {})}
        for name, way in TRAIN.items()
        for n in sizes
    ]
    folders, _ = jobs(tmp_path, *wanted)
    for at, name in enumerate(TRAIN):
        one, *others = folders[3 * at : 3 * at + 3]
        losses = facts(one)["loss"]
        for size, other in zip(sizes[1:], others, strict=True):
            for rank in range(size):
                assert difference(one, other, rank) <= EQUAL, (name, size, rank)
                assert facts(other, rank)["types"] == facts(one)["types"], (name, size, rank)
            assert facts(other)["loss"] == pytest.approx(losses, rel=1e-9), name
    assert len(facts(folders[3])["loss"]) < 8, "stopped early"


def test_training_with_other_seeds_is_refused(tmp_path):
    (folder,), _ = jobs(tmp_path, {"task": "train", "size": 2, "seeds": [0, 1], "options": {}})
    for rank in range(2):
        assert "2 processes of this run differ" in (folder / f"error-{rank}.txt").read_text()


def test_processes_with_other_seeds_are_refused(tmp_path):
    (folder,), _ = jobs(tmp_path, {"size": 2, "seeds": [0, 1], "options": {}})
    for rank in range(2):
        error = (folder / f"error-{rank}.txt").read_text()
        assert "2 processes of this run differ (seed: 0, 1)" in error
        assert "scvi.settings.seed" in error


def test_a_dead_process_ends_all_and_any_number_resumes(tmp_path):
    file = str(tmp_path / "run.safetensors")
    options = {"max_steps": 5, "checkpoint": file, "checkpoint_every": 1}
    folders, ended = jobs(
        tmp_path,
        {"size": 1, "options": {"max_steps": 5}},
        {"size": 2, "options": options, "die": {"rank": 1, "step": 2}},
        {"size": 3, "options": options, "die": {"rank": 0, "step": 4}},
        {"size": 1, "options": options},
    )
    assert all("stopped" not in job["status"] and job["seconds"] < 60 for job in ended)  # without a launcher's help
    assert "onnection" in (folders[1] / "error-0.txt").read_text()  # gloo: the other process closed the connection
    assert facts(folders[3])["steps"] == 5
    assert difference(folders[0], folders[3]) <= EQUAL


SCRIPT = """
import scellm
from tests.conftest import SMALL, make_adata
scellm.settings.seed = 0
adata = make_adata()
scellm.CellLM.setup_anndata(adata, labels_key=LABELS)
model = scellm.CellLM(adata, **SMALL)
where = {"accelerator": "cpu", "enable_progress_bar": False}
where |= {"devices": DEVICES, "strategy": STRATEGY} if DEVICES > 1 else {"devices": 1}
if LABELS:
    model.train(tune="full", max_epochs=2, batch_size=16, **where)
else:
    model.pretrain(max_steps=2, batch_size=16, **where)
    assert len(model.history["pretrain_loss"]) == 2
model.save(FOLDER)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "labels"), [("ddp", None), ("ddp_notebook", None), ("ddp", "cell_type")])
def test_lightning_starts_the_processes_and_one_saves(tmp_path, strategy, labels):
    """As a user's script, whose processes all run the whole of it; in Jupyter they end with the call."""
    found = []
    for devices in (1, 2):
        file, folder = tmp_path / f"script{devices}.py", tmp_path / f"model{devices}"
        given = (devices, strategy, labels, str(folder))
        file.write_text(f"DEVICES, STRATEGY, LABELS, FOLDER = {given!r}\n" + SCRIPT)
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, str(file)], env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(load_file(folder / "model.safetensors"))
    for name, one in found[0].items():
        # in float32: Adam takes whole steps, of 1e-4, along gradients that are rounding errors
        torch.testing.assert_close(found[1][name], one, rtol=1e-5, atol=2e-4 if labels else 1e-6)


@pytest.mark.slow
def test_random_kills_change_no_weight(tmp_path):
    """Killed or terminated at random, also while a checkpoint is written; `SCELLM_TEST_KILLS` says how often."""
    kills = int(os.environ.get("SCELLM_TEST_KILLS", "3"))
    options = {"max_steps": 40, "checkpoint": str(tmp_path / "run.safetensors"), "checkpoint_every": 1}
    folders, ended = jobs(
        tmp_path,
        {"size": 1, "options": {"max_steps": 40}},
        {"size": 2, "options": options, "kills": kills, "chance": 1},
    )
    assert ended[1]["status"][-2:] == ["ended", "ended"]
    assert facts(folders[1])["steps"] == 40
    assert difference(folders[0], folders[1], 1) <= EQUAL
    assert not list(tmp_path.glob(".run.safetensors*")), "parts of files are left"
