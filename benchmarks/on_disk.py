"""Data that stay on disk: time and memory beside data in memory, and random reading beside scDataset.

    python benchmarks/on_disk.py [cells] [python of an environment with annbatch]

The file has 10,000 cells of five files of the data folder, written by anndata as `.h5ad` and as `.zarr`; the system has
it in its cache. Needs scdataset and dask (dependency group benchmark, extra stream).

1. `prepare` and embedding (celllm-bag; celllm-mini on a twentieth of the cells) in memory, backed, from zarr, and
   joined by dask.
2. Cells per second of random batches of 256, and how far the mix of sources in a batch is from that of all cells (mean
   L1 distance), beside the same for batches drawn at random: the corpus of this package, its bins of data on disk,
   scDataset over the backed file with the blocks that its authors propose, and annbatch (see `annbatch_loader.py`).
3. The arrays of a corpus as they are, and as arrays of zarr: cells per second of random batches.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import anndata as ad
import numpy as np
import zarr
from _data import DATA, read, table

import scellm
from scellm._peak_memory import peak_memory
from scellm.data._anndata_dataset import TokenDataset

BATCH, BATCHES = 256, 40


def write(folder: Path, cells: int) -> None:
    """The file in both formats, and its parts, each a source of its own."""
    names = sorted(p.name for p in (DATA / "corpus").glob("*.h5ad"))[:5]
    parts = {}
    for name in names:
        part = read(f"corpus/{name}")
        part = ad.AnnData(part.X, obs=part.obs[[]], var=part.var[[]])
        rows = np.random.default_rng(0).integers(part.n_obs, size=cells // len(names))
        parts[name.removesuffix(".h5ad")] = part[rows].copy()
    for name, part in parts.items():
        part.obs_names = [f"{name}{i}" for i in range(part.n_obs)]
        (folder / "parts").mkdir(exist_ok=True)
        part.write_h5ad(folder / "parts" / f"{name}.h5ad")
    whole = ad.concat(parts, join="outer", label="source", index_unique=None)
    whole.write_h5ad(folder / "a.h5ad")
    whole.write_zarr(folder / "a.zarr")


def opened(kind: str, folder: Path) -> ad.AnnData:
    """The data in one of four ways."""
    if kind == "in memory":
        return ad.read_h5ad(folder / "a.h5ad")
    if kind == "backed, .h5ad":
        return scellm.data.read_backed(folder / "a.h5ad")
    if kind == "backed, .zarr":
        return scellm.data.read_backed(folder / "a.zarr")
    return scellm.data.join_backed(sorted((folder / "parts").glob("*.h5ad")))


KINDS = ("in memory", "backed, .h5ad", "backed, .zarr", "joined, dask")


def task(kind: str, folder: str) -> dict[str, float]:
    """Seconds of each part, and the peak of memory, for one way to open the data."""
    found = {}
    with peak_memory() as peak:
        start = time.perf_counter()
        adata = opened(kind, Path(folder))
        found["open"] = time.perf_counter() - start
        start = time.perf_counter()
        scellm.pp.prepare(adata)
        found["prepare"] = time.perf_counter() - start
        for name, part in (("celllm-bag", 1), ("celllm-mini", 20)):
            model = scellm.CellLM.from_pretrained(name, adata)
            rows = np.arange(0, adata.n_obs, part)
            start = time.perf_counter()
            model._encode(adata, rows, None)
            found[name] = time.perf_counter() - start
    return found | {"peak": peak.bytes / 2**20}


def mix(sources: np.ndarray, batches: list[np.ndarray]) -> float:
    """Mean L1 distance between the sources of a batch and those of all cells."""
    n = sources.max() + 1
    whole = np.bincount(sources, minlength=n) / len(sources)
    return float(np.mean([np.abs(np.bincount(sources[b], minlength=n) / len(b) - whole).sum() for b in batches]))


def by_annbatch(folder: Path, python: str) -> list[dict[str, object]]:
    """The same of annbatch, which runs in an environment of its own."""
    command = [python, str(Path(__file__).with_name("annbatch_loader.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    print("seconds to write the collection of annbatch:", answer["written"])
    rows = []
    for one in answer["found"]:
        sources = np.concatenate(one["sources"])
        batches = np.split(np.arange(len(sources)), np.cumsum([len(b) for b in one["sources"]])[:-1])
        speed, apart = len(sources) / one["seconds"], mix(sources, batches)
        rows.append({"loader": one["loader"], "cells/s": speed, "distance of the mix": apart})
        print(rows[-1], flush=True)
    return rows


def random_reading(folder: Path) -> list[dict[str, object]]:
    """Cells per second of random batches, and the mix of their sources."""
    from scdataset import BlockShuffling, scDataset
    from torch.utils.data import DataLoader

    adata = scellm.data.read_backed(folder / "a.h5ad")
    sources = adata.obs["source"].astype("category").cat.codes.to_numpy().astype(int)
    rng = np.random.default_rng(0)
    drawn = [np.sort(rng.permutation(adata.n_obs)[:BATCH]) for _ in range(BATCHES)]
    rows = []

    def add(name: str, batches: list[np.ndarray], seconds: float) -> None:
        cells = sum(len(b) for b in batches)
        rows.append({"loader": name, "cells/s": cells / seconds, "distance of the mix": mix(sources, batches)})
        print(rows[-1], flush=True)

    corpus = scellm.data.build_corpus(folder / "parts", folder / "corpus", min_genes=0, overwrite=True)
    start = time.perf_counter()
    for b in drawn:
        corpus.counts(b)
    add("corpus of scellm, counts", drawn, time.perf_counter() - start)

    scellm.CellLM.setup_anndata(adata)
    dataset = TokenDataset(scellm.CellLM(adata).adata_manager)
    start = time.perf_counter()
    for b in drawn:
        dataset[b]
    add("read_backed of scellm, tokens", drawn, time.perf_counter() - start)

    for block, fetch in ((1, 16), (16, 16), (64, 64)):
        backed = ad.read_h5ad(folder / "a.h5ad", backed="r")
        backed.obs["row"] = np.arange(backed.n_obs)
        shuffled = scDataset(
            backed,
            BlockShuffling(block_size=block),
            batch_size=BATCH,
            fetch_factor=fetch,
            fetch_transform=lambda a: a.to_memory(),
        )
        batches, start = [], time.perf_counter()
        for at, batch in enumerate(DataLoader(shuffled, batch_size=None)):
            batches.append(batch.obs["row"].to_numpy())
            if at + 1 == BATCHES:
                break
        add(f"scDataset, counts, blocks of {block}, fetch factor {fetch}", batches, time.perf_counter() - start)
        backed.file.close()
    return rows


def as_zarr(folder: Path) -> list[dict[str, object]]:
    """The arrays of a corpus, mapped, and in zarr with and without compression."""
    corpus = scellm.data.Corpus(folder / "corpus")
    rng = np.random.default_rng(1)
    drawn = [rng.permutation(len(corpus))[:BATCH] for _ in range(BATCHES)]
    offsets = np.asarray(corpus.arrays["offsets"])
    rows = []

    def add(name: str, gene: object, count: object) -> None:
        start = time.perf_counter()
        for b in drawn:
            at = np.concatenate([np.arange(offsets[r], offsets[r + 1]) for r in b])
            for array in (gene, count):
                array.oindex[at] if hasattr(array, "oindex") else array[at]
        seconds = time.perf_counter() - start
        rows.append({"arrays of a corpus": name, "cells/s": BATCH * BATCHES / seconds})
        print(rows[-1], flush=True)

    add("mapped files", corpus.arrays["gene"], corpus.arrays["count"])
    for name, options in (("zarr, no compression", {"compressors": None}), ("zarr, its default compression", {})):
        store = zarr.open_group(folder / f"{len(options)}.zarr", mode="w")
        made = {
            k: store.create_array(k, data=np.asarray(corpus.arrays[k]), chunks=(1 << 16,), **options)
            for k in ("gene", "count")
        }
        add(name, made["gene"], made["count"])
    return rows


def main(cells: int, annbatch: str | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder, cells)
        rows = []
        for kind in KINDS:
            command = [sys.executable, __file__, "task", kind, name]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            rows.append({"data": kind, **json.loads(done.stdout.splitlines()[-1])})
            print(rows[-1], flush=True)
        print(table(rows))
        print(table(random_reading(folder) + (by_annbatch(folder, annbatch) if annbatch else [])))
        print(table(as_zarr(folder)))


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # what a user is told about the data is not measured here
    scellm.settings.verbosity, scellm.settings.seed = logging.ERROR, 0
    if sys.argv[1:2] == ["task"]:
        print(json.dumps(task(sys.argv[2], sys.argv[3])))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, sys.argv[2] if len(sys.argv) > 2 else None)
