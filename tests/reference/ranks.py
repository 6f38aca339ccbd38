"""Pretraining in several processes over gloo, which are forked from one that has imported everything.

    python -m tests.reference.ranks JOBS.json

Each job is a dictionary: `size` processes, the `out` folder, `options` of `pretrain`, and optionally `task` ("train" in
place of "pretrain"), `seeds` (one a process), `die` (`{"rank": 1, "step": 2}` ends a process there without a word) and
`kills` (number of times that a random process is killed at a random moment before the job is started again and left to
end).
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sys
import time
from pathlib import Path

import lightning.pytorch as pl
import torch
from torch import distributed

import scellm
from tests.reference.runs import OPTIONS, TRAIN, new, weights

_TIMEOUT = 120  # seconds until a job is stopped
_GRACE = 8  # seconds that the others have after a process has died


class Die(pl.Callback):
    """Ends the process after a step, as the kernel would."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_end(self, trainer, plan, *_):
        if plan.step == self.step:
            os._exit(17)


def work(job, rank, size, port):
    """One process of a job."""
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(size),
        "LOCAL_WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "test",
    }
    exchanges = []
    plain = distributed.all_reduce
    distributed.all_reduce = lambda x, *a, **k: (exchanges.append(x.numel()), plain(x, *a, **k))[1]
    model = new(**job.get("shape", {}))
    scellm.settings.seed = job.get("seeds", [0] * size)[rank]
    model.module.double()
    task = job.get("task", "pretrain")
    options = {**(OPTIONS if task == "pretrain" else TRAIN), "chunk_tokens": 200, **job["options"]}
    die = job.get("die")
    if die and die["rank"] == rank:
        options["callbacks"] = [Die(die["step"])]
    several = {"devices": size, "strategy": "ddp"} if size > 1 else {"devices": 1}
    getattr(model, task)(**{**options, "accelerator": "cpu", **several})
    out = Path(job["out"])
    torch.save(weights(model), out / f"weights-{rank}.pt")
    loss = "pretrain_loss" if task == "pretrain" else "validation_loss"
    history = {} if model.history is None else model.history
    facts = {"exchanges": exchanges, "loss": history[loss][loss].tolist() if loss in history else []}
    facts["steps"] = len(facts["loss"])
    if task == "train":
        facts["types"] = model.predict().tolist()
    facts["parameters"] = sum(p.numel() for p in model.module.parameters())
    (out / f"facts-{rank}.json").write_text(json.dumps(facts))


def start(job, size):
    """The ids of the processes of a job."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ids = []
    for rank in range(size):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                sys.stderr = (Path(job["out"]) / f"stderr-{rank}.txt").open("w", buffering=1)
                work(job, rank, size, port)
                code = 0
            except BaseException as error:  # noqa: BLE001  reported to the test
                (Path(job["out"]) / f"error-{rank}.txt").write_text(f"{type(error).__name__}: {error}")
            finally:
                os._exit(code)
        ids.append(child)
    return ids


def finish(ids):
    """What became of each process: it "ended", or was "stopped" some time after another one had died.

    A launcher such as torchrun stops the others at once; here they are left to notice it themselves. A process that
    waits for one that died before they were connected cannot.
    """
    status, end = {}, time.monotonic() + _TIMEOUT
    while len(status) < len(ids) and time.monotonic() < end:
        for child in set(ids) - set(status):
            ended, code = os.waitpid(child, os.WNOHANG)
            if ended == child:
                status[child] = "ended"
                if code:
                    end = min(end, time.monotonic() + _GRACE)
        time.sleep(0.02)
    for child in set(ids) - set(status):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return [status.get(child, "stopped") for child in ids]


def run(job):
    """A job, after as many attempts that are killed as it says; what became of the processes of each attempt."""
    size, found = job.get("size", 1), []
    Path(job["out"]).mkdir(parents=True, exist_ok=True)
    chance = random.Random(job.get("chance", 0))
    for _ in range(job.get("kills", 0)):
        ids = start(job, size)
        time.sleep(chance.uniform(1.5, job.get("within", 4.0)))
        victim = chance.choice(ids)
        how = chance.choice([signal.SIGKILL, signal.SIGTERM])
        try:
            os.kill(victim, how)
        except ProcessLookupError:  # it had ended
            found.append("late")
        found += finish(ids)
    begin = time.monotonic()
    found += finish(start(job, size))
    return {"status": found, "seconds": time.monotonic() - begin}


if __name__ == "__main__":
    torch.set_num_threads(1)
    jobs = json.loads(Path(sys.argv[1]).read_text())
    Path(sys.argv[1]).with_suffix(".done.json").write_text(json.dumps([run(job) for job in jobs]))
