"""The matrix folder of Cell Ranger 1 and 2, inside an archive."""

from __future__ import annotations

import tarfile
import warnings
from os import PathLike
from typing import IO

import pandas as pd
import scipy.sparse as sp
from anndata import AnnData
from scipy.io import mmread

from scellm.datasets._table import cells_by_genes


def read_tenx_archive(path: str | PathLike, **uns: str) -> AnnData:
    """Read `matrix.mtx`, `genes.tsv` and `barcodes.tsv` from a `.tar.gz`, in whatever folder they are.

    Parameters
    ----------
    path
        The archive.
    **uns
        Source and licence.

    Returns
    -------
    anndata.AnnData
        Counts, CSR float32, cells by genes; `var["ensembl"]`.

    Raises
    ------
    ValueError
        If a file is missing, or their lengths do not fit.
    """
    with tarfile.open(path) as archive:
        members = {m.name.rsplit("/", 1)[-1]: m for m in archive.getmembers() if m.isfile()}

        def open_member(name: str) -> IO[bytes]:
            file = archive.extractfile(members[name]) if name in members else None
            if file is None:
                msg = f"{path} holds no {name}, but {sorted(members)[:6]}: it is no matrix of Cell Ranger."
                raise ValueError(msg)
            return file

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # scipy's matrices become arrays; both are read here
            x = sp.csr_matrix(mmread(open_member("matrix.mtx")).T)  # (cells, genes)
        genes = pd.read_csv(open_member("genes.tsv"), sep="\t", header=None, usecols=[0, 1])
        barcodes = pd.read_csv(open_member("barcodes.tsv"), header=None)[0]
    if x.shape != (len(barcodes), len(genes)):
        msg = f"{path}: the matrix is {x.shape}, but there are {len(barcodes)} barcodes and {len(genes)} genes."
        raise ValueError(msg)
    adata = cells_by_genes(x.astype("float32"), pd.Index(barcodes), pd.Index(genes[1]), uns=uns)
    adata.var["ensembl"] = genes[0].to_numpy(object)
    return adata
