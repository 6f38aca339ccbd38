import pytest

import scellm
from scellm.datasets import _zheng68k
from tests.datasets.tenx import BARCODES, write_archive


def test_labels_join_by_barcode(public, unhashed, monkeypatch):
    unhashed(_zheng68k, "COUNTS", "LABELS")
    write_archive(public / _zheng68k.COUNTS.name, "filtered_matrices_mex/hg19")
    rows = [f"{i}\t{i}\t{b}\tCD{i}+\n" for i, b in reversed(list(enumerate(BARCODES)))]
    (public / _zheng68k.LABELS.name).write_text("TSNE.1\tTSNE.2\tbarcodes\tcelltype\n" + "".join(rows))
    assert list(scellm.datasets.zheng68k().obs["cell_type"]) == ["CD0+", "CD1+", "CD2+", "CD3+"]
    short = "TSNE.1\tTSNE.2\tbarcodes\tcelltype\n" + rows[0]
    monkeypatch.setenv("SCELLM_DATA_DIR", str(public))
    (public / _zheng68k.LABELS.name).write_text(short)
    with pytest.raises(ValueError, match=r"3 barcodes have no label"):
        scellm.datasets.zheng68k()


def test_the_published_files_have_hashes():
    assert all(len(f.sha256) == 64 for f in (_zheng68k.COUNTS, _zheng68k.LABELS))
