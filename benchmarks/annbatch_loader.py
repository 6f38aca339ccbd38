"""Random batches by annbatch, in an environment of its own, as it needs Python 3.12: called by `on_disk.py`.

    python3.12 -m venv ENV
    ENV/bin/pip install annbatch==0.3.1
    ENV/bin/python benchmarks/annbatch_loader.py FOLDER

FOLDER has `parts/*.h5ad`, each a source. They are written as a shuffled collection, and its seconds reported too.
Prints a line of JSON: for each setting, seconds and the source of each cell in each batch, as a number.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

BATCH, BATCHES = 256, 40
SETTINGS = (
    # cells that lie next to each other in a read, and reads that are mixed
    (1, 4096),
    (32, 128),
    (64, 64),
)


def main(folder: Path) -> None:
    import zarr
    from annbatch import DatasetCollection, Loader

    collection = folder / "annbatch.zarr"
    start = time.perf_counter()
    DatasetCollection(zarr.open(collection, mode="w")).add_adatas(sorted((folder / "parts").glob("*.h5ad")))
    written = time.perf_counter() - start
    found = []
    for chunk, reads in SETTINGS:
        loader = Loader(batch_size=BATCH, chunk_size=chunk, preload_nchunks=reads, shuffle=True)
        loader.use_collection(DatasetCollection(zarr.open(collection, mode="r")))
        sources, start = [], time.perf_counter()
        for at, batch in enumerate(loader):
            sources.append(batch["obs"]["src_path"].astype(str).tolist())
            if at + 1 == BATCHES:
                break
        seconds = time.perf_counter() - start
        name = f"annbatch 0.3.1, counts, {reads} reads of {chunk} cells"
        names = sorted({source for batch in sources for source in batch})
        numbers = [[names.index(source) for source in batch] for batch in sources]
        found.append({"loader": name, "seconds": seconds, "sources": numbers})
    print(json.dumps({"written": written, "found": found}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
