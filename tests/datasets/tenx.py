"""A small archive of Cell Ranger."""

import io
import tarfile

import numpy as np
import scipy.sparse as sp
from scipy.io import mmwrite

GENES = [("ENSG1", "CD3D"), ("ENSG2", "LYZ"), ("ENSG3", "LYZ")]
BARCODES = [f"AAAC{i}-1" for i in range(4)]
COUNTS = np.array([[1, 0, 2], [0, 3, 0], [0, 0, 1], [5, 0, 0]])


def write_archive(path, inner, *, skip=()):
    """Write `matrix.mtx`, `genes.tsv` and `barcodes.tsv` under `inner`."""
    matrix = io.BytesIO()
    mmwrite(matrix, sp.coo_matrix(COUNTS.T))
    files = {
        "matrix.mtx": matrix.getvalue(),
        "genes.tsv": "".join(f"{i}\t{s}\n" for i, s in GENES).encode(),
        "barcodes.tsv": "".join(f"{b}\n" for b in BARCODES).encode(),
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            if name not in skip:
                info = tarfile.TarInfo(f"{inner}/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
