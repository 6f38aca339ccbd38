import gzip

import scellm
from scellm.datasets._gse149383 import _SAMPLES, file_of


def test_days_are_joined_on_all_genes(public):
    for day in _SAMPLES:
        own = f"G{day}" if day else "G1"
        text = f"GENE\tAAAC\tAAAG\nACTB\t1\t{day}\n{own}\t3\t0\n"
        (public / file_of(day).name).write_bytes(gzip.compress(text.encode()))
    adata = scellm.datasets.gse149383()
    assert adata.shape == (12, 6)
    assert adata.obs["day"].value_counts().to_dict() == dict.fromkeys(["0", "1", "2", "4", "9", "11"], 2)
    assert list(adata.obs_names[:2]) == ["AAAC-0", "AAAG-0"]
    assert adata[adata.obs["day"] == "9", "G9"].X.toarray().ravel().tolist() == [3, 0]
    assert adata["AAAG-11", "ACTB"].X.toarray().item() == 11
    assert file_of(0).name == "GSM3972657_D0.dge.txt.gz"
